// Package capture owns the quirks of HTTP's response side. It runs the handler
// that talks to the wiki against a writer with three states: pass (the body
// goes straight through, under a header chosen by us), hold (the body is kept,
// up to a cap, for the rewriter) and refuse (nothing of it is used).
//
// The upstream's header map is never the client's: a handler behind this writer
// fills a map of its own, from which the caller builds the real one. Hence
// trailers, 1xx header fields and headers of failed answers cannot reach the
// client by accident. The writer has no Unwrap, no ReadFrom and no Hijack that
// works, so nothing behind it can reach past it; flushes are swallowed while
// holding. It knows net/http and nothing else.
//
// Start reading at Run.
package capture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// What can go wrong with an answer; Outcome.Err wraps one of these.
var (
	// ErrTooLarge: the body went over the cap while it was held.
	ErrTooLarge = errors.New("response body is over the limit")
	// ErrAborted: the upstream died in the middle of a body that was held.
	ErrAborted = errors.New("upstream ended the response early")
	// ErrNothing: the handler returned without writing an answer.
	ErrNothing = errors.New("upstream wrote no response")
	// ErrUpgrade: the answer switches protocols or was hijacked.
	ErrUpgrade = errors.New("upstream tried to switch protocols")
	// ErrRefused: the decision at the header was to refuse.
	ErrRefused = errors.New("response refused at its header")
	// errHead stops the upstream's copier; no outcome has it.
	errHead = errors.New("the client asked for the header alone")
)

// Mode is what happens to a body.
type Mode uint8

// The three states. The zero value refuses.
const (
	Refuse Mode = iota
	Hold
	Pass
)

// DefaultLimit is how many bytes of one response are held at most.
const DefaultLimit = 16 << 20

// pooledLimit caps what goes back to the pool, so that one large answer does
// not keep its memory for good.
const pooledLimit = 1 << 20

// Config says how to treat one response.
type Config struct {
	// Limit is the most bytes held; 0 means DefaultLimit.
	Limit int64
	// Decide is called once, at the final status, with the upstream's header.
	// For Pass it returns the header to send; nil means Refuse.
	Decide func(status int, upstream http.Header) (Mode, http.Header)
	// Held, if set, counts bytes held by all responses together, for a gauge.
	Held *atomic.Int64
	// Head: the client asked by HEAD what the upstream is asked by GET. A passing
	// answer ends with the first piece of its body, by which whatever stands
	// before the client has made its header; net/http sends none of it.
	Head bool
	// Cut, if set, is asked before each write of a passing body; true ends it
	// (a viewer who was revoked while a download ran).
	Cut func() bool
}

// Outcome is what became of an answer.
type Outcome struct {
	Status int
	Header http.Header // the upstream's, whole
	Body   []byte      // held bytes; valid until Release
	// Passed: header and body went to the client already.
	Passed bool
	// Sent counts the bytes of a passing body.
	Sent int64
	// Err is set when the answer can't be used; nothing was sent then unless
	// Passed is set as well.
	Err error

	buf  *bytes.Buffer
	held *atomic.Int64
}

