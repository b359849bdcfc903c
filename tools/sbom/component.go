package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// component is a piece of software of others, with the files that say under which terms it may be given on.
type component struct {
	name    string
	version string
	purl    string // https://github.com/package-url/purl-spec
	licence string // an SPDX licence expression
	files   []string
}

func (c *component) key() string { return c.name + " " + c.version }

// interning gives equal components one address, so that several binaries share them.
type interning map[string]*component

func (known interning) same(c *component) *component {
	if k, ok := known[c.key()]; ok {
		k.files = union(k.files, c.files)
		return k
	}
	known[c.key()] = c
	return c
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}

// vendoredModules returns the modules in the order of vendor/modules.txt (https://go.dev/ref/mod#vendoring).
func vendoredModules(dir string) ([]*component, error) {
	f, err := os.Open(filepath.Join(dir, "modules.txt"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var modules []*component
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 || fields[0] != "#" {
			continue
		}
		m, err := module(dir, fields[1], fields[2])
		if err != nil {
			return nil, err
		}
		modules = append(modules, m)
	}
	return modules, lines.Err()
}

// module describes a vendored module.
func module(vendor, path, version string) (*component, error) {
	c := &component{name: path, version: version, purl: "pkg:golang/" + strings.ToLower(path) + "@" + escapePurl(version)}
	files, err := licenceFiles(filepath.Join(vendor, filepath.FromSlash(path)))
	if err != nil {
		return nil, err
	}
	if c.licence, err = classify(files); err != nil {
		return nil, fmt.Errorf("module %s: %w", path, err)
	}
	c.files = files
	return c, nil
}

// readBinary reads the modules that the go command recorded in a binary. The vendor directory has all of them.
func (r *release) readBinary(arch, path string, components interning) (binary, error) {
	b := binary{arch: arch, name: filepath.Base(path)}
	content, err := os.ReadFile(path)
	if err != nil {
		return b, err
	}
	sum := sha256.Sum256(content)
	b.sha256 = hex.EncodeToString(sum[:])
	info, err := r.recorded(path)
	if err != nil {
		return b, err
	}
	vendored := map[string]*component{}
	for _, m := range r.modules {
		vendored[m.key()] = m
	}
	for _, dep := range info.Deps {
		m, ok := vendored[dep.Path+" "+dep.Version]
		if !ok || dep.Replace != nil {
			return b, fmt.Errorf("%s has module %s %s, and the sources have not", path, dep.Path, dep.Version)
		}
		b.contents = append(b.contents, m)
	}
	version := strings.TrimPrefix(info.GoVersion, "go")
	version, _, _ = strings.Cut(version, " ")
	b.contents = append(b.contents, components.same(&component{
		name: "Go standard library", version: version, purl: "pkg:golang/stdlib@" + escapePurl(version),
		licence: "BSD-3-Clause", files: []string{r.goLicence},
	}))
	return b, nil
}

// readLibraries returns the libraries in C of each architecture.
func readLibraries(path string) (map[string][]*component, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	libraries := map[string][]*component{}
	for line := range strings.Lines(string(content)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 5 {
			return nil, fmt.Errorf("%s: not five fields: %q", path, line)
		}
		arch, name, version := fields[0], fields[1], fields[2]
		libraries[arch] = append(libraries[arch], &component{
			name: name, version: version, licence: fields[3], files: []string{fields[4]},
			purl: "pkg:deb/debian/" + name + "@" + escapePurl(version) + "?arch=source",
		})
	}
	return libraries, nil
}

// escapePurl escapes what a version of Go or Debian may have and a purl may not. A "~" may stay.
func escapePurl(version string) string {
	return strings.NewReplacer("+", "%2B", ":", "%3A").Replace(version)
}
