package host

import "rung/internal/sys"

// ProbeMounts adds where the machine has proc and sysfs mounted whole, outside of the root file
// system. As long as a process has such a mount in its mount namespace, the kernel lets it mount a
// new one without masks (mount_too_revealing of fs/namespace.c). Errors are those of reading
// /proc/self/mountinfo.
func (f *Facts) ProbeMounts(rootfs string) error {
	mounts, err := sys.OwnMounts()
	if err != nil {
		return err
	}
	f.Revealing = revealing(mounts, rootfs)
	return nil
}

func revealing(mounts []*sys.Mount, rootfs string) (out []string) {
	for _, m := range mounts {
		if m.Root != "/" || m.FSType != "proc" && m.FSType != "sysfs" {
			continue
		}
		if _, below := Below(m.Mountpoint, rootfs); !below {
			out = append(out, m.Mountpoint)
		}
	}
	return out
}
