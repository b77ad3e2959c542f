package rules_test

import (
	"strings"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/rules"
)

// kindsProfile has one route for each construct of the language that decides
// what a request names.
const kindsProfile = `
profile: kinds
canon: {drop_params: [_], params: {list_separator: ","}}
types: {build: "[0-9]{4}"}
routes:
  - {match: GET /missing, class: search, params: {ids: list(content.id), "*": drop}, mixed: missing, page: {kind: none}}
  - {match: GET /refuse, class: search, params: {ids: list(content.id)}, mixed: refuse, page: {kind: none}}
  - {match: GET /bars, class: search, params: {keys: 'list(space.key, "|")', words: "words(a,b)"}, page: {kind: none}}
  - {match: GET /need, class: feed, params: {id: content.id, space: space.key, title: content.title in space}, need: [[id], [space, title]], page: {kind: none}}
  - {match: GET /any, class: feed, params: {id: content.id, other: "content.id|enum(prev,next)"}, need_any: [id, other], page: {kind: none}}
  - {match: GET /agree, class: feed, params: {id: content.id, other: content.id}, agree: content, page: {kind: none}}
  - {match: GET /version, class: feed, params: {id: content.id, version: int}, deny: [{version: present, below: user}], page: {kind: none}}
  - {match: GET /below, class: feed, params: {id: content.id}, deny: [{below: commenter}], page: {kind: none}}
  - {match: GET /identity, class: feed, params: {m: "words(own,all)"}, deny: [{m: [own], identity: service, answer: empty}], page: {kind: none}}
  - {match: GET /identity2, class: feed, deny: [{identity: passthrough}], page: {kind: none}}
  - {match: GET /force, class: static, params: {format: "enum(json,xml)", gone: drop}, force: {params: {format: json, gone: "1"}, headers: {Accept: application/json}}}
  - {match: GET /values, class: static, params: {f: flag, n: int, max: int<=100, e: 'enum(a,"")', d: date, t: time, b: build, q: plain, self: self, x: drop, no: refuse, c: cursor}, page: {kind: cursor, start: c}}
  - {match: GET /path, class: feed, params: {p: "path(content.id, content.id, text)"}, page: {kind: none}}
  - {match: GET /json, class: feed, params: {j: "json(spaceKey: space.key, contentId: content.id, n: int<=9)"}, page: {kind: none}}
  - {match: GET /star, class: static, params: {a: int, "*": drop}}
  - {match: GET /admin, class: admin}
  - {match: GET /export, class: export}
`

const kindsPolicy = `
version: 1
wiki: kinds
internal: {groups: [wiki/staff], mode: shared-spaces}
spaces:
  ACME: {members: [{user: wiki/eva}, {user: wiki/max, role: user}]}
`

