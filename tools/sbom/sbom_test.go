package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

const (
	mit    = "Permission is hereby granted, free of charge, to any person obtaining a copy\nof this software and so on"
	apache = "  Apache License\n  Version 2.0, January 2004\n"
	bsd2   = "1. ...\n2. Redistributions in binary form must reproduce the above copyright\n   notice, ..."
	bsd3   = bsd2 + "\n3. The name may not\n   be used to endorse or promote products derived from this software"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestClassify(t *testing.T) {
	dir := t.TempDir()
	for want, text := range map[string]string{"MIT": mit, "Apache-2.0": apache, "BSD-2-Clause": bsd2, "BSD-3-Clause": bsd3} {
		got, err := classify([]string{write(t, filepath.Join(dir, want), text)})
		if got != want || err != nil {
			t.Errorf("%s: got %q, %v", want, got, err)
		}
	}
	for _, text := range []string{"", "All rights reserved.", "GNU AFFERO GENERAL PUBLIC LICENSE"} {
		if got, err := classify([]string{write(t, filepath.Join(dir, "other"), text)}); err == nil {
			t.Errorf("%q is taken for %s", text, got)
		}
	}
	if _, err := classify(nil); err == nil {
		t.Error("no licence is one")
	}
}

// oneModule is what the go command would have recorded in a program with the module example.com/one.
func oneModule(string) (*debug.BuildInfo, error) {
	return &debug.BuildInfo{GoVersion: "go1.30.1", Deps: []*debug.Module{{Path: "example.com/one", Version: "v1.2.3"}}}, nil
}

// tree makes a program, a vendor directory with two modules and a list of libraries.
func tree(t *testing.T) (dir string, args []string) {
	t.Helper()
	dir = t.TempDir()
	program := write(t, filepath.Join(dir, "program"), "a program")
	write(t, filepath.Join(dir, "vendor/modules.txt"), "# example.com/one v1.2.3\n## explicit\nexample.com/one\n# example.com/Test v0.2.0+incompatible\n")
	write(t, filepath.Join(dir, "vendor/example.com/one", "LICENSE"), mit)
	write(t, filepath.Join(dir, "vendor/example.com/one", "NOTICE"), "a notice that must stay")
	write(t, filepath.Join(dir, "vendor/example.com/Test/COPYING"), bsd3)
	copyright := write(t, filepath.Join(dir, "copyright"), "copyright of a library")
	list := fmt.Sprintf("amd64\tlibone\t1.0+b1-2\tLGPL-2.1-only\t%[1]s\narm64\tlibone\t1.0+b1-2\tLGPL-2.1-only\t%[1]s\narm64\tlibtwo\t3\tMIT\t%[1]s\n", copyright)
	return dir, []string{
		"-version", "9.8.7", "-epoch", "1700000000", "-vendor", filepath.Join(dir, "vendor"),
		"-libraries", write(t, filepath.Join(dir, "libraries"), list), "-lgpl", write(t, filepath.Join(dir, "lgpl"), "text of the LGPL"),
		"-go-licence", write(t, filepath.Join(dir, "go-licence"), "text of Go's licence"),
		"-sbom", filepath.Join(dir, "sbom"), "-notices", filepath.Join(dir, "notices"),
		"amd64=" + program, "arm64=" + program,
	}
}

func TestDocuments(t *testing.T) {
	dir, args := tree(t)
	if err := run(args, oneModule); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(filepath.Join(dir, "sbom"))
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	checkDocument(t, &d)
	var got []string
	for _, r := range d.Relationships {
		got = append(got, strings.ReplaceAll(r.Element+" "+r.Type+" "+r.Related, "SPDXRef-", ""))
	}
	for _, want := range []string{
		"DOCUMENT DESCRIBES rung-linux-amd64-9.8.7", "rung-9.8.7 CONTAINS example.com-Test-v0.2.0-incompatible",
		"rung-linux-arm64-9.8.7 STATIC_LINK example.com-one-v1.2.3", "rung-linux-arm64-9.8.7 STATIC_LINK libtwo-3",
		"rung-linux-amd64-9.8.7 STATIC_LINK libone-1.0-b1-2", "rung-linux-amd64-9.8.7 GENERATED_FROM rung-9.8.7",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	for _, absent := range []string{"rung-linux-amd64-9.8.7 STATIC_LINK libtwo-3", "rung-linux-amd64-9.8.7 STATIC_LINK example.com-Test-v0.2.0-incompatible"} {
		if slices.Contains(got, absent) {
			t.Errorf("%q is there", absent)
		}
	}
	for _, purl := range []string{`"pkg:deb/debian/libone@1.0%2Bb1-2?arch=source"`, `"pkg:golang/example.com/test@v0.2.0%2Bincompatible"`, `"pkg:golang/stdlib@1.30.1"`} {
		if !strings.Contains(string(text), purl) {
			t.Errorf("no %s", purl)
		}
	}
	notices, _ := os.ReadFile(filepath.Join(dir, "notices"))
	for _, want := range []string{
		mit, bsd3, "a notice that must stay", "copyright of a library", "text of the LGPL", "text of Go's licence",
		"libone 1.0+b1-2 (LGPL-2.1-only): amd64 arm64\n", "libtwo 3 (MIT): arm64\n", "example.com/Test v0.2.0+incompatible (BSD-3-Clause)\n",
	} {
		if strings.Count(string(notices), want) != 1 {
			t.Errorf("%d times %q", strings.Count(string(notices), want), want)
		}
	}
	if err := run(args, oneModule); err != nil {
		t.Fatal(err)
	}
	again, _ := os.ReadFile(filepath.Join(dir, "sbom"))
	noticesAgain, _ := os.ReadFile(filepath.Join(dir, "notices"))
	if string(again) != string(text) || string(noticesAgain) != string(notices) {
		t.Error("a second run gives other bytes")
	}
}

// checkDocument holds a document against the rules of SPDX 2.3 that are not in its types.
func checkDocument(t *testing.T, d *document) {
	t.Helper()
	ids := map[string]bool{documentID: true}
	valid := regexp.MustCompile(`^SPDXRef-[a-zA-Z0-9.-]+$`)
	for _, p := range d.Packages {
		if !valid.MatchString(p.ID) || ids[p.ID] {
			t.Errorf("identifier %s", p.ID)
		}
		ids[p.ID] = true
		if p.Name == "" || p.Version == "" || p.DownloadLocation == "" || p.LicenseConcluded == "" {
			t.Errorf("%+v lacks a member", p)
		}
	}
	for _, r := range d.Relationships {
		if !ids[r.Element] || !ids[r.Related] {
			t.Errorf("%+v relates what is not there", r)
		}
	}
	if d.Creation.Created != "2023-11-14T22:13:20Z" || !strings.HasPrefix(d.Namespace, "https://") {
		t.Errorf("%+v, %s", d.Creation, d.Namespace)
	}
}

func TestRefused(t *testing.T) {
	dir, args := tree(t)
	last := args[:len(args)-2]
	program := strings.TrimPrefix(args[len(args)-1], "arm64=")
	for want, more := range map[string][]string{
		"is not ARCH=BINARY":                  {program},
		"no library in C is listed for s390x": {"s390x=" + program},
	} {
		if err := run(append(slices.Clone(last), more...), oneModule); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", more, err)
		}
	}
	write(t, filepath.Join(dir, "vendor/modules.txt"), "# example.com/Test v0.2.0+incompatible\n")
	if err := run(args, oneModule); err == nil || !strings.Contains(err.Error(), "has module example.com/one v1.2.3, and the sources have not") {
		t.Error(err)
	}
	write(t, filepath.Join(dir, "vendor/example.com/Test/COPYING"), "ask my lawyer")
	if err := run(args, oneModule); err == nil || !strings.Contains(err.Error(), "module example.com/Test: its licence is not one of those") {
		t.Error(err)
	}
}
