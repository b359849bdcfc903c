package waits

import (
	"context"
	"os"

	"rung/internal/sys"
)

// DialUnix is sys.DialUnix, which waits for as long as the queue of the listener is full, until ctx ends.
func DialUnix(ctx context.Context, path string) (*os.File, error) {
	return Beside(ctx, path+" to take a connection", func() (*os.File, error) { return sys.DialUnix(path) },
		func(f *os.File) { f.Close() })
}
