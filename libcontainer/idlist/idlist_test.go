package idlist

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseList(t *testing.T) {
	for text, want := range map[string][]uint16{
		"": nil, " , ,": nil, "0": {0}, "0-2,7": {0, 1, 2, 7}, "1024-1025\n": {1024, 1025}, " 3, 1-2,,": {3, 1, 2}, "5-5,5": {5, 5},
		"65535": {65535}, "65534-65535": {65534, 65535},
	} {
		l, err := Parse(text)
		if err != nil || !reflect.DeepEqual(l.IDs(), want) || l.Count() != len(want) {
			t.Errorf("%q: %v, %d ids, %v, want %v", text, l.IDs(), l.Count(), err, want)
		}
	}
	for text, want := range map[string]string{
		"3-1": `bad part "3-1": the range runs backwards`, "0,x": `bad part "x": "x" is not a number`, "1-": `bad part "1-": "" is not a number`,
		"-1": `bad part "-1": "" is not a number`, "0-65536": `bad part "0-65536": 65536 is above 65535`, "1 - 2": `"1 " is not a number`,
		"0-99999999999999999999": "is above 65535", "1-2-3": `"2-3" is not a number`, "+1": `"+1" is not a number`, "0 1": `"0 1" is not a number`,
	} {
		if l, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, want an error with %s", text, l, err, want)
		}
	}
}

func TestMasks(t *testing.T) {
	l, err := Parse("65,0,8-9")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := l.Bytes(), []byte{1, 3, 0, 0, 0, 0, 0, 0, 2}; !reflect.DeepEqual(got, want) {
		t.Errorf("bytes %v, want %v", got, want)
	}
	if got, want := l.Words(), []uint64{0x301, 2}; !reflect.DeepEqual(got, want) {
		t.Errorf("words %v, want %v", got, want)
	}
	var none List
	if none.Bytes() != nil || none.Words() != nil {
		t.Errorf("masks of nothing: %v, %v", none.Bytes(), none.Words())
	}
}

// The mask of a list that repeats a wide range takes no more memory than that of one range.
func TestRepeatedRange(t *testing.T) {
	l, err := Parse(strings.Repeat("0-65535,", 200))
	if err != nil {
		t.Fatal(err)
	}
	cost := testing.Benchmark(func(b *testing.B) {
		for range b.N {
			l.Bytes()
		}
	})
	if n := cost.AllocedBytesPerOp(); n > 1<<17 {
		t.Errorf("a mask of 8 KiB took %d bytes", n)
	}
}
