package caddymodule

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/postern-gateway/postern/rules"
)

// directoryFlags are what commands need to bind a policy to a directory.
type directoryFlags struct {
	dir, at  string
	identity map[string]string
}

func (f *directoryFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.dir, "directory", "", "directory snapshot")
	flags.StringVar(&f.at, "at", "", "the moment to look at, RFC 3339 or a date; default now")
	flags.StringToStringVar(&f.identity, "identity", nil, "how a kind of viewer is known to the wiki, such as internal=service; default internal=header, all others service")
}

var errNoDirectory = errors.New("name a directory snapshot with --directory")

func (f *directoryFlags) bind(p *rules.Policy, facts rules.Facts) (*rules.Engine, error) {
	o, err := rules.IdentityOptions(f.identity)
	if err != nil {
		return nil, fmt.Errorf("--identity: %w", err)
	}
	return rules.Bind(p, facts, o) //nolint:wrapcheck // says what failed
}

// when is the moment to look at: now, if none was given.
func (f *directoryFlags) when(zone *time.Location) (time.Time, error) {
	if f.at == "" {
		return time.Now(), nil
	}
	t, err := rules.ParseAt(f.at, zone)
	if err != nil {
		return t, fmt.Errorf("--at: %w", err)
	}
	return t, nil
}

type accessFlags struct {
	directoryFlags
	files  []string
	query  rules.AccessQuery
	format string
}

func accessCommand() *cobra.Command {
	var f accessFlags
	cmd := &cobra.Command{
		Use:   "access --rules PATH --directory FILE [--as WHO | --space S | --group G] [--at TIME] [--format table|json|csv]",
		Short: "Lists who sees which spaces and pages, by which rule, until when",
		Long: `Lists who sees which spaces and pages: in what role, by which rule (file:line),
until when, and why. Every live rule is a row of its own; the one that counts is
marked (* behind the role, "effective" in JSON and CSV).

Without a selector: everybody in the directory, by name, and then whom rules
cover although the directory does not know them yet: addresses, identities, and
"anybody of" a domain or of a provider's group. Internals have one row, and one
for each assignment. With --as one viewer, who may be unknown to the directory
too (see "explain --help"). With --space who is assigned to it or to pages of
it, who sees it otherwise, and how many of its pages which line hides. With
--group what the group is assigned to, and who is in it.

JSON is an array of objects, all with the same keys as the columns of CSV; they
are described at rules.AccessRow. In CSV (RFC 4180, with a header) a cell that a
spreadsheet would take for a formula, beginning with = + - @, a tab or a
carriage return, has an apostrophe put before it.`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.files, "rules", nil, "policy file, folder or glob; may be repeated")
	flags.StringVar(&f.query.As, "as", "", "only this viewer")
	flags.StringVar(&f.query.Space, "space", "", "only this space: its key, name or id")
	flags.StringVar(&f.query.Group, "group", "", "only this group: NAME of the wiki, or SOURCE/NAME")
	flags.StringVar(&f.format, "format", "table", "table, json or csv")
	f.directoryFlags.add(cmd)
	cmd.RunE = run(func(cmd *cobra.Command, _ []string) error { return f.access(cmd.OutOrStdout()) })
	return cmd
}

func (f *accessFlags) access(out io.Writer) error {
	write, ok := map[string]func(io.Writer, iter.Seq[rules.AccessRow]) error{"table": accessTable, "json": accessJSON, "csv": accessCSV}[f.format]
	if !ok {
		return fmt.Errorf("--format: %q is none of table, json, csv", f.format)
	}
	p, err := loadPolicy(f.files)
	if err != nil {
		return err
	}
	if f.dir == "" {
		return errNoDirectory
	}
	facts, err := factsFrom(f.dir, p)
	if err != nil {
		return err
	}
	now, err := f.when(p.Location())
	if err != nil {
		return err
	}
	e, err := f.bind(p, facts)
	if err != nil {
		return err
	}
	rows, err := e.Access(f.query, now)
	if err != nil {
		return err //nolint:wrapcheck // says what failed
	}
	buffered := bufio.NewWriter(out)
	if err := write(buffered, rows); err != nil {
		return err
	}
	return buffered.Flush() //nolint:wrapcheck // standard output
}

