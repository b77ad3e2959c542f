package caddymodule

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"golang.org/x/tools/txtar"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/caddymodule/replay"
	"github.com/postern-gateway/postern/caddymodule/upstream"
	"github.com/postern-gateway/postern/rules"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "postern",
		Usage: "<command>",
		Short: "Checks, explains and tries out Postern's rules",
		Long: `Postern's own commands. In the binary "postern" the word may be left out:
"postern check" is "caddy postern check".`,
		CobraFunc: func(cmd *cobra.Command) {
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			cmd.AddCommand(children()...)
		},
	})
}

// Args lets our own binary leave out the word "postern" before its commands:
// it returns the arguments with the word put in.
func Args(args []string) []string {
	if len(args) < 2 {
		return args
	}
	for _, c := range children() {
		if c.Name() == args[1] {
			return slices.Insert(slices.Clone(args), 1, "postern")
		}
	}
	return args
}

func children() []*cobra.Command {
	return []*cobra.Command{demoCommand(), checkCommand(), explainCommand(), testCommand(), routesCommand(), replayCommand(), snapshotCommand()}
}

// errFailed is an exit with status 1 whose message has been printed.
var errFailed = errors.New("failed")

// run makes a cobra RunE that prints errors once and plainly.
func run(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		cmd.SilenceUsage, cmd.SilenceErrors = true, true
		err := f(cmd, args)
		if err == nil {
			return nil
		}
		if !errors.Is(err, errFailed) {
			fmt.Fprintln(cmd.ErrOrStderr(), err)
		}
		return err // Caddy's main exits with status 1
	}
}

