package caddymodule

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/spf13/cobra"
	"golang.org/x/tools/txtar"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/rules"
)

type testFlags struct {
	verbose, json, cover bool
	run                  string
	min                  float64
	files                []string
	dir                  string
}

func testCommand() *cobra.Command {
	var f testFlags
	cmd := &cobra.Command{
		Use:   "test FILE...",
		Short: "Runs policy tests",
		Long: `Runs policy test files, txtar archives of policy, directory and tests, and all
of these in folders. Failures are printed with what was wanted, what came, and
the chain of reasons. Exits 1 if a case fails, if a file can't be run, if there
are no cases, or if less is covered than --coverage-min asks for.`,
		Args: cobra.MinimumNArgs(1),
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "print every case, and with --coverage every route that no URL went to")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	flags.StringVar(&f.run, "run", "", "run only cases whose place (file:line) or description matches this expression")
	flags.BoolVar(&f.cover, "coverage", false, "tell which rules decided or were live in some case, and to which routes URLs went")
	flags.Float64Var(&f.min, "coverage-min", 0, "exit 1 if less than this percentage of the rules is covered")
	flags.StringArrayVar(&f.files, "rules", nil, "policy file or glob for test files that name none, relative to them; may be repeated")
	flags.StringVar(&f.dir, "directory", "", "directory snapshot for test files that name none, relative to them")
	cmd.RunE = run(func(cmd *cobra.Command, args []string) error {
		return f.test(cmd.OutOrStdout(), cmd.ErrOrStderr(), args)
	})
	return cmd
}

// testReport is the JSON form of a run.
type testReport struct {
	Passed   int                `json:"passed"`
	Failed   int                `json:"failed"`
	Results  []rules.TestResult `json:"results"`
	Errors   []string           `json:"errors,omitempty"`
	Coverage *coverageReport    `json:"coverage,omitempty"`
}

type coverageReport struct {
	Percent       float64              `json:"percent"`
	Rules         []rules.CoveredRule  `json:"rules"`
	RoutesPercent float64              `json:"routes_percent"`
	Routes        []rules.CoveredRoute `json:"routes"`
}

func (f *testFlags) test(out, errOut io.Writer, args []string) error {
	o := rules.TestOptions{Now: time.Now(), Policy: f.files, Directory: f.dir}
	if f.run != "" {
		var err error
		if o.Run, err = regexp.Compile(f.run); err != nil {
			return fmt.Errorf("--run: %w", err)
		}
	}
	if f.cover || f.min > 0 {
		o.Coverage = &rules.Coverage{}
	}
	files, err := testFiles(args)
	if err != nil {
		return err
	}
	report := testReport{Results: []rules.TestResult{}}
	for _, file := range files {
		results, err := runTests(file, o)
		if err == nil && len(results) == 0 && o.Run == nil {
			err = fmt.Errorf("%s: there are no cases in it", file)
		}
		report.add(results, err)
	}
	if len(report.Results) == 0 && len(report.Errors) == 0 {
		report.Errors = append(report.Errors, "no case was run")
	}
	if c := o.Coverage; c != nil {
		report.Coverage = &coverageReport{Percent: c.Percent(), Rules: c.Rules(), RoutesPercent: c.RoutePercent(), Routes: c.Routes()}
		if f.min > 0 && c.Percent() < f.min {
			report.Errors = append(report.Errors, fmt.Sprintf("coverage of %.1f%% of the rules is below the %g%% asked for", c.Percent(), f.min))
		}
	}
	if f.json {
		if err := printJSON(out, &report); err != nil {
			return err
		}
	} else {
		report.print(out, f)
	}
	for _, e := range report.Errors {
		fmt.Fprintln(errOut, e)
	}
	if report.Failed > 0 || len(report.Errors) > 0 {
		return errFailed
	}
	return nil
}

func (r *testReport) add(results []rules.TestResult, err error) {
	if err != nil {
		r.Errors = append(r.Errors, err.Error())
	}
	for i := range results {
		if results[i].OK {
			r.Passed++
			results[i].Explanation = nil // the chain is for what failed
		} else {
			r.Failed++
		}
	}
	r.Results = append(r.Results, results...)
}

