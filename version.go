package main

import (
	_ "embed"
	"runtime/debug"
	"strings"
)

//go:embed VERSION
var treeVersion string

// archivedCommit is the full commit id in a source tarball. In a git tree it is still the placeholder that git archive
// replaces.
//
//go:embed COMMIT
var archivedCommit string

// The linker sets these if the builder names a version or a commit (scripts/build.sh).
var linkedVersion, linkedCommit string

// version is the version that the builder named, or the version of the source tree.
func version() string {
	if linkedVersion != "" {
		return linkedVersion
	}
	return strings.TrimSpace(treeVersion)
}

// commit is the commit that the builder named, that of the source tarball, or the one that the go command recorded, in
// this order. It is empty if none of them is known.
func commit() string {
	if linkedCommit != "" {
		return linkedCommit
	}
	if !strings.HasPrefix(archivedCommit, "$") {
		return archivedCommit[:min(12, len(archivedCommit))]
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value[:min(12, len(s.Value))]
			}
		}
	}
	return ""
}
