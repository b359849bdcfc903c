package main

import (
	_ "embed"
	"runtime/debug"
	"strings"
)

//go:embed VERSION
var treeVersion string

// archivedCommit is the whole commit in a source tarball, elsewhere the format that git archive fills in there.
//
//go:embed COMMIT
var archivedCommit string

// The linker sets these, where the builder names a version or a commit (scripts/build.sh).
var linkedVersion, linkedCommit string

// version is what the builder named, or else the version of the source tree.
func version() string {
	if linkedVersion != "" {
		return linkedVersion
	}
	return strings.TrimSpace(treeVersion)
}

// commit is what the builder named, or else that of a source tarball, or what the go command has noted; it may be unknown.
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
