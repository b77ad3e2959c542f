package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// TestFile is a policy test: who, looking at what, gets which verdict.
type TestFile struct {
	// Policy names the rule files, and Directory the snapshot, beside the test.
	Policy    []string `yaml:"policy"`
	Directory string   `yaml:"directory"`
	// Identity sets the upstream identity of a kind of viewer (internal,
	// external, none, anonymous); left out, that of Options.
	Identity map[string]string `yaml:"identity"`
	Cases    []TestCase        `yaml:"cases"`
}

// TestCase is one row.
type TestCase struct {
	Pos     Pos      `yaml:"-"`
	As      TestWho  `yaml:"as"`
	See     Question `yaml:"see"`
	In      string   `yaml:"in"`
	Action  Action   `yaml:"action"`
	Method  string   `yaml:"method"`
	At      string   `yaml:"at"`      // RFC 3339; left out: now
	Want    string   `yaml:"want"`    // visible, hidden, forbidden, unknown
	Because string   `yaml:"because"` // a part of the reason
}

// TestWho is the viewer of a case: a name as ViewerFor takes it, or claims.
type TestWho struct {
	Name     string   `yaml:"-"`
	User     string   `yaml:"user"` // the wiki user that he is linked to
	Email    string   `yaml:"email"`
	Groups   []string `yaml:"groups"`
	Provider string   `yaml:"provider"`
	Subject  string   `yaml:"subject"`
	// Unverified drops the claim that the e-mail is verified.
	Unverified bool `yaml:"unverified"`
}

// UnmarshalNode reads the bare name or the mapping.
func (w *TestWho) UnmarshalNode(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return decodeNode(n, &w.Name)
	}
	type long TestWho
	return decodeNode(n, (*long)(w))
}

// String says who looks, for results.
func (w *TestWho) String() string { return firstOf(w.Name, w.User, w.Email, "somebody") }

func (w *TestWho) viewer(p *Policy, f Facts) (Viewer, error) {
	if w.Name != "" {
		return ViewerFor(p, f, w.Name)
	}
	v := Viewer{Provider: w.Provider, Subject: w.Subject, Email: w.Email, EmailVerified: !w.Unverified, Groups: w.Groups}
	if v.Provider == "" {
		v.Provider, _ = p.guessProvider(w.Email, nil)
	}
	if v.Provider == wikiSource {
		v.WikiVouches = true
	}
	if w.User != "" {
		if _, ok := f.FindUser(UserName, w.User); ok {
			v.WikiUser = w.User
		} else if v.Subject == "" {
			v.Subject = w.User
		}
	}
	if w.User == "" && w.Email == "" && len(w.Groups) == 0 && w.Subject == "" {
		return Viewer{}, errors.New("as: a viewer needs a user, an email, groups or a subject; or write anonymous")
	}
	return v, nil
}

// TestResult is what became of one case.
type TestResult struct {
	File    string
	Line    int
	As, See string
	Want    string
	Got     string
	Reason  string
	Rule    *Source
	OK      bool
}

// String is one line for people.
func (r *TestResult) String() string {
	word := "ok"
	if !r.OK {
		word = "FAIL"
	}
	return fmt.Sprintf("%s:%d: %s: %s sees %s: want %s, got %s (%s)", r.File, r.Line, word, r.As, r.See, r.Want, r.Got, r.Reason)
}

// FactsBuilder makes facts of a directory snapshot; package directory has it.
type FactsBuilder func(snapshot []byte, p *Profile) (Facts, error)

// RunTests runs one policy test file of fsys. The policy's paths are relative
// to the file and may be globs. An error means that there was nothing to run;
// cases that fail are in the results.
func RunTests(file string, fsys fs.FS, build FactsBuilder, now time.Time) ([]TestResult, error) {
	data, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, fmt.Errorf("reading the policy test: %w", err)
	}
	var t TestFile
	if err := decodeYAML(file, data, &t); err != nil {
		return nil, err
	}
	if err := t.check(file); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, pat := range t.Policy {
		names, err := fs.Glob(fsys, beside(file, pat))
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
	p, err := ParsePolicy(files, nil)
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
	results := make([]TestResult, len(t.Cases))
	for i := range t.Cases {
		results[i] = t.Cases[i].run(file, e, now)
	}
	return results, nil
}

