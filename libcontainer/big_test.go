package libcontainer

import (
	"fmt"
	"strings"
	"testing"
)

// bigConfigs are ways to fill a configuration of 1 MiB: the element that is repeated, with %d for its
// number, and where: at the top ("R"), in linux ("L") or in process ("P"), for X.
var bigConfigs = []struct{ name, element, where string }{
	{"mounts without anything", `{}`, `R"mounts":[X]`},
	{"mounts", `{"destination":"/a","type":"tmpfs"}`, `R"mounts":[X]`},
	{"mounts, as many as are taken", `{"destination":"/aaaaaaaaaaaaaaaaaaaaa","type":"tmpfs","options":[]}`, `R"mounts":[X]`},
	{"bind mounts", `{"destination":"/aaaaaaaaaaaaaaaaaaa","source":"/","options":["rbind"]}`, `R"mounts":[X]`},
	{"options of a mount", `"ro"`, `R"mounts":[{"destination":"/a","type":"tmpfs","options":[X]}]`},
	{"options for the file system", `"%d"`, `R"mounts":[{"destination":"/a","type":"tmpfs","options":[X]}]`},
	{"options for the file system, with commas", `"a,b,c,d,e,f,g,h"`, `R"mounts":[{"destination":"/a","type":"tmpfs","options":[X]}]`},
	{"id maps of a mount", `{}`, `R"mounts":[{"destination":"/a","uidMappings":[X]}]`},
	{"mounts of the wrong type", `0`, `R"unknown":1,"mounts":[X]`},
	{"mounts beside an unknown member", `{}`, `R"unknown":1,"mounts":[X]`},
	{"devices", `{"path":"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","type":"p"}`, `L"devices":[X]`},
	{"masked paths", `"/a"`, `L"namespaces":[{"type":"mount"}],"maskedPaths":[X]`},
	{"read-only paths", `"/a"`, `L"namespaces":[{"type":"mount"}],"readonlyPaths":[X]`},
	{"sysctls", `"net.%d":""`, `L"namespaces":[{"type":"network"}],"sysctl":{X}`},
	{"environment", `"a=b"`, `P"env":[X]`},
	{"groups", `0`, `P"user":{"additionalGids":[X]}`},
	{"capabilities", `""`, `P"capabilities":{"bounding":[X]}`},
	{"resource limits", `{}`, `P"rlimits":[X]`},
	{"system calls", `"a"`, `L"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":[X],"action":"SCMP_ACT_ERRNO"}]}`},
	{"rules", `{}`, `L"seccomp":{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[X]}`},
	{"device rules", `{}`, `L"resources":{"devices":[X]}`},
	{"hooks", `{"path":"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}`, `R"hooks":{"createContainer":[X]}`},
	{"annotations", `"%d":""`, `R"annotations":{X}`},
	{"annotations of the wrong type", `"%d":0`, `R"unknown":1,"annotations":{X}`},
	{"network devices", `"%d":{}`, `L"namespaces":[{"type":"network"}],"netDevices":{X}`},
	{"rdma", `"%d":{}`, `L"resources":{"rdma":{X}}`},
	{"numbers of nodes", `1`, `L"memoryPolicy":{"mode":"MPOL_BIND","nodes":"X"}`},
	{"a value that is no list of nodes", `x`, `L"memoryPolicy":{"mode":"MPOL_BIND","nodes":"X"}`},
	{"a value with characters to be quoted", `\\u0001`, `L"cgroupsPath":"\\u0000X"`},
	{"a name that is none", `x`, `L"netDevices":{"X":{}},"namespaces":[{"type":"network"}]`},
	{"unknown members", `"%d":{}`, `R"unknown":{X}`},
	{"lists in lists", `[`, `R"unknown":X`},
	{"objects in objects", `{"a":`, `R"unknown":X`},
	{"escapes", `\u0041`, `R"unknown":"X"`},
}

func bigConfig(element, where string) []byte {
	var list strings.Builder
	separator := ","
	if strings.HasSuffix(element, "[") || strings.HasSuffix(element, ":") || strings.HasPrefix(element, `\`) {
		separator = ""
	}
	for i := 0; list.Len() < maxConfig-512; i++ {
		if i > 0 {
			list.WriteString(separator)
		}
		list.WriteString(strings.ReplaceAll(element, "%d", fmt.Sprint(i)))
	}
	parts := map[byte]string{'R': "", 'L': "", 'P': ""}
	parts[where[0]] = strings.Replace(where[1:], "X", list.String(), 1)
	for _, at := range []byte("RP") {
		if parts[at] != "" {
			parts[at] = "," + parts[at]
		}
	}
	return fmt.Appendf(nil, `{"ociVersion":"1.3.0","root":{"path":"rootfs"},"process":{"cwd":"/","args":["a"]%s},"linux":{%s}%s}`,
		parts['P'], parts['L'], parts['R'])
}

// Whatever fills a configuration, it is compiled or refused within the same memory. Profiles are
// left out where they are compiled: libseccomp's memory is not Go's.
func TestConfigOfOneMiB(t *testing.T) {
	for _, c := range bigConfigs {
		t.Run(c.name, func(t *testing.T) {
			err := configToPlans(t, bigConfig(c.element, c.where), false)
			if err != nil && len(err.Error()) > 4096 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}
