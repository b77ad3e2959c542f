package gateway_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/rules"
)

// recordedAnswers is where answers recorded from wikis lie, if they are at hand.
const recordedAnswers = "../../../shared/confluence/fixtures"

// TestRecorded sends recorded answers through the whole gateway to somebody who
// may see all that they name: what comes out is what went in, byte for byte,
// apart from the differences listed with each.
func TestRecorded(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(recordedAnswers); err != nil {
		t.Skip("no recorded answers here")
	}
	profile, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range recordedCases {
		t.Run(c.name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(recordedAnswers, c.name))
			if err != nil {
				t.Skip(err)
			}
			c.run(t, profile, string(data))
		})
	}
	files, err := os.ReadDir(recordedAnswers)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		n := f.Name()
		run := slices.ContainsFunc(recordedCases, func(c recordedCase) bool { return c.name == n })
		out := slices.ContainsFunc(recordedElsewhere, func(e recordedOut) bool { return e.files.MatchString(n) })
		if run == out && !strings.HasPrefix(n, "INDEX") {
			t.Errorf("%s: want it run, or left out with a reason", n)
		}
	}
}

// recordedCase is one recorded answer.
type recordedCase struct {
	name   string
	base   string         // where the answer does not say
	target string         // $home: the space that it is about
	wrap   string         // what was recorded is one part of: hit, view, storage
	differ map[string]int // how often what differs for which reason of recordedReasons
}

var wrappers = map[string][2]string{
	"list":    {`{"results":`, `,"start":0,"limit":25,"size":2}`},
	"hit":     {`{"results":[`, `],"start":0,"limit":25,"size":1}`},
	"view":    {`{"id":"77770001","type":"page","status":"current","title":"Holder","body":{"view":{"value":`, `,"representation":"view"}}}`},
	"storage": {`{"id":"77770001","type":"page","status":"current","title":"Holder","body":{"storage":{"value":`, `,"representation":"storage"}}}`},
}

func (c *recordedCase) run(t *testing.T, profile *rules.Profile, body string) {
	w := worldOf(body)
	base := cmp.Or(c.base, "http://wiki.example")
	if m := recordedBase.FindStringSubmatch(body); m != nil {
		base = m[1]
	}
	before, after := "", ""
	if c.wrap != "" {
		before, after = wrappers[c.wrap][0], wrappers[c.wrap][1]
	}
	w.page("77770001", w.home, "Holder")
	if c.wrap == "view" || c.wrap == "storage" {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		body = string(b)
	}
	got := c.serve(t, profile, w, base, before+body+after)
	if c.wrap != "" && (!strings.HasPrefix(got, before) || !strings.HasSuffix(got, after)) {
		t.Fatalf("what is around the answer changed: %.400s", got)
	}
	got = strings.TrimSuffix(strings.TrimPrefix(got, before), after)
	if c.wrap == "view" || c.wrap == "storage" {
		body, got = unquoted(t, body), unquoted(t, got)
	}
	differ := map[string]int{}
	for _, h := range hunks(body, got) {
		i := slices.IndexFunc(recordedReasons, func(r recordedReason) bool { return r.match.MatchString(h.String()) })
		if i < 0 {
			t.Errorf("differs: %s", h)
			continue
		}
		differ[recordedReasons[i].name]++
	}
	if !maps.Equal(c.differ, differ) {
		t.Errorf("differences: want %v, got %#v", c.differ, differ)
	}
}

