package bundle

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func write(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, ConfigName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLoadResolvesSymlinks(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const raw = `{"ociVersion":"1.0.2","root":{"path":"rootfs"},"unknown":1}`
	write(t, dir, raw)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	b, err := Load(link)
	if err != nil {
		t.Fatal(err)
	}
	if b.Dir != dir || string(b.Raw) != raw || b.Spec.Root.Path != "rootfs" {
		t.Errorf("Load = %q %q %+v", b.Dir, b.Raw, b.Spec)
	}
}

func TestLoadCurrentDirectory(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, `{}`)
	t.Chdir(dir)
	b, err := Load("")
	if err != nil {
		t.Fatal(err)
	}
	if b.Dir != dir {
		t.Errorf("Dir = %q, want %q", b.Dir, dir)
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	_, err := Load(dir)
	if err == nil || err.Error() != "JSON specification file config.json not found" || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing config.json: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing bundle: %v", err)
	}
	write(t, dir, `{"process": {"cwd": 1}}`)
	if _, err := Load(dir); err == nil || !strings.HasPrefix(err.Error(), "config.json: process.cwd: ") {
		t.Errorf("wrong type: %v", err)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ raw, field, text string }{
		{`null`, "", "config cannot be null"},
		{``, "", "line 1, column 1: "},
		{`{"ociVersion": "1.0.0"} {}`, "", "invalid character '{' after top-level value"},
		{"{\n  \"root\": {,}\n}", "", "line 2, column 12: "},
		{`[]`, "", "need an object"},
		{`{"process": {"args": "sh"}}`, "process.args", "a JSON string does not fit here, need an array"},
		{`{"process": {"user": {"uid": -1}}}`, "process.user.uid", "need a whole number from 0 to 4294967295"},
		{`{"process": {"user": {"uid": 4294967296}}}`, "process.user.uid", "need a whole number from 0 to 4294967295"},
		{`{"process": {"args": ["sh", {}]}}`, "process.args[1]", "need a string"},
		{`{"process": {"env": [], "terminal": "yes"}}`, "process.terminal", "need true or false"},
		{`{"mounts": [{"destination": "/a"}, {"destination": "/b", "options": ["ro", 7]}]}`, "mounts[1].options[1]", "need a string"},
		{`{"mounts": {}}`, "mounts", "need an array"},
		{`{"root": []}`, "root", "need an object"},
		{`{"linux": {"resources": {"memory": {"limit": "1G"}}}}`, "linux.resources.memory.limit", "need a whole number of 64 bits"},
		{`{"linux": {"resources": {"pids": {"limit": 1.5}}}}`, "linux.resources.pids.limit", "need a whole number of 64 bits"},
		{`{"hooks": {"prestart": [{"path": "/a", "timeout": "5"}]}}`, "hooks.prestart[0].timeout", "need a whole number of "},
		{`{"annotations": {"a": "b", "c": 1}}`, "annotations.c", "need a string"},
	}
	for _, tt := range tests {
		_, err := Parse([]byte(tt.raw))
		if err == nil || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("Parse(%s) = %v, want %q", tt.raw, err, tt.text)
			continue
		}
		field := ""
		var fe *FieldError
		if errors.As(err, &fe) {
			field = fe.Field
		}
		if field != tt.field {
			t.Errorf("Parse(%s) names %q, want %q: %v", tt.raw, field, tt.field, err)
		}
	}
}

func TestLoadProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "process.json")
	put := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(`{"args": ["id"], "cwd": "/", "user": {"uid": 5}}`)
	p, err := LoadProcess(path)
	if err != nil || p.User.UID != 5 || p.Args[0] != "id" {
		t.Errorf("LoadProcess = %+v, %v", p, err)
	}
	for _, bad := range []string{`null`, `{"args": [1]}`, `{} x`} {
		put(bad)
		if _, err := LoadProcess(path); err == nil || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("LoadProcess of %s: %v", bad, err)
		}
	}
	if _, err := LoadProcess(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestDefaultIsValid(t *testing.T) {
	for _, rootless := range []bool{false, true} {
		s := Default(rootless)
		if err := Validate(s); err != nil {
			t.Errorf("Default(%v): %v", rootless, err)
		}
		if w := Warnings(s); len(w) != 0 {
			t.Errorf("Default(%v) warns: %q", rootless, w)
		}
		raw, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(raw)
		if err != nil || !reflect.DeepEqual(back, s) {
			t.Errorf("Default(%v) changes on its way through JSON: %v", rootless, err)
		}
	}
}

func TestDefaultRootless(t *testing.T) {
	s := Default(true)
	if hasNamespace(s, specs.NetworkNamespace) || !hasNamespace(s, specs.UserNamespace) || !hasNamespace(s, specs.MountNamespace) {
		t.Errorf("namespaces: %v", s.Linux.Namespaces)
	}
	if s.Linux.Resources != nil {
		t.Error("resources are left")
	}
	if len(s.Linux.UIDMappings) != 1 || s.Linux.UIDMappings[0].HostID != uint32(os.Geteuid()) || s.Linux.UIDMappings[0].Size != 1 {
		t.Errorf("uidMappings: %v", s.Linux.UIDMappings)
	}
	for _, m := range s.Mounts {
		if m.Destination == "/sys" && (m.Type != "none" || m.Options[0] != "rbind") {
			t.Errorf("/sys: %+v", m)
		}
		for _, o := range m.Options {
			if strings.HasPrefix(o, "gid=") {
				t.Errorf("%s keeps %s", m.Destination, o)
			}
		}
	}
}
