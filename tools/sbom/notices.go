package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// introduction is the beginning of the text. The terms that it meets are section 6 of the LGPL 2.1: the sources of the library,
// those of the work that uses it, and a way to link both again.
const introduction = `rung %[1]s: software of others in this release

rung itself is under the Apache License 2.0. Its binaries are linked statically with the software that is listed first.
The source tarball also has Go modules that only the tests use, which are listed second. The texts of all licences follow.

libseccomp and the GNU C library are under the GNU Lesser General Public License. You may change them, and link rung with what
you changed:

- Their sources, as they were built, are in rung-%[1]s-linked-sources.tar beside the binaries: Debian's source packages
  with the versions below. dpkg-source -x unpacks them.
- The sources of rung are in rung-%[1]s.tar.xz. Unpacked, this links rung with the libseccomp.a and the libc.a in the directory
  DIR, or with Debian's for the one that is not there:

      CC='gcc -B/DIR' scripts/build.sh rung

  For another architecture the compiler has another name, and ARCH=NAME stands before the command. RUNG_LIBC=musl before it
  takes musl for the C library.

You may reverse engineer the binaries to debug such changes.
`

func (r *release) notices() ([]byte, error) {
	out := &bytes.Buffer{}
	fmt.Fprintf(out, introduction, r.version)
	heading(out, "Linked into the binaries")
	linked := r.linked()
	for _, c := range linked {
		fmt.Fprintf(out, "%s %s (%s): %s\n", c.name, c.version, c.licence, strings.Join(r.binariesWith(c), " "))
	}
	heading(out, "Only in the source tarball")
	all := linked
	for _, m := range r.modules {
		if len(r.binariesWith(m)) == 0 {
			fmt.Fprintf(out, "%s %s (%s)\n", m.name, m.version, m.licence)
			all = append(all, m)
		}
	}
	if err := writeTexts(out, all); err != nil {
		return nil, err
	}
	heading(out, "GNU Lesser General Public License 2.1")
	text, err := os.ReadFile(r.lgpl)
	if err != nil {
		return nil, err
	}
	out.Write(text)
	return out.Bytes(), nil
}

func heading(out *bytes.Buffer, text string) {
	last := text[strings.LastIndex(text, "\n")+1:]
	fmt.Fprintf(out, "\n%s\n%s\n\n", text, strings.Repeat("=", len(last)))
}

// linked returns what is in the binaries, each once.
func (r *release) linked() []*component {
	var list []*component
	seen := map[*component]bool{}
	for _, b := range r.binaries {
		for _, c := range b.contents {
			if !seen[c] {
				list = append(list, c)
			}
			seen[c] = true
		}
	}
	return list
}

// binariesWith returns the architectures whose binaries have the component.
func (r *release) binariesWith(c *component) []string {
	var archs []string
	for _, b := range r.binaries {
		for _, have := range b.contents {
			if have == c {
				archs = append(archs, b.arch)
			}
		}
	}
	return archs
}

// writeTexts writes each file of the components. A text that several have is written once, under all their names.
func writeTexts(out *bytes.Buffer, components []*component) error {
	var texts []string
	names := map[string][]string{}
	for _, c := range components {
		for _, path := range c.files {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text := strings.TrimSpace(string(content))
			if names[text] == nil {
				texts = append(texts, text)
			}
			names[text] = union(names[text], []string{c.name + " " + c.version + ": " + filepath.Base(path)})
		}
	}
	for _, text := range texts {
		heading(out, strings.Join(names[text], "\n"))
		out.WriteString(text + "\n")
	}
	return nil
}
