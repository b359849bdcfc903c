package bundle

import (
	"encoding/json"
	"testing"
)

func FuzzAppendStrings(f *testing.F) {
	f.Add("", "")
	f.Add("io.example/key", "a value")
	f.Add("\x00<&>\"\\", "\u2028é\xff\x7f")
	f.Fuzz(func(t *testing.T, key, value string) {
		for _, m := range []map[string]string{nil, {}, {key: value}, {key: value, "a": "b", value: key}} {
			want, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(AppendStrings(nil, m)); got != string(want) {
				t.Errorf("%q, want %q", got, want)
			}
		}
	})
}