func (r *testReport) print(out io.Writer, f *testFlags) {
	for i := range r.Results {
		switch res := &r.Results[i]; {
		case !res.OK:
			printFailure(out, res)
		case f.verbose:
			fmt.Fprintf(out, "ok   %s:%d: %s: %s, %s%s\n", res.File, res.Line, res.Title(), res.Got, res.Reason, at(res.Rule))
		}
	}
	if r.Coverage != nil {
		r.Coverage.print(out, f.verbose)
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", r.Passed, r.Failed)
}

// printFailure prints a case that failed as a difference, and the chain of
// reasons behind what came.
func printFailure(out io.Writer, r *rules.TestResult) {
	fmt.Fprintf(out, "FAIL %s:%d: %s\n", r.File, r.Line, r.Title())
	want := r.Want
	if r.Because != "" {
		want += fmt.Sprintf(", because of %q", r.Because)
	}
	fmt.Fprintf(out, "  - want %s\n  + got  %s: %s%s\n", want, r.Got, r.Reason, at(r.Rule))
	if r.Explanation != nil {
		printParts(out, append(urlParts(r.Explanation.URL), r.Explanation.Parts...), "      ")
	}
}

func (c *coverageReport) print(out io.Writer, routes bool) {
	covered := 0
	for _, r := range c.Rules {
		if r.Decided+r.Live > 0 {
			covered++
		}
	}
	fmt.Fprintf(out, "coverage: %d of %d rules (%.1f%%)\n", covered, len(c.Rules), c.Percent)
	for _, r := range c.Rules {
		if r.Decided+r.Live == 0 {
			fmt.Fprintf(out, "  never: %s:%d: %s\n", r.File, r.Line, r.What)
		}
	}
	reached := 0
	for _, r := range c.Routes {
		if r.Cases > 0 {
			reached++
		} else if routes {
			fmt.Fprintf(out, "  never: %s:%d: %s (%s)\n", r.File, r.Line, r.Route, r.Class)
		}
	}
	fmt.Fprintf(out, "coverage: %d of %d routes (%.1f%%)\n", reached, len(c.Routes), c.RoutesPercent)
}

// testFiles expands folders and globs. In a folder, what is no policy test is
// passed over; a file that is named is run.
func testFiles(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			names, globErr := doublestar.FilepathGlob(arg, doublestar.WithFilesOnly())
			if globErr != nil || len(names) == 0 {
				return nil, fmt.Errorf("no policy test: %w", err)
			}
			files = append(files, names...)
			continue
		}
		if !info.IsDir() {
			files = append(files, arg)
			continue
		}
		found, err := testsIn(arg)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// testsIn finds the policy tests below a folder.
func testsIn(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch filepath.Ext(name) {
		case ".txtar":
			archive, err := txtar.ParseFile(name)
			if err == nil && slices.ContainsFunc(archive.Files, isTest) {
				files = append(files, name)
			}
			return err //nolint:wrapcheck // names the file
		case ".yaml", ".yml":
			data, err := os.ReadFile(name)
			if err == nil && rules.IsTestFile(data) {
				files = append(files, name)
			}
			return err //nolint:wrapcheck // names the file
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for policy tests: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no policy tests in %s", dir)
	}
	return files, nil
}

func isYAML(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".yaml" || ext == ".yml"
}

func isTest(f txtar.File) bool { return isYAML(f.Name) && rules.IsTestFile(f.Data) }

// runTests runs a policy test file, or all those in a txtar archive. A test in
// an archive that names neither policy nor directory means the archive's own.
func runTests(file string, o rules.TestOptions) ([]rules.TestResult, error) {
	if filepath.Ext(file) != ".txtar" {
		return rules.RunTestFileWith(file, directory.FactsOf, o) //nolint:wrapcheck // names the file
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
	var errs []error
	for _, f := range archive.Files {
		if !isTest(f) {
			continue
		}
		results, err := rules.RunTestsWith(f.Name, files, directory.FactsOf, archiveDefaults(o, archive, f.Name))
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", file, err))
		}
		all = append(all, results...)
	}
	if len(all) == 0 && len(errs) == 0 && o.Run == nil {
		return nil, fmt.Errorf("%s: no file in the archive has cases", file)
	}
	return all, errors.Join(errs...)
}

// archiveDefaults are the options for one test of an archive: where nothing else
// is named, its other YAML files are the policy and its JSON file the directory.
func archiveDefaults(o rules.TestOptions, archive *txtar.Archive, test string) rules.TestOptions {
	beside := func(name string) string {
		rel, err := filepath.Rel(filepath.Dir(test), name)
		if err != nil {
			return name
		}
		return filepath.ToSlash(rel)
	}
	own := len(o.Policy) == 0
	for _, f := range archive.Files {
		switch {
		case own && isYAML(f.Name) && !isTest(f):
			o.Policy = append(o.Policy, beside(f.Name))
		case filepath.Ext(f.Name) == ".json" && o.Directory == "":
			o.Directory = beside(f.Name)
		}
	}
	return o
}