func kindsView(t *testing.T, p *rules.Profile, who string) *rules.View {
	t.Helper()
	pol, err := rules.ParsePolicy(map[string][]byte{"p.yaml": []byte(kindsPolicy)}, p)
	if err != nil {
		t.Fatal(err)
	}
	g, err := directory.NewGeneration(rules.Directory{
		Users:  []rules.UserRecord{{Username: "eva"}, {Username: "max"}, {Username: "ida", Groups: []string{"staff"}}},
		Groups: []rules.GroupRecord{{Name: "staff"}},
		Spaces: []rules.SpaceRecord{{Key: "ACME", ID: "1", Name: "Acme"}, {Key: "HR", ID: "2", Name: "Staff"}},
		Content: []rules.ContentRecord{
			{ID: "11", Space: "ACME", Title: "Plan"}, {ID: "12", Space: "ACME", Title: "Notes"}, {ID: "21", Space: "HR", Title: "Pay"},
		},
	}, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := rules.NewView(pol, g, rules.Viewer{Provider: "acme", Subject: who, WikiUser: who}, time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Matching and admission of each construct: a visible, a hidden, an unknown
// value, and values that are none.
func TestAdmitAndMatch(t *testing.T) {
	p, err := rules.ParseProfile("kinds.yaml", []byte(kindsProfile))
	if err != nil {
		t.Fatal(err)
	}
	eva, max := kindsView(t, p, "eva"), kindsView(t, p, "max")
	for _, c := range []struct {
		as       *rules.View // left out: eva
		req      string
		refused  string // no match: a part of the reason
		verdict  string // of the match
		upstream string // after Prune, where mixed says so
	}{
		{req: "/missing?ids=11,21,99,12", verdict: "visible", upstream: "/missing?ids=11%2C12"},
		{req: "/missing?ids=21,99", verdict: "visible", upstream: "nothing left"},
		{req: "/missing?ids=11,x%0ay", refused: "ids"},
		{req: "/missing?ids=11&y=z&_=1", verdict: "visible", upstream: "/missing?ids=11"},
		{req: "/missing?ids=", verdict: "visible", upstream: "/missing"},
		{req: "/refuse?ids=11,12", verdict: "visible", upstream: "/refuse?ids=11%2C12"},
		{req: "/refuse?ids=11,21", verdict: "hidden"},
		{req: "/refuse?ids=11,99", verdict: "unknown"},
		{req: "/refuse?ids=21,99", verdict: "hidden"},
		{req: "/bars?keys=ACME", verdict: "visible", upstream: "/bars?keys=ACME"},
		{req: "/bars?keys=ACME%7CHR", verdict: "hidden"},
		{req: "/bars?keys=%1fACME%1fACME", verdict: "visible", upstream: "/bars?keys=%1FACME%1FACME"},
		{req: "/bars?keys=%1fACME%1fHR", verdict: "hidden"},
		{req: "/bars?keys=ACME,HR", verdict: "unknown"}, // one key, of that spelling
		{req: "/bars?words=b,a", verdict: "visible", upstream: "/bars?words=b%2Ca"},
		{req: "/bars?words=a,c", refused: "words"},
		{req: "/bars?words=a%7Cb", refused: "words"},
		{req: "/need?id=11", verdict: "visible"},
		{req: "/need?space=ACME&title=Plan", verdict: "visible"},
		{req: "/need?space=ACME", refused: "selectors"},
		{req: "/need?id=11&space=ACME", refused: "selectors"},
		{req: "/need?id=11&space=ACME&title=Plan", refused: "selectors"},
		{req: "/need?id=&space=ACME&title=Plan", verdict: "visible"},
		{req: "/need?space=HR&title=Pay", verdict: "hidden"},
		{req: "/need?space=HR&title=Nothing", verdict: "hidden"},
		{req: "/any", refused: "selector"},
		{req: "/any?other=prev", refused: "selector"},
		{req: "/any?other=12", verdict: "visible"},
		{req: "/any?other=prev&id=11", verdict: "visible"},
		{req: "/any?other=21&id=11", verdict: "hidden"},
		{req: "/agree?id=11&other=11", verdict: "visible"},
		{req: "/agree?id=11&other=12", verdict: "hidden"},
		{req: "/agree?id=11&other=21", verdict: "hidden"},
		{req: "/version?id=11", verdict: "visible"},
		{req: "/version?id=11&version=2", verdict: "hidden"},
		{as: max, req: "/version?id=11&version=2", verdict: "visible"},
		{as: max, req: "/version?id=21&version=2", verdict: "hidden"},
		{req: "/below?id=11", verdict: "hidden"},
		{as: max, req: "/below?id=11", verdict: "visible"},
		{req: "/identity?m=all", verdict: "visible"},
		{req: "/force", verdict: "visible", upstream: "/force?format=json&gone=1"},
		{req: "/force?format=json", verdict: "visible", upstream: "/force?format=json&gone=1"},
		{req: "/force?format=xml", refused: "format"},
		{req: "/force?gone=7", verdict: "visible", upstream: "/force?format=json&gone=1"},
		{req: "/values?f&n=-3&max=500&e=&d=2026-01-31&t=20260131000000&b=9012", verdict: "visible", upstream: "/values?b=9012&d=2026-01-31&e=&f=&max=100&n=-3&t=20260131000000"},
		{req: "/values?max=-1", refused: "max"},
		{req: "/values?max=007", verdict: "visible", upstream: "/values?max=7"},
		{req: "/values?n=1e3", refused: "parameter n"},
		{req: "/values?f=maybe", refused: "parameter f"},
		{req: "/values?e=b", refused: "parameter e"},
		{req: "/values?d=31.01.2026", refused: "parameter d"},
		{req: "/values?b=90123", refused: "parameter b"},
		{req: "/values?q=a+OR+-b+%22c%22", verdict: "visible", upstream: "/values?q=a+or+b+c"},
		{req: "/values?self=me&x=y", verdict: "visible", upstream: "/values"},
		{req: "/values?no=1", refused: "no"},
		{req: "/values?c=x&c=y", refused: "twice"},
		{req: "/values?other=1", refused: "other"},
		{req: "/path?p=/11/12/a/b.png", verdict: "visible", upstream: "/path?p=%2F11%2F12%2Fa%2Fb.png"},
		{req: "/path?p=/11", verdict: "visible"},
		{req: "/path?p=/11/21/a", verdict: "hidden"},
		{req: "/path?p=/21", verdict: "hidden"},
		{req: "/path?p=/11/../21", refused: "parameter p"},
		{req: "/path?p=/11//x", refused: "parameter p"},
		{req: "/json?j=%7B%22contentId%22:11,%22n%22:50%7D", verdict: "visible", upstream: `/json?j=%7B%22contentId%22%3A11%2C%22n%22%3A%229%22%7D`},
		{req: "/json?j=%7B%22spaceKey%22:%22HR%22%7D", verdict: "hidden"},
		{req: "/json?j=%7B%22contentId%22:11,%22contentId%22:21%7D", refused: "parameter j"},
		{req: "/json?j=%7B%22contentId%22:%7B%7D%7D", refused: "parameter j"},
		{req: "/json?j=%7B%22contentId%22:null,%22contentId%22:21%7D", refused: "parameter j"},
		{req: "/json?j=%7B%22x%22:1%7D", refused: "parameter j"},
		{req: "/json?j=%7B%7D+1", refused: "parameter j"},
		{req: "/star?a=1&b=2&c=HR", verdict: "visible", upstream: "/star?a=1"},
		{req: "/star?a=x&b=2", refused: "parameter a"},
		{req: "/admin", verdict: "hidden"},
		{req: "/export", verdict: "hidden"},
		{as: max, req: "/admin", verdict: "hidden"},
	} {
		t.Run(c.req, func(t *testing.T) {
			view := c.as
			if view == nil {
				view = eva
			}
			path, query, _ := strings.Cut(c.req, "?")
			req, err := p.ReadTarget(path, query)
			var m *rules.Match
			if err == nil {
				var r *rules.Refusal
				if m, r = p.Match(req, view.Facts()); r != nil {
					err = r
				}
			}
			if c.refused != "" || err != nil {
				if err == nil || c.refused == "" || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("refused: %v, want %q", err, c.refused)
				}
				return
			}
			if d := view.Admit(m); d.Verdict.String() != c.verdict {
				t.Errorf("%s (%+v), want %s", d.Verdict, d.Reason, c.verdict)
			}
			if c.upstream == "" {
				return
			}
			if m.Mixed == "missing" && !m.Prune(func(s *rules.Subject) bool {
				return !s.List || view.Entity(s.Ref, rules.Context{Space: rules.NoID}).Verdict == rules.Visible
			}) {
				if c.upstream != "nothing left" {
					t.Error("nothing is left")
				}
				return
			}
			got, q, _ := m.Upstream()
			if q != "" {
				got += "?" + q
			}
			if got != c.upstream {
				t.Errorf("goes up as %s, want %s", got, c.upstream)
			}
		})
	}
}
