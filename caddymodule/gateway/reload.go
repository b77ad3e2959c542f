package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/rules"
)

// The results of a reload: values of Reloaded.Result, and labels of the metric.
const (
	ReloadSuccess   = "success"
	ReloadUnchanged = "unchanged" // the files hold what is in force
	ReloadFailure   = "failure"   // they are faulty, or their tests fail
)

// Reloaded is what became of reading the rule files.
type Reloaded struct {
	At     time.Time `json:"at"`
	Result string    `json:"result"`
	// Before and After are the digests in force; Before is empty at the start.
	Before string `json:"before"`
	After  string `json:"after"`
	// Refused is the digest of the files that were refused, if they could be
	// read, and Error why: lines of file:line:col: message.
	Refused string `json:"refused,omitempty"`
	Error   string `json:"error,omitempty"`
}

// ErrTests is returned for rule files whose own tests fail.
var ErrTests = errors.New("the policy's own tests fail")

// Reload reads the rule files and puts them in force if they are valid, hold
// under this configuration, and pass the policy tests that they name. All of it
// happens aside; then the policy is swapped, whole. What is in force stays
// where anything fails, and where the files hold the same. Requests under way
// end under the policy that they began with; downloads that the new one does
// not admit are cut.
func (g *Gateway) Reload(ctx context.Context) (Reloaded, error) {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	r := Reloaded{At: g.cfg.Now()}
	if old := g.Policy(); old != nil {
		r.Before = old.Digest()
		r.After = r.Before
	}
	p, digest, err := g.candidate(ctx, r.At)
	switch {
	case err == nil && p.Digest() == r.Before && g.cfg.Policy == nil:
		r.Result = ReloadUnchanged
	case err == nil:
		err = g.swap(ctx, p)
	}
	switch {
	case err != nil:
		r.Result, r.Refused, r.Error = ReloadFailure, digest, err.Error()
		err = fmt.Errorf("loading rules: %w", err)
	case r.Result == "":
		r.Result, r.After = ReloadSuccess, p.Digest()
	}
	g.reloaded.Store(&r)
	g.cfg.Metrics.Reload(r.Result, r.After, r.At)
	g.tell(ctx, r)
	return r, err
}

// LastReload is what became of the last Reload, New's own included.
func (g *Gateway) LastReload() Reloaded { return *g.reloaded.Load() }

// candidate reads the rule files, with the digest of what they hold.
func (g *Gateway) candidate(ctx context.Context, now time.Time) (*rules.Policy, string, error) {
	if g.cfg.Policy != nil {
		return g.cfg.Policy, g.cfg.Policy.Digest(), nil
	}
	p, digest, err := ReadRules(ctx, g.cfg.Rules, now)
	if err != nil {
		return nil, digest, err
	}
	if err := CheckPolicy(p, g.cfg.Identity, g.cfg.Providers); err != nil {
		return nil, digest, err
	}
	if old := g.Policy(); old != nil && old.Profile.Name != p.Profile.Name {
		return nil, digest, fmt.Errorf("the rules name another wiki, %q: restart the gateway for that", p.Profile.Name)
	}
	return p, digest, nil
}

// ReadRules reads the rule files that the globs name, once, and runs the policy
// tests that they name on what it has read. It gives the digest where the files
// could be read, even if they are faulty.
func ReadRules(ctx context.Context, globs []string, now time.Time) (*rules.Policy, string, error) {
	files, err := rules.ReadFiles(globs...)
	if err != nil {
		return nil, "", err //nolint:wrapcheck // says what failed
	}
	digest := rules.DigestFiles(files)
	p, err := rules.ParsePolicy(files, nil)
	if err != nil {
		return nil, digest, err //nolint:wrapcheck // lines of file:line:col: message
	}
	return p, digest, runTests(ctx, p.Tests, snapshotFS(files), now)
}

// maxFailures bounds how many failed tests one error tells of.
const maxFailures = 20

