package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/postern-gateway/postern/rules"
)

// Bounds of the cookies that the wiki may set.
const (
	maxCookies     = 32
	maxCookieBytes = 4 << 10 // of all of them
)

// Cookies are those of a session with the wiki, by name. Their domains and
// paths do not matter: they go to the wiki's base alone, and never to a client.
type Cookies map[string]string

// List gives them as a request carries them, in order of their names.
func (c Cookies) List() []*http.Cookie {
	out := make([]*http.Cookie, 0, len(c))
	for _, name := range slices.Sorted(maps.Keys(c)) {
		out = append(out, &http.Cookie{Name: name, Value: c[name]})
	}
	return out
}

// Update takes the cookies that an answer sets and the profile names (RFC 6265,
// section 5.3), and says whether any of them changed. It returns an error, and
// changes nothing, where they are more than a session's.
func (c Cookies) Update(p *rules.Profile, answer http.Header) (changed bool, err error) {
	set := (&http.Response{Header: answer}).Cookies()
	if len(set) == 0 {
		return false, nil
	}
	next := maps.Clone(c)
	for _, k := range set {
		if !named(p.Headers.Cookies, k.Name) {
			continue
		}
		if k.MaxAge < 0 || !k.Expires.IsZero() && k.Expires.Unix() <= 0 || k.Value == "" || k.Value == "deleted" {
			delete(next, k.Name)
			continue
		}
		next[k.Name] = k.Value
	}
	size := 0
	for name, value := range next {
		size += len(name) + len(value)
	}
	if len(next) > maxCookies || size > maxCookieBytes {
		return false, fmt.Errorf("%w: the wiki sets more than %d cookies, or %d bytes of them", ErrLimit, maxCookies, maxCookieBytes)
	}
	if maps.Equal(c, next) {
		return false, nil
	}
	clear(c)
	maps.Copy(c, next)
	return true, nil
}

func named(globs []string, name string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool {
		ok, err := path.Match(glob, name)
		return err == nil && ok
	})
}

// SignIn makes the steps by which a user signs in with the wiki, and gives the
// cookies that it set. That they are anybody's is for WhoAmI to say.
func (c *Client) SignIn(ctx context.Context, p *rules.Profile, site, user, password string) (Cookies, error) {
	if p == nil || p.Login == nil {
		return nil, fmt.Errorf("%w: the profile has no login", ErrMalformed)
	}
	cookies := Cookies{}
	err := c.steps(ctx, p, p.Login.In, cookies, map[string]string{"site": site, "user": user, "password": password})
	return cookies, err
}

// SignOut makes the steps by which the session of these cookies ends.
func (c *Client) SignOut(ctx context.Context, p *rules.Profile, site string, cookies Cookies) error {
	if p == nil || p.Login == nil {
		return fmt.Errorf("%w: the profile has no login", ErrMalformed)
	}
	return c.steps(ctx, p, p.Login.Out, maps.Clone(cookies), map[string]string{"site": site})
}

func (c *Client) steps(ctx context.Context, p *rules.Profile, steps []rules.LoginStep, cookies Cookies, values map[string]string) error {
	for i := range steps {
		if err := c.step(ctx, p, &steps[i], cookies, values); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

// step makes one request. No redirect is followed: the cookies are there
// already, and where it leads is the wiki's business.
func (c *Client) step(ctx context.Context, p *rules.Profile, s *rules.LoginStep, cookies Cookies, values map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, c.limits.Timeout)
	defer cancel()
	method, rel, body := http.MethodGet, s.Get, ""
	if s.Post != "" {
		form := url.Values{}
		for field := range s.Form {
			form.Set(field, s.Fill(field, values))
		}
		method, rel, body = http.MethodPost, s.Post, form.Encode()
	}
	target, err := c.resolve(rel)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, target.String(), strings.NewReader(body))
	if err != nil {
		return errors.New("making a request") // an error might quote it
	}
	req.Header.Set("User-Agent", "postern")
	req.Header.Set("Accept", "application/json, text/html")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, k := range cookies.List() {
		req.AddCookie(k)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return redactURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 500 {
		return &statusError{resp.StatusCode}
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxLoginAnswer+1))
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if len(answer) > maxLoginAnswer {
		return fmt.Errorf("%w: answer over %d bytes", ErrLimit, maxLoginAnswer)
	}
	if _, err := cookies.Update(p, resp.Header); err != nil {
		return err
	}
	for name, at := range s.Take {
		got := gjson.GetBytes(answer, at)
		if !gjson.ValidBytes(answer) || got.Type != gjson.String {
			return fmt.Errorf("%w: there is no %s in it", ErrMalformed, name)
		}
		values[name] = got.Str
	}
	return nil
}

// maxLoginAnswer is the most that one step's answer may be: a page, of which
// nothing is shown to anybody.
const maxLoginAnswer = 4 << 20
