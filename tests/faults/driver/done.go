package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// done is the file of the injections that are made, a line each, so that a run of all can be made in several sittings. Its first
// line is the hash of what the results depend on.
type done struct {
	mutex   sync.Mutex
	file    *os.File
	results map[job]result // of earlier sittings
	took    time.Duration  // all sittings together
	last    time.Time      // when the last result came
}

// line is a line of the file after the first: a result, and the time since the one before.
type line struct {
	Result *result `json:",omitempty"`
	Took   time.Duration
}

// openDone opens the file. With resume it keeps the earlier results, but for those with a problem that nothing explains: they are
// tried again. Results of another rung or of another test do not count.
func openDone(s settings) (*done, error) {
	d := &done{results: map[job]result{}, last: time.Now()}
	if s.done == "" {
		return d, nil
	}
	key, err := keyOf(s)
	if err != nil {
		return nil, err
	}
	if s.resume {
		if err := d.load(s.done, key); err != nil {
			return nil, err
		}
	}
	if d.file, err = os.Create(s.done); err != nil {
		return nil, err
	}
	fmt.Fprintln(d.file, key)
	for _, r := range d.results {
		if err := d.write(line{Result: &r}); err != nil {
			return nil, err
		}
	}
	return d, d.write(line{Took: d.took})
}

func (d *done) load(name, key string) error {
	data, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() || lines.Text() != key {
		fmt.Fprintln(os.Stderr, "faults: the earlier results are those of another rung or test: they do not count")
		return nil
	}
	for lines.Scan() {
		var l line
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			continue // the last line of a killed run
		}
		d.took += l.Took
		if l.Result != nil && settled(l.Result) {
			d.results[l.Result.Job] = *l.Result
		}
	}
	return lines.Err()
}

// settled reports whether a result needs no second try. It explains the problems anew: the reasons may be newer.
func settled(r *result) bool {
	explain(r)
	for _, p := range r.Problems {
		if p.Explained == "" {
			return false
		}
	}
	return r.Error == ""
}

// add stores a result. Workers call it at the same time.
func (d *done) add(r *result) error {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	now := time.Now()
	l := line{Took: now.Sub(d.last)}
	d.last, d.took = now, d.took+l.Took
	if r.Job.K > 0 { // what only counts is made in each sitting
		l.Result = r
	}
	return d.write(l)
}

func (d *done) write(l line) error {
	if d.file == nil {
		return nil
	}
	data, err := json.Marshal(l)
	if err != nil {
		return err
	}
	_, err = d.file.Write(append(data, '\n'))
	return err
}

// keyOf hashes rung and the programs of the test, except the driver: what it finds does not depend on its reasons.
func keyOf(s settings) (string, error) {
	hash := sha256.New()
	for _, name := range []string{s.rung, filepath.Join(s.tools, "inject"), filepath.Join(s.tools, "snapshot")} {
		data, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		hash.Write(data)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
