package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/rules"
)

// checkReport is what check --json prints.
type checkReport struct {
	OK bool `json:"ok"`
	// Truncated says that there may be more faults than are told at once.
	Truncated bool         `json:"truncated,omitempty"`
	Faults    rules.Errors `json:"faults"` // warnings among them
	Digest    string       `json:"digest,omitempty"`
	Profile   string       `json:"profile,omitempty"`
	Counts    string       `json:"counts,omitempty"`
}

func checkCommand() *cobra.Command {
	var files, identity []string
	var dir, at string
	var strict, asJSON bool
	cmd := &cobra.Command{
		Use:   "check --rules PATH... [--directory FILE] [--identity KIND=HOW]... [--at TIME] [--strict] [--json]",
		Short: "Checks rule files",
		Long: `Checks rule files, the profile that they name, and whether the rules do what
they say. Prints one line for each fault,

    file:line:col: message
    file:line:col: warning: message

and exits 1 if there is any but warnings; with --strict, if there is any. With a
directory it also finds rules that name what the wiki does not have, and people
in no class. What holds under one upstream identity only is found with
--identity, such as --identity internal=service.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringArrayVar(&files, "rules", nil, "policy file, folder or glob; may be repeated")
	cmd.Flags().StringVar(&dir, "directory", "", "directory snapshot")
	cmd.Flags().StringArrayVar(&identity, "identity", nil, "upstream identity of a kind of viewer, KIND=HOW; may be repeated")
	cmd.Flags().StringVar(&at, "at", "", "the time to look for rules that are over (RFC 3339; default: now)")
	cmd.Flags().BoolVar(&strict, "strict", false, "exit 1 on warnings too")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.RunE = run(func(cmd *cobra.Command, _ []string) error {
		if len(files) == 0 {
			return errors.New("name at least one policy file with --rules")
		}
		now := time.Now()
		if at != "" {
			var err error
			if now, err = time.Parse(time.RFC3339, at); err != nil {
				return fmt.Errorf("--at: %q is no time such as 2027-02-01T00:00:00Z", at)
			}
		}
		opts, err := checkIdentity(identity)
		if err != nil {
			return err
		}
		report, err := checkRules(files, dir, opts, now)
		if err != nil {
			return err
		}
		report.OK = !report.Faults.Failed() && (!strict || len(report.Faults) == 0)
		return report.print(cmd.OutOrStdout(), cmd.ErrOrStderr(), asJSON)
	})
	return cmd
}

// checkRules gathers all faults; the error is about what could not be looked at.
func checkRules(files []string, dir string, opts rules.Options, now time.Time) (*checkReport, error) {
	var many rules.Errors
	p, err := rules.LoadPolicy(files...)
	if errors.As(err, &many) {
		return newCheckReport(many), nil
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // says what it was reading
	}
	faults := p.Lint(now)
	if err := checkProfile(p.Profile); err != nil {
		var one *rules.Error
		if !errors.As(err, &one) {
			return nil, err
		}
		faults = rules.Sorted(faults, rules.Errors{one})
	}
	if dir != "" {
		facts, err := factsFrom(dir, p)
		if err != nil {
			return nil, err
		}
		faults = rules.Sorted(faults, p.CheckWith(facts, opts))
	} else {
		nothing, err := directory.NewGeneration(rules.Directory{}, directory.OptionsFor(p.Profile))
		if err != nil {
			return nil, fmt.Errorf("making an empty directory: %w", err)
		}
		if _, err := rules.Bind(p, nothing, opts); err != nil {
			faults = rules.Sorted(faults, rules.Errors{p.Fault("wiki", err)})
		}
	}
	report := newCheckReport(faults)
	report.Digest, report.Profile, report.Counts = p.Digest(), p.Profile.Name, p.Counts()
	return report, nil
}

func newCheckReport(faults rules.Errors) *checkReport {
	if faults == nil {
		faults = rules.Errors{}
	}
	return &checkReport{Faults: faults, Truncated: len(faults) >= rules.MaxErrors}
}

func checkIdentity(list []string) (rules.Options, error) {
	opts := rules.Options{Identity: map[rules.ViewerKind]rules.UpstreamIdentity{rules.Internal: rules.IdentityHeader}}
	for _, s := range list {
		kind, how, ok := strings.Cut(s, "=")
		found := false
		for k := rules.Anonymous; k <= rules.Internal; k++ {
			if k.String() == kind {
				opts.Identity[k], found = rules.UpstreamIdentity(how), true
			}
		}
		switch rules.UpstreamIdentity(how) {
		case rules.IdentityAnonymous, rules.IdentityService, rules.IdentityHeader, rules.IdentityPassthrough:
		default:
			ok = false
		}
		if !ok || !found {
			return opts, fmt.Errorf("--identity: want KIND=HOW, such as internal=service, not %q", s)
		}
	}
	return opts, nil
}

func (r *checkReport) print(out, errOut io.Writer, asJSON bool) error {
	switch {
	case asJSON:
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(r); err != nil {
			return fmt.Errorf("printing the report: %w", err)
		}
	default:
		for _, f := range r.Faults {
			fmt.Fprintln(errOut, f)
		}
		if r.Truncated {
			fmt.Fprintf(errOut, "%d faults are shown; there may be more\n", len(r.Faults))
		}
		if r.OK {
			warned := ""
			if n := len(r.Faults); n == 1 {
				warned = "; 1 warning"
			} else if n > 1 {
				warned = fmt.Sprintf("; %d warnings", n)
			}
			fmt.Fprintf(out, "ok: policy %s, profile %s: %s%s\n", r.Digest, r.Profile, r.Counts, warned)
		}
	}
	if !r.OK {
		return errFailed
	}
	return nil
}
