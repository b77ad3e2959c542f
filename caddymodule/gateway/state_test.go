package gateway

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/upstream"

	"github.com/postern-gateway/postern/rules"
)

// TestSameViewer: a change of any claim makes another viewer, whose view must
// be made anew.
func TestSameViewer(t *testing.T) {
	t.Parallel()
	base := func() rules.Viewer { return rules.Viewer{Provider: "p", Subject: "s", Groups: []string{"a"}} }
	if !sameViewer(base(), base()) {
		t.Error("the same claims make another viewer")
	}
	for i := range reflect.TypeFor[rules.Viewer]().NumField() {
		v := base()
		switch f := reflect.ValueOf(&v).Elem().Field(i); f.Kind() {
		case reflect.Bool:
			f.SetBool(!f.Bool())
		case reflect.String:
			f.SetString(f.String() + "x")
		case reflect.Slice:
			f.Set(reflect.ValueOf([]string{"a", "b"}))
		default:
			t.Fatalf("a claim of kind %s: compare it too", f.Kind())
		}
		if sameViewer(base(), v) {
			t.Errorf("another %s goes unnoticed", reflect.TypeFor[rules.Viewer]().Field(i).Name)
		}
	}
}

// TestLookedUpMeanwhile: what another request's look-up has brought between
// this one's judging and its asking is judged by, though there was nothing left
// to ask.
func TestLookedUpMeanwhile(t *testing.T) {
	t.Parallel()
	p, err := rules.LoadProfile("mediawiki")
	if err != nil {
		t.Fatal(err)
	}
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte("version: 1\nwiki: mediawiki\ninternal: {groups: [], mode: shared-spaces}\nspaces:\n  Portal: {members: [{user: idp/1}]}\n")}, p)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	wiki := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"query":{"pages":[{"pageid":7,"ns":3000,"title":"Portal:Plan"}]}}`)
	}))
	defer wiki.Close()
	base, err := url.Parse(wiki.URL)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := directory.New(directory.Config{Profile: p, Upstream: upstream.New(upstream.Config{Base: base}), Seed: rules.Directory{Spaces: []rules.SpaceRecord{{Key: "Portal", ID: "3000", Name: "Portal"}}}})
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(Config{
		Site: &url.URL{Scheme: "https", Host: "site.example"}, Wiki: &url.URL{Scheme: "http", Host: "wiki.internal"},
		Policy: policy, Directory: dir, Providers: []string{"idp"}, Identity: map[rules.ViewerKind]Identity{rules.External: {Kind: "anonymous"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	began := g.state.Load()
	viewer := rules.Viewer{Provider: "idp", Subject: "1"}
	refs := []rules.Ref{{Kind: rules.Content, Keys: []rules.Key{{Attr: rules.ContentTitle, Value: "Portal:Plan"}}}}
	verdict := func(v *rules.View) rules.Verdict {
		id, ok := v.Resolve(refs[0])
		if !ok {
			return rules.Unknown
		}
		return v.Content(id).Verdict
	}
	if got := verdict(began.view(viewer, "", g.cfg.Now())); got != rules.Unknown {
		t.Fatalf("before any look-up: %v", got)
	}
	if _, err := dir.Resolve(t.Context(), refs); err != nil { // the other request's
		t.Fatal(err)
	}
	v, err := resolver{g: g, state: began, viewer: viewer}.Resolve(t.Context(), refs)
	if err != nil || v == nil || verdict(v) != rules.Visible {
		t.Errorf("after another's look-up: %v, %v", v, err)
	}
	if v, err := (resolver{g: g, state: g.state.Load(), viewer: viewer}).Resolve(t.Context(), refs); v != nil || err != nil {
		t.Errorf("with nothing learnt since: %v, %v", v, err)
	}
	if asked != 1 {
		t.Errorf("the wiki was asked %d times", asked)
	}
}
