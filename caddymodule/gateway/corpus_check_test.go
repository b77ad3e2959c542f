package gateway_test

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/rules"
)

// corpusGatewayOf is the corpus's gateway with a profile of the caller's.
func corpusGatewayOf(profile *rules.Profile, as, tripwire, context string, observe func(gateway.Event)) (*gateway.Gateway, error) {
	mo := ""
	if as == "mo" {
		mo = "- {user: mo, role: user}"
	}
	text := strings.NewReplacer("MO", mo, "TRIPWIRE", tripwire).Replace(corpusPolicy)
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(text)}, profile)
	if err != nil {
		return nil, err
	}
	dir, err := directory.New(directory.Config{Profile: profile, Seed: corpusDirectory()})
	if err != nil {
		return nil, err
	}
	v := rules.Viewer{Provider: "idp", Subject: as, Email: as + "@acme.example", EmailVerified: true, WikiUser: as}
	switch as {
	case "kim":
		v.Email = "kim@globex.example"
	case "ida":
		v.Email, v.Groups = "ida@corp.example", []string{"staff"}
	}
	return gateway.New(gateway.Config{
		Site: &url.URL{Scheme: "https", Host: "site.example", Path: context}, Wiki: &url.URL{Scheme: "http", Host: "wiki.internal:8090", Path: context},
		Aliases:       []*url.URL{{Scheme: "https", Host: "wiki.corp.example", Path: context}, {Scheme: "https", Host: "old.corp.example", Path: "/wiki"}},
		InternalHosts: []string{"*.corp.example", "wiki.internal"},
		Identity: map[rules.ViewerKind]gateway.Identity{
			rules.External: {Kind: "service", Value: "read-token"}, rules.Internal: {Kind: "header", Value: "X-Remote-User"},
		},
		Policy: policy, Directory: dir, As: &v, Observe: observe, HeldLimit: 4 << 20, Key: bytes.Repeat([]byte("k"), 32),
	})
}

// faults says in what an answer is not what the case wants.
func (c *corpusCase) faults(w *httptest.ResponseRecorder, event gateway.Event) []string {
	var out []string
	fault := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if w.Code != c.status {
		fault("status %d, want %d (%s: %s)", w.Code, c.status, event.Rule, event.Reason)
	}
	head := w.Header().Clone()
	head.Del("Etag")
	body := w.Body.String()
	all := decodings(body + "\n" + fmt.Sprint(head))
	for _, n := range c.leaks() {
		if at := find(all, n); at != "" {
			fault("leak of %q: %s", n, at)
		}
	}
	if w.Code >= 400 {
		return out
	}
	for _, k := range c.keep {
		if !strings.Contains(all[0], k) && !strings.Contains(all[1], k) {
			fault("lost %q", k)
		}
	}
	for _, k := range c.raw {
		if !strings.Contains(body, k) {
			fault("no %q in the bytes", k)
		}
	}
	if got := middle(body); c.same && got != middle(c.body) {
		fault("changed:\n%s", diff(middle(c.body), got))
	} else if c.hasWant && strings.TrimSpace(got) != strings.TrimSpace(c.want) {
		fault("not as wanted:\n%s", diff(strings.TrimSpace(c.want), strings.TrimSpace(got)))
	}
	return out
}

// leaks are the words that must not be there.
func (c *corpusCase) leaks() []string {
	switch c.as {
	case "ida":
		return c.gone
	case "kim":
		return slices.Concat(c.gone, canaries)
	}
	return slices.Concat(c.gone, canaries, globexCanaries)
}
