// Package idlist reads lists of CPUs and of memory nodes, such as "0-3,5" (cpuset(7), "List format").
package idlist

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// Max is the highest id in a list. It is far above the ids of any machine, and low enough that
// a typing error does not become a mask of gigabytes.
const Max = 1<<16 - 1

// List holds the ranges of a list in their order.
type List []Range

// Range holds the ids from First to Last, both included.
type Range struct{ First, Last uint16 }

// Parse reads a list. Like the kernel and runc it accepts spaces around commas and empty
// parts; a text of empty parts only is an empty List. Errors name the part.
func Parse(text string) (List, error) {
	var l List
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		r, err := parseRange(part)
		if err != nil {
			return nil, fmt.Errorf("bad part %q: %w", part, err)
		}
		l = append(l, r)
	}
	return l, nil
}

func parseRange(part string) (r Range, err error) {
	low, high, isRange := strings.Cut(part, "-")
	if !isRange {
		high = low
	}
	if r.First, err = parseID(low); err != nil {
		return r, err
	}
	if r.Last, err = parseID(high); err != nil {
		return r, err
	}
	if r.First > r.Last {
		return r, errors.New("the range runs backwards")
	}
	return r, nil
}

func parseID(text string) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%s is above %d", text, Max)
	}
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	return uint16(n), nil
}

// Count returns the number of ids. An id that is listed twice counts twice.
func (l List) Count() (n int) {
	for _, r := range l {
		n += int(r.Last) - int(r.First) + 1
	}
	return n
}

// IDs returns all ids in the list's order; nil if there is none.
func (l List) IDs() []uint16 { return slices.Collect(l.each()) }

// each yields the ids one by one, so that a mask needs no slice of them: a long list may
// repeat a wide range.
func (l List) each() iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		for _, r := range l {
			for id := int(r.First); id <= int(r.Last); id++ {
				if !yield(uint16(id)) {
					return
				}
			}
		}
	}
}

// Bytes returns a mask of the ids as systemd wants it: id 0 is the lowest bit of the first byte.
// It has no zero bytes at its end.
func (l List) Bytes() []byte { return mask[byte](l, 8) }

// Words returns a mask of the ids in longs, as sched_setaffinity(2) and set_mempolicy(2) want it.
func (l List) Words() []uint64 { return mask[uint64](l, 64) }

func mask[T byte | uint64](l List, bits int) (out []T) {
	for id := range l.each() {
		if more := int(id)/bits + 1 - len(out); more > 0 {
			out = append(out, make([]T, more)...)
		}
		out[int(id)/bits] |= 1 << (int(id) % bits)
	}
	return out
}
