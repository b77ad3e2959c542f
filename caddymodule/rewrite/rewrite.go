package rewrite

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/caddymodule/rewrite/jsonrewrite"
	"github.com/postern-gateway/postern/caddymodule/rewrite/textscan"
	"github.com/postern-gateway/postern/rules"
)

// ErrNotFound: what was asked for is hidden, or missing, or not what was asked
// for. All of these get the same 404.
var ErrNotFound = errors.New("not found")

// FailClosed is an answer that can't be passed on. Reason is from a closed set,
// for metrics; the cause is for logs alone.
type FailClosed struct {
	Reason string
	Err    error
}

func (e *FailClosed) Error() string {
	if e.Err == nil {
		return "failed closed: " + e.Reason
	}
	return "failed closed: " + e.Reason + ": " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *FailClosed) Unwrap() error { return e.Err }

// The reasons of FailClosed.
const (
	ReasonStatus    = "upstream_status"
	ReasonType      = "content_type"
	ReasonCoding    = "content_coding"
	ReasonCharset   = "charset"
	ReasonTooLarge  = "too_large"
	ReasonMalformed = "malformed"
	ReasonAmbiguous = "ambiguous"
	ReasonEvidence  = "evidence_missing"
	ReasonTripwire  = "tripwire"
	ReasonPartial   = "partial_content"
	ReasonInternal  = "internal"
)

func fail(reason string, err error) error { return &FailClosed{reason, err} }

// DefaultMaxBytes bounds a decoded body.
const DefaultMaxBytes = 16 << 20

// Options are a Rewriter's settings. The zero value is usable.
type Options struct {
	// MaxBytes bounds a body after decoding; default 16 MiB.
	MaxBytes int64
	// Key keys the validators; default random for this process. Replicas must
	// share one for conditional requests to work across them.
	Key []byte
	// Log gets what goes wrong; default discards.
	Log *slog.Logger
	// Tripwire is the policy's word on which names the tripwire looks for.
	Tripwire rules.TripwireSpec
}

// Rewriter rewrites answers of one profile. It is safe for concurrent use.
type Rewriter struct {
	profile    *rules.Profile
	max        int64
	validator  *validator
	log        *slog.Logger
	json       *jsonrewrite.Program
	html, xml  leaf
	rule       textscan.Rule
	identities []textscan.Identity
	mails      atomic.Pointer[policyIdentities] // of the policy last seen
	urls       atomic.Pointer[siteURLs]         // of the site last seen
	marks      []string
	// dictionaries of the last generations, newest first
	dicts   atomic.Pointer[[]genDict]
	dictsMu sync.Mutex
	catchUp atomic.Bool // a dictionary is being built in the background
}

type genDict struct {
	facts rules.Facts
	dict  *textscan.Dictionary
	built time.Time
}

