// Package upstream is the one client of the wiki besides the proxy itself: it
// lists what the wiki holds (Snapshot), asks about what the list lacks
// (Lookup), and asks whom the wiki takes a session for (WhoAmI).
//
// What is asked and how answers are read stands in the profile; this package
// knows paging, retries, limits and how a record is put together. Everything
// from the wiki is untrusted: answers are bounded in size, number and time, must
// be JSON in UTF-8, and no redirect or next-page link leads to another host.
package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"
	"golang.org/x/time/rate"
)

// The sentinels that callers branch on.
var (
	// ErrStatus is wrapped when the wiki answered with another status than 200.
	ErrStatus = errors.New("unexpected status")
	// ErrMalformed is wrapped when an answer is not what the profile expects.
	ErrMalformed = errors.New("unreadable answer")
	// ErrLimit is wrapped when a bound of this client was reached.
	ErrLimit = errors.New("limit reached")
	// ErrForeign is wrapped when the wiki led to another host.
	ErrForeign = errors.New("led to another host")
)

// Limits bound what one call takes from the wiki. Zero fields mean the
// defaults.
type Limits struct {
	Bytes    int64         // of one answer; default 32 MiB
	Total    int64         // of all answers of one Snapshot; default 8 GiB
	Pages    int           // answers of one listing; default 50,000
	Records  int           // of one Snapshot; default 5,000,000
	Values   int           // asked for by one Lookup; default 500
	Requests int           // made by one Lookup; default 100
	Attempts int           // at one request; default 4
	Timeout  time.Duration // of one request; default 30 s
	Wait     time.Duration // the longest Retry-After that is honoured; default 60 s
}

func (l Limits) withDefaults() Limits {
	def := Limits{
		Bytes: 32 << 20, Total: 8 << 30, Pages: 50_000, Records: 5_000_000, Values: 500, Requests: 100,
		Attempts: 4, Timeout: 30 * time.Second, Wait: time.Minute,
	}
	for _, f := range []struct{ have, def *int64 }{{&l.Bytes, &def.Bytes}, {&l.Total, &def.Total}} {
		if *f.have <= 0 {
			*f.have = *f.def
		}
	}
	for _, f := range []struct{ have, def *int }{
		{&l.Pages, &def.Pages}, {&l.Records, &def.Records}, {&l.Values, &def.Values}, {&l.Requests, &def.Requests}, {&l.Attempts, &def.Attempts},
	} {
		if *f.have <= 0 {
			*f.have = *f.def
		}
	}
	for _, f := range []struct{ have, def *time.Duration }{{&l.Timeout, &def.Timeout}, {&l.Wait, &def.Wait}} {
		if *f.have <= 0 {
			*f.have = *f.def
		}
	}
	return l
}

// Config says which wiki to talk to, and how.
type Config struct {
	// Base is the wiki's address, with its context path if it has one.
	Base *url.URL
	// Token is sent as a bearer token by Snapshot and Lookup; empty, they ask
	// as nobody.
	Token string
	// HTTP makes the requests; nil means a client of its own. Its redirect
	// policy is replaced.
	HTTP *http.Client
	// RatePerSecond bounds the requests of Snapshot and Lookup together;
	// default 20.
	RatePerSecond int
	// Log gets retries and what was left out; nil logs nothing.
	Log *slog.Logger
	// Limits bound what the wiki may send.
	Limits Limits
	// Now is the clock that dates in Retry-After are compared with, and Sleep
	// waits; nil means the system's. Tests set them.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
}

// Client talks to one wiki. It is safe for concurrent use.
type Client struct {
	base   *url.URL
	token  string
	http   *http.Client
	limit  *rate.Limiter
	log    *slog.Logger
	limits Limits
	now    func() time.Time
	sleep  func(context.Context, time.Duration) error
}

