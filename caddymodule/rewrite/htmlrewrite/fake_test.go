package htmlrewrite

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// fakeJudge hides whatever has the word "secret" in it, knows no route for what
// has "closed" in it, and re-bases what begins with the alias. Its zero value
// shows everything.
type fakeJudge struct {
	hide bool
	cand bool
}

const (
	fakeAlias = "https://old.example/wiki"
	fakeSite  = "https://site.example"
)

var urlCleaner = strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/")

func canonURL(raw string) string {
	v := urlCleaner.Replace(strings.TrimSpace(raw))
	if u, err := url.PathUnescape(v); err == nil {
		v = u
	}
	return strings.ToLower(v)
}

func (j fakeJudge) URL(raw string) rules.Link {
	if !j.hide {
		return rules.Link{}
	}
	v := canonURL(raw)
	kind := rules.Content
	switch {
	case strings.Contains(v, "/~"), strings.HasPrefix(v, "mailto:"):
		kind = rules.User
	case strings.Contains(v, "space"):
		kind = rules.Space
	}
	switch {
	case strings.HasPrefix(v, "#"):
		return rules.Link{}
	case strings.HasPrefix(v, "javascript:"):
		return rules.Link{Fate: rules.FateDrop}
	case strings.Contains(v, "secret"):
		return rules.Link{Fate: rules.FateHide, Kind: kind, Subjects: []rules.Ref{{Kind: kind}}}
	case strings.Contains(v, "closed"):
		return rules.Link{Fate: rules.FateUnwrap}
	case strings.HasPrefix(v, fakeAlias):
		return rules.Link{URL: fakeSite + v[len(fakeAlias):], Subjects: []rules.Ref{{Kind: kind}}}
	case strings.HasPrefix(v, "http"), strings.HasPrefix(v, "//"):
		return rules.Link{Foreign: true}
	}
	return rules.Link{Subjects: []rules.Ref{{Kind: kind}}}
}

func (j fakeJudge) URLFor(raw, _ string) rules.Link { return j.URL(raw) }

func (j fakeJudge) Entity(ref rules.Ref) rules.Decision {
	d := rules.Decision{Verdict: rules.Visible}
	for _, k := range ref.Keys {
		v := strings.ToLower(k.Value + " " + k.Space)
		if j.hide && (strings.Contains(v, "secret") || j.cand && strings.Contains(v, "guest")) {
			d.Verdict = rules.Hidden
		}
	}
	return d
}

func (j fakeJudge) In(c rules.Context) edit.Judge {
	j.cand = c.Candidate
	return j
}

// fakeJSON rewrites flat JSON objects: members named drop go, entities that are
// hidden become "".
func fakeJSON(j fakeJudge) func([]byte, map[string]rules.FieldSpec) ([]byte, error) {
	return func(src []byte, fields map[string]rules.FieldSpec) ([]byte, error) {
		var m map[string]any
		if err := json.Unmarshal(src, &m); err != nil {
			return nil, edit.ErrMalformed
		}
		changed := false
		for k, v := range m {
			s, ok := v.(string)
			if !ok {
				continue
			}
			if !j.hide {
				continue
			}
			f, known := fields[k]
			a, isEntity := rules.ParseAttr(string(f))
			switch {
			case !known, f == "drop":
				delete(m, k)
				changed = true
			case isEntity && s != "" && !shown(j.Entity(rules.Ref{Kind: a.Kind(), Keys: []rules.Key{{Attr: a, Value: s}}})):
				m[k] = ""
				changed = true
			}
		}
		if !changed {
			return src, nil
		}
		return json.Marshal(m)
	}
}

var fakeTexts = map[string]string{
	"hidden_user": "Hidden person", "hidden_page": "Hidden page", "hidden_space": "Hidden space",
	"image": "/images/none.png", "avatar": "/images/nobody.png", "self_name": "eva", "self_display": "Eva E & Co",
}

