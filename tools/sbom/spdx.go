package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// The types are the part of SPDX 2.3 that a release needs (https://spdx.github.io/spdx-spec/v2.3/).
type document struct {
	Version       string         `json:"spdxVersion"`
	DataLicense   string         `json:"dataLicense"`
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	Creation      creation       `json:"creationInfo"`
	Packages      []spdxPackage  `json:"packages"`
	Relationships []relationship `json:"relationships"`
}

type creation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	Name             string        `json:"name"`
	ID               string        `json:"SPDXID"`
	Version          string        `json:"versionInfo"`
	FileName         string        `json:"packageFileName,omitempty"`
	DownloadLocation string        `json:"downloadLocation"`
	FilesAnalyzed    bool          `json:"filesAnalyzed"`
	Checksums        []checksum    `json:"checksums,omitempty"`
	LicenseConcluded string        `json:"licenseConcluded"`
	LicenseDeclared  string        `json:"licenseDeclared"`
	CopyrightText    string        `json:"copyrightText"`
	Purpose          string        `json:"primaryPackagePurpose"`
	ExternalRefs     []externalRef `json:"externalRefs,omitempty"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type externalRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	Element string `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related string `json:"relatedSpdxElement"`
}

const documentID = "SPDXRef-DOCUMENT"

// spdx returns the document: the source tarball with the modules in it, each binary with what is linked into it.
func (r *release) spdx() ([]byte, error) {
	d := &document{
		Version: "SPDX-2.3", DataLicense: "CC0-1.0", ID: documentID, Name: "rung-" + r.version,
		Creation: creation{Created: r.time.Format(time.RFC3339), Creators: []string{"Tool: rung-tools-sbom-" + r.version}},
	}
	known := map[*component]string{}
	source := d.add(own("rung", "SOURCE", r.version))
	d.relate(documentID, "DESCRIBES", source)
	for _, m := range r.modules {
		d.relate(source, "CONTAINS", d.component(known, m))
	}
	for _, b := range r.binaries {
		p := own("rung-linux-"+b.arch, "APPLICATION", r.version)
		p.FileName, p.Checksums = b.name, []checksum{{"SHA256", b.sha256}}
		id := d.add(p)
		d.relate(documentID, "DESCRIBES", id)
		d.relate(id, "GENERATED_FROM", source)
		for _, c := range b.contents {
			d.relate(id, "STATIC_LINK", d.component(known, c))
		}
	}
	if err := d.checkIDs(); err != nil {
		return nil, err
	}
	return d.encode()
}

func own(name, purpose, version string) spdxPackage {
	return spdxPackage{Name: name, Version: version, Purpose: purpose, LicenseDeclared: "Apache-2.0"}
}

// add adds a package with the members that all have, and returns its identifier.
func (d *document) add(p spdxPackage) string {
	p.ID = identifier(p.Name + "-" + p.Version)
	p.DownloadLocation, p.CopyrightText, p.LicenseConcluded = "NOASSERTION", "NOASSERTION", p.LicenseDeclared
	d.Packages = append(d.Packages, p)
	return p.ID
}

// component adds the package of a component, once.
func (d *document) component(known map[*component]string, c *component) string {
	if id, ok := known[c]; ok {
		return id
	}
	known[c] = d.add(spdxPackage{
		Name: c.name, Version: c.version, Purpose: "LIBRARY", LicenseDeclared: c.licence,
		ExternalRefs: []externalRef{{"PACKAGE-MANAGER", "purl", c.purl}},
	})
	return known[c]
}

func (d *document) relate(element, kind, related string) {
	d.Relationships = append(d.Relationships, relationship{element, kind, related})
}

// identifier returns an SPDX identifier, which may have letters, digits, "." and "-" only.
func identifier(name string) string {
	return "SPDXRef-" + strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.':
			return c
		}
		return '-'
	}, name)
}

func (d *document) checkIDs() error {
	seen := map[string]bool{}
	for _, p := range d.Packages {
		if seen[p.ID] {
			return fmt.Errorf("two packages have the identifier %s", p.ID)
		}
		seen[p.ID] = true
	}
	return nil
}

// encode returns the document in JSON. The namespace must differ between documents with different contents, so it has a hash
// of the contents.
func (d *document) encode() ([]byte, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	d.Namespace = "https://spdx.org/spdxdocs/" + d.Name + "-" + hex.EncodeToString(sum[:16])
	text, err = json.MarshalIndent(d, "", "  ")
	return append(text, '\n'), err
}
