package caddymodule

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/postern-gateway/postern/rules"
)

type explainFlags struct {
	files                            []string
	dir, as, in, action, method, at  string
	url, user, space, content, group string
	base                             string
	identity                         map[string]string
	json, flip                       bool
}

func explainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain --rules PATH --directory FILE --as WHO (--url URL | --user U | --space S | --content ID | --group G)",
		Short: "Says what a viewer may see, and why",
		Long: `Prints the verdict, every step that led to it with the rule's file and line, and
the smallest change of assignments that would turn it, tried on a changed policy
before it is told.

WHO is anonymous, a username or e-mail of the directory (whose e-mail and groups
then count as verified claims), PROVIDER/SUB, another e-mail, or claims such as
'{email: x@acme.example, provider: acme-idp, groups: [partners]}'.`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.files, "rules", nil, "policy file or glob; may be repeated")
	flags.StringVar(&f.dir, "directory", "", "directory snapshot")
	flags.StringVar(&f.as, "as", "", "who looks")
	flags.StringVar(&f.url, "url", "", "a URL of the wiki, or its path and query; may begin with a method")
	flags.StringVar(&f.user, "user", "", "a username, e-mail, key or full name")
	flags.StringVar(&f.space, "space", "", "a space's key, name or id")
	flags.StringVar(&f.content, "content", "", "a content id, SPACE/Title, or a title with --in")
	flags.StringVar(&f.group, "group", "", "a group: NAME of the wiki, or SOURCE/NAME")
	flags.StringVar(&f.in, "in", "", "space in whose context it is looked at; default: global")
	flags.StringVar(&f.action, "action", "", "view (default), search, comment, mention, write, restrict, assign")
	flags.StringVar(&f.method, "method", "", "method of --url; default GET")
	flags.StringVar(&f.base, "base", "", "the wiki's own address: its context path is taken off --url")
	flags.StringVar(&f.at, "at", "", "time of the decision, RFC 3339 or a date; default now")
	flags.StringToStringVar(&f.identity, "identity", nil, "how a kind of viewer is known to the wiki, such as internal=service; default internal=header, all others service")
	flags.BoolVar(&f.flip, "flip", true, "look for the change of assignments that turns the verdict")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	cmd.RunE = run(func(cmd *cobra.Command, _ []string) error { return f.explain(cmd.OutOrStdout()) })
	return cmd
}

func (f *explainFlags) explain(out io.Writer) error {
	view, err := f.view()
	if err != nil {
		return err
	}
	ask := view.Explain
	if f.flip {
		ask = view.ExplainFlip
	}
	q := rules.Question{
		User: f.user, Group: f.group, Space: f.space, Content: f.content, URL: f.url,
		In: f.in, Action: rules.Action(f.action), Method: f.method,
	}
	if f.base != "" && f.url != "" {
		base, err := parseBase("--base", f.base)
		if err != nil {
			return err
		}
		q.URL = withoutContextPath(f.url, strings.TrimSuffix(base.EscapedPath(), "/"))
	}
	e, err := ask(q)
	if err != nil {
		return err //nolint:wrapcheck // says what failed
	}
	if f.json {
		return printJSON(out, e)
	}
	printExplanation(out, &e)
	return nil
}

// view makes the viewer's view of what the flags name.
func (f *explainFlags) view() (*rules.View, error) {
	p, err := loadPolicy(f.files)
	if err != nil {
		return nil, err
	}
	facts, err := factsFrom(f.dir, p)
	if err != nil {
		return nil, err
	}
	when := time.Now()
	if f.at != "" {
		if when, err = rules.ParseAt(f.at, p.Location()); err != nil {
			return nil, fmt.Errorf("--at: %w", err)
		}
	}
	viewer, err := rules.ViewerFor(p, facts, f.as)
	if err != nil {
		return nil, err //nolint:wrapcheck // says what failed
	}
	o, err := rules.IdentityOptions(f.identity)
	if err != nil {
		return nil, fmt.Errorf("--identity: %w", err)
	}
	e, err := rules.Bind(p, facts, o)
	if err != nil {
		return nil, err //nolint:wrapcheck // says what failed
	}
	return e.View(viewer, when), nil
}

// withoutContextPath takes the wiki's context path off a URL's path.
func withoutContextPath(raw, context string) string {
	start := 0
	if i := strings.Index(raw, "://"); i >= 0 {
		start = i + 3 + max(0, strings.IndexByte(raw[i+3:], '/'))
	} else if i := strings.IndexByte(raw, '/'); i > 0 {
		start = i // behind a method
	}
	rest, ok := strings.CutPrefix(raw[start:], context)
	if !ok || rest != "" && rest[0] != '/' && rest[0] != '?' && rest[0] != '#' {
		return raw
	}
	if rest == "" || rest[0] != '/' {
		rest = "/" + rest
	}
	return raw[:start] + rest
}

func printJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v) //nolint:wrapcheck // standard output
}

// printExplanation prints a verdict, how a URL was read, the chain of reasons
// and the flip, for people.
func printExplanation(out io.Writer, e *rules.Explanation) {
	fmt.Fprintf(out, "%s: %s%s\n", e.Verdict, e.Reason, at(e.Rule))
	who := e.Kind
	if e.Role != "" {
		who += ", role here: " + e.Role
	}
	parts := append([]rules.Part{{What: "viewer is", Reason: who}}, urlParts(e.URL)...)
	printParts(out, append(parts, e.Parts...), "  ")
	if e.Flip != nil {
		fmt.Fprintf(out, "to turn it: %s\n", e.Flip.Text)
	}
}

// urlParts are the lines that say how a URL was read.
func urlParts(u *rules.URLReading) []rules.Part {
	if u == nil {
		return nil
	}
	parts := []rules.Part{{What: "answer", Reason: fmt.Sprintf("%d, %s", u.Status, u.Answer)}}
	if u.Canonical == "" {
		return parts
	}
	parts = append(parts, rules.Part{What: "to the wiki", Reason: u.Method + " " + u.Canonical})
	if u.Form != "" {
		parts = append(parts, rules.Part{What: "form", Reason: u.Form})
	}
	if u.Space != "" {
		parts = append(parts, rules.Part{What: "context", Reason: "space " + u.Space})
	}
	for _, s := range u.Subjects {
		entity := s.Entity
		if entity == "" {
			entity = "not known"
		}
		parts = append(parts, rules.Part{What: "names in " + s.Param, Verdict: s.Verdict, Reason: s.Given + " = " + entity})
	}
	return parts
}

// maxLabel is the width up to which the names of steps are aligned.
const maxLabel = 26

// printParts prints steps one a line, their names aligned, inner ones further
// in.
func printParts(out io.Writer, parts []rules.Part, indent string) {
	width := 0
	for i := range parts {
		if n := utf8.RuneCountInString(parts[i].What); n <= maxLabel {
			width = max(width, n)
		}
	}
	for i := range parts {
		p := &parts[i]
		verdict := ""
		if p.Verdict != "" {
			verdict = p.Verdict + ": "
		}
		pad := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(p.What)))
		fmt.Fprintf(out, "%s%s%s  %s%s%s\n", indent, p.What, pad, verdict, p.Reason, at(p.Rule))
		printParts(out, p.Parts, indent+"    ")
	}
}

func at(s *rules.Source) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf(" (%s:%d)", s.File, s.Line)
}
