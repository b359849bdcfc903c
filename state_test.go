package main

import (
	"encoding/json"
	"testing"
	"time"
)

// The state is what encoding/json makes of it.
func TestIndentedState(t *testing.T) {
	for _, annotations := range []map[string]string{nil, {}, {"b": "<&>\"\\", "a": "\u2028é\xff"}} {
		s := &containerState{
			OCIVersion: "1.2.0", ID: "web", Pid: 7, Status: "running", Bundle: "/b \"<&>\" é\n", Rootfs: "/r",
			Created: time.Unix(1, 5).UTC(), Annotations: annotations, Owner: "",
		}
		want, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if got := string(s.appendIndented(nil)); got != string(want) {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
}
