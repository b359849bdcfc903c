package systemd

import (
	"encoding/binary"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"5":                             "i 5",
		"-0x10":                         "i -16",
		"1.5":                           "d 1.5",
		"byte 200":                      "y 200",
		"uint64 18446744073709551615":   "t infinity",
		"true":                          "b true",
		"'it\\'s'":                      `s "it's"`,
		`"a\u00e9\n"`:                   `s "aé\n"`,
		"b'a\\101'":                     "ay [97, 65, 0]",
		"[1, 2]":                        "ai [1, 2]",
		"[1, 2.5]":                      "ad [1, 2.5]",
		"[1, uint64 2]":                 "at [1, 2]",
		"@as []":                        "as []",
		"@a(ss) [('/dev/null', 'rw')]":  `a(ss) [("/dev/null", "rw")]`,
		"('a', uint32 1,)":              `(su) ("a", 1)`,
		"{'a': 1, 'b': 2}":              `a{si} ["a": 1, "b": 2]`,
		"@a{sv} {'a': <1>, 'b': <'x'>}": `a{sv} ["a": <1>, "b": <"x">]`,
		"<<'x'>>":                       `v <<"x">>`,
		"objectpath '/a'":               "o /a",
		"signature 'a(ss)'":             "g a(ss)",
		"  [ 'a' , 'b' ]  ":             `as ["a", "b"]`,
		"int16 -5":                      "n -5",
	} {
		v, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := v.kind() + " " + render(v); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{
		"", "invalid-value", "'", "'a", "[", "[1", "[1,", "[1 2]", "[]", "[1, 'a']", "byte 256", "byte -1", "uint32 1.5", "byte 'a'",
		"string 5", "{", "{1:2", "{[1]: 2}", "()", "(1", "<1", "@", "@q", "@as [1]", "@(ss) ('a',)", "5 6", "'a' b", "'\\u00'", "'\\u0000'",
		"b'\\9", "b'\\777'", "objectpath 'a'", "signature '('", "@a{vs} {}", "boolean 1", "true1", "99999999999", "@a 5", "@() ()",
		strings.Repeat("[", 100), "'a\x00b'", "'\xff'",
	} {
		if v, err := Parse(text); err == nil {
			t.Errorf("%q: no error, but %s", text, render(v))
		}
	}
}

func render(v Value) string { return strings.TrimPrefix(Property{"", v}.String(), "=") }

// FuzzParse parses arbitrary text as an annotation and as a message of the bus.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"5", "@a{sv} {'a': <1>}", "('a', uint32 1,)", "b'a\\101'", `"a\u00e9\n"`, "[1, 2.5]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if v, err := Parse(text); err == nil {
			if rest, err := cutType(v.kind(), 0); err != nil || rest != "" {
				t.Errorf("%q has the signature %q", text, v.kind())
			}
			v.encode(&encoder{})
		}
		if m, n, err := parseMessage([]byte(text)); err == nil && m != nil {
			if n <= 0 || n > len(text) {
				t.Errorf("a message of %d bytes in %d", n, len(text))
			}
			_ = m.failure()
		}
	})
}

// The bus forwards messages in the sender's byte order.
func TestForeignByteOrder(t *testing.T) {
	data := []byte{'B', errorReply, 0, 1, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 8, fieldReplySerial, 1, 'u', 0, 0, 0, 0, 42, 0, 0, 0, 2, 'h', 'i', 0}
	m, n, err := parseMessage(data)
	if err != nil || m == nil || n != len(data) || m.reply != 42 || m.body.order != binary.BigEndian || m.body.string() != "hi" {
		t.Errorf("message %+v, %d, %v", m, n, err)
	}
	for end := range data {
		if m, _, err := parseMessage(data[:end]); m != nil || err != nil {
			t.Errorf("%d bytes: %+v, %v", end, m, err)
		}
	}
}

func TestFromAnnotations(t *testing.T) {
	for text, want := range map[string]string{
		"TimeoutStopUSec=uint64 123456789": "TimeoutStopUSec=123456789",
		"TimeoutStopSec=456":               "TimeoutStopUSec=456000000",
		"TimeoutStopSec=byte 234":          "TimeoutStopUSec=234000000",
		"TimeoutStopSec=uint64 234":        "TimeoutStopUSec=234000000",
		"TimeoutStopSec=0.25":              "TimeoutStopUSec=250000",
		"FOOSec=123":                       "FOOSec=123",
		"Sec=123":                          "Sec=123",
		"CollectMode='inactive-or-failed'": `CollectMode="inactive-or-failed"`,
	} {
		name, value, _ := strings.Cut(text, "=")
		list, err := FromAnnotations(map[string]string{AnnotationPrefix + name: value, "some.other": "("})
		if err != nil || len(list) != 1 || list[0].String() != want {
			t.Errorf("%s: %v, %v", text, list, err)
		}
	}
	// CVE-2024-3154: no text in a name or after a value may become another property.
	for _, text := range []string{
		"Xo=1", "Number1=1", "Exec-Start=1", "A\nExecStop='x'", "Délégué=1", "ValidName=invalid-value", "TimeoutStopSec=false",
		"TimeoutStopSec='x'", "TimeoutStopSec=-1", "TimeoutStopSec=uint64 18446744073710", "Slice='a'\nExecStart='b'",
	} {
		name, value, _ := strings.Cut(text, "=")
		if list, err := FromAnnotations(map[string]string{AnnotationPrefix + name: value}); err == nil {
			t.Errorf("%s: no error, but %v", text, list)
		} else if !strings.Contains(err.Error(), AnnotationPrefix+name) {
			t.Errorf("%s: the error names no annotation: %v", text, err)
		}
	}
}

func TestSlicePath(t *testing.T) {
	for slice, want := range map[string]string{
		"system.slice": "/system.slice", "a-b-c.slice": "/a.slice/a-b.slice/a-b-c.slice", "-.slice": "/",
		"": "", ".slice": "", "a": "", "a--b.slice": "", "-a.slice": "", "a-.slice": "", "a/b.slice": "", "a.scope": "",
	} {
		got, err := SlicePath(slice)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", slice, got, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"unix:path=/run/user/0/bus,guid=1":        "/run/user/0/bus",
		"unix:abstract=/tmp/dbus-x":               "@/tmp/dbus-x",
		"tcp:host=a,port=1;unix:path=/a%20b%25c":  "/a b%c",
		"unix:path=/a%zz%4":                       "/a%zz%4",
		"tcp:host=localhost,port=1":               "",
		"":                                        "",
		"unix:dir=/tmp":                           "",
		"launchd:env=X;unix:guid=7,path=/b;unix:": "/b",
	} {
		got, err := socketOf("X", address)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", address, got, err)
		}
	}
}

func TestOwnerOf(t *testing.T) {
	for text, want := range map[string]int{
		"/user.slice/user-1000.slice/user@1000.service/init.scope": 1000,
		"/user.slice/user-0.slice/session-1.scope":                 0,
		"/system.slice/x": -1,
		"/user-x.slice":   -1,
	} {
		uid, ok := ownerOf(text)
		if ok != (want >= 0) || (ok && uid != want) {
			t.Errorf("%q: %d, %v", text, uid, ok)
		}
	}
}