// New makes a client. It does not touch the network.
func New(c Config) *Client {
	if c.Base == nil {
		c.Base = &url.URL{}
	}
	if c.RatePerSecond <= 0 {
		c.RatePerSecond = 20
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	h := http.Client{Transport: http.DefaultTransport}
	if c.HTTP != nil {
		h = *c.HTTP
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	h.Jar = nil
	base := *c.Base
	base.Path = strings.TrimRight(base.Path, "/")
	base.RawPath, base.RawQuery, base.Fragment, base.User = "", "", "", nil
	return &Client{
		base: &base, token: c.Token, http: &h, limit: rate.NewLimiter(rate.Limit(c.RatePerSecond), c.RatePerSecond),
		log: c.Log, limits: c.Limits.withDefaults(), now: c.Now, sleep: c.Sleep,
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// statusError carries the status of an answer that was not 200.
type statusError struct{ status int }

func (e *statusError) Error() string {
	hint := ""
	switch e.status {
	case http.StatusUnauthorized, http.StatusForbidden:
		hint = " (is the sync token valid, and may its account read?)"
	case http.StatusFound, http.StatusMovedPermanently, http.StatusSeeOther, http.StatusTemporaryRedirect:
		hint = " (a redirect, perhaps to a sign-in page)"
	}
	return "status " + strconv.Itoa(e.status) + hint
}

func (e *statusError) Unwrap() error { return ErrStatus }

// maxRedirects is how many redirects within the wiki are followed.
const maxRedirects = 3

// getJSON fetches rel, a path and query below the wiki's base, and returns the
// answer once it is known to be JSON. It waits for the rate limit and tries
// again where the wiki asks for it or is out of order.
func (c *Client) getJSON(ctx context.Context, rel string, cookies []*http.Cookie) (gjson.Result, int, error) {
	target, err := c.resolve(rel)
	if err != nil {
		return gjson.Result{}, 0, err
	}
	for attempt, redirects := 1, 0; ; {
		if err := c.limit.Wait(ctx); err != nil {
			return gjson.Result{}, 0, fmt.Errorf("waiting for the rate limit: %w", err)
		}
		body, resp, err := c.once(ctx, target, cookies)
		switch {
		case err == nil && resp.StatusCode == http.StatusOK:
			return parse(body)
		case err == nil && isRedirect(resp.StatusCode) && redirects < maxRedirects && cookies == nil:
			redirects++
			if target, err = c.follow(target, resp.Header.Get("Location")); err != nil {
				return gjson.Result{}, 0, err
			}
			continue
		case err == nil:
			err = &statusError{resp.StatusCode}
		}
		wait, again := c.retry(attempt, resp, err)
		if !again || ctx.Err() != nil {
			return gjson.Result{}, 0, err
		}
		c.log.DebugContext(ctx, "asking the wiki again", "attempt", attempt, "wait", wait, "error", err)
		if serr := c.sleep(ctx, wait); serr != nil {
			return gjson.Result{}, 0, errors.Join(err, serr)
		}
		attempt++
	}
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// once makes one request and reads its answer. The response's body is closed.
func (c *Client) once(ctx context.Context, target *url.URL, cookies []*http.Cookie) ([]byte, *http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limits.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, nil, fmt.Errorf("making a request: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "postern")
	for _, k := range cookies {
		req.AddCookie(k)
	}
	if c.token != "" && cookies == nil {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, redactURL(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.limits.Bytes+1))
	if err != nil {
		return nil, resp, fmt.Errorf("reading the answer: %w", err)
	}
	if int64(len(body)) > c.limits.Bytes {
		return nil, resp, fmt.Errorf("%w: answer over %d bytes", ErrLimit, c.limits.Bytes)
	}
	return body, resp, nil
}

// redactURL takes the URL out of an error of net/http: queries name things.
func redactURL(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return fmt.Errorf("asking the wiki: %w", ue.Err)
	}
	return fmt.Errorf("asking the wiki: %w", err)
}

// retry says whether to try again, and after what time.
func (c *Client) retry(attempt int, resp *http.Response, err error) (time.Duration, bool) {
	if attempt >= c.limits.Attempts || errors.Is(err, ErrLimit) || errors.Is(err, context.Canceled) {
		return 0, false
	}
	wait := min(time.Duration(1<<(attempt-1))*500*time.Millisecond, c.limits.Wait)
	if resp == nil {
		return wait, true
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		after, ok := c.retryAfter(resp.Header.Get("Retry-After"))
		if !ok {
			return wait, true
		}
		return after, after <= c.limits.Wait
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return wait, true
	case http.StatusOK:
		return wait, true // the body broke off
	}
	return 0, false
}

func (c *Client) retryAfter(v string) (time.Duration, bool) {
	if v == "" {
		return 0, false
	}
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(n) * time.Second, true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	return max(at.Sub(c.now()), 0), true
}

// resolve makes a URL of a path and query below the base.
func (c *Client) resolve(rel string) (*url.URL, error) {
	if !strings.HasPrefix(rel, "/") || strings.HasPrefix(rel, "//") {
		return nil, fmt.Errorf("%w: the profile's URL %q does not begin with one slash", ErrMalformed, rel)
	}
	u, err := url.Parse(rel)
	if err != nil {
		return nil, fmt.Errorf("%w: the profile's URL: %w", ErrMalformed, err)
	}
	out := *c.base
	out.Path, out.RawPath = c.base.Path+u.Path, ""
	if u.RawPath != "" {
		out.RawPath = c.base.EscapedPath() + u.RawPath
	}
	out.RawQuery = u.RawQuery
	return &out, nil
}

// follow resolves a reference that the wiki gave, against the URL that was
// asked; it must stay on the wiki's host and below its base.
func (c *Client) follow(from *url.URL, ref string) (*url.URL, error) {
	u, err := from.Parse(ref)
	if err != nil || ref == "" {
		return nil, fmt.Errorf("%w: a reference to nowhere", ErrMalformed)
	}
	if u.Scheme != c.base.Scheme || u.Host != c.base.Host || u.User != nil || !c.below(u.Path) {
		return nil, ErrForeign
	}
	u.Fragment = ""
	return u, nil
}

func (c *Client) below(path string) bool {
	return c.base.Path == "" || path == c.base.Path || strings.HasPrefix(path, c.base.Path+"/")
}

// next makes a reference to the next page, as the wiki gives it, into a path
// and query below the base. Wikis leave their context path out, or not.
func (c *Client) next(rel, ref string) (string, error) {
	from, err := c.resolve(rel)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(ref, "/") && !strings.HasPrefix(ref, "//") {
		if path, _, _ := strings.Cut(ref, "?"); !c.below(path) {
			return ref, nil
		}
	}
	u, err := c.follow(from, ref)
	if err != nil {
		return "", err
	}
	path := strings.TrimPrefix(u.EscapedPath(), c.base.EscapedPath())
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	return path, nil
}

// parse checks that an answer is JSON.
func parse(body []byte) (gjson.Result, int, error) {
	if !utf8.Valid(body) || !gjson.ValidBytes(body) {
		kind := "no JSON"
		if t := strings.TrimSpace(string(body[:min(len(body), 64)])); strings.HasPrefix(t, "<") {
			kind = "markup where JSON was expected, perhaps a sign-in page"
		}
		return gjson.Result{}, 0, fmt.Errorf("%w: %s", ErrMalformed, kind)
	}
	return gjson.ParseBytes(body), len(body), nil
}
