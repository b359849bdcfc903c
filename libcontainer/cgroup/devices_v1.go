package cgroup

import (
	"fmt"
	"strconv"
	"strings"

	"rung/internal/sys"
)

// exceptions is the state of the v1 controller: a default verdict, and the devices with the opposite verdict, in order
// of appearance.
type exceptions struct {
	allowAll bool
	list     []deviceRule
}

// v1Exceptions applies the rules in order to an empty list. A rule opposite to the default adds an exception. A rule
// equal to the default removes its access from the exceptions that it covers. It is an error if the rule covers only a
// part of a wider exception, because the kernel silently ignores a removal that is not an exact match.
func v1Exceptions(allowAll bool, rules []deviceRule) (exceptions, error) {
	e := exceptions{allowAll: allowAll}
	for _, r := range rules {
		if r.allow != allowAll {
			e.add(r)
			continue
		}
		if err := e.remove(r); err != nil {
			return e, err
		}
	}
	return e, nil
}

func (r deviceRule) sameDevice(o deviceRule) bool {
	return r.kind == o.kind && r.major == o.major && r.minor == o.minor
}

func covers(a, b int64) bool   { return a == anyNumber || a == b }
func overlaps(a, b int64) bool { return covers(a, b) || covers(b, a) }

func (e *exceptions) add(r deviceRule) {
	for i := range e.list {
		if e.list[i].sameDevice(r) {
			e.list[i].access |= r.access
			return
		}
	}
	e.list = append(e.list, r)
}

func (e *exceptions) remove(r deviceRule) error {
	kept := e.list[:0]
	for _, x := range e.list {
		switch {
		case x.kind != r.kind || x.access&r.access == 0:
		case covers(r.major, x.major) && covers(r.minor, x.minor):
			x.access &^= r.access
		case overlaps(r.major, x.major) && overlaps(r.minor, x.minor):
			return fmt.Errorf("%s: rule %q after %q: the devices controller of cgroup v1 cannot punch a hole in a wildcard rule",
				devicesField, r.text(), x.text())
		}
		if x.access != 0 {
			kept = append(kept, x)
		}
	}
	e.list = kept
	return nil
}

// text returns the rule as devices.allow and devices.deny take it: "c 1:3 rwm".
func (r deviceRule) text() string {
	b := make([]byte, 0, 24)
	b = append(b, r.kind, ' ')
	b = appendNumber(b, r.major)
	b = append(b, ':')
	b = appendNumber(b, r.minor)
	b = append(b, ' ')
	if r.access&accRead != 0 {
		b = append(b, 'r')
	}
	if r.access&accWrite != 0 {
		b = append(b, 'w')
	}
	if r.access&accMknod != 0 {
		b = append(b, 'm')
	}
	return string(b)
}

func appendNumber(b []byte, n int64) []byte {
	if n == anyNumber {
		return append(b, '*')
	}
	return strconv.AppendInt(b, n, 10)
}

// setDevicesV1 writes the exceptions. It first resets a new cgroup, and one whose exceptions cannot be read: in
// allow-by-default mode the kernel shows only "a *:* rwm". In other cases it writes only the difference, additions
// first, so that a running process never loses a device that it may keep.
func setDevicesV1(d *cgroupDir, allowAll bool, rules []deviceRule) error {
	want, err := v1Exceptions(allowAll, rules)
	if err != nil {
		return err
	}
	allowFile, denyFile := d.path+"/devices.allow", d.path+"/devices.deny"
	addFile, dropFile := allowFile, denyFile
	if allowAll {
		addFile, dropFile = denyFile, allowFile
	}
	have, known := exceptions{}, false
	if !d.fresh {
		if have, known, err = readExceptions(d.path); err != nil {
			return err
		}
	}
	if !known || have.allowAll != allowAll {
		if err := sys.WriteControl(dropFile, "a"); err != nil {
			return ruleError(dropFile, "a", err)
		}
		have.list = nil
	}
	if err := writeRules(addFile, minus(want.list, have.list)); err != nil {
		return err
	}
	return writeRules(dropFile, minus(have.list, want.list))
}

// minus returns the accesses in a that are not in b.
func minus(a, b []deviceRule) []deviceRule {
	var out []deviceRule
	for _, r := range a {
		for _, o := range b {
			if r.sameDevice(o) {
				r.access &^= o.access
			}
		}
		if r.access != 0 {
			out = append(out, r)
		}
	}
	return out
}

// writeRules writes each rule with a write(2) of its own, because the kernel reads one rule for each write.
func writeRules(file string, rules []deviceRule) error {
	if len(rules) == 0 {
		return nil
	}
	fd, err := sys.OpenControl(file)
	if err != nil {
		return fmt.Errorf("%s: open %s: %w", devicesField, file, err)
	}
	defer sys.CloseFd(fd)
	for _, r := range rules {
		if err := sys.WriteFd(fd, r.text()+"\n"); err != nil {
			return ruleError(file, r.text(), err)
		}
	}
	return nil
}

func ruleError(file, rule string, err error) error {
	return fmt.Errorf("%s: write %q to %s: %w", devicesField, rule, file, err)
}

// readExceptions parses devices.list. known is false in allow-by-default mode, where the kernel hides the exceptions.
func readExceptions(dir string) (e exceptions, known bool, err error) {
	text, err := sys.ReadControl(dir + "/devices.list")
	if err != nil {
		return e, false, fmt.Errorf("%s: read devices.list: %w", devicesField, err)
	}
	for line := range strings.Lines(text) {
		f := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ':' || r == '\n' })
		if len(f) != 4 {
			return e, false, fmt.Errorf("%s: malformed devices.list line %q", devicesField, line)
		}
		if f[0] == "a" {
			return exceptions{allowAll: true}, false, nil
		}
		r := deviceRule{kind: f[0][0]}
		if r.major, err = listNumber(f[1]); err != nil {
			return e, false, err
		}
		if r.minor, err = listNumber(f[2]); err != nil {
			return e, false, err
		}
		if r.access, err = parseAccess(f[3], false); err != nil {
			return e, false, fmt.Errorf("%s: devices.list: %w", devicesField, err)
		}
		e.list = append(e.list, r)
	}
	return e, true, nil
}

func listNumber(s string) (int64, error) {
	if s == "*" {
		return anyNumber, nil
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s: devices.list: %q is not a device number", devicesField, s)
	}
	return int64(n), nil
}
