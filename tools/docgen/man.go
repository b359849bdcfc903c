package docgen

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"
)

// RootPage returns the page of the program, in roff (man(7)).
func RootPage(root *cli.Command) string {
	p := newPage(root.Name)
	p.section("NAME")
	p.text(root.Name + ` \- ` + escape(firstLine(root.Usage)))
	p.section("SYNOPSIS")
	p.line(".B " + root.Name)
	p.text("[global options] command [options] [arguments]")
	p.section("DESCRIPTION")
	_, description, _ := strings.Cut(root.Usage, "\n")
	p.paragraphs(description)
	p.section("COMMANDS")
	for _, c := range root.Commands {
		p.item(`\fB` + escape(c.Name) + `\fR`)
		p.text(escape(c.Usage) + ". See")
		p.line(`.BR ` + escape(pageName(root, c)) + " (8).")
	}
	p.section("GLOBAL OPTIONS")
	p.text("They stand before the command or behind it.")
	p.flags(globalFlags(root))
	p.section("EXIT STATUS")
	p.paragraphs("0 on success, 1 on an error, 3 for a command that there is not. \"run\" and \"exec\" end with the status of the container's\n" +
		"process, or with 128 and the number of the signal that killed it; with 255 where the program could not be executed by \"run\", or\n" +
		"where \"exec\" failed.")
	p.section("FILES")
	p.item("/run/" + escape(root.Name))
	p.text("State of containers, unless told otherwise by")
	p.line(`.BR \-\-root ,`)
	p.text("or by $XDG_RUNTIME_DIR where the user is not root.")
	p.section("ENVIRONMENT")
	p.item("NOTIFY_SOCKET")
	p.text("A service manager is told that the container is ready, see sd_notify(3).")
	p.item("LISTEN_FDS, LISTEN_PID")
	p.text("Sockets of a service manager are passed to the process of create and run, see sd_listen_fds(3).")
	p.section("SEE ALSO")
	p.text(escape("The OCI runtime specification, https://github.com/opencontainers/runtime-spec"))
	return p.String()
}

// CommandPage returns the page of one command.
func CommandPage(root, c *cli.Command, examples []Example) string {
	p := newPage(pageName(root, c))
	p.section("NAME")
	p.text(escape(pageName(root, c)) + ` \- ` + escape(c.Usage))
	p.section("SYNOPSIS")
	p.line(fmt.Sprintf(".B %s %s", root.Name, c.Name))
	p.text(strings.TrimSpace("[options] " + escape(arguments(c))))
	if _, more, ok := strings.Cut(c.ArgsUsage, "\n"); ok {
		p.line(".PP")
		p.paragraphs(more)
	}
	if c.Description != "" {
		p.section("DESCRIPTION")
		p.paragraphs(c.Description)
	}
	p.section("OPTIONS")
	p.flags(flagsOf(c))
	p.line(".PP")
	p.text("Global options may stand here too.")
	p.examples(examples)
	p.section("SEE ALSO")
	p.line(".BR " + root.Name + " (8)")
	return p.String()
}

// examples writes what each command line does, and below it the line.
func (p *page) examples(list []Example) {
	if len(list) == 0 {
		return
	}
	p.section("EXAMPLES")
	for i, e := range list {
		if i > 0 {
			p.line(".PP")
		}
		p.text(escape(e.Text))
		p.line(".PP\n.nf\n.RS")
		p.text(escape(e.Line))
		p.line(".RE\n.fi")
	}
}

type page struct{ strings.Builder }

func newPage(name string) *page {
	p := &page{}
	p.line(`.\" Made of the command's definition by "make generate".`)
	p.line(fmt.Sprintf(`.TH %s 8 "" "" "System Manager's Manual"`, strings.ToUpper(escape(name))))
	return p
}

func (p *page) line(text string) { p.WriteString(text + "\n") }

func (p *page) section(name string) { p.line(".SH " + name) }

func (p *page) item(text string) {
	p.line(".TP")
	p.line(text)
}

// text writes a line of running text. It escapes a dot or a quote at the start, which would be a request of roff.
func (p *page) text(text string) {
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	p.line(text)
}

// paragraphs writes paragraphs, which empty lines separate. It does not fill indented lines.
func (p *page) paragraphs(text string) {
	kept, gap := false, false
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		indented := strings.HasPrefix(line, "  ") || line == "{" || line == "}"
		switch {
		case line == "":
			gap = !kept
			if kept {
				p.line("")
			}
			continue
		case indented && !kept:
			p.line(".PP\n.nf")
		case !indented && kept:
			p.line(".fi\n.PP")
		case gap:
			p.line(".PP")
		}
		kept, gap = indented, false
		p.text(escape(line))
	}
	if kept {
		p.line(".fi")
	}
}

func (p *page) flags(list []flag) {
	for _, f := range list {
		var names []string
		for _, name := range f.names {
			text := `\fB` + escape(dashed(name)) + `\fR`
			if f.value != "" {
				text += ` \fI` + f.value + `\fR`
			}
			names = append(names, text)
		}
		p.item(strings.Join(names, ", "))
		p.line(".RS")
		p.paragraphs(f.usage)
		p.line(".RE")
		p.notes(f)
	}
}

func (p *page) notes(f flag) {
	if f.initial != "" {
		p.line(".RS\nDefault: " + escape(f.initial) + ".\n.RE")
	}
	if f.repeat {
		p.line(".RS\nMay be given more than once.\n.RE")
	}
}

// escape escapes characters that have a meaning in roff.
func escape(text string) string {
	return strings.NewReplacer(`\`, `\e`, `-`, `\-`).Replace(text)
}
