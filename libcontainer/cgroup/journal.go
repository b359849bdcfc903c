package cgroup

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"rung/internal/sys"
)

// journal holds the values that control files had before an update wrote to them. It is read from the files and not from
// the configuration, so that a value that somebody else has set is kept.
type journal struct{ files []savedFile }

// savedFile is one control file with its content before the first write.
type savedFile struct{ dir, name, content string }

// lostWith lists files that the kernel sets to a default when another file is written: an end of SCHED_IDLE resets the
// weight (kernel/sched/fair.c, sched_group_set_idle).
func lostWith(name string) []string {
	if name == "cpu.idle" {
		return []string{"cpu.weight", "cpu.shares"}
	}
	return nil
}

// save reads a file that is about to be written. A file that does not exist, or that nobody may read (memory.reclaim),
// has no value.
func (j *journal) save(dir, name string) error {
	for _, other := range lostWith(name) {
		if err := j.save(dir, other); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(j.files, func(f savedFile) bool { return f.dir == dir && f.name == name }) {
		return nil
	}
	stat, err := sys.Stat(dir + "/" + name)
	if isGone(err) || err == nil && stat.Mode&0o444 == 0 {
		return nil
	}
	var content string
	if err == nil {
		content, err = sys.ReadControl(dir + "/" + name)
	}
	switch {
	case isGone(err), errors.Is(err, syscall.EOPNOTSUPP): // the kernel lacks what the file is for, and refuses the write too
		return nil
	case err != nil:
		return fmt.Errorf("read %s, to be able to set it again: %w", name, err)
	}
	j.files = append(j.files, savedFile{dir, name, content})
	return nil
}

// restore writes the saved values to those files that have another one now, the last file first. The kernel may refuse a
// value for as long as another file is not restored (a quota below the burst), so restore tries again while that helps.
func (j *journal) restore() error {
	files := slices.Clone(j.files)
	slices.Reverse(files)
	for {
		var failed []savedFile
		var reason error
		for _, f := range files {
			if err := f.restore(); err != nil {
				failed = append(failed, f)
				reason = errors.Join(reason, err)
			}
		}
		if len(failed) == 0 || len(failed) == len(files) {
			return reason
		}
		files = failed
	}
}

func (f *savedFile) restore() error {
	now, err := sys.ReadControl(f.dir + "/" + f.name)
	if isGone(err) {
		return nil // the cgroup is gone
	}
	if err != nil {
		return fmt.Errorf("%s: read: %w", f.name, err)
	}
	for _, line := range f.writes(now) {
		if err := sys.WriteControl(f.dir+"/"+f.name, line); err != nil {
			return fmt.Errorf("%s: write %q: %w", f.name, line, err)
		}
	}
	return nil
}

// writes returns what must be written to a file that has the content now, one string for each write.
func (f *savedFile) writes(now string) []string {
	if now == f.content {
		return nil
	}
	if lifted, keyed := keyedFiles()[f.name]; keyed {
		return keyedWrites(f.content, now, lifted)
	}
	switch f.name {
	case "memory.oom_control":
		disabled, _, _ := strings.Cut(strings.TrimPrefix(f.content, "oom_kill_disable "), "\n")
		return []string{disabled}
	case "cpuset.cpus.partition": // "root invalid (the reason)"
		kind, _, _ := strings.Cut(strings.TrimSpace(f.content), " ")
		return []string{kind}
	}
	return []string{strings.TrimSuffix(f.content, "\n") + "\n"} // a cpuset without a list takes an empty line
}

// keyedFiles have a line for each device. The value is what removes a device's line.
func keyedFiles() map[string]string {
	return map[string]string{
		"io.max":        "rbps=max wbps=max riops=max wiops=max",
		"io.weight":     "default",
		"io.bfq.weight": "default",
		"io.latency":    "target=max",
		"rdma.max":      "hca_handle=max hca_object=max",
		"misc.max":      "max",
		"dmem.max":      "max",
		"dmem.min":      "0",
		"dmem.low":      "0",

		"blkio.bfq.weight_device":          "default",
		"blkio.weight_device":              "default",
		"blkio.leaf_weight_device":         "default",
		"blkio.throttle.read_bps_device":   "0",
		"blkio.throttle.write_bps_device":  "0",
		"blkio.throttle.read_iops_device":  "0",
		"blkio.throttle.write_iops_device": "0",
		"net_prio.ifpriomap":               "0",
	}
}

// keyedWrites returns the lines that turn the lines of now into those of before.
func keyedWrites(before, now, lifted string) (out []string) {
	olds, news := keyedLines(before), keyedLines(now)
	for _, n := range news {
		key, _, _ := strings.Cut(n, " ")
		if !slices.ContainsFunc(olds, func(o string) bool { return strings.HasPrefix(o, key+" ") }) {
			out = append(out, key+" "+lifted)
		}
	}
	for _, o := range olds {
		if !slices.Contains(news, o) {
			out = append(out, o)
		}
	}
	return out
}

func keyedLines(text string) (out []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}
