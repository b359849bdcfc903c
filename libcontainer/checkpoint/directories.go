package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"rung/internal/sys"
	"rung/libcontainer/criu"
	"rung/libcontainer/open"
)

// descriptorsFile has the names of the standard streams, as runc writes it.
const descriptorsFile = "descriptors.json"

// The logs of CRIU in the work directory.
const (
	dumpLog    = "dump.log"
	restoreLog = "restore.log"
)

// directories are the directories that CRIU works in.
type directories struct {
	images, work *os.File // work may be nil
}

// openDirectories opens the directory of the images. It makes the one of the work if it is missing.
func openDirectories(o *Common) (d *directories, err error) {
	d = &directories{}
	if d.images, err = sys.OpenDirectory(o.ImagePath); err != nil {
		return nil, err
	}
	if o.WorkPath == "" {
		return d, nil
	}
	if err := os.Mkdir(o.WorkPath, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		d.close()
		return nil, err
	}
	if d.work, err = sys.OpenDirectory(o.WorkPath); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *directories) close() { open.CloseAll([]*os.File{d.images, d.work}) }

// in opens the same directories in the mount namespace of a process. CRIU mounts file systems in its work directory, which
// the kernel allows only in CRIU's own mount namespace.
func (d *directories) in(pid int) (*directories, error) {
	out := &directories{}
	for _, dir := range []struct{ from, to **os.File }{{&d.images, &out.images}, {&d.work, &out.work}} {
		if *dir.from == nil {
			continue
		}
		path, err := os.Readlink(sys.FDPath(*dir.from))
		if err == nil {
			*dir.to, err = sys.OpenDirectory(fmt.Sprintf("/proc/%d/root%s", pid, path))
		}
		if err != nil {
			out.close()
			return nil, err
		}
	}
	return out, nil
}

func (d *directories) into(r *criu.Request) {
	r.ImagesFD = int(d.images.Fd())
	if d.work != nil {
		r.WorkFD = int(d.work.Fd())
	}
}

// explain adds the cause that CRIU's log names to a failure, and quotes the log. CRIU's configuration file may name another
// log: then there is none of this name.
func (d *directories) explain(err error, name string, log *slog.Logger) error {
	dir := d.images
	if d.work != nil {
		dir = d.work
	}
	file := filepath.Join(dir.Name(), name)
	if _, err := os.Stat(file); err != nil {
		file = ""
	}
	cause, lines := criu.ReadLog(file)
	if len(lines) > 0 {
		log.Warn(fmt.Sprintf("--- Quoting %q", file))
		for _, line := range lines {
			log.Warn(line)
		}
		log.Warn("---")
	}
	var failure *criu.Error
	if errors.As(err, &failure) {
		failure.Cause, failure.Log = cause, file
		return err
	}
	if cause != "" {
		return fmt.Errorf("%w: %s (log file: %s)", err, cause, file)
	}
	return err
}
