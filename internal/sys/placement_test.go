package sys

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestParsePlacements(t *testing.T) {
	got, err := ParsePlacements("4:memory:/user.slice\n3:cpu,cpuacct,name=both:/\n1:name=systemd:/a:b\n0::/../x (deleted)\n")
	want := []Placement{
		{Controllers: []string{"memory"}, Path: "/user.slice"},
		{Controllers: []string{"cpu", "cpuacct"}, Name: "both", Path: "/"},
		{Name: "systemd", Path: "/a:b"},
		{V2: true, Path: "/../x (deleted)"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	var labels []string
	for i := range got {
		labels = append(labels, strings.Join(got[i].Labels(), ","))
	}
	if s := strings.Join(labels, "|"); s != "memory|cpu,cpuacct,name=both|name=systemd|" {
		t.Error(s)
	}
}

func TestParsePlacementsRefusesNonsense(t *testing.T) {
	for _, text := range []string{"0:/\n", "1:cpu:relative\n", "nothing\n"} {
		if p, err := ParsePlacements(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, p)
		}
	}
}

func TestOwnPlacements(t *testing.T) {
	own, err := OwnPlacements()
	if err != nil {
		t.Fatal(err)
	}
	same, err := Placements(os.Getpid())
	if err != nil || !reflect.DeepEqual(own, same) {
		t.Errorf("%+v, of the PID %+v, %v", own, same, err)
	}
}
