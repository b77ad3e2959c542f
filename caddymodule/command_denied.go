package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/postern-gateway/postern/caddymodule/gateway"
)

// maxDeniedAnswer bounds what is read of the admin API's answer.
const maxDeniedAnswer = 16 << 20

func deniedCommand() *cobra.Command {
	var admin string
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "denied [--admin ADDR] [--json] [--limit N]",
		Short: "Lists what a running gateway denied, and the line that would decide it",
		Long: `Asks a running gateway, through Caddy's admin API, which requests it has denied
since it started: by route, or by outline where the profile has no route for
them; how often, to whom, on which page's behalf, why, and by which line. Where
a line can be added that would decide otherwise, it is printed: into an overlay
of the profile, under routes:, for what no route names (its class is admin,
which opens to nobody: choose one), and into the policy for a closed class. No
name, title or value of any request is in the list.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&admin, "admin", "", "address of Caddy's admin API; default localhost:2019")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many lines, the most frequent first; 0: all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.RunE = run(func(cmd *cobra.Command, _ []string) error {
		if limit < 0 {
			return errors.New("--limit: want 0 or more")
		}
		report, err := askDenied(admin)
		if err != nil {
			return err
		}
		left := 0
		if limit > 0 && len(report.Denied) > limit {
			left = len(report.Denied) - limit
			report.Denied = report.Denied[:limit]
		}
		if !asJSON {
			return printDenied(cmd.OutOrStdout(), report, left)
		}
		enc := json.NewEncoder(cmd.OutOrStdout())
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(report) //nolint:wrapcheck // standard output
	})
	return cmd
}

func askDenied(admin string) (report gateway.DeniedReport, err error) {
	addr, err := caddycmd.DetermineAdminAPIAddress(admin, nil, "", "")
	if err != nil {
		return report, fmt.Errorf("--admin: %w", err)
	}
	resp, err := caddycmd.AdminAPIRequest(addr, http.MethodGet, "/postern/denied", nil, nil)
	if err != nil {
		return report, fmt.Errorf("asking the gateway at %s: %w", addr, err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxDeniedAnswer)).Decode(&report); err != nil {
		return report, fmt.Errorf("reading the answer of %s: %w", addr, err)
	}
	return report, nil
}

func printDenied(out io.Writer, r gateway.DeniedReport, left int) error {
	if len(r.Denied) == 0 {
		fmt.Fprintf(out, "nothing was denied since %s\n", r.Since.Format("2006-01-02 15:04:05"))
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "COUNT\tLAST\tKIND\tSTATUS\tCLASS\tREQUEST")
	for i := range r.Denied {
		d := &r.Denied[i]
		class := d.Class
		if class == "" {
			class = "-"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%d\t%s\t%s\n", d.Count, d.Last, d.Kind, d.Status, class, d.Pattern)
		for _, l := range [][2]string{{"why", d.Reason}, {"decided by", d.Decides}, {"change", d.Change}, {"from", d.Referrer}} {
			if l[1] != "" {
				fmt.Fprintf(w, "\t%s\n", strings.Join(l[:], ": "))
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err //nolint:wrapcheck // standard output
	}
	if left > 0 {
		fmt.Fprintf(out, "%d more; --limit 0 prints all\n", left)
	}
	if r.Dropped > 0 {
		fmt.Fprintf(out, "%d rarer ones were dropped, as the list is full\n", r.Dropped)
	}
	return nil
}