func runTests(ctx context.Context, tests []string, files fs.FS, now time.Time) error {
	var failures []string
	for _, file := range tests {
		if err := ctx.Err(); err != nil {
			return err //nolint:wrapcheck // of this call
		}
		results, err := rules.RunTests(filepath.ToSlash(file), files, directory.FactsOf, now)
		if err != nil {
			failures = append(failures, err.Error())
		}
		for i := range results {
			if !results[i].OK {
				failures = append(failures, results[i].String())
			}
		}
	}
	if len(failures) == 0 {
		return nil
	}
	if more := len(failures) - maxFailures; more > 0 {
		failures = append(failures[:maxFailures], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("%w:\n%s", ErrTests, strings.Join(failures, "\n"))
}

// snapshotFS shows the rule files as they were read, so that tests try what
// will be in force and not what somebody has written meanwhile; and all other
// files, by any path, as they are: the operator's own files name them.
type snapshotFS map[string][]byte

// Open implements fs.FS.
func (s snapshotFS) Open(name string) (fs.File, error) {
	name = filepath.FromSlash(name)
	for _, n := range []string{name, "." + string(filepath.Separator) + name} {
		if data, ok := s[n]; ok {
			return &memoryFile{bytes.NewReader(data), filepath.Base(name)}, nil
		}
	}
	return os.Open(name) //nolint:wrapcheck // names the file
}

type memoryFile struct {
	*bytes.Reader
	name string
}

func (f *memoryFile) Stat() (fs.FileInfo, error) { return memoryInfo{f}, nil }
func (f *memoryFile) Close() error               { return nil }

type memoryInfo struct{ f *memoryFile }

func (i memoryInfo) Name() string       { return i.f.name }
func (i memoryInfo) Size() int64        { return i.f.Reader.Size() }
func (i memoryInfo) Mode() fs.FileMode  { return 0o444 }
func (i memoryInfo) ModTime() time.Time { return time.Time{} }
func (i memoryInfo) IsDir() bool        { return false }
func (i memoryInfo) Sys() any           { return nil }

// swap puts a policy in force, compiled against the directory's newest
// generation. Most of that happens before anybody has to wait for it.
func (g *Gateway) swap(ctx context.Context, p *rules.Policy) error {
	facts := g.facts()
	var next *state
	var err error
	if facts != nil {
		if next, err = g.newState(p, facts, nil); err != nil {
			return err
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if newest := g.facts(); newest != facts { // the directory has moved on
		if facts = newest; facts != nil {
			if next, err = g.newState(p, facts, next); err != nil {
				return err
			}
		}
	}
	old := g.policy
	g.policy = p
	if facts == nil {
		return nil
	}
	g.put(next)
	if old != nil && !followable(old.Profile, p.Profile) {
		g.cfg.Log.WarnContext(ctx, "the profile reads the wiki's directory in another way now; that takes effect when the gateway starts again")
	}
	go g.warn(context.WithoutCancel(ctx), p, facts)
	return nil
}

// followable says that the running directory does as well for a new profile.
func followable(a, b *rules.Profile) bool {
	return reflect.DeepEqual(a.Sync, b.Sync) && reflect.DeepEqual(a.Lookup, b.Lookup) && reflect.DeepEqual(a.Titles, b.Titles)
}

// warn tells of rules that name what the directory does not know. They are
// inert until it does, never wildcards.
func (g *Gateway) warn(ctx context.Context, p *rules.Policy, facts rules.Facts) {
	suspicious := 0
	for _, w := range p.Check(facts) {
		if w.Severity == rules.SeverityWarning { // it may name people, whom no log needs to know
			suspicious++
			continue
		}
		g.cfg.Log.WarnContext(ctx, "a rule is inert", "fault", w.Error(), "digest", p.Digest())
	}
	if suspicious > 0 {
		g.cfg.Log.InfoContext(ctx, "postern check has warnings about the rules", "count", suspicious, "digest", p.Digest())
	}
}

// tell logs a reload, once, and writes its audit event.
func (g *Gateway) tell(ctx context.Context, r Reloaded) {
	switch r.Result {
	case ReloadFailure:
		g.cfg.Log.ErrorContext(ctx, "rules refused; what was in force stays", "digest", r.After, "refused", r.Refused, "error", r.Error)
	case ReloadUnchanged:
		g.cfg.Log.DebugContext(ctx, "rules unchanged", "digest", r.After)
	default:
		g.cfg.Log.InfoContext(ctx, "rules loaded", "before", r.Before, "after", r.After)
	}
	if g.cfg.Audit == nil || r.Result == ReloadUnchanged {
		return
	}
	result := "success"
	if r.Result == ReloadFailure {
		result = "failure"
	}
	g.cfg.Audit.LogAttrs(ctx, slog.LevelInfo, "reload",
		slog.String("event.action", "reload"),
		slog.String("event.outcome", result),
		slog.String("postern.policy.before", r.Before),
		slog.String("postern.policy.digest", r.After),
		slog.String("postern.policy.refused", r.Refused),
	)
}