// Release gives the held bytes back. The outcome's Body is invalid afterwards.
func (o *Outcome) Release() {
	if o.buf == nil {
		return
	}
	if o.held != nil {
		o.held.Add(-int64(o.buf.Len()))
	}
	if o.buf.Cap() <= pooledLimit {
		o.buf.Reset()
		buffers.Put(o.buf)
	}
	o.buf, o.Body = nil, nil
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Run lets serve write its answer and says what became of it. It recovers
// http.ErrAbortHandler, and that alone, when the answer was held and nothing
// has reached the client: then a clean refusal is still possible, where the
// abort would cut the connection. A passing body that aborts goes on
// panicking, as net/http wants it.
func Run(w http.ResponseWriter, r *http.Request, cfg Config, serve func(http.ResponseWriter, *http.Request) error) (out *Outcome, err error) {
	if cfg.Limit <= 0 {
		cfg.Limit = DefaultLimit
	}
	cw := &writer{under: w, cfg: cfg, header: make(http.Header), head: r.Method == http.MethodHead}
	defer func() {
		p := recover()
		if p != nil && (p != http.ErrAbortHandler || cw.mode == Pass && cw.decided && !cw.headed()) { //nolint:errorlint // panic value, compared as net/http does
			cw.discard()
			panic(p)
		}
		if p != nil && cw.err == nil {
			cw.err = ErrAborted
		}
		if cw.headed() {
			cw.err, err = nil, nil
		}
		out = cw.outcome()
	}()
	err = serve(cw, r)
	return nil, err
}

// headed says that the answer was stopped behind its header.
func (w *writer) headed() bool { return errors.Is(w.err, errHead) }

// writer is the http.ResponseWriter behind which the upstream answers.
type writer struct {
	under   http.ResponseWriter
	cfg     Config
	header  http.Header
	status  int
	mode    Mode
	decided bool
	head    bool
	buf     *bytes.Buffer
	sent    int64
	err     error
}

// Header is the upstream's map, never the client's.
func (w *writer) Header() http.Header { return w.header }

// WriteHeader drops 1xx and decides at the final status, once.
func (w *writer) WriteHeader(status int) {
	if w.decided {
		return
	}
	if status == http.StatusSwitchingProtocols {
		w.decided, w.status, w.err = true, status, ErrUpgrade
		return
	}
	if status >= 100 && status < 200 {
		return
	}
	w.decided, w.status = true, status
	mode, header := w.cfg.Decide(status, w.header)
	if mode == Pass && header == nil {
		mode = Refuse
	}
	w.mode = mode
	switch mode {
	case Refuse:
		w.err = ErrRefused
	case Pass:
		dst := w.under.Header()
		for k, v := range header {
			dst[k] = v
		}
		w.under.WriteHeader(status)
	}
}

// Write holds, passes or refuses. An error tells the upstream's copier to stop.
func (w *writer) Write(p []byte) (int, error) {
	if !w.decided {
		w.WriteHeader(http.StatusOK)
	}
	if w.err != nil {
		return 0, w.err
	}
	if w.mode == Pass {
		if w.cfg.Cut != nil && w.cfg.Cut() {
			w.err = ErrAborted
			return 0, w.err
		}
		n, err := w.under.Write(p)
		if w.cfg.Head && err == nil {
			w.err = errHead
			return 0, w.err
		}
		w.sent += int64(n)
		return n, err //nolint:wrapcheck // a ResponseWriter hands on its writer's error
	}
	if w.head {
		return len(p), nil
	}
	if w.buf == nil {
		w.buf = buffers.Get().(*bytes.Buffer)
		w.buf.Grow(w.expected())
	}
	if int64(w.buf.Len()+len(p)) > w.cfg.Limit {
		w.err = fmt.Errorf("%w of %d bytes", ErrTooLarge, w.cfg.Limit)
		return 0, w.err
	}
	if w.cfg.Held != nil {
		w.cfg.Held.Add(int64(len(p)))
	}
	return w.buf.Write(p) //nolint:wrapcheck // never fails
}

// expected is how much room the body gets at first: what the upstream says that
// it will be (RFC 9110, section 8.6), believed up to a bound.
func (w *writer) expected() int {
	n, err := strconv.ParseUint(w.header.Get("Content-Length"), 10, 63)
	if err != nil {
		return 0
	}
	return int(min(n, pooledLimit, uint64(w.cfg.Limit)))
}

// FlushError is how net/http's ResponseController flushes. Held bodies are
// never flushed; a passing one is.
func (w *writer) FlushError() error {
	if w.mode != Pass || !w.decided || w.err != nil {
		return nil
	}
	return http.NewResponseController(w.under).Flush() //nolint:wrapcheck // transparent
}

// Flush serves callers that assert http.Flusher.
func (w *writer) Flush() { _ = w.FlushError() }

// Hijack is refused: what goes on behind it could not be read.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.err = ErrUpgrade
	return nil, nil, ErrUpgrade
}

// SetReadDeadline, SetWriteDeadline and EnableFullDuplex reach the connection,
// in place of Unwrap, which would let a caller reach past this writer.
func (w *writer) SetReadDeadline(t time.Time) error {
	return http.NewResponseController(w.under).SetReadDeadline(t) //nolint:wrapcheck // transparent
}

// SetWriteDeadline is documented at SetReadDeadline.
func (w *writer) SetWriteDeadline(t time.Time) error {
	return http.NewResponseController(w.under).SetWriteDeadline(t) //nolint:wrapcheck // transparent
}

// EnableFullDuplex is documented at SetReadDeadline.
func (w *writer) EnableFullDuplex() error {
	return http.NewResponseController(w.under).EnableFullDuplex() //nolint:wrapcheck // transparent
}

func (w *writer) discard() {
	out := w.outcome()
	out.Release()
}

func (w *writer) outcome() *Outcome {
	out := &Outcome{Status: w.status, Header: w.header, Sent: w.sent, Err: w.err, buf: w.buf, held: w.cfg.Held}
	out.Passed = w.decided && w.mode == Pass
	if w.buf != nil {
		out.Body = w.buf.Bytes()
	}
	if !w.decided && w.err == nil {
		out.Err = ErrNothing
	}
	return out
}
