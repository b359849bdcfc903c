package seccomp

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// Cache keeps compiled filters in a directory: libseccomp takes 6 ms for a profile like
// Docker's, which is longer than all the rest of a start.
//
// A filter is found by the digest of its profile and of the program that compiled it. Only
// a directory and files of this user that nobody else may write count: who could change them
// could change the state of the containers too. Whatever is wrong with the cache, the
// profile is compiled as if there were none.
type Cache struct {
	Dir      string // made when the first filter is stored
	ReadOnly bool   // nothing is stored
}

// Bounds of a cache: the oldest filters go first. A filter has at most 32 KiB.
const (
	cacheEntries = 64
	headerSize   = 8 + 8 + 2*sha256.Size
	maxFileSize  = headerSize + sys.SeccompMaxInstructions*instructionSize
)

// cacheMagic changes with the layout of a file.
const cacheMagic = "rungbpf1"

const listenerBit = 1 << 63 // in the flags of a file; seccomp(2) has no such flag

// Compile is the function Compile, by way of the cache.
func (c *Cache) Compile(s *specs.LinuxSeccomp) (*Program, error) {
	if s == nil || c.Dir == "" {
		return Compile(s)
	}
	key, err := cacheKey(s)
	if err != nil {
		return Compile(s)
	}
	if p := c.load(key); p != nil {
		return p, nil
	}
	p, err := Compile(s)
	if err == nil && p != nil && !c.ReadOnly {
		_ = c.store(key, p) // the next start compiles again
	}
	return p, err
}

type digest [sha256.Size]byte

// cacheKey is the digest of all that a filter depends on: the profile, and this program with
// the libseccomp in it.
func cacheKey(s *specs.LinuxSeccomp) (digest, error) {
	program, err := sys.BinaryIdentity()
	if err != nil {
		return digest{}, err
	}
	profile, err := json.Marshal(s)
	if err != nil {
		return digest{}, err
	}
	// JSON tells an empty list of flags from none at all no more; Compile does.
	all := fmt.Appendf(nil, "%s\x00%v\x00%s", program, s.Flags == nil, profile)
	return sha256.Sum256(all), nil
}

func (d digest) name() string { return hex.EncodeToString(d[:]) }

// encodeProgram: magic, flags, key, digest of the filter, filter.
func encodeProgram(key digest, p *Program) []byte {
	flags := p.Flags
	if p.Listener {
		flags |= listenerBit
	}
	sum := sha256.Sum256(p.Filter)
	out := binary.LittleEndian.AppendUint64([]byte(cacheMagic), flags)
	out = append(append(out, key[:]...), sum[:]...)
	return append(out, p.Filter...)
}

func decodeProgram(key digest, data []byte) *Program {
	if len(data) <= headerSize || string(data[:8]) != cacheMagic || !bytes.Equal(data[16:48], key[:]) {
		return nil
	}
	filter := data[headerSize:]
	if sum := sha256.Sum256(filter); !bytes.Equal(data[48:80], sum[:]) || len(filter)%instructionSize != 0 {
		return nil
	}
	flags := binary.LittleEndian.Uint64(data[8:])
	return &Program{Filter: filter, Flags: flags &^ listenerBit, Listener: flags&listenerBit != 0}
}

// load returns nil where there is no filter that may be trusted.
func (c *Cache) load(key digest) *Program {
	dir, err := openOwn(c.Dir, syscall.O_DIRECTORY)
	if err != nil {
		return nil
	}
	defer dir.Close() //nolint:errcheck // Nothing was written.
	file, err := openOwn(filepath.Join(sys.FDPath(dir), key.name()), 0)
	if err != nil {
		return nil
	}
	defer file.Close() //nolint:errcheck // Nothing was written.
	data, err := io.ReadAll(io.LimitReader(file, maxFileSize+1))
	if err != nil || len(data) > maxFileSize {
		return nil
	}
	return decodeProgram(key, data)
}

// openOwn opens what this user has made, and nobody else may write to.
func openOwn(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|flags, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil {
		err = own(info, flags&syscall.O_DIRECTORY != 0)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

func own(info fs.FileInfo, dir bool) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok || int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("is another user's")
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("mode %o: others may write to it", info.Mode().Perm())
	case info.IsDir() != dir || !dir && !info.Mode().IsRegular():
		return fmt.Errorf("is no file, or no directory, as it should be")
	}
	return nil
}

func (c *Cache) store(key digest, p *Program) error {
	if err := os.Mkdir(c.Dir, 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	dir, err := openOwn(c.Dir, syscall.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // Nothing was written to the directory itself.
	at := sys.FDPath(dir)
	file, err := os.CreateTemp(at, "new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(encodeProgram(key, p))
	if errClose := file.Close(); err == nil {
		err = errClose
	}
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(at, key.name()))
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return err
	}
	return evict(at)
}

// evict removes the oldest files where there are too many; files that a killed rung left half
// written are among them.
func evict(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) <= cacheEntries {
		return err
	}
	infos := make([]fs.FileInfo, 0, len(entries))
	for _, e := range entries {
		if info, err := e.Info(); err == nil { // else another rung was quicker
			infos = append(infos, info)
		}
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, info := range infos[:max(0, len(infos)-cacheEntries)] {
		if err := os.Remove(filepath.Join(dir, info.Name())); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}
