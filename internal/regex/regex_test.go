package regex

import "testing"

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		expression, text string
		want             bool
	}{
		{"web", "my-web-1", true}, {"^web", "my-web-1", false}, {"^web-[0-9]+$", "web-12", true}, {"^web-[0-9]+$", "web-1a", false},
		{"^(a|b)$", "b", true}, {"a{2}", "baab", true}, {"[[:digit:]]", "abc", false}, {"", "any", true},
	} {
		p, err := Compile(c.expression)
		if err != nil {
			t.Fatalf("%q: %v", c.expression, err)
		}
		if got := p.Match(c.text); got != c.want {
			t.Errorf("%q matches %q: %v", c.expression, c.text, got)
		}
		p.Free()
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, expression := range []string{"web-[", "(", "a{2"} {
		if _, err := Compile(expression); err == nil || err.Error() == "" {
			t.Errorf("%q: %v", expression, err)
		}
	}
}
