package rewrite

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// fields are the wiki's header fields that may leave. Each value is read, and
// what leaves is what was understood of it; "" drops it. What is understood
// goes through the tripwire, but for words of a closed list.
var fields = []struct {
	name   string
	read   func(w *work, v string) string
	closed bool
}{
	{"Content-Language", func(_ *work, v string) string { return matching(language, v) }, false},
	{"X-Frame-Options", func(_ *work, v string) string { return frameOptions(v) }, true},
	{"Cross-Origin-Opener-Policy", oneOf("same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none"), true},
	{"Cross-Origin-Resource-Policy", oneOf("same-site", "same-origin", "cross-origin"), true},
	{"Cross-Origin-Embedder-Policy", oneOf("require-corp", "credentialless", "unsafe-none"), true},
	{"Permissions-Policy", (*work).permissions, false},
	{"Content-Security-Policy", (*work).securityPolicy, false},
	{"Link", (*work).links, false},
}

var language = regexp.MustCompile(`^[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*(?:[ \t]*,[ \t]*[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)*$`)

func matching(re *regexp.Regexp, v string) string {
	if re.MatchString(v) {
		return v
	}
	return ""
}

// oneOf keeps a value from a closed list, without its parameters: those name
// where to report to.
func oneOf(values ...string) func(*work, string) string {
	return func(_ *work, v string) string {
		v, _, _ = strings.Cut(v, ";")
		if v = strings.TrimSpace(v); slices.Contains(values, v) {
			return v
		}
		return ""
	}
}

// frameOptions keeps the two values that browsers know. ALLOW-FROM, which names
// an address, becomes the stricter of what it can mean.
func frameOptions(v string) string {
	switch strings.ToUpper(strings.TrimSpace(v)) {
	case "DENY", "SAMEORIGIN":
		return v
	}
	return "SAMEORIGIN"
}

// permissions keeps what a Permissions-Policy says of the site itself and of
// foreign origins. What can't be read goes, as browsers pass over it.
func (w *work) permissions(v string) string {
	var out []string
	for item := range strings.SplitSeq(v, ",") {
		feature, list, _ := strings.Cut(strings.TrimSpace(item), "=")
		if feature == "" || strings.Trim(feature, "abcdefghijklmnopqrstuvwxyz-") != "" {
			continue
		}
		switch list {
		case "*", "()", "self":
			out = append(out, feature+"="+list)
			continue
		}
		var to []string
		inner, ok := strings.CutPrefix(list, "(")
		inner, ok2 := strings.CutSuffix(inner, ")")
		if !ok || !ok2 {
			continue
		}
		for o := range strings.FieldsSeq(inner) {
			switch origin := strings.Trim(o, `"`); {
			case o == "self" || o == "src" || o == "*":
				to = append(to, o)
			case len(o) < 3 || o != `"`+origin+`"`:
			case w.foreign(origin):
				to = append(to, o)
			case w.ours(origin):
				to = append(to, "self")
			}
		}
		out = append(out, feature+"=("+strings.Join(to, " ")+")")
	}
	return strings.Join(out, ", ")
}

// The directives of a Content-Security-Policy that leave (CSP level 3). Those
// that say where to report to, and unknown ones, do not.
var (
	sourceLists = strings.Fields(`default-src script-src script-src-elem script-src-attr style-src style-src-elem style-src-attr img-src font-src
		connect-src media-src object-src frame-src child-src worker-src manifest-src prefetch-src fenced-frame-src base-uri form-action frame-ancestors navigate-to`)
	wordLists = strings.Fields(`sandbox upgrade-insecure-requests block-all-mixed-content require-trusted-types-for trusted-types`)

	policyWord    = regexp.MustCompile(`^'?[A-Za-z0-9*_-]{1,64}'?$`)
	quotedSource  = regexp.MustCompile(`(?i)^'(?:self|none|unsafe-inline|unsafe-eval|unsafe-hashes|wasm-unsafe-eval|strict-dynamic|report-sample|inline-speculation-rules|nonce-[A-Za-z0-9+/_=-]+|sha(?:256|384|512)-[A-Za-z0-9+/_=-]+)'$`)
	sourceOfKinds = regexp.MustCompile(`(?i)^(?:https?|wss?|data|blob|mediastream|filesystem|about):$`)
)

// securityPolicy rebases content security policies on the site and takes
// internal hosts out of them, which makes them stricter.
func (w *work) securityPolicy(v string) string {
	var all []string
	for p := range strings.SplitSeq(v, ",") {
		var out []string
		for d := range strings.SplitSeq(p, ";") {
			f := strings.Fields(d)
			if len(f) == 0 {
				continue
			}
			switch name := strings.ToLower(f[0]); {
			case slices.Contains(sourceLists, name):
				out = append(out, strings.Join(append(f[:1:1], w.sources(f[1:])...), " "))
			case slices.Contains(wordLists, name):
				out = append(out, strings.Join(slices.DeleteFunc(f, func(s string) bool { return !policyWord.MatchString(s) }), " "))
			}
		}
		if len(out) > 0 {
			all = append(all, strings.Join(out, "; "))
		}
	}
	return strings.Join(all, ", ")
}

