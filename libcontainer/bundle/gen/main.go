// Command gen writes the fast decoders of config.json: one function for each type of the
// specification's model that a Linux bundle uses.
package main

import (
	"bytes"
	"fmt"
	"go/format"
	"log"
	"os"
	"reflect"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func main() {
	g := &generator{names: map[reflect.Type]string{}}
	g.function(reflect.TypeFor[specs.Spec]())
	g.function(reflect.TypeFor[specs.Process]())
	var out bytes.Buffer
	out.WriteString("// Code generated from the types of specs-go by bundle/gen. DO NOT EDIT.\n\npackage bundle\n\n")
	out.WriteString("import (\n\t\"io/fs\"\n\n\t\"github.com/opencontainers/runtime-spec/specs-go\"\n)\n\n")
	out.Write(g.out.Bytes())
	code, err := format.Source(out.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("decode_gen.go", code, 0o644); err != nil {
		log.Fatal(err)
	}
}

type generator struct {
	out   bytes.Buffer
	names map[reflect.Type]string
}

// function emits the decoder of a type, once, and returns its name.
func (g *generator) function(t reflect.Type) string {
	if name, ok := g.names[t]; ok {
		return name
	}
	name := "decode" + identifier(t)
	g.names[t] = name
	var body bytes.Buffer
	switch t.Kind() {
	case reflect.Struct:
		g.structure(&body, t)
	case reflect.Pointer:
		fmt.Fprintf(&body, "if d.null() { *v = nil; return }\nif *v == nil { *v = new(%s) }\n%s(d, *v)\n", goType(t.Elem()), g.function(t.Elem()))
	case reflect.Slice:
		fmt.Fprintf(&body, "if d.null() { *v = nil; return }\nif *v != nil { d.giveUp(); return }\nlist := make(%s, 0, 4)\n", goType(t))
		count := ""
		if t.Elem().Kind() == reflect.Struct {
			count = "d.object()\n"
		}
		fmt.Fprintf(&body, "for first := true; d.element(first); first = false {\n%svar item %s\n%s(d, &item)\nlist = append(grown(list), item)\n}\n*v = list\n", count, goType(t.Elem()), g.function(t.Elem()))
	case reflect.Map:
		fmt.Fprintf(&body, "if d.null() { *v = nil; return }\nif *v == nil { *v = make(%s) }\n", goType(t))
		fmt.Fprintf(&body, "for first := true; d.member(first); first = false {\nkey := d.key()\nvar item %s\n%s(d, &item)\n(*v)[%s(key)] = item\n}\n", goType(t.Elem()), g.function(t.Elem()), goType(t.Key()))
	case reflect.String:
		fmt.Fprintf(&body, "if !d.null() { *v = %s(d.text()) }\n", goType(t))
	case reflect.Bool:
		fmt.Fprintf(&body, "if !d.null() { *v = d.boolean() }\n")
	case reflect.Int, reflect.Int32, reflect.Int64:
		fmt.Fprintf(&body, "if !d.null() { *v = %s(d.integer(%d)) }\n", goType(t), t.Bits())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		fmt.Fprintf(&body, "if !d.null() { *v = %s(d.unsigned(%d)) }\n", goType(t), t.Bits())
	default:
		log.Fatalf("no decoder for %v", t)
	}
	fmt.Fprintf(&g.out, "func %s(d *decoder, v *%s) {\n%s}\n\n", name, goType(t), body.String())
	return name
}

func (g *generator) structure(body *bytes.Buffer, t reflect.Type) {
	fmt.Fprintln(body, "if d.null() { return }\nfor first := true; d.member(first); first = false {\nswitch d.key() {")
	g.members(body, t)
	fmt.Fprintln(body, "default:\nd.giveUp()\n}\n}")
}

// members emits a case for each field, and for the promoted fields of an embedded struct.
func (g *generator) members(body *bytes.Buffer, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if platform, ok := f.Tag.Lookup("platform"); ok && !strings.Contains(platform, "linux") {
			continue
		}
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			g.members(body, f.Type)
			continue
		}
		if name == "" || name == "-" {
			log.Fatalf("%v.%s: no plain member", t, f.Name)
		}
		fmt.Fprintf(body, "case %q:\n%s(d, &v.%s)\n", name, g.function(f.Type), f.Name)
	}
}

func goType(t reflect.Type) string { return t.String() }

func identifier(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return "Pointer" + identifier(t.Elem())
	case reflect.Slice:
		return "List" + identifier(t.Elem())
	case reflect.Map:
		return "Map" + identifier(t.Key()) + identifier(t.Elem())
	}
	name := t.Name()
	return strings.ToUpper(name[:1]) + name[1:]
}
