package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

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
	return []*cobra.Command{demoCommand(), checkCommand(), explainCommand(), testCommand(), routesCommand(), replayCommand(), snapshotCommand(), deniedCommand(), accessCommand(), diffCommand()}
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
