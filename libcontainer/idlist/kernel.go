package idlist

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// KernelList is a list in the form that control files of the kernel take (lib/bitmap-str.c, bitmap_parselist). Beyond that
// of Parse it has "all", "N" for the last id, white space between parts, and patterns: "0-7:2/4" is the first 2 of each 4.
type KernelList []kernelRange

type kernelRange struct{ first, last, used, group uint16 }

// ParseKernel reads a list for a machine whose last id is last. Errors name the part.
func ParseKernel(text string, last uint16) (KernelList, error) {
	var l KernelList
	for _, part := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' || strings.ContainsRune(" \t\n\v\f\r", c) }) {
		r, err := parseKernelRange(part, last)
		if err != nil {
			return nil, fmt.Errorf("bad part %q: %w", part, err)
		}
		l = append(l, r)
	}
	return l, nil
}

func parseKernelRange(part string, last uint16) (r kernelRange, err error) {
	ids, pattern, hasPattern := strings.Cut(part, ":")
	low, high, isRange := strings.Cut(ids, "-")
	switch {
	case strings.EqualFold(ids, "all"):
		r.first, r.last = 0, last
	case isRange:
		r.first, err = kernelID(low, last)
		if err == nil {
			r.last, err = kernelID(high, last)
		}
	case hasPattern:
		return r, errors.New("a pattern is for a range")
	default:
		r.first, err = kernelID(low, last)
		r.last = r.first
	}
	if err == nil && r.first > r.last {
		err = errors.New("the range runs backwards")
	}
	r.used, r.group = 1, 1
	if err != nil || !hasPattern {
		return r, err
	}
	used, group, _ := strings.Cut(pattern, "/")
	if r.used, err = kernelID(used, last); err != nil {
		return r, err
	}
	if r.group, err = kernelID(group, last); err != nil {
		return r, err
	}
	if r.group == 0 || r.used > r.group {
		return r, errors.New("a pattern is USED/GROUP, where USED is not more than GROUP")
	}
	return r, nil
}

func kernelID(text string, last uint16) (uint16, error) {
	if text == "N" {
		return last, nil
	}
	return parseID(text)
}

// Bytes returns a mask of the ids as List.Bytes does.
func (l KernelList) Bytes() (out []byte) {
	for _, r := range l {
		for id := int(r.first); id <= int(r.last); id++ {
			if (id-int(r.first))%int(r.group) >= int(r.used) {
				continue
			}
			if more := id/8 + 1 - len(out); more > 0 {
				out = append(out, make([]byte, more)...)
			}
			out[id/8] |= 1 << (id % 8)
		}
	}
	return out
}

// Last returns the highest id of a list such as that of /sys/devices/system/cpu/possible.
func Last(text string) (uint16, error) {
	l, err := Parse(text)
	if err != nil {
		return 0, err
	}
	if len(l) == 0 {
		return 0, fmt.Errorf("%s is an empty list", strconv.Quote(text))
	}
	return slices.MaxFunc(l, func(a, b Range) int { return int(a.Last) - int(b.Last) }).Last, nil
}
