package caddymodule

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/postern-gateway/postern/rules"
)

type routesFlags struct {
	profile, class, url string
	json                bool
}

func routesCommand() *cobra.Command {
	var f routesFlags
	cmd := &cobra.Command{
		Use:   "routes --profile NAME|FILE [--class CLASS] [--url 'METHOD URL']",
		Short: "Prints the route table that a profile makes",
		Long: `Prints the routes of a profile, each variant, special page and part as a row of
its own, with the kinds of viewer to whom its class is open before the policy's
urls:. With --url only what takes this request: canonical form, route, what it
names; or why nothing takes it, and exit 1.`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&f.profile, "profile", "", "shipped profile's name, or a file")
	flags.StringVar(&f.class, "class", "", "only routes of this class")
	flags.StringVar(&f.url, "url", "", "only the route that takes this request, such as 'POST /path?query'")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	cmd.RunE = run(func(cmd *cobra.Command, _ []string) error {
		if f.profile == "" {
			return errors.New("name a profile with --profile")
		}
		p, err := rules.LoadProfile(f.profile)
		if err != nil {
			return err //nolint:wrapcheck // lines of file:line:col: message
		}
		if err := checkProfile(p); err != nil {
			return err
		}
		if f.url != "" {
			return f.one(cmd.OutOrStdout(), p)
		}
		return f.table(cmd.OutOrStdout(), p)
	})
	return cmd
}

// routeRow is a row of the table with what the class says.
type routeRow struct {
	rules.RouteInfo
	OpenTo string `json:"open_to"`
}

func (f *routesFlags) table(out io.Writer, p *rules.Profile) error {
	rows := []routeRow{}
	for _, r := range p.RouteTable() {
		if f.class == "" || string(r.Class) == f.class {
			rows = append(rows, routeRow{r, r.Class.OpenTo()})
		}
	}
	if f.class != "" && len(rows) == 0 {
		return fmt.Errorf("the profile %s has no route of class %q", p.Name, f.class)
	}
	if f.json {
		return printJSON(out, rows)
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "LINE\tMETHODS\tCLASS\tACTION\tOPEN TO\tPATTERN AND SUBJECTS")
	for _, r := range rows {
		names := ""
		if len(r.Subjects) > 0 {
			names = "  (" + strings.Join(r.Subjects, ", ") + ")"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s%s\n", r.Line, strings.Join(r.Methods, ","), r.Class, r.Action, r.OpenTo, r.Pattern, names)
	}
	return w.Flush() //nolint:wrapcheck // standard output
}

// one prints what takes one request.
func (f *routesFlags) one(out io.Writer, p *rules.Profile) error {
	reading, err := p.ReadURL(f.url)
	if err != nil {
		return fmt.Errorf("nothing takes it: %w", err)
	}
	if f.class != "" && string(reading.Class) != f.class {
		return fmt.Errorf("the route that takes it, %s, is of class %s", reading.Route, reading.Class)
	}
	if f.json {
		return printJSON(out, reading)
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "route\t%s%s\n", reading.Route, at(reading.Profile))
	fmt.Fprintf(w, "to the wiki\t%s %s\n", reading.Method, reading.Canonical)
	fmt.Fprintf(w, "class\t%s, action %s\n", reading.Class, reading.Action)
	fmt.Fprintf(w, "open to\t%s\n", reading.Class.OpenTo())
	for _, s := range reading.Subjects {
		fmt.Fprintf(w, "names in %s\t%s\n", s.Param, s.Given)
	}
	return w.Flush() //nolint:wrapcheck // standard output
}
