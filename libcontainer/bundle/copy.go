package bundle

import "reflect"

// Copy returns a deep copy of a value of the model of config.json.
func Copy[T any](value *T) *T {
	return deepCopy(reflect.ValueOf(value)).Interface().(*T)
}

func deepCopy(v reflect.Value) reflect.Value {
	if plain(v.Kind()) {
		return v
	}
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(deepCopy(v.Elem()))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(copySlice(v))
		}
	case reflect.Map:
		if !v.IsNil() {
			out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
			for _, key := range v.MapKeys() {
				out.SetMapIndex(key, deepCopy(v.MapIndex(key)))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Field(i); !plain(field.Kind()) {
				out.Field(i).Set(deepCopy(field))
			}
		}
	}
	return out
}

func copySlice(v reflect.Value) reflect.Value {
	out := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	if plain(v.Type().Elem().Kind()) {
		reflect.Copy(out, v)
		return out
	}
	for i := range v.Len() {
		out.Index(i).Set(deepCopy(v.Index(i)))
	}
	return out
}

// plain reports whether a value of this kind shares no memory with its copy that anybody could change.
func plain(k reflect.Kind) bool {
	return k <= reflect.Complex128 || k == reflect.String
}
