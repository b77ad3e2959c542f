package caddymodule

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/rules"
)

type diffFlags struct {
	directoryFlags
	limit          int
	json, exitCode bool
}

func diffCommand() *cobra.Command {
	var f diffFlags
	cmd := &cobra.Command{
		Use:   "diff OLD NEW --directory FILE [--limit N] [--at TIME] [--json] [--exit-code]",
		Short: "Says who gains and who loses sight of what",
		Long: `Compares two policies, each a file, a folder or a glob, over one directory at one
moment: exactly who becomes internal, external, none or suspended, who gains and
who loses sight of which users (in the global context: directories, search,
profiles), spaces and content, and whose role changes in which space or on which
shared page. Who gains a space as reader is among spaces, and not among roles.

Viewers are everybody in the directory, the anonymous viewer, and whom the rules
cover without the directory's knowing: addresses and identities, and one person
for each e-mail domain and each provider's group ("anybody of ..."), who has
nothing besides.

First come counts, then names: viewers with the very same change are a group,
and each list is cut after --limit names. The JSON form is described at
rules.Difference. Exits 0 whether there are differences or not; with --exit-code
1 if there are any.`,
		Args: cobra.ExactArgs(2),
	}
	flags := cmd.Flags()
	flags.IntVar(&f.limit, "limit", 20, "how many names a list has at most; 0: all")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	flags.BoolVar(&f.exitCode, "exit-code", false, "exit 1 if there are differences")
	f.directoryFlags.add(cmd)
	cmd.RunE = run(func(cmd *cobra.Command, args []string) error {
		d, err := f.compare(args[0], args[1])
		if err != nil {
			return err
		}
		if f.json {
			err = printJSON(cmd.OutOrStdout(), d)
		} else {
			printDifference(cmd.OutOrStdout(), d)
		}
		if err == nil && f.exitCode && !d.Empty() {
			err = errFailed
		}
		return err
	})
	return cmd
}

func (f *diffFlags) compare(from, to string) (*rules.Difference, error) {
	if f.limit < 0 {
		return nil, fmt.Errorf("--limit: %d is less than nothing", f.limit)
	}
	if f.dir == "" {
		return nil, errNoDirectory
	}
	d, err := readDirectory(f.dir)
	if err != nil {
		return nil, err
	}
	var engines [2]*rules.Engine
	var now time.Time
	for i, name := range []string{from, to} {
		p, err := loadPolicy([]string{name})
		if err != nil {
			return nil, err
		}
		facts, err := directory.NewGeneration(d, directory.OptionsFor(p.Profile))
		if err != nil {
			return nil, fmt.Errorf("loading the directory file %s: %w", f.dir, err)
		}
		if i == 0 {
			if now, err = f.when(p.Location()); err != nil {
				return nil, err
			}
		}
		if engines[i], err = f.bind(p, facts); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return rules.Compare(engines[0], engines[1], now, f.limit) //nolint:wrapcheck // says what failed
}

// printDifference prints counts, then names.
func printDifference(out io.Writer, d *rules.Difference) {
	if d.Empty() {
		fmt.Fprintf(out, "no difference for %d viewers at %s\n", d.Viewers, d.At.Format(time.RFC3339))
		return
	}
	kinds := []struct {
		one, many string
		c         *rules.SightChange
	}{{"user", "users", &d.Users}, {"space", "spaces", &d.Spaces}, {"page", "pages", &d.Content}}
	fmt.Fprintf(out, "%d viewers compared at %s\n", d.Viewers, d.At.Format(time.RFC3339))
	fmt.Fprintf(out, "%s of another kind\n", count(d.Kinds.Viewers, "viewer becomes", "viewers become"))
	for _, k := range kinds {
		for _, dir := range []struct {
			verb string
			l    *rules.SightList
		}{{"gain", &k.c.Gained}, {"lose", &k.c.Lost}} {
			fmt.Fprintf(out, "%s sight of %s (%d pairs)\n",
				count(dir.l.Viewers, "viewer "+dir.verb+"s", "viewers "+dir.verb), count(dir.l.Entities, k.one, k.many), dir.l.Pairs)
		}
	}
	fmt.Fprintf(out, "%s role\n", count(d.Roles.Viewers, "viewer changes", "viewers change"))
	printChanges(out, "kinds", &d.Kinds)
	for _, k := range kinds {
		printSight(out, k.many+" gained", "+", &k.c.Gained)
		printSight(out, k.many+" lost", "-", &k.c.Lost)
	}
	printChanges(out, "roles", &d.Roles)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func printSight(out io.Writer, title, sign string, l *rules.SightList) {
	if l.Viewers == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s:\n", title)
	for _, g := range l.Changes {
		fmt.Fprintf(out, "  %s: %s %s\n", names(g.Who, g.Viewers), sign, names(g.What, g.Entities))
	}
	more(out, l.Groups-len(l.Changes))
}

func printChanges(out io.Writer, title string, l *rules.ChangeList) {
	if l.Viewers == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s:\n", title)
	for _, c := range l.Changes {
		what := c.From + " -> " + c.To
		if c.What != "" {
			what = oneLine(c.What) + ", " + what
		}
		fmt.Fprintf(out, "  %s: %s\n", names(c.Who, c.Viewers), what)
	}
	more(out, l.Total-len(l.Changes))
}

func more(out io.Writer, n int) {
	if n > 0 {
		fmt.Fprintf(out, "  and %d more\n", n)
	}
}

// names joins names, and says how many were cut off.
func names(list []string, n int) string {
	shown := make([]string, len(list))
	for i, s := range list {
		shown[i] = oneLine(s)
	}
	s := strings.Join(shown, ", ")
	if n > len(list) {
		s += fmt.Sprintf(" and %d more", n-len(list))
	}
	return s
}
