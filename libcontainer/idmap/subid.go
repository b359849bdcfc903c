package idmap

import (
	"bufio"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Range is a run of subordinate ids.
type Range struct {
	Start, Count uint32
}

// ReadRanges returns the ranges that file, such as /etc/subuid, grants to a user.
// names are the user's login and number: the file may use either (subuid(5)).
func ReadRanges(file string, names ...string) ([]Range, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // Only read.
	return ParseRanges(f, names...)
}

// ParseRanges is ReadRanges for an open file. Like the shadow tools it skips
// malformed lines.
func ParseRanges(r io.Reader, names ...string) ([]Range, error) {
	var ranges []Range
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		name, rest, _ := strings.Cut(strings.TrimSpace(lines.Text()), ":")
		start, count, ok := strings.Cut(rest, ":")
		if !ok || !slices.Contains(names, name) {
			continue
		}
		s, errStart := strconv.ParseUint(start, 10, 32)
		c, errCount := strconv.ParseUint(count, 10, 32)
		if errStart == nil && errCount == nil && c > 0 {
			ranges = append(ranges, Range{uint32(s), uint32(c)})
		}
	}
	return ranges, lines.Err()
}

// Granted reports whether ranges together hold the count ids from start on.
func Granted(ranges []Range, start, count uint32) bool {
	next, end := uint64(start), uint64(start)+uint64(count)
	for next < end {
		reached := next
		for _, r := range ranges {
			if from, to := uint64(r.Start), uint64(r.Start)+uint64(r.Count); from <= next && to > reached {
				reached = to
			}
		}
		if reached == next {
			return false
		}
		next = reached
	}
	return true
}