func unquoted(t *testing.T, s string) string {
	t.Helper()
	var out string
	if err := json.Unmarshal([]byte(s), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// serve sends one answer through a gateway before which all of the world is
// shared.
func (c *recordedCase) serve(t *testing.T, profile *rules.Profile, world *recordedWorld, base, body string) string {
	t.Helper()
	var members, spaces strings.Builder
	for _, u := range world.Users {
		fmt.Fprintf(&members, "{user: %q}, ", "wiki/"+u.Username)
	}
	for _, s := range world.Spaces {
		fmt.Fprintf(&spaces, "  %q: {members: [%s]}\n", s.Key, members.String())
	}
	policy, err := rules.ParsePolicy(map[string][]byte{"p.yaml": []byte("version: 1\nwiki: confluence-dc\ninternal: {groups: [staff]}\nspaces:\n" + spaces.String())}, profile)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := directory.New(directory.Config{Profile: profile, Seed: world.Directory})
	if err != nil {
		t.Fatal(err)
	}
	site, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	var event gateway.Event
	gw, err := gateway.New(gateway.Config{
		Site: site, Wiki: &url.URL{Scheme: "http", Host: "wiki.internal", Path: site.Path}, Policy: policy, Directory: dir,
		As:      &rules.Viewer{Provider: "idp", Subject: "eva", Email: "eva@acme.example", EmailVerified: true, WikiUser: "eva"},
		Observe: func(e gateway.Event) { event = e },
	})
	if err != nil {
		t.Fatal(err)
	}
	target := strings.ReplaceAll(c.target, "$home", url.QueryEscape(world.home))
	r, err := http.NewRequest("GET", base+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	typ := "text/html;charset=UTF-8"
	switch {
	case strings.HasSuffix(c.name, ".xml"):
		typ = "application/atom+xml;charset=UTF-8"
	case strings.HasPrefix(target, "/rest/"):
		typ = "application/json"
	}
	rec := httptest.NewRecorder()
	if err := gw.ServeHTTP(rec, r, upstream(200, typ, body)); err != nil {
		t.Fatal(err)
	}
	if rec.Code != 200 {
		t.Fatalf("%s: status %d (%s: %s)", target, rec.Code, event.Rule, event.Reason)
	}
	return rec.Body.String()
}

// hunk is one place in which two texts differ.
type hunk struct{ was, is string }

func (h hunk) String() string {
	return fmt.Sprintf("-%.700s+%.300s", strings.TrimSpace(h.was), strings.TrimSpace(h.is))
}

var recordedToken = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"(?:\s*:\s*)?|</?[a-zA-Z][^<>]*>|&lt;/?[a-zA-Z](?:[^&]|&[^g])*&gt;|[^\s<>"{}\[\],]+|\s+|.`)

// hunks gives the places in which is differs from was, by the algorithm of
// Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), over tokens.
func hunks(was, is string) []hunk {
	a, b := recordedToken.FindAllString(was, -1), recordedToken.FindAllString(is, -1)
	trace, d := shortestEdit(a, b)
	var steps []hunk // back to front: one token each, empty where both agree
	x, y := len(a), len(b)
	for ; d >= 0; d-- {
		v, k := trace[d], x-y
		prev := k - 1
		if k == -d || k != d && v[d+k-1] < v[d+k+1] {
			prev = k + 1
		}
		px := 0
		if d > 0 {
			px = v[d+prev]
		}
		py := px - prev
		if d == 0 {
			py = 0
		}
		for x > px && y > py && (d > 0 || x > 0 && y > 0) {
			x, y = x-1, y-1
			steps = append(steps, hunk{})
		}
		switch {
		case d == 0:
		case x == px:
			y--
			steps = append(steps, hunk{is: b[y]})
		default:
			x--
			steps = append(steps, hunk{was: a[x]})
		}
	}
	var out []hunk
	open := false
	for _, s := range slices.Backward(steps) {
		if s == (hunk{}) {
			open = false
			continue
		}
		if !open {
			out = append(out, hunk{})
		}
		open = true
		h := &out[len(out)-1]
		h.was, h.is = h.was+s.was, h.is+s.is
	}
	return out
}

// shortestEdit gives how far each diagonal got before each step, and the number
// of steps. Diagonal k of step d is at d+k.
func shortestEdit(a, b []string) (trace [][]int, steps int) {
	v := map[int]int{1: 0}
	for d := 0; ; d++ {
		was := make([]int, 2*d+2)
		for k := -d; k <= d+1; k++ {
			was[d+k] = v[k]
		}
		trace = append(trace, was)
		for k := -d; k <= d; k += 2 {
			x := v[k-1] + 1
			if k == -d || k != d && v[k-1] < v[k+1] {
				x = v[k+1]
			}
			for x < len(a) && x-k < len(b) && a[x] == b[x-k] {
				x++
			}
			v[k] = x
			if x >= len(a) && x-k >= len(b) {
				return trace, d
			}
		}
	}
}
