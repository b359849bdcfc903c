package store

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"rung/libcontainer/bundle"
)

// sameState checks that the fast decoder reads what encoding/json reads, if it is done, and returns whether it is.
func sameState(t *testing.T, raw []byte) (done bool) {
	t.Helper()
	var fast, standard State
	if !bundle.ReadObject(string(raw), fast.member) {
		return false
	}
	if err := json.Unmarshal(raw, &standard); err != nil {
		t.Fatalf("the fast decoder takes what encoding/json refuses: %v\n%s", err, raw)
	}
	if !reflect.DeepEqual(fast, standard) {
		t.Fatalf("the decoders differ:\nfast     %+v\nstandard %+v\n%s", fast, standard, raw)
	}
	return true
}

func TestFastDecoderReadsStates(t *testing.T) {
	s := sampleState()
	s.Resctrl = nil
	if !sameState(t, s.encode()) {
		t.Error("the fast decoder gave up a state with everything but resctrl")
	}
	if !sameState(t, (&State{}).encode()) {
		t.Error("the fast decoder gave up an empty state")
	}
	text := string(s.encode())
	for was, is := range map[string]string{
		`"pid":7`:                        `"pid":7.5`,
		`"format":1`:                     `"format":1,"new":true`,
		`"pipes":["pipe:[1]"`:            `"pipes":["more","pipe:[1]"`,
		`["pipe:[1]","","pipe:[2]"]`:     `["pipe:[1]"]`,
		`"2026-01-02T03:04:05.000000006`: `"2026-01-02 03:04:05.000000006`,
		`"rootless":true`:                `"rootless":1`,
	} {
		if !strings.Contains(text, was) {
			t.Fatalf("no %s in %s", was, text)
		}
		if sameState(t, []byte(strings.Replace(text, was, is, 1))) {
			t.Errorf("the fast decoder takes %s", is)
		}
	}
	s = sampleState()
	var got State
	if err := got.decode(s.encode()); err != nil || got.Resctrl == nil || *got.Resctrl != *s.Resctrl {
		t.Errorf("with resctrl: %+v, %v", got.Resctrl, err)
	}
}

func FuzzState(f *testing.F) {
	s := sampleState()
	f.Add(s.encode())
	f.Add((&State{}).encode())
	f.Fuzz(func(t *testing.T, raw []byte) { sameState(t, raw) })
}
