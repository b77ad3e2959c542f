package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/rules"
)

func outlineOf(t *testing.T, p *rules.Profile, request string) rules.Outline {
	t.Helper()
	method, target, _ := strings.Cut(request, " ")
	path, query, _ := strings.Cut(target, "?")
	req, err := p.ReadTarget(path, query)
	if err != nil {
		t.Fatalf("%s: %v", request, err)
	}
	req.Method = method
	return p.Outlines().Of(req)
}

// TestOutline: an outline keeps the profile's words and nothing else.
func TestOutline(t *testing.T) {
	t.Parallel()
	p, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	for request, want := range map[string]string{
		"GET /":                            "GET /",
		"GET /rest/acme/1.0/projects/4711": "GET /rest/{word}/{word2}/{word3}/{id}",
		"HEAD /rest/api/content/77/secretproject":   "GET /rest/api/content/{id}/{word}",
		"GET /pages/mergers.action?pageId=1&who=ed": "GET /pages/{word}.action?pageId&{param}",
		"GET /rest/api/content/?expand=x&a=1&b=2":   "GET /rest/api/content/?expand&{param}",
		"PURGE /display/ACME":                       "{method} /display/{word}",
		"GET /a%20b/c%C3%A4":                        "GET /{text}/{text2}",
		"GET /a/b/c/d/e/f/g/h/i/j/k":                "GET /{word}/{word2}/{word3}/{word4}/{word5}/{word6}/{word7}/{word8}/{rest...}",
	} {
		if got := outlineOf(t, p, request).String(); got != want {
			t.Errorf("%s: got %s, want %s", request, got, want)
		}
	}
}

// TestOutlineOverlay: what an outline proposes is an overlay that loads and,
// with the words filled in, takes the request and opens it to nobody.
func TestOutlineOverlay(t *testing.T) {
	t.Parallel()
	for name, requests := range map[string][]string{
		"confluence-dc": {
			"GET /rest/acme/1.0/projects/4711?limit=5&start=0", "POST /rest/acme/latest/things.json", "DELETE /rest/acme/x/",
			"GET /plugins/acme/a%20b.action?pageId=12&title=x&key=A", "GET /acme/1/2/3/4/5/6/7/8/9/10",
		},
		"mediawiki": {"GET /acme", "GET /12", "GET /w/rest.php/acme?action=x&titles=y", "PUT /w/api.php", "GET /a/b/c/d/e/f/g/h/i/j"},
	} {
		p, err := rules.LoadProfile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, request := range requests {
			method, target, _ := strings.Cut(request, " ")
			path, query, _ := strings.Cut(target, "?")
			req, err := p.ReadTarget(path, query)
			if err != nil {
				t.Fatal(err)
			}
			req.Method = method
			if _, why := p.Match(req, nil); why == nil || why.Pattern != "" {
				t.Errorf("%s: %s has a route", name, request)
				continue
			}
			line := p.Outlines().Overlay(p.Outlines().Of(req))
			overlay := func(line string) string {
				return fmt.Sprintf("profile: site\nextends: %s\nroutes:\n  %s\n", name, line)
			}
			if _, err := rules.ParseProfile("site.yaml", []byte(overlay(line))); err != nil {
				t.Errorf("%s: %s: proposed %s: %v", name, request, line, err)
				continue
			}
			over, err := rules.ParseProfile("site.yaml", []byte(overlay(fillIn(line, path))))
			if err != nil {
				t.Errorf("%s: %s: %v", name, request, err)
				continue
			}
			if m, why := over.Match(req, nil); why != nil || m.Class != rules.ClassAdmin {
				t.Errorf("%s: %s: proposed %s, which does not take it: %v", name, request, line, why)
			}
		}
	}
}

// fillIn puts the request's own words in place of WORD, TEXT, ID and REST.
func fillIn(line, path string) string {
	before, match, _ := strings.Cut(line, " /")
	match, after, _ := strings.Cut(match, `"`)
	segs, given := strings.Split(match, "/"), strings.Split(path[1:], "/")
	for i, s := range segs {
		switch strings.TrimRight(strings.TrimSuffix(strings.TrimSuffix(s, ".json"), ".action"), "23456789") {
		case "WORD", "TEXT", "ID":
			segs[i] = strings.ReplaceAll(given[i], "%20", " ")
		case "REST":
			segs[i] = "{rest...}"
		}
	}
	return before + " /" + strings.Join(segs, "/") + `"` + after
}

// TestOutlineExtend: what is proposed for a parameter is an overlay that loads
// and takes it.
func TestOutlineExtend(t *testing.T) {
	t.Parallel()
	p, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	req, err := p.ReadTarget("/pages/viewpage.action", "pageId=1&vendor=x")
	if err != nil {
		t.Fatal(err)
	}
	_, why := p.Match(req, nil)
	if why == nil {
		t.Fatal("the route takes it")
	}
	over, err := rules.ParseProfile("site.yaml", []byte("profile: site\nextends: confluence-dc\nroutes:\n  "+p.Outlines().Extend(why, "vendor")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, why := over.Match(req, nil); why != nil {
		t.Errorf("with the overlay: %v", why)
	}
}

// TestAllowLine: the line opens the route in a policy, whatever it captures.
func TestAllowLine(t *testing.T) {
	t.Parallel()
	for _, name := range rules.ShippedProfiles() {
		p, err := rules.LoadProfile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := map[string]string{}
		for i := range p.Examples {
			fields := strings.Fields(p.Examples[i].Request)
			path, query, _ := strings.Cut(fields[1], "?")
			req, err := p.ReadTarget(path, query)
			if err != nil {
				continue
			}
			req.Method = fields[0]
			m, why := p.Match(req, nil)
			if why != nil {
				continue
			}
			line := m.AllowLine()
			lines[m.Pattern] = line
			if line == "" {
				t.Errorf("%s: nothing for %s", name, m.Pattern)
				continue
			}
			policy := fmt.Sprintf("version: 1\nwiki: %s\ninternal: {groups: [wiki/staff]}\nurls: {allow: [%s]}\n", name, line)
			if _, err := rules.ParsePolicy(map[string][]byte{"p.yaml": []byte(policy)}, nil); err != nil {
				t.Errorf("%s: %s: %v", name, line, err)
			}
		}
		if len(lines) < 10 {
			t.Errorf("%s: %d routes tried", name, len(lines))
		}
	}
}

// TestRefusalRoute: a refusal tells its route's place and the parameter.
func TestRefusalRoute(t *testing.T) {
	t.Parallel()
	p, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	refusal := func(path, query string) rules.Refusal {
		req, err := p.ReadTarget(path, query)
		if err != nil {
			t.Fatal(err)
		}
		_, why := p.Match(req, nil)
		if why == nil {
			t.Fatalf("%s?%s is taken", path, query)
		}
		return *why
	}
	got := refusal("/pages/viewpage.action", "pageId=1&bad=x")
	if got.Pattern != "GET /pages/viewpage.action" || got.Param != "bad" || got.File != "profiles/confluence-dc.yaml" || got.Line == 0 {
		t.Errorf("an unnamed parameter: %+v", got)
	}
	if diff := cmp.Diff(rules.Refusal{Status: 404, Reason: "no route"}, refusal("/no/such/thing", "")); diff != "" {
		t.Error(diff)
	}
}
