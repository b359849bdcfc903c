package host

import (
	"encoding/json"
	"fmt"
	"syscall"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
)

// MarshalJSON writes names in the place of the kernel's numbers: a list of capabilities, and the last one.
func (f *Facts) MarshalJSON() ([]byte, error) {
	type plain Facts // without this method
	return json.Marshal(struct {
		*plain
		Capabilities   []string `json:"capabilities"`
		LastCapability string   `json:"lastCapability"`
	}{(*plain)(f), CapabilitySet(f.Capabilities), capabilityName(f.LastCapability)})
}

// CapabilitySet returns the names in a set of capabilities; "capability N" for one that rung has no name for.
func CapabilitySet(set uint64) []string {
	out := []string{}
	for n := range 64 {
		if set>>n&1 == 1 {
			out = append(out, capabilityName(n))
		}
	}
	return out
}

func capabilityName(n int) string {
	if names := bundle.CapabilityNames(); n < len(names) {
		return names[n]
	}
	return fmt.Sprintf("capability %d", n)
}

// MarshalText returns String.
func (m CgroupMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// MarshalJSON writes the errno and the flags of the mount by their names.
func (s Source) MarshalJSON() ([]byte, error) {
	type plain Source
	out := struct {
		plain
		Err   string   `json:"errno,omitempty"`
		Flags []string `json:"flags,omitempty"`
	}{plain: plain(s), Flags: sys.StatFlagNames(s.Flags)}
	if s.Err != 0 {
		out.Err = sys.ErrnoSymbol(s.Err)
	}
	return json.Marshal(out)
}

// MarshalJSON writes the kind in the letter of linux.devices, and major and minor numbers.
func (d Device) MarshalJSON() ([]byte, error) {
	kind := map[uint32]string{syscall.S_IFCHR: "c", syscall.S_IFBLK: "b", syscall.S_IFIFO: "p"}[d.Kind]
	if kind == "" {
		kind = "none"
	}
	major, minor := sys.DeviceNumbers(d.Rdev)
	return json.Marshal(struct {
		Type  string `json:"type"`
		Major uint32 `json:"major"`
		Minor uint32 `json:"minor"`
	}{kind, major, minor})
}

// MarshalJSON writes the mode in octal digits, as chmod(1) takes it.
func (t Target) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Mode string `json:"mode"`
		UID  uint32 `json:"uid"`
		GID  uint32 `json:"gid"`
	}{fmt.Sprintf("%04o", t.Mode), t.UID, t.GID})
}