func fakeInput(hide bool) Input {
	j := fakeJudge{hide: hide}
	return Input{Judge: j, Texts: fakeTexts, InnerJSON: fakeJSON(j), Class: rules.ClassContent}
}

// fakeProfile has a rule of each sort.
func fakeProfile() *rules.Profile {
	return &rules.Profile{
		HTML: []rules.HTMLRule{
			{
				Select: "li.row", Subject: []rules.Place{{As: "content.title", At: "@data-title"}, {As: "url", At: "a.t@href"}},
				Hidden: rules.HTMLAction{Remove: "self", Empties: []string{"ul.day", "h4"}},
			},
			{Select: "li.log", Subject: []rules.Place{{As: "url", At: "all a@href"}}, Hidden: rules.HTMLAction{Remove: "self"}},
			{
				Select: "a.user", Subject: []rules.Place{{As: "user.name", At: "bdi"}},
				Hidden: rules.HTMLAction{Replace: "self..+.tools", With: "$hidden_user"},
			},
			{Select: "@class", Tokens: "ns{space.id}-{content.title:css}", Hidden: rules.HTMLAction{Remove: "token"}},
			{Select: "@data-user", Subject: []rules.Place{{As: "user.name", At: "@data-user"}}, Hidden: rules.HTMLAction{Remove: "attr"}},
			{Select: "ul.menu > li", Menu: true, Hidden: rules.HTMLAction{Remove: "self"}},
			{Select: "span.cell", Subject: []rules.Place{{As: "user.name", At: "."}}, Hidden: rules.HTMLAction{Remove: "closest:tr"}},
			{Select: "div.pick", Context: "candidate", Subject: []rules.Place{{As: "user", At: "@data-who"}}, Hidden: rules.HTMLAction{Remove: "self"}},
			{Select: "div.head", Subject: []rules.Place{{As: "user", At: "b"}}, Hidden: rules.HTMLAction{
				Replace: "content", With: "by $hidden_user", Set: map[string]string{"title": "", "data-x": "-"},
			}},
			{Select: "div.only", Only: []rules.Class{rules.ClassSearch}, Always: true, Hidden: rules.HTMLAction{Remove: "self"}},
			{Select: "div.must", Undecided: "hide", Subject: []rules.Place{{As: "content.id", At: `@id|^p-(\d+)$`}}, Hidden: rules.HTMLAction{Remove: "self"}},
			{Select: "p.refuse:has(b)", Subject: []rules.Place{{As: "content", At: "b"}}, Hidden: rules.HTMLAction{Refuse: true}},
		},
		Self: []rules.HTMLRule{
			{Select: `meta[name="user"]`, Hidden: rules.HTMLAction{Set: map[string]string{"content": "$self_name"}}},
			{Select: ".my-name:not(.x)", Hidden: rules.HTMLAction{Replace: "content", With: "$self_display"}},
		},
		Scripts: []rules.ScriptRule{
			{Has: "CONF", JSON: map[string]map[string]rules.FieldSpec{"CONF": {"page": "content.title", "id": "plain", "user": "user.name"}}},
			{Select: `script[type="text/x-template"]`, Template: true},
			{Has: "harmless()", Keep: true},
			{Select: "@data-json", JSON: map[string]map[string]rules.FieldSpec{".": {"page": "content.title"}}},
		},
		Prose: []string{"#content", ".comment"},
		Routes: []rules.RouteSpec{{Evidence: map[string]rules.EvidenceSpec{
			"content": {{At: `meta[name="page-id"]@content`}, {At: "json:CONF.id"}, {At: "link[rel=canonical]@href"}, {At: "h1"}},
		}}},
	}
}

// newTape reads s, with nobody looking for anything in it.
func newTape(s string, voc *vocabulary) (*tape, error) {
	t := emptyTape(s, voc)
	if err := t.parse(); err != nil {
		t.release()
		return nil, err
	}
	return t, nil
}