// tableChunk is how many rows are aligned with one another: a table is written
// as it is made, however many people there are.
const tableChunk = 1000

func accessTable(out io.Writer, rows iter.Seq[rules.AccessRow]) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PERSON\tKIND\tWHAT\tROLE\tRULE\tUNTIL\tWHY\tNOTE")
	n := 0
	for r := range rows {
		role, rule := r.Role, ""
		if r.Effective && role != "" {
			role += "*"
		}
		if r.Rule != nil {
			rule = fmt.Sprintf("%s:%d", r.Rule.File, r.Rule.Line)
		}
		cells := []string{
			r.Person, withRemark(r.Kind, r.State), accessWhat(&r), role, rule, r.Until, strings.TrimSpace(r.Why + " " + r.By), accessNote(&r),
		}
		for i, c := range cells {
			if cells[i] = oneLine(c); c == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
		if n++; n%tableChunk == 0 {
			if err := w.Flush(); err != nil {
				return err //nolint:wrapcheck // standard output
			}
		}
	}
	return w.Flush() //nolint:wrapcheck // standard output
}

func withRemark(s, remark string) string {
	if remark == "" {
		return s
	}
	return strings.TrimSpace(s + " (" + remark + ")")
}

// oneLine keeps a name from looking like more rows or columns than it is.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

func accessWhat(r *rules.AccessRow) string {
	switch r.What {
	case "space":
		return "space " + r.Space
	case "page":
		s := "page " + r.Page
		if r.Title != "" {
			s += " " + r.Space + "/" + r.Title
		}
		if r.Subtree {
			s += " (subtree)"
		}
		return s
	}
	return r.What
}

func accessNote(r *rules.AccessRow) string {
	note := r.Note
	if r.What == "hidden" {
		return count(r.Count, "page", "pages")
	}
	if r.Count > 0 {
		note = strings.TrimSuffix(count(r.Count, "person", "people")+"; "+note, "; ")
	}
	if r.Sees == "hidden" {
		note = "hidden all the same: " + note
	}
	return note
}

// accessJSON writes an array, one object a line.
func accessJSON(out io.Writer, rows iter.Seq[rules.AccessRow]) error {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	sep := "[\n"
	for r := range rows {
		line.Reset()
		if err := enc.Encode(r); err != nil {
			return err //nolint:wrapcheck // can't fail
		}
		if _, err := fmt.Fprintf(out, "%s  %s", sep, bytes.TrimRight(line.Bytes(), "\n")); err != nil {
			return err //nolint:wrapcheck // standard output
		}
		sep = ",\n"
	}
	if sep == "[\n" {
		_, err := fmt.Fprintln(out, "[]")
		return err //nolint:wrapcheck // standard output
	}
	_, err := fmt.Fprint(out, "\n]\n")
	return err //nolint:wrapcheck // standard output
}

func accessCSV(out io.Writer, rows iter.Seq[rules.AccessRow]) error {
	w := csv.NewWriter(out)
	w.UseCRLF = true // RFC 4180
	header := []string{
		"person", "kind", "state", "what", "space", "page", "title", "subtree", "role", "effective",
		"rule", "until", "why", "by", "sees", "note", "count",
	}
	if err := w.Write(header); err != nil {
		return err //nolint:wrapcheck // standard output
	}
	for r := range rows {
		rule := ""
		if r.Rule != nil {
			rule = fmt.Sprintf("%s:%d", r.Rule.File, r.Rule.Line)
		}
		cells := []string{
			r.Person, r.Kind, r.State, r.What, r.Space, r.Page, r.Title, strconv.FormatBool(r.Subtree), r.Role, strconv.FormatBool(r.Effective),
			rule, r.Until, r.Why, r.By, r.Sees, r.Note, strconv.Itoa(r.Count),
		}
		for i := range cells {
			cells[i] = noFormula(cells[i])
		}
		if err := w.Write(cells); err != nil {
			return err //nolint:wrapcheck // standard output
		}
	}
	w.Flush()
	return w.Error() //nolint:wrapcheck // standard output
}

// noFormula keeps spreadsheets from running what the wiki's users wrote into
// titles and names (CWE-1236).
func noFormula(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