// beside gives the path of what a file names: as it is if absolute, else
// relative to the file.
func beside(file, name string) string {
	if path.IsAbs(name) {
		return name
	}
	return path.Join(path.Dir(file), name)
}

func (t *TestFile) check(file string) error {
	var errs Errors
	c := checker{errs: &errs, file: file}
	if len(t.Policy) == 0 {
		c.fail(Pos{1, 1}, "policy: name the rule files")
	}
	if t.Directory == "" {
		c.fail(Pos{1, 1}, "directory: name the snapshot")
	}
	for kind, id := range t.Identity {
		c.word(Pos{1, 1}, "identity", kind, "internal", "external", "none", "anonymous")
		c.word(Pos{1, 1}, "identity", id, "anonymous", "service", "header", "passthrough")
	}
	for i := range t.Cases {
		k := &t.Cases[i]
		if k.Want == "" {
			c.fail(k.Pos, "want: say which verdict is expected")
		}
		c.word(k.Pos, "want", k.Want, "visible", "hidden", "forbidden", "unknown")
		c.word(k.Pos, "action", string(k.Action), "view", "search", "comment", "mention", "write", "restrict", "assign")
		if k.At != "" {
			if _, err := time.Parse(time.RFC3339, k.At); err != nil {
				c.fail(k.Pos, "at: %q is no time such as 2027-02-01T00:00:00Z", k.At)
			}
		}
	}
	return errs.err()
}

func (t *TestFile) options() Options {
	o := Options{Identity: map[ViewerKind]UpstreamIdentity{}}
	for k := Anonymous; k <= Internal; k++ {
		if id := t.Identity[k.String()]; id != "" {
			o.Identity[k] = UpstreamIdentity(id)
		}
	}
	return o
}

func (k *TestCase) run(file string, e *Engine, now time.Time) TestResult {
	r := TestResult{File: file, Line: k.Pos.Line, As: k.As.String(), See: k.See.String(), Want: k.Want, Got: "error"}
	if k.At != "" {
		now, _ = time.Parse(time.RFC3339, k.At)
	}
	who, err := k.As.viewer(e.p, e.f)
	if err != nil {
		r.Reason = err.Error()
		return r
	}
	q := k.See
	q.In, q.Action, q.Method = k.In, k.Action, k.Method
	x, err := e.View(who, now).Explain(q)
	if err != nil {
		r.Reason = err.Error()
		return r
	}
	r.Got, r.Reason, r.Rule = x.Verdict, x.Reason, x.Rule
	r.OK = r.Got == k.Want
	if r.OK && k.Because != "" && !strings.Contains(x.Reason, k.Because) &&
		!slices.ContainsFunc(x.Parts, func(p Part) bool { return p.Verdict == x.Verdict && strings.Contains(p.Reason, k.Because) }) {
		r.OK = false
		r.Reason += fmt.Sprintf("; want a reason with %q", k.Because)
	}
	return r
}

// String says what is looked at.
func (q Question) String() string {
	for _, p := range [][2]string{{"user", q.User}, {"group", q.Group}, {"space", q.Space}, {"content", q.Content}, {"url", q.URL}} {
		if p[1] != "" {
			return p[0] + " " + p[1]
		}
	}
	return "nothing"
}

// RunTestFile is RunTests for a file of the operating system, whose rule files
// and directory may stand in any folder relative to it.
func RunTestFile(name string, build FactsBuilder, now time.Time) ([]TestResult, error) {
	results, err := RunTests(filepath.Base(name), osFS(filepath.Dir(name)), build, now)
	for i := range results {
		results[i].File = name
	}
	return results, err
}

// osFS is a folder that lets paths lead out of it, as os.DirFS does not: what
// a test names was written by the one who runs it.
type osFS string

func (d osFS) Open(name string) (fs.File, error) {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		return os.Open(name)
	}
	return os.Open(filepath.Join(string(d), name))
}