func (w *work) sources(in []string) []string {
	var out []string
	for _, src := range in {
		switch {
		case src == "*" || quotedSource.MatchString(src) || sourceOfKinds.MatchString(src), w.foreign(src):
			out = append(out, src)
		case w.ours(src) && !slices.Contains(out, "'self'"):
			out = append(out, "'self'")
		}
	}
	return out
}

// asURL spells a host source (CSP level 3, section 2.3.1) as a URL, a wildcard
// as some host that it covers.
func asURL(src string) (u string, wild bool) {
	u = src
	if !strings.Contains(u, "://") {
		u = "https://" + u
	}
	u = strings.Replace(u, ":*", "", 1)
	if scheme, rest, _ := strings.Cut(u, "://"); strings.HasPrefix(rest, "*.") {
		return scheme + "://any" + rest[1:], true
	}
	return u, false
}

// foreign reports whether a source is a named host that is none of the wiki's
// and not internal, nor covers such a host.
func (w *work) foreign(src string) bool {
	u, wild := asURL(src)
	host, err := url.Parse(u)
	if err != nil || !strings.Contains(host.Hostname(), ".") {
		return false // a name without a dot means something inside alone
	}
	l := w.j.URL(u)
	return l.Foreign && l.Fate == rules.FateKeep && (!wild || !w.ours(src))
}

// ours reports whether a source is the site or one of its aliases, or covers
// one.
func (w *work) ours(src string) bool {
	u, wild := asURL(src)
	host, err := url.Parse(u)
	if err != nil {
		return false
	}
	for _, b := range append(w.ex.Site.Aliases[:len(w.ex.Site.Aliases):len(w.ex.Site.Aliases)], w.ex.Site.Base) {
		switch {
		case b == nil:
		case strings.EqualFold(b.Host, host.Host) || strings.EqualFold(b.Hostname(), host.Hostname()):
			return true
		case wild && strings.HasSuffix(strings.ToLower(b.Hostname()), strings.ToLower(strings.TrimPrefix(host.Hostname(), "any"))):
			return true
		}
	}
	return false
}

// links keeps those targets of a Link field (RFC 8288, section 3) that may be
// seen, with nothing but their relation. A field that can't be read goes.
func (w *work) links(v string) string {
	var out []string
	for v = strings.TrimLeft(v, ", \t"); v != ""; {
		end := strings.IndexByte(v, '>')
		if v[0] != '<' || end < 0 {
			return ""
		}
		raw := v[1:end]
		params, rest, ok := linkParams(v[end+1:])
		if !ok {
			return ""
		}
		v = rest
		l := w.j.URL(raw)
		if l.Fate != rules.FateKeep {
			w.report.Hide(l.Kind, edit.Removed)
			continue
		}
		if l.URL != "" {
			raw = l.URL
		}
		link, related := "<"+raw+">", false
		for _, p := range params {
			switch p[0] {
			case "rel", "as", "type", "crossorigin":
				related = related || p[0] == "rel"
				if strings.Trim(p[1], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+/. ") == "" {
					link += "; " + p[0] + `="` + p[1] + `"`
				}
			case "anchor":
				related = false
			}
		}
		if related && !controls(raw) {
			out = append(out, link)
		}
	}
	return strings.Join(out, ", ")
}

// linkParams reads the parameters behind a target, and gives what follows the
// comma behind them. Names are lower case; values are unquoted.
func linkParams(v string) (params [][2]string, rest string, ok bool) {
	for {
		v = strings.TrimLeft(v, " \t")
		if v == "" || v[0] == ',' {
			return params, strings.TrimLeft(v, ", \t"), true
		}
		if v[0] != ';' {
			return nil, "", false
		}
		v = strings.TrimLeft(v[1:], " \t")
		end := strings.IndexAny(v, "=;, \t")
		if end < 0 {
			end = len(v)
		}
		p := [2]string{strings.ToLower(v[:end])}
		v = strings.TrimLeft(v[end:], " \t")
		if after, has := strings.CutPrefix(v, "="); has {
			if p[1], v, ok = linkValue(strings.TrimLeft(after, " \t")); !ok {
				return nil, "", false
			}
		}
		params = append(params, p)
	}
}

// linkValue reads a token or a quoted string.
func linkValue(v string) (value, rest string, ok bool) {
	if v == "" || v[0] != '"' {
		end := strings.IndexAny(v, ";, \t")
		if end < 0 {
			end = len(v)
		}
		return v[:end], v[end:], true
	}
	var b strings.Builder
	for i := 1; i < len(v); i++ {
		switch v[i] {
		case '"':
			return b.String(), v[i+1:], true
		case '\\':
			if i++; i == len(v) {
				return "", "", false
			}
		}
		b.WriteByte(v[i])
	}
	return "", "", false
}
