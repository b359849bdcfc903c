package host

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"

	"rung/internal/sys"
)

// HomeInside returns the home directory of uid, from /etc/passwd below root, a descriptor of the container's root. It returns ""
// if env sets HOME, so that nothing needs to be looked up. No path resolves to a file outside root.
func HomeInside(root *os.File, env []string, uid uint32) (string, error) {
	if LookupEnv(env, "HOME") != "" {
		return "", nil
	}
	return homeOf(root, uid)
}

// LookupEnv returns the value of a variable in an environment, or "". If it is there twice, the last value counts.
func LookupEnv(env []string, name string) string {
	value := ""
	for _, e := range env {
		if v, ok := strings.CutPrefix(e, name+"="); ok {
			value = v
		}
	}
	return value
}

// passwdLimit is how many bytes of a container's /etc/passwd rung reads. The memory and time are the host's, so they must
// be bounded (CVE-2026-135844). A user whose line begins after the limit gets "/".
const passwdLimit = 4 << 20

// homeOf returns the home directory of a user. It is "/" if /etc/passwd does not list the user or cannot be used.
func homeOf(root *os.File, uid uint32) (string, error) {
	passwd, err := sys.ReadInRoot(root, "/etc/passwd", passwdLimit)
	if err != nil {
		return "", fmt.Errorf("process.env: HOME: read /etc/passwd of the container: %w", err)
	}
	if len(passwd) == passwdLimit {
		passwd = passwd[:bytes.LastIndexByte(passwd, '\n')+1]
	}
	home, _ := homeIn(passwd, strconv.FormatUint(uint64(uid), 10))
	return cmp.Or(home, "/"), nil
}

// homeIn reads lines of passwd(5): name:password:uid:gid:comment:home:shell. The image decides how many lines there are and
// how long, so homeIn looks at each byte only once. It skips a home directory with a NUL byte.
func homeIn(passwd []byte, uid string) (string, bool) {
	const uidField, homeField = 2, 5
	field, start, found := 0, 0, false
	for i := 0; i <= len(passwd); i++ {
		lineEnds := i == len(passwd) || passwd[i] == '\n'
		if !lineEnds && passwd[i] != ':' {
			continue
		}
		switch {
		case field == uidField:
			found = string(passwd[start:i]) == uid
		case field == homeField && found:
			home := string(passwd[start:i])
			if !strings.Contains(home, "\x00") {
				return home, true
			}
		}
		field, start = field+1, i+1
		if lineEnds {
			field, found = 0, false
		}
	}
	return "", false
}
