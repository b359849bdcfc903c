package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// licenceFiles returns the files of a module's root directory that must be given on with it. The first is the licence. `go mod
// vendor` copies them.
func licenceFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var licences, others []string
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		path := filepath.Join(dir, e.Name())
		switch {
		case e.IsDir():
		case strings.HasPrefix(name, "LICEN") || strings.HasPrefix(name, "COPYING"):
			licences = append(licences, path)
		case strings.HasPrefix(name, "NOTICE") || strings.HasPrefix(name, "PATENTS"):
			others = append(others, path)
		}
	}
	return append(licences, others...), nil
}

// phrases are sentences that only one licence has, in the order in which they are looked for: the text of BSD-2-Clause is part
// of that of BSD-3-Clause.
var phrases = []struct{ licence, phrase string }{
	{"Apache-2.0", "Apache License Version 2.0, January 2004"},
	{"BSD-3-Clause", "be used to endorse or promote products derived from this software"},
	{"BSD-2-Clause", "Redistributions in binary form must reproduce the above copyright notice"},
	{"MIT", "Permission is hereby granted, free of charge, to any person obtaining a copy of this software"},
}

// classify returns the SPDX identifier of the licence in the first file. A licence that rung's modules do not have today is an
// error: somebody must look at what it asks for.
func classify(files []string) (string, error) {
	if len(files) == 0 {
		return "", errors.New("it has no licence")
	}
	content, err := os.ReadFile(files[0])
	if err != nil {
		return "", err
	}
	text := strings.Join(strings.Fields(string(content)), " ")
	for _, p := range phrases {
		if strings.Contains(text, p.phrase) {
			return p.licence, nil
		}
	}
	return "", errors.New("its licence is not one of those that are known: look at what it asks for, and add it to tools/sbom")
}
