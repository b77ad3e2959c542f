package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// TestResult is what became of one case.
type TestResult struct {
	File   string  `json:"file"`
	Line   int     `json:"line"`
	Name   string  `json:"name,omitempty"`
	As     string  `json:"as"`
	See    string  `json:"see"`
	In     string  `json:"in,omitempty"`
	Action Action  `json:"action,omitempty"`
	Method string  `json:"method,omitempty"`
	At     string  `json:"at,omitempty"`
	Want   string  `json:"want"`
	Got    string  `json:"got"` // a verdict, or error
	Reason string  `json:"reason"`
	Rule   *Source `json:"rule"`
	// Because is the part of the reason that was wanted and is missing.
	Because string `json:"because,omitempty"`
	OK      bool   `json:"ok"`
	// Explanation is the chain behind Got; nil where the case could not be
	// asked.
	Explanation *Explanation `json:"explanation,omitempty"`
}

// Title says in one line what the case asks.
func (r *TestResult) Title() string {
	t := r.As + " sees " + r.See
	for _, p := range [][2]string{{"in", r.In}, {"action", string(r.Action)}, {"method", r.Method}, {"at", r.At}} {
		if p[1] != "" {
			t += ", " + p[0] + " " + p[1]
		}
	}
	if r.Name != "" {
		t += " (" + r.Name + ")"
	}
	return t
}

// String is one line for people.
func (r *TestResult) String() string {
	word := "ok"
	if !r.OK {
		word = "FAIL"
	}
	why := r.Reason
	if r.Because != "" {
		why += fmt.Sprintf("; want a reason with %q", r.Because)
	}
	return fmt.Sprintf("%s:%d: %s: %s: want %s, got %s (%s)", r.File, r.Line, word, r.Title(), r.Want, r.Got, why)
}

// FactsBuilder makes facts of a directory snapshot; package directory has it.
type FactsBuilder func(snapshot []byte, p *Profile) (Facts, error)

// TestOptions is what a run of policy tests may be given besides the file.
type TestOptions struct {
	// Now is the time of the cases that name none.
	Now time.Time
	// Run selects cases whose place ("file:line") or title it matches; nil: all.
	Run *regexp.Regexp
	// Policy and Directory stand in where a test file names none.
	Policy    []string
	Directory string
	// Coverage, where not nil, learns what the cases reach.
	Coverage *Coverage
}

// RunTests runs one policy test file of fsys. The policy's paths are relative
// to the file and may be globs. An error means that there was nothing to run;
// cases that fail are in the results.
func RunTests(file string, fsys fs.FS, build FactsBuilder, now time.Time) ([]TestResult, error) {
	return RunTestsWith(file, fsys, build, TestOptions{Now: now})
}

// RunTestsWith is RunTests with options.
func RunTestsWith(file string, fsys fs.FS, build FactsBuilder, o TestOptions) ([]TestResult, error) {
	data, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, fmt.Errorf("reading the policy test: %w", err)
	}
	t := TestFile{}
	if err := decodeYAML(file, data, &t); err != nil {
		return nil, err
	}
	if len(t.Policy) == 0 {
		t.Policy = o.Policy
	}
	t.Directory = orDefault(t.Directory, o.Directory)
	if err := t.check(file); err != nil {
		return nil, err
	}
	e, err := t.engine(file, fsys, build)
	if err != nil {
		return nil, err
	}
	o.Coverage.knows(e.p)
	results := make([]TestResult, 0, len(t.Cases))
	for i := range t.Cases {
		c := &t.Cases[i]
		r := c.result(file)
		if o.Run != nil && !o.Run.MatchString(fmt.Sprintf("%s:%d %s", r.File, r.Line, r.Title())) {
			continue
		}
		c.run(&r, e, o.Now)
		o.Coverage.saw(e.p, r.Explanation)
		results = append(results, r)
	}
	return results, nil
}

// engine loads what the test file names.
func (t *TestFile) engine(file string, fsys fs.FS, build FactsBuilder) (*Engine, error) {
	files := map[string][]byte{}
	for _, pat := range t.Policy {
		names, err := doublestar.Glob(fsys, beside(file, pat), doublestar.WithFilesOnly())
		if err == nil && len(names) == 0 {
			err = errors.New("no such file")
		}
		if err != nil {
			return nil, fmt.Errorf("%s: policy %q: %w", file, pat, err)
		}
		for _, name := range names {
			if files[name], err = fs.ReadFile(fsys, name); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	// A profile that the policy names by its path may stand in fsys.
	p, err := parsePolicy(files, nil, func(name string) (*Profile, error) {
		if data, err := fs.ReadFile(fsys, filepath.ToSlash(name)); err == nil {
			return ParseProfile(name, data)
		}
		return LoadProfile(name)
	})
	if err != nil {
		return nil, err
	}
	snapshot, err := fs.ReadFile(fsys, beside(file, t.Directory))
	if err != nil {
		return nil, fmt.Errorf("%s: directory: %w", file, err)
	}
	f, err := build(snapshot, p.Profile)
	if err != nil {
		return nil, fmt.Errorf("%s: directory %s: %w", file, t.Directory, err)
	}
	e, err := Bind(p, f, t.options())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return e, nil
}

// beside gives the path of what a file names: as it is if absolute, else
// relative to the file.
func beside(file, name string) string {
	if path.IsAbs(name) {
		return name
	}
	return path.Join(path.Dir(file), name)
}

// result is the case's result before it ran.
func (k *TestCase) result(file string) TestResult {
	return TestResult{
		File: file, Line: k.Pos.Line, Name: k.Name, As: k.As.String(), See: k.See.String(), In: k.In, Action: k.Action,
		Method: k.Method, At: k.At, Want: k.Want, Got: "error",
	}
}

func (k *TestCase) run(r *TestResult, e *Engine, now time.Time) {
	if k.At != "" {
		now, _ = ParseAt(k.At, e.p.location)
	}
	who, err := k.As.viewer(e.p, e.f)
	if err != nil {
		r.Reason = err.Error()
		return
	}
	q := k.See
	q.In, q.Action, q.Method = k.In, k.Action, k.Method
	x, err := e.View(who, now).Explain(q)
	if err != nil {
		r.Reason = err.Error()
		return
	}
	r.Got, r.Reason, r.Rule, r.Explanation = x.Verdict, x.Reason, x.Rule, &x
	r.OK = r.Got == k.Want
	if r.OK && k.Because != "" && !x.Says(k.Because) {
		r.OK, r.Because = false, k.Because
	}
}

// RunTestFile is RunTests for a file of the operating system, whose rule files
// and directory may stand in any folder relative to it.
func RunTestFile(name string, build FactsBuilder, now time.Time) ([]TestResult, error) {
	return RunTestFileWith(name, build, TestOptions{Now: now})
}

// RunTestFileWith is RunTestFile with options.
func RunTestFileWith(name string, build FactsBuilder, o TestOptions) ([]TestResult, error) {
	return RunTestsWith(filepath.ToSlash(filepath.Clean(name)), osFS{}, build, o)
}

// osFS is the operating system's files by any path, as os.DirFS has them not:
// what a test names was written by the one who runs it.
type osFS struct{}

func (osFS) Open(name string) (fs.File, error) { return os.Open(filepath.FromSlash(name)) }

// IsTestFile reports whether a YAML file is a policy test: it has cases.
func IsTestFile(data []byte) bool {
	root, err := parseYAML("", data)
	if err != nil {
		return strings.HasPrefix(string(data), "cases:") || strings.Contains(string(data), "\ncases:")
	}
	_, ok := topLevel(root, "cases")
	return ok
}
