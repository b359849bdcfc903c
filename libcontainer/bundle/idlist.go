package bundle

import (
	"strconv"
	"strings"
)

// idListMax is far above any machine's number of CPUs or nodes: a typing error
// must not become a mask of gigabytes.
const idListMax = 64 * 1024

// checkIDList wants a list of CPUs or memory nodes as in cpuset(7), "List
// format": "0-3,5". An empty list is no list.
func checkIDList(field, list string) error {
	if list == "" {
		return nil
	}
	for part := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		low, high, isRange := strings.Cut(part, "-")
		if !isRange {
			high = low
		}
		l, errLow := strconv.ParseUint(low, 10, 32)
		h, errHigh := strconv.ParseUint(high, 10, 32)
		if errLow != nil || errHigh != nil || l > h || h > idListMax {
			return fail(field, "%q is not a list such as 0-3,5: bad part %q", list, part)
		}
	}
	return nil
}

// countIDs is the number of ids in a list; what is no list counts as none.
func countIDs(list string) (n int) {
	if checkIDList("", list) != nil || list == "" {
		return 0
	}
	for part := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		low, high, isRange := strings.Cut(part, "-")
		n++
		if isRange {
			first, _ := strconv.Atoi(low)
			last, _ := strconv.Atoi(high)
			n += last - first
		}
	}
	return n
}
