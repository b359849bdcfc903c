// Command sbom writes what a release says about the software of others in it: an SPDX 2.3 document in JSON, and a text with the
// licences. With the same arguments and files it writes the same bytes.
//
//	sbom -version 1.0.0 -epoch 1700000000 -vendor vendor -libraries FILE -sbom FILE -notices FILE ARCH=BINARY...
//
// The modules of a binary are those that the go command recorded in it. The modules of the source tarball are in the vendor
// directory, with their licences. The file of libraries has a line for each library in C, with tabs between
// the architecture, the name, Debian's source version, the SPDX licence expression and the path of the copyright file
// (scripts/linked-libraries.sh).
package main

import (
	"debug/buildinfo"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], buildinfo.ReadFile); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

// run writes both files. recorded returns what the go command recorded in a binary.
func run(args []string, recorded func(path string) (*debug.BuildInfo, error)) error {
	flags := flag.NewFlagSet("sbom", flag.ContinueOnError)
	version := flags.String("version", "", "the version of the release")
	epoch := flags.Int64("epoch", 0, "the time of the release, in seconds since 1970")
	vendor := flags.String("vendor", "vendor", "the directory with the modules")
	libraries := flags.String("libraries", "", "the list of libraries in C")
	goLicence := flags.String("go-licence", "", "the licence of the Go standard library")
	lgpl := flags.String("lgpl", "/usr/share/common-licenses/LGPL-2.1", "the text of the LGPL 2.1")
	sbomFile := flags.String("sbom", "", "the SPDX document to write")
	noticesFile := flags.String("notices", "", "the text to write")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r := release{version: *version, time: time.Unix(*epoch, 0).UTC(), goLicence: *goLicence, lgpl: *lgpl, recorded: recorded}
	if err := r.read(*vendor, *libraries, flags.Args()); err != nil {
		return err
	}
	document, err := r.spdx()
	if err != nil {
		return err
	}
	notices, err := r.notices()
	if err != nil {
		return err
	}
	if err := os.WriteFile(*sbomFile, document, 0o644); err != nil {
		return err
	}
	return os.WriteFile(*noticesFile, notices, 0o644)
}

// release is what the two files describe.
type release struct {
	version   string
	time      time.Time
	goLicence string // path of the licence of the Go standard library
	lgpl      string // path of the text of the LGPL 2.1
	recorded  func(path string) (*debug.BuildInfo, error)
	modules   []*component
	binaries  []binary
}

// binary is one program of the release and what is linked into it.
type binary struct {
	arch     string
	name     string // of its file
	sha256   string
	contents []*component
}

func (r *release) read(vendor, libraries string, args []string) error {
	modules, err := vendoredModules(vendor)
	if err != nil {
		return err
	}
	r.modules = modules
	inC, err := readLibraries(libraries)
	if err != nil {
		return err
	}
	components := interning{}
	for _, arg := range args {
		arch, path, ok := strings.Cut(arg, "=")
		if !ok {
			return fmt.Errorf("%q is not ARCH=BINARY", arg)
		}
		b, err := r.readBinary(arch, path, components)
		if err != nil {
			return err
		}
		if len(inC[arch]) == 0 {
			return fmt.Errorf("no library in C is listed for %s", arch)
		}
		for _, c := range inC[arch] {
			b.contents = append(b.contents, components.same(c))
		}
		r.binaries = append(r.binaries, b)
	}
	return nil
}