func checkCommand() *cobra.Command {
	var files []string
	var dir string
	cmd := &cobra.Command{
		Use:   "check [--rules PATH]... [--directory FILE]",
		Short: "Checks rule files",
		Long: `Checks rule files and the profile that they name. Prints one line
"file:line:col: message" for each fault and exits 1 if there is any. With a
directory it also finds rules that name nobody, and people in no class.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringArrayVar(&files, "rules", nil, "policy file or glob; may be repeated")
	cmd.Flags().StringVar(&dir, "directory", "", "directory snapshot")
	cmd.RunE = run(func(cmd *cobra.Command, _ []string) error {
		if len(files) == 0 {
			return errors.New("name at least one policy file with --rules")
		}
		p, err := rules.LoadPolicy(files...)
		if err != nil {
			return err //nolint:wrapcheck // lines of file:line:col: message
		}
		if dir != "" {
			facts, err := factsFrom(dir, p)
			if err != nil {
				return err
			}
			if warnings := p.Check(facts); len(warnings) > 0 {
				return warnings
			}
		}
		fmt.Fprintf(cmd.OutOrStdout(), "ok: policy %s, profile %s\n", p.Digest(), p.Profile.Name)
		return nil
	})
	return cmd
}

// factsFrom reads a directory file for a policy's wiki.
func factsFrom(file string, p *rules.Policy) (rules.Facts, error) {
	d, err := readDirectory(file)
	if err != nil {
		return nil, err
	}
	g, err := directory.NewGeneration(d, directory.OptionsFor(p.Profile))
	if err != nil {
		return nil, fmt.Errorf("loading the directory file %s: %w", file, err)
	}
	return g, nil
}

func routesCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "routes --profile NAME|FILE",
		Short: "Prints the route table that a profile makes",
		Args:  cobra.NoArgs,
	}
	cmd.Flags().StringVar(&name, "profile", "", "shipped profile's name, or a file")
	cmd.RunE = run(func(cmd *cobra.Command, _ []string) error {
		if name == "" {
			return errors.New("name a profile with --profile")
		}
		p, err := rules.LoadProfile(name)
		if err != nil {
			return err //nolint:wrapcheck // lines of file:line:col: message
		}
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "METHODS\tPATTERN\tCLASS\tACTION\tSUBJECTS")
		for _, r := range p.RouteTable() {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", strings.Join(r.Methods, ","), r.Pattern, r.Class, r.Action, strings.Join(r.Subjects, " "))
		}
		return w.Flush() //nolint:wrapcheck // standard output
	})
	return cmd
}

func testCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "test FILE...",
		Short: "Runs policy tests",
		Long:  `Runs policy test files and txtar archives of policy, directory and tests. Exits 1 if a case fails.`,
		Args:  cobra.MinimumNArgs(1),
		RunE: run(func(cmd *cobra.Command, args []string) error {
			passed, failed := 0, 0
			for _, file := range args {
				results, err := runTests(file)
				if err != nil {
					fmt.Fprintln(cmd.ErrOrStderr(), err)
					failed++
				}
				for i := range results {
					if results[i].OK {
						passed++
						continue
					}
					failed++
					fmt.Fprintln(cmd.OutOrStdout(), results[i].String())
				}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d passed, %d failed\n", passed, failed)
			if failed > 0 {
				return errFailed
			}
			return nil
		}),
	}
}

// casesKey tells the policy test in an archive from the policy.
var casesKey = regexp.MustCompile(`(?m)^cases:`)

// runTests runs a policy test file, or all those in a txtar archive.
func runTests(file string) ([]rules.TestResult, error) {
	now := time.Now()
	if !strings.HasSuffix(file, ".txtar") {
		return rules.RunTestFile(file, factsOf, now) //nolint:wrapcheck // names the file
	}
	archive, err := txtar.ParseFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the archive: %w", err)
	}
	files, err := txtar.FS(archive)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var all []rules.TestResult
	for _, f := range archive.Files {
		if !strings.HasSuffix(f.Name, ".yaml") || !casesKey.Match(f.Data) {
			continue
		}
		results, err := rules.RunTests(f.Name, files, factsOf, now)
		if err != nil {
			return all, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, results...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no file in the archive has cases", file)
	}
	return all, nil
}

// factsOf makes facts of a directory's JSON, for policy tests.
func factsOf(snapshot []byte, profile *rules.Profile) (rules.Facts, error) {
	d, err := directory.ReadSnapshot(bytes.NewReader(snapshot))
	if err != nil {
		return nil, fmt.Errorf("reading the directory: %w", err)
	}
	return directory.NewGeneration(d, directory.OptionsFor(profile)) //nolint:wrapcheck // says what failed
}

func replayCommand() *cobra.Command {
	var files []string
	var dir, as, base string
	cmd := &cobra.Command{
		Use:   "replay --rules PATH --directory FILE --as WHO [--base URL] IN.har",
		Short: "Runs recorded traffic through the gateway as a viewer",
		Long: `Reads a HAR file (or - for standard input) and writes it to standard output with
every response as the viewer would have got it, and with _postern added to every
entry: route, verdict, reason, edits, tripwire. There are no look-ups: what the
directory does not know is hidden.`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringArrayVar(&files, "rules", nil, "policy file or glob; may be repeated")
	cmd.Flags().StringVar(&dir, "directory", "", "directory snapshot")
	cmd.Flags().StringVar(&as, "as", "", "username or e-mail of the directory, or anonymous")
	cmd.Flags().StringVar(&base, "base", "", "the wiki's address in the recording; default: that of the first entry")
	cmd.RunE = run(func(cmd *cobra.Command, args []string) error {
		p, err := loadPolicy(files)
		if err != nil {
			return err
		}
		seed, err := readDirectory(dir)
		if err != nil {
			return err
		}
		d, err := directory.New(directory.Config{Profile: p.Profile, Seed: seed})
		if err != nil {
			return fmt.Errorf("loading the directory: %w", err)
		}
		viewer, err := rules.ViewerFor(p, d.Facts(), as)
		if err != nil {
			return err //nolint:wrapcheck // says what failed
		}
		conf := replay.Config{Policy: p, Directory: d, Viewer: viewer, Identity: offlineIdentity()}
		if base != "" {
			if conf.Base, err = parseBase("--base", base); err != nil {
				return err
			}
		}
		in, err := openInput(cmd, args[0])
		if err != nil {
			return err
		}
		defer in.Close()
		return replay.Run(in, cmd.OutOrStdout(), conf) //nolint:wrapcheck // says what failed
	})
	return cmd
}

// offlineIdentity is what offline commands assume: each internal is known to
// the wiki himself, everybody else is not.
func offlineIdentity() map[rules.ViewerKind]gateway.Identity {
	return map[rules.ViewerKind]gateway.Identity{
		rules.Internal: {Kind: "header", Value: "X-Remote-User"},
		rules.External: {Kind: "service"}, rules.None: {Kind: "service"}, rules.Anonymous: {Kind: "service"},
	}
}

func openInput(cmd *cobra.Command, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(cmd.InOrStdin()), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening the input: %w", err)
	}
	return f, nil
}

func loadPolicy(files []string) (*rules.Policy, error) {
	if len(files) == 0 {
		return nil, errors.New("name at least one policy file with --rules")
	}
	return rules.LoadPolicy(files...) //nolint:wrapcheck // lines of file:line:col: message
}

func snapshotCommand() *cobra.Command {
	var files []string
	var wiki string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "snapshot --rules PATH --wiki URL",
		Short: "Writes the wiki's directory as JSON",
		Long: `Reads users, groups, spaces and content from the wiki, as the profile says, and
writes them as JSON to standard output; progress goes to standard error. The
bearer token of a read-only account is taken from POSTERN_SYNC_TOKEN.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringArrayVar(&files, "rules", nil, "policy file or glob; names the profile")
	cmd.Flags().StringVar(&wiki, "wiki", "", "the wiki's address, with its context path")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Hour, "give up after this time")
	cmd.RunE = run(func(cmd *cobra.Command, _ []string) error {
		p, err := loadPolicy(files)
		if err != nil {
			return err
		}
		base, err := parseBase("--wiki", wiki)
		if err != nil {
			return err
		}
		client := upstream.New(upstream.Config{Base: base, Token: os.Getenv("POSTERN_SYNC_TOKEN")})
		ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
		defer cancel()
		d, err := client.Snapshot(ctx, p.Profile, cmd.ErrOrStderr())
		if err != nil {
			return fmt.Errorf("reading the wiki: %w", err)
		}
		return directory.WriteSnapshot(cmd.OutOrStdout(), d) //nolint:wrapcheck // says what failed
	})
	return cmd
}

