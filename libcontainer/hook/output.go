package hook

import (
	"errors"
	"fmt"
	"io"
	"os"

	"rung/internal/sys"
	"rung/libcontainer/bundle"
)

// output is where the two output streams of a hook go.
type output struct{ stdout, stderr sink }

// sink takes one stream: the end of it is kept for the error of the hook, unless an annotation names a file for it.
type sink struct {
	tail tail
	file *os.File
}

// openOutput opens the files of the annotations run.oci.hooks.stdout and run.oci.hooks.stderr. The caller closes the output.
func openOutput(annotations map[string]string) (*output, error) {
	o := &output{}
	for _, stream := range []struct {
		key string
		to  *sink
	}{{bundle.AnnotationHooksStdout, &o.stdout}, {bundle.AnnotationHooksStderr, &o.stderr}} {
		path, given := annotations[stream.key]
		if !given {
			continue
		}
		file, err := openSink(path)
		if err != nil {
			o.close()
			return nil, fmt.Errorf("annotations[%s]: %w", stream.key, err)
		}
		stream.to.file = file
	}
	return o, nil
}

// openSink opens a file to add to. A block device is an error: nobody means to write a log over it.
func openSink(path string) (*os.File, error) {
	file, err := sys.OpenToAppend(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil {
		err = checkSink(info.Mode())
	}
	if err != nil {
		file.Close()
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return file, nil
}

func checkSink(mode os.FileMode) error {
	if mode.IsRegular() || mode&os.ModeNamedPipe != 0 || mode&os.ModeCharDevice != 0 {
		return nil
	}
	return errors.New("neither a regular file nor a FIFO nor a character device")
}

func (o *output) close() {
	for _, s := range []*sink{&o.stdout, &o.stderr} {
		if s.file != nil {
			s.file.Close()
		}
	}
}

// writer is the stream for a Start.
func (s *sink) writer() io.Writer {
	if s.file != nil {
		return s.file
	}
	return &s.tail
}

// String is what the error of the hook says of the stream.
func (s *sink) String() string {
	if s.file != nil {
		return "in " + s.file.Name()
	}
	return s.tail.String()
}
