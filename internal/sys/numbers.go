package sys

import "strconv"

func itoa(n int) string { return strconv.Itoa(n) }

func parseUint(s string) (uint64, error) { return strconv.ParseUint(s, 10, 64) }
