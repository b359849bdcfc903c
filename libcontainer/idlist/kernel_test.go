package idlist

import (
	"fmt"
	"strings"
	"testing"
)

// The results are those of Linux 6.18 for cpuset.cpus, on a machine with eight processors.
func TestParseKernel(t *testing.T) {
	for text, want := range map[string]string{
		"": "[]", "all": "[255]", "ALL": "[255]", "N": "[128]", "0-N": "[255]", "N-N": "[128]", "0-7:1/2": "[85]", "0-7:2/4": "[51]",
		"1-7:1/3": "[146]", "all:1/2": "[85]", "0 2\t4": "[21]", "0, 2,,\n": "[5]", "3": "[8]", "0-3:2/2": "[15]", "0-3:0/1": "[]",
	} {
		l, err := ParseKernel(text, 7)
		if err != nil || fmt.Sprintf("%d", l.Bytes()) != want {
			t.Errorf("%q: %v, %v, want %s", text, l.Bytes(), err, want)
		}
	}
	for text, want := range map[string]string{
		"3:1/2": `bad part "3:1/2": a pattern is for a range`, "0-3:3/2": "a pattern is USED/GROUP", "0-3:1/0": "a pattern is USED/GROUP",
		"0-3:1": `"" is not a number`, "n": `"n" is not a number`, "alle": `"alle" is not a number`, "3-1": "the range runs backwards",
		"0-3:": `"" is not a number`, "-": `"" is not a number`, "0-70000": "70000 is above 65535", "all-3": `"all" is not a number`,
	} {
		if l, err := ParseKernel(text, 7); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, want an error with %s", text, l, err, want)
		}
	}
}

func TestLast(t *testing.T) {
	if v, err := Last("0-3,8\n"); v != 8 || err != nil {
		t.Errorf("%d, %v", v, err)
	}
	for _, text := range []string{"", "x"} {
		if v, err := Last(text); err == nil {
			t.Errorf("%q: %d", text, v)
		}
	}
}