type explainFlags struct {
	files                            []string
	dir, as, in, action, method, at  string
	url, user, space, content, group string
	json                             bool
}

func explainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain --rules PATH --directory FILE --as WHO (--url URL | --user U | --space S | --content ID | --group G)",
		Short: "Says what a viewer may see, and why",
		Args:  cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.files, "rules", nil, "policy file or glob; may be repeated")
	flags.StringVar(&f.dir, "directory", "", "directory snapshot")
	flags.StringVar(&f.as, "as", "", "who looks: username or e-mail of the directory, or anonymous")
	flags.StringVar(&f.url, "url", "", "a URL of the wiki, or its path and query")
	flags.StringVar(&f.user, "user", "", "a username or e-mail")
	flags.StringVar(&f.space, "space", "", "a space's key, name or id")
	flags.StringVar(&f.content, "content", "", "a content id")
	flags.StringVar(&f.group, "group", "", "a group's name")
	flags.StringVar(&f.in, "in", "", "space in which a user is looked at")
	flags.StringVar(&f.action, "action", "", "view, search, comment, mention, write, restrict, assign")
	flags.StringVar(&f.method, "method", "GET", "method of --url")
	flags.StringVar(&f.at, "at", "", "time of the decision (RFC 3339); default now")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	cmd.RunE = run(func(cmd *cobra.Command, _ []string) error { return f.explain(cmd.OutOrStdout()) })
	return cmd
}

func (f *explainFlags) explain(out io.Writer) error {
	p, err := loadPolicy(f.files)
	if err != nil {
		return err
	}
	facts, err := factsFrom(f.dir, p)
	if err != nil {
		return err
	}
	when := time.Now()
	if f.at != "" {
		if when, err = time.Parse(time.RFC3339, f.at); err != nil {
			return fmt.Errorf("--at: %q is not a time such as 2027-02-01T00:00:00Z", f.at)
		}
	}
	viewer, err := rules.ViewerFor(p, facts, f.as)
	if err != nil {
		return err //nolint:wrapcheck // says what failed
	}
	target := f.url
	if u, err := url.Parse(f.url); err == nil && u.IsAbs() {
		target = u.RequestURI()
	}
	view, err := rules.NewView(p, facts, viewer, when)
	if err != nil {
		return err //nolint:wrapcheck // says what failed
	}
	e, err := view.Explain(rules.Question{
		User: f.user, Group: f.group, Space: f.space, Content: f.content, URL: target,
		In: f.in, Action: rules.Action(f.action), Method: f.method,
	})
	if err != nil {
		return err //nolint:wrapcheck // says what failed
	}
	if f.json {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(e) //nolint:wrapcheck // standard output
	}
	printExplanation(out, e)
	return nil
}

// printExplanation prints a verdict and the chain of reasons for people.
func printExplanation(out io.Writer, e rules.Explanation) {
	fmt.Fprintf(out, "%s: %s%s\n", e.Verdict, e.Reason, at(e.Rule))
	fmt.Fprintf(out, "  viewer is %s", e.Kind)
	if e.Role != "" {
		fmt.Fprintf(out, ", role here: %s", e.Role)
	}
	fmt.Fprintln(out)
	for _, p := range e.Parts {
		fmt.Fprintf(out, "  %s: ", p.What)
		if p.Verdict != "" {
			fmt.Fprintf(out, "%s, ", p.Verdict)
		}
		fmt.Fprintf(out, "%s%s\n", p.Reason, at(p.Rule))
	}
}

func at(s *rules.Source) string {
	if s == nil {
		return ""
	}
	return fmt.Sprintf(" (%s:%d)", s.File, s.Line)
}
