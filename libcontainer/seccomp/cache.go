package seccomp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rung/internal/sys"
)

// Cache keeps compiled filters in a directory, because libseccomp takes 6 ms for a profile like Docker's. That is longer
// than the rest of a container's start.
//
// A file holds the profile, the identity of the program that compiled it, and the filter. Cache uses the filter only if
// profile and identity are the same to the byte. It does not rely on a digest to tell profiles apart: crypto/sha256
// costs every command half a millisecond of initialisation and 32 MiB of .bss in Go 1.26. Cache uses the directory and
// a file only if they belong to this user and nobody else may write to them. Somebody who can change them can also
// change the state of the containers. If anything is wrong with the cache, Compile compiles the profile as if there
// were no cache.
type Cache struct {
	Dir      string // Compile makes it when it stores the first filter; "" means no cache
	ReadOnly bool   // Compile stores nothing
}

// Bounds of a cache. The oldest filters are removed first. A filter has at most 32 KiB. A filter with a key longer than
// 1 MiB is not stored.
const (
	cacheEntries = 64
	headerSize   = 4 * 8
	maxKeySize   = 1 << 20
	maxFileSize  = headerSize + maxKeySize + sys.SeccompMaxInstructions*instructionSize
)

// cacheMagic is the start of a file. A new layout of the file needs a new value.
const cacheMagic = "rungbpf2"

const listenerBit = 1 << 63 // Program.Listener in the flags of a file; seccomp(2) has no such flag

// Compile returns what the function Compile returns. It takes the filter from the cache if it can, and else compiles the
// profile and stores the filter.
func (c *Cache) Compile(s *specs.LinuxSeccomp) (*Program, error) {
	if s == nil || c.Dir == "" {
		return Compile(s)
	}
	key, err := newCacheKey(s)
	if err != nil {
		return Compile(s)
	}
	if p := c.load(key); p != nil {
		return p, nil
	}
	p, err := Compile(s)
	if err == nil && p != nil && !c.ReadOnly {
		_ = c.store(key, p) // after an error the next start compiles the profile again
	}
	return p, err
}

// cacheKey contains everything that a filter depends on: the profile, and the identity of this program, which includes
// libseccomp.
type cacheKey []byte

func newCacheKey(s *specs.LinuxSeccomp) (cacheKey, error) {
	program, err := sys.BinaryIdentity()
	if err != nil {
		return nil, err
	}
	profile, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	// The JSON loses the difference between an empty and a missing list of flags. Compile treats them differently.
	key := fmt.Appendf(nil, "%s\x00%v\x00%s", program, s.Flags == nil, profile)
	if len(key) > maxKeySize {
		return nil, fmt.Errorf("a profile of %d bytes is too long for the cache", len(profile))
	}
	return key, nil
}

// name returns the name of the key's file. Two keys with the same name replace each other's file.
func (k cacheKey) name() string {
	h := fnv.New128a()
	_, _ = h.Write(k) // never an error
	return hex.EncodeToString(h.Sum(nil))
}

// checksum detects a damaged file. It does not detect a forged one; see Cache.
func checksum(data []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(data) // never an error
	return h.Sum64()
}

// encodeProgram returns the content of a file: magic, flags, checksum of the filter, length of the key, key, filter.
func encodeProgram(key cacheKey, p *Program) []byte {
	flags := p.Flags
	if p.Listener {
		flags |= listenerBit
	}
	out := []byte(cacheMagic)
	for _, n := range []uint64{flags, checksum(p.Filter), uint64(len(key))} {
		out = binary.LittleEndian.AppendUint64(out, n)
	}
	return append(append(out, key...), p.Filter...)
}

func decodeProgram(key cacheKey, data []byte) *Program {
	if len(data) <= headerSize+len(key) || string(data[:8]) != cacheMagic {
		return nil
	}
	number := func(i int) uint64 { return binary.LittleEndian.Uint64(data[8*i:]) }
	flags, sum, length := number(1), number(2), number(3)
	if length != uint64(len(key)) || !bytes.Equal(data[headerSize:headerSize+len(key)], key) {
		return nil
	}
	filter := data[headerSize+len(key):]
	if checksum(filter) != sum || len(filter)%instructionSize != 0 {
		return nil
	}
	return &Program{Filter: filter, Flags: flags &^ listenerBit, Listener: flags&listenerBit != 0}
}

// load returns the stored program, nil if there is none that can be trusted.
func (c *Cache) load(key cacheKey) *Program {
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

// openOwn opens a file or directory. It fails unless this user owns it and nobody else may write to it.
func openOwn(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|flags, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil {
		err = checkOwn(info, flags&syscall.O_DIRECTORY != 0)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

func checkOwn(info fs.FileInfo, dir bool) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok || int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("belongs to another user")
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("mode %o: others may write to it", info.Mode().Perm())
	case info.IsDir() != dir || !dir && !info.Mode().IsRegular():
		return fmt.Errorf("is neither a regular file nor the directory")
	}
	return nil
}

func (c *Cache) store(key cacheKey, p *Program) error {
	if err := os.Mkdir(c.Dir, 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	dir, err := openOwn(c.Dir, syscall.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // Nothing was written to the directory itself.
	path := sys.FDPath(dir)
	file, err := os.CreateTemp(path, "new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(encodeProgram(key, p))
	if errClose := file.Close(); err == nil {
		err = errClose
	}
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(path, key.name()))
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return err
	}
	return evict(path)
}

// evict removes the oldest files if there are more than cacheEntries. This also removes files that a killed rung left
// half written.
func evict(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) <= cacheEntries {
		return err
	}
	infos := make([]fs.FileInfo, 0, len(entries))
	for _, e := range entries {
		if info, err := e.Info(); err == nil { // an error means that another rung has removed the file
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