// New compiles a profile's response side.
func New(p *rules.Profile, o Options) (*Rewriter, error) {
	r := &Rewriter{profile: p, max: o.MaxBytes, log: o.Log}
	r.rule = textscan.Rule{Letters: o.Tripwire.Letters, Ordinary: o.Tripwire.Ordinary, Distinctive: o.Tripwire.Distinctive}
	if r.max <= 0 {
		r.max = DefaultMaxBytes
	}
	if len(o.Key) == 0 {
		o.Key = make([]byte, 32)
		_, _ = rand.Read(o.Key) // never fails
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if r.validator, err = newValidator(o.Key); err != nil {
		return nil, err
	}
	if r.json, err = jsonrewrite.Compile(p); err != nil {
		return nil, fmt.Errorf("compiling the profile's json: %w", err)
	}
	if r.html, r.xml, err = compileMarkup(p); err != nil {
		return nil, err
	}
	if r.identities, err = textscan.CompileIdentities(p.Identities); err != nil {
		return nil, fmt.Errorf("compiling the profile's identities: %w", err)
	}
	for i := range p.Shapes {
		r.marks = append(r.marks, p.Shapes[i].Marks...)
	}
	return r, nil
}

// Rewrite judges a whole answer.
func (r *Rewriter) Rewrite(ctx context.Context, ex Exchange) (Result, error) {
	if err := r.status(&ex); err != nil {
		return Result{}, err
	}
	w := &work{r: r, ex: &ex, view: ex.View}
	res, err := w.rewrite(ctx)
	if err != nil {
		w.buf.release()
		return Result{}, err
	}
	res.buf = w.buf
	return res, nil
}

// rewrite goes through the steps behind the status.
func (w *work) rewrite(ctx context.Context) (Result, error) {
	r, ex := w.r, w.ex
	w.judge()
	switch s := ex.Response.Status; {
	case s >= 300 && s < 400:
		return w.redirect()
	case s == http.StatusRequestedRangeNotSatisfiable:
		return w.unsatisfiable()
	case s == http.StatusNoContent || s == http.StatusResetContent,
		len(ex.Response.Body) == 0 && ex.Response.Header.Get("Content-Type") == "" && len(ex.Match.Evidence) == 0:
		return w.finish("empty", "", nil)
	}
	k, err := r.kindOf(ex)
	if err != nil {
		return Result{}, err
	}
	if k.format == "binary" {
		return w.binary(k)
	}
	if err := w.decode(k); err != nil {
		return Result{}, err
	}
	out, err := w.pass(k)
	if err != nil {
		return Result{}, err
	}
	w.judgeEvidence()
	if unknown := w.j.Unknown(); len(unknown) > 0 && ex.Resolve != nil {
		v, err := ex.Resolve(ctx, unknown)
		switch {
		case err != nil:
			r.log.LogAttrs(ctx, slog.LevelWarn, "look-up failed, unknown stays hidden", slog.Int("refs", len(unknown)), slog.Any("error", err))
		case v != nil:
			w.view = v
			w.judge()
			if out, err = w.pass(k); err != nil {
				return Result{}, err
			}
		}
	}
	if w.report.RootHidden {
		return Result{}, ErrNotFound
	}
	if err := w.evidence(); err != nil {
		return Result{}, err
	}
	if out, err = w.tripwire(k, out); err != nil {
		return Result{}, err
	}
	return w.finish(k.format, k.contentType(), out)
}

// work is one exchange on its way through.
type work struct {
	r      *Rewriter
	ex     *Exchange
	view   *rules.View
	j      *rules.Judge
	texts  map[string]string
	space  rules.ID // the context, or NoID
	body   []byte   // decoded, in UTF-8
	buf    *buffer  // for what the leaf writes
	report edit.Report
	hits   []textscan.Hit
	depth  int // of documents in documents
}

// maxDepth bounds documents in documents, across formats.
const maxDepth = 12

// nest counts a document in a document; call the result when it is done.
func (w *work) nest() (func(), error) {
	if w.depth >= maxDepth {
		return nil, fmt.Errorf("documents within documents deeper than %d: %w", maxDepth, edit.ErrTooLarge)
	}
	w.depth++
	return func() { w.depth-- }, nil
}

// judge makes the judge for the view as it is, in the context of the route.
func (w *work) judge() {
	ctx := w.view.ContextOf(w.ex.Match)
	ctx.Candidate = w.ex.Match.Class == rules.ClassPicker
	w.space = ctx.Space
	w.j = rules.NewJudge(w.view, w.ex.Site, w.ex.Request.URL, ctx)
	w.j.SealCursor, w.j.Asked = w.ex.Seal, w.ex.Match
	w.texts = w.view.Texts()
}

// status sorts out what needs no body.
func (r *Rewriter) status(ex *Exchange) error {
	if ex.Match == nil || ex.View == nil || ex.Site == nil || ex.Request.URL == nil {
		return fail(ReasonInternal, errors.New("incomplete exchange"))
	}
	switch s := ex.Response.Status; {
	case s == http.StatusPartialContent && ex.Match.Class != rules.ClassFile:
		return fail(ReasonPartial, nil)
	case s >= 200 && s < 300, s == http.StatusRequestedRangeNotSatisfiable && ex.Match.Class == rules.ClassFile && ex.Request.Range != "":
	case s == 301, s == 302, s == 303, s == 307, s == 308:
	case ex.Match.Response != nil && slices.Contains(ex.Match.Response.Also, s):
		ex.Response.Status = http.StatusOK
	case s == 401, s == 403, s == 404, s == 410:
		return ErrNotFound
	default:
		return fail(ReasonStatus, fmt.Errorf("status %d", s))
	}
	return nil
}

// redirect judges the Location; the body of a redirect never leaves.
func (w *work) redirect() (Result, error) {
	loc := w.ex.Response.Header.Values("Location")
	if len(loc) != 1 {
		return Result{}, fail(ReasonStatus, fmt.Errorf("redirect with %d locations", len(loc)))
	}
	l := w.j.URL(loc[0])
	if l.Fate != rules.FateKeep {
		return Result{}, ErrNotFound
	}
	if controls(loc[0]) {
		return Result{}, fail(ReasonMalformed, errors.New("redirect with control characters"))
	}
	to := loc[0]
	if l.URL != "" {
		to = l.URL
	}
	if !w.silent(to) {
		return Result{}, ErrNotFound
	}
	res, err := w.finish("redirect", "", nil)
	if err != nil {
		return res, err
	}
	res.Header.Set("Location", to)
	return res, nil
}

// pass runs the leaf for the format over the body.
func (w *work) pass(k kind) ([]byte, error) {
	w.report = edit.Report{}
	out, err := w.leaf(k)
	if err == nil {
		return out, nil
	}
	if errors.Is(err, ErrNotFound) {
		return nil, ErrNotFound
	}
	return nil, closed(err)
}

// closed names the reason for a leaf's error.
func closed(err error) error {
	var f *FailClosed
	switch {
	case errors.As(err, &f):
		return err
	case errors.Is(err, edit.ErrTooLarge):
		return fail(ReasonTooLarge, err)
	case errors.Is(err, edit.ErrAmbiguous):
		return fail(ReasonAmbiguous, err)
	case errors.Is(err, edit.ErrMalformed):
		return fail(ReasonMalformed, err)
	}
	return fail(ReasonInternal, err)
}

func (w *work) leaf(k kind) ([]byte, error) {
	body, mark := w.body, []byte(nil)
	if k.format != "json" { // there a byte order mark is refused
		if rest, ok := bytes.CutPrefix(body, []byte("\xef\xbb\xbf")); ok {
			body, mark = rest, body[:3]
		}
	}
	if w.buf == nil {
		w.buf = getBuffer(len(body) + len(body)/8 + 64)
	}
	dst := append(w.buf.b[:0], mark...)
	var out []byte
	var rep edit.Report
	var err error
	switch k.format {
	case "json":
		out, rep, err = w.r.json.Rewrite(dst, body, w.jsonInput())
	case "html":
		out, rep, err = w.r.html(dst, body, w, false)
	case "xml":
		out, rep, err = w.r.xml(dst, body, w, false)
	case "css":
		out, rep, err = w.css(dst, body)
	case "js":
		out, rep, err = w.js(dst, body)
	case "text":
		out, rep, err = w.text(dst, body)
	default:
		err = fmt.Errorf("no leaf for %q", k.format)
	}
	if err != nil {
		return nil, err
	}
	w.buf.b = out
	if rep.Items != nil && !bytes.Equal(body, w.ex.Response.Body) {
		rep.Items, rep.List = nil, edit.Span{} // the places would be of another text than the wiki's
	}
	for i := range rep.Prose {
		// leaves count from where they began to append
		rep.Prose[i].Start += len(mark)
		rep.Prose[i].End += len(mark)
	}
	inner := w.report // what the inner documents said
	rep.Add(inner)
	rep.RootHidden = rep.RootHidden || inner.RootHidden
	w.report = rep
	return out, nil
}

func (w *work) jsonInput() jsonrewrite.Input {
	in := jsonrewrite.Input{
		Judge: w.j, Response: w.ex.Match.Response, Page: w.ex.Match.Page, Texts: w.texts,
		Evidence: w.probes(), Inner: w.inner, Space: w.findSpace, Title: w.title, Own: w.view.Own(),
	}
	if len(w.ex.Match.Parts) > 0 {
		in.Pages = w.ex.Match.Pages
	}
	in.Window = w.ex.Window
	if m := w.ex.Match; w.ex.Seal != nil {
		in.Seal = func(param, value string) (string, bool) {
			if !m.IsCursor(param) {
				return "", false
			}
			return w.ex.Seal(m, param, value), true
		}
	}
	return in
}

func (w *work) findSpace(key string) (rules.ID, bool) {
	return w.view.Facts().FindSpaceByAnyName(key)
}
