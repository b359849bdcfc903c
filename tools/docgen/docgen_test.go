package docgen

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v3"
)

func program() *cli.Command {
	return &cli.Command{
		Name: "prog", Usage: "a program\n\nIt does things.",
		Flags: []cli.Flag{&cli.StringFlag{Name: "log-format", Value: "text", Usage: "the format"}},
		Commands: []*cli.Command{{
			Name: "kill", Usage: "it's the end", ArgsUsage: "<container-id> [signal]\n\nMore of it.",
			Description: ".dot first\n\n  kept -as it is\nnot kept",
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Hidden: true, Usage: "hidden"},
				&cli.StringSliceFlag{Name: "env", Aliases: []string{"e"}, Usage: "set [one]: and 'more'"},
			},
		}},
	}
}

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("no %q in:\n%s", p, text)
		}
	}
}

func TestPages(t *testing.T) {
	root := program()
	page := CommandPage(root, root.Commands[0], []Example{{"End it:", "prog kill --all x"}})
	contains(t, page, ".TH PROG\\-KILL 8", "prog\\-kill \\- it's the end", `\fB\-\-env\fR \fIstring\fR, \fB\-e\fR \fIstring\fR`,
		"May be given more than once", ".nf\n  kept \\-as it is\n.fi", "\n\\&.dot first\n", "More of it.", ".SH EXAMPLES\nEnd it:\n.PP\n.nf\n.RS\nprog kill \\-\\-all x\n.RE\n.fi\n.SH SEE ALSO")
	if strings.Contains(page, "hidden") {
		t.Error("the page tells of a hidden flag")
	}
	contains(t, RootPage(root), "It does things.", `.BR prog\-kill (8)`, `\fB\-\-log\-format\fR`, "Default: text.")
}

func TestCompletions(t *testing.T) {
	root := program()
	contains(t, Bash(root), "kill) echo '--env -e --help -h --log-format'", ":--log-format) compgen -W 'text json'", "kill:--log-format) compgen -W 'text json'",
		`kill:1) compgen -W "$(_prog_containers)"`, "kill:2) compgen -W 'TERM")
	contains(t, Zsh(root), `'*--env[set \[one\]\: and '\''more'\'']:string: '`, `'kill:it'\''s the end'`)
	contains(t, Fish(root), `-l env -s e -x -d 'set [one]: and \'more\''`, `-a kill -d 'it\'s the end'`)
}

func TestWriteRemovesPagesOfCommandsThatAreGone(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "man"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "man", "prog-gone.8"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(program(), nil, dir); err != nil {
		t.Fatal(err)
	}
	pages, _ := filepath.Glob(filepath.Join(dir, "man", "*.8"))
	if len(pages) != 2 {
		t.Errorf("pages: %v", pages)
	}
}
