package launch

import (
	"strings"
	"testing"
)

func TestCheckMark(t *testing.T) {
	const wanted = "amd64 0x00c0ffee"
	for name, c := range map[string]struct{ image, says string }{
		"its own":            {"\x7fELF..rung stage amd64 0x00c0ffee\x00..", ""},
		"of other sources":   {"\x7fELF..rung stage amd64 0x12345678\x00..", "it is amd64 0x12345678, and not amd64 0x00c0ffee"},
		"of another machine": {"\x7fELF..rung stage arm64 0x00c0ffee\x00..", "it is arm64 0x00c0ffee, and not amd64 0x00c0ffee"},
		"without a mark":     {"\x7fELF", "it is unknown"},
		"cut short":          {"\x7fELF..rung stage amd64 0x00c0ff", "it is amd64 0x00c0ff,"},
	} {
		err := checkMark([]byte(c.image), wanted)
		if c.says == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v does not say %q", name, err, c.says)
		}
	}
}
