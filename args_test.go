package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAbsolute(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "deep", "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "deep", "sub"), link); err != nil {
		t.Fatal(err)
	}
	t.Chdir(link) // sets $PWD to a path with the link
	for path, want := range map[string]string{
		"//": "/", "/./": "/", "/run/rung/": "/run/rung", "/a/../b": "/b", "/a/..b": "/a/..b",
		"x": filepath.Join(dir, "deep", "sub", "x"), "..": filepath.Join(dir, "deep"), "../x/": filepath.Join(dir, "deep", "x"),
		link + "/../x": filepath.Join(dir, "deep", "x"), link + "/..": filepath.Join(dir, "deep"),
		dir + "/missing/../x": filepath.Join(dir, "x"),
	} {
		if got := absolute(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
