package jsonrewrite_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/postern-gateway/postern/caddymodule/rewrite/jsonrewrite"
	"github.com/postern-gateway/postern/rules"
)

// judge hides whatever has "hid" in it.
type judge struct{ all bool }

func (j judge) hides(s string) bool {
	return !j.all && strings.Contains(strings.ToLower(s), "hid")
}

func (j judge) URL(raw string) rules.Link {
	switch {
	case strings.HasPrefix(raw, "https://other.example/"):
		return rules.Link{Fate: rules.FateKeep, Foreign: true}
	case j.hides(raw):
		return rules.Link{Fate: rules.FateHide, Kind: rules.Content}
	case strings.HasPrefix(raw, "/closed"):
		return rules.Link{Fate: rules.FateUnwrap}
	case strings.HasPrefix(raw, "http://old.example"):
		return rules.Link{Fate: rules.FateKeep, URL: "https://site.example" + strings.TrimPrefix(raw, "http://old.example")}
	}
	return rules.Link{Fate: rules.FateKeep, Subjects: []rules.Ref{{Kind: rules.Content, Keys: []rules.Key{{Attr: rules.ContentID, Value: raw}}}}}
}

func (j judge) Entity(ref rules.Ref) rules.Decision {
	for _, k := range ref.Keys {
		if j.hides(k.Value) || j.hides(k.Space) {
			return rules.Decision{Verdict: rules.Hidden}
		}
		if k.Value == "nobody knows" {
			return rules.Decision{}
		}
	}
	return rules.Decision{Verdict: rules.Visible}
}

var profile = &rules.Profile{
	Fields: map[string]rules.FieldSpec{
		"results": "walk", "start": "plain", "limit": "plain", "body": "walk", "view": "walk", "value": "html",
		"self": "url", "webui": "url", "_links": "walk", "userKeys": "[user.key]", "authorId": "user.account_id",
		"excerpt": "prose", "when": "plain", "number": "plain", "data": "json", "who": "self", "label": "$hidden_page",
		"by": "user", "authorName": "user.display", "secret": "drop", "pages": "dict(content.id)", "links": "walk",
		"likes": "walk", "size": "count(results)", "watchers": "walk", "users": "walk", "status": "plain", "storage": "xhtml",
		"name": "plain", "entityType": "plain", "names": "dict_value(space.key)", "ancestors": "walk", "history": "walk",
	},
	Shapes: []rules.Shape{
		{
			Entity: "user", Where: rules.Where{Is: map[string]string{"type": "known|unknown|anonymous"}},
			Keys:   map[string]string{"name": "username", "key": "userKey"},
			Fields: map[string]rules.FieldSpec{"displayName": "plain"},
			Hidden: "placeholder", Placeholder: `{"type":"unknown","displayName":"$hidden_user"}`, InList: "once",
		},
		{
			Entity: "content", Where: rules.Where{Has: []string{"id"}, Is: map[string]string{"type": "page|comment"}},
			Keys: map[string]string{"id": "id", "title": "title", "space": "space.key", "url": "_links.webui"},
		},
		{Entity: "space", Where: rules.Where{Has: []string{"key"}, Lacks: []string{"id"}, Under: []string{"space", "spaces"}}, Keys: map[string]string{"key": "key"}},
		{
			Entity: "hit", Where: rules.Where{Has: []string{"entityType"}}, DecidedBy: []rules.Place{{At: "content"}, {As: "url", At: "url"}},
			Also: []rules.Place{{As: "url", At: "crumbs.#.url"}}, Fields: map[string]rules.FieldSpec{"excerpt": "prose", "crumbs": "walk"},
		},
		{Entity: "group_of", Where: rules.Where{Has: []string{"modifier", "recent"}}, DropIfEmpty: "recent", Join: "modifier"},
	},
}

var texts = map[string]string{"hidden_user": `Staff "member"`, "hidden_page": "Restricted", "self_name": "eva"}

func inner(codec string, src []byte) ([]byte, error) {
	if codec != "html" {
		if bytes.Contains(src, []byte("HID")) {
			return nil, nil
		}
		return src, nil
	}
	return bytes.ReplaceAll(src, []byte("HID"), []byte("[cut]")), nil
}

func compiled(tb testing.TB) *jsonrewrite.Program {
	tb.Helper()
	p, err := jsonrewrite.Compile(profile)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func input(all bool) jsonrewrite.Input {
	in := jsonrewrite.Input{Judge: judge{all}, Texts: texts, Inner: inner}
	if all {
		in.Inner = func(_ string, src []byte) ([]byte, error) { return src, nil }
	}
	return in
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	p := compiled(t)
	tests := []struct {
		name, in, want string
		response       *rules.ResponseSpec
		page           *rules.PageSpec
	}{
		{name: "untouched", in: "{\n \"start\" : 0.10e+1 ,\t\"limit\":-0}\r\n", want: "{\n \"start\" : 0.10e+1 ,\t\"limit\":-0}\r\n"},
		{name: "unknown fields go", in: `{"a":1,"start":0,"b":"x","c":{},"d":[],"e":true,"f":null,"g":[1]}`, want: `{"start":0,"e":true,"f":null}`},
		{name: "only unknown", in: `{ "a":1 }`, want: `{}`},
		{name: "unknown kept", in: `{"a":1,"b":{"c":["x"]},"secret":"y"}`, want: `{"a":1,"b":{"c":["x"]}}`, response: &rules.ResponseSpec{Unknown: "keep"}},
		{name: "hidden byline", in: `{"by":{"type":"known","username":"hid","displayName":"Z"},"number":3}`, want: `{"by":{"type":"unknown","displayName":"Staff \"member\""},"number":3}`},
		{name: "visible byline", in: `{"by":{"type":"known","username":"bo","displayName":"Bo","email":"x"}}`, want: `{"by":{"type":"known","username":"bo","displayName":"Bo"}}`},
		{name: "no key at all", in: `{"by":{"type":"anonymous","displayName":"Bo"}}`, want: `{"by":{"type":"unknown","displayName":"Staff \"member\""}}`},
		{name: "unknown user", in: `{"by":{"type":"known","username":"nobody knows"}}`, want: `{"by":{"type":"unknown","displayName":"Staff \"member\""}}`},
		{name: "placeholder once in a list", in: `{"users":[{"type":"known","username":"hid1"},{"type":"known","username":"bo"},{"type":"known","username":"hid2"}]}`, want: `{"users":[{"type":"unknown","displayName":"Staff \"member\""},{"type":"known","username":"bo"}]}`},
		{name: "first element", in: `{"results":[{"type":"page","id":"hid"}, {"type":"page","id":"1"}],"size":2}`, want: `{"results":[{"type":"page","id":"1"}],"size":1}`},
		{name: "middle element", in: `{"results":[{"type":"page","id":"1"} , {"type":"page","id":"hid"} , {"type":"page","id":"2"}],"size":3}`, want: `{"results":[{"type":"page","id":"1"} , {"type":"page","id":"2"}],"size":2}`},
		{name: "last elements", in: `{"results":[{"type":"page","id":"1"},{"type":"page","id":"hid"},{"type":"page","id":"hid2"}],"size":3}`, want: `{"results":[{"type":"page","id":"1"}],"size":1}`},
		{name: "all elements", in: `{"results":[ {"type":"page","id":"hid"},{"type":"page","id":"hid2"} ],"size":2}`, want: `{"results":[],"size":0}`},
		{name: "groups that lose all leave, those that were empty stay", in: `{"results":[[{"type":"page","id":"hid"}],[],[{"type":"page","id":"1"},{"type":"page","id":"hid"}]],"start":0}`, want: `{"results":[[],[{"type":"page","id":"1"}]],"start":0}`},
		{name: "title in hidden space", in: `{"results":[{"type":"page","id":"1","title":"T","space":{"key":"HID"}}],"size":1}`, want: `{"results":[],"size":0}`},
		{name: "unnamed object of a shape stays", in: `{"thing":{"type":"page","id":"1","title":"T"}}`, want: `{"thing":{"type":"page","id":"1","title":"T"}}`},
		{name: "unnamed array of shapes", in: `{"things":[{"type":"page","id":"1"},{"type":"page","id":"hid"}],"more":[{"type":"page","id":"hid"}],"mixed":[{"type":"page","id":"1"},2]}`, want: `{"things":[{"type":"page","id":"1"}]}`},
		{name: "bare scalars", in: `{"userKeys":["a","hid","b"],"authorId":"hid","authorName":"hid Z","when":"x"}`, want: `{"userKeys":["a","b"],"authorName":"Staff \"member\"","when":"x"}`},
		{name: "urls", in: `{"_links":{"self":"/x/hid","webui":"http:\/\/old.example/p"},"links":[{"self":"/closed"}]}`, want: `{"_links":{"webui":"https://site.example/p"},"links":[{}]}`},
		{name: "hit decided by its content", in: `{"results":[{"entityType":"content","content":{"type":"page","id":"hid"},"excerpt":"e"},{"entityType":"content","content":{"type":"page","id":"1"},"excerpt":"e"}],"size":2}`, want: `{"results":[{"entityType":"content","content":{"type":"page","id":"1"},"excerpt":"e"}],"size":1}`},
		{name: "hit decided by its url", in: `{"results":[{"entityType":"space","url":"/hid"},{"entityType":"space","url":"/ok"},{"entityType":"space"},{"entityType":"space","url":"https://other.example/"}],"size":4}`, want: `{"results":[{"entityType":"space","url":"/ok"}],"size":1}`},
		{name: "also", in: `{"results":[{"entityType":"space","url":"/ok","crumbs":[{"url":"/a"},{"url":"/hid"}]}],"size":1}`, want: `{"results":[],"size":0}`},
		{name: "group left empty", in: `{"results":[{"modifier":{"type":"known","username":"hid"},"recent":[{"type":"page","id":"hid"}]},{"modifier":{"type":"known","username":"bo"},"recent":[{"type":"page","id":"1"}]}],"size":2}`, want: `{"results":[{"modifier":{"type":"known","username":"bo"},"recent":[{"type":"page","id":"1"}]}],"size":1}`},
		{name: "dict", in: `{"pages":{"1":{"type":"page","id":"1"},"hid":{"start":1},"2":{"start":2}}}`, want: `{"pages":{"1":{"type":"page","id":"1"},"2":{"start":2}}}`},
		{name: "dict of values", in: `{"names":{"a":"ACME","b":"HID","c":["HID","X"]}}`, want: `{"names":{"a":"ACME","c":["X"]}}`},
		{name: "html in a string", in: `{"body":{"view":{"value":"<p>\u0048ID &amp; x<\/p>"}}}`, want: `{"body":{"view":{"value":"<p>[cut] &amp; x<\/p>"}}}`},
		{name: "html untouched", in: `{"value":"<p>\u0041 x<\/p>"}`, want: `{"value":"<p>\u0041 x<\/p>"}`},
		{name: "storage emptied", in: `{"storage":"<ri:user HID/>"}`, want: `{"storage":""}`},
		{name: "json in a string", in: `{"data":"{\"authorId\":\"hid\",\"start\":1}"}`, want: `{"data":"{\"start\":1}"}`},
		{name: "self and texts", in: `{"who":"root","label":"HID","secret":{"a":1}}`, want: `{"who":"eva","label":"Restricted"}`},
		{name: "number where markup is said", in: `{"value":3,"self":4,"excerpt":5}`, want: `{"excerpt":5}`},
		{name: "object where a scalar is said", in: `{"status":{"by":{"type":"known","username":"hid"},"x":"y"}}`, want: `{"status":{"by":{"type":"unknown","displayName":"Staff \"member\""}}}`},
		{
			name: "page", in: `{"results":[{"type":"page","id":"1"},{"type":"page","id":"hid"}],"size":2,"totalSize":99,"_links":{"next":"/hid?start=2","prev":"/ok?start=0"}}`,
			want: `{"results":[{"type":"page","id":"1"}],"size":1,"_links":{"prev":"/ok?start=0"}}`,
			page: &rules.PageSpec{Items: "results", Size: "size", Next: "_links.next", Prev: "_links.prev", Total: &struct {
				At   string `yaml:"at"`
				Rule string `yaml:"rule"`
			}{"totalSize", "drop"}},
		},
		{name: "cursor that names", in: `{"continue":{"apcontinue":"Hid_page","continue":"-||"}}`, want: `{}`, page: &rules.PageSpec{Items: "results", Next: "continue"}},
		{name: "cursor of numbers", in: `{"continue":{"rccontinue":"20240101T00:00:00Z|12","continue":"-||rccontinue"}}`, want: `{"continue":{"rccontinue":"20240101T00:00:00Z|12","continue":"-||rccontinue"}}`, page: &rules.PageSpec{Items: "results", Next: "continue"}},
		{
			name: "parallel arrays", in: `["q",["A","Hid","C"],["","",""],["/a","/hid","/c"]]`, want: `["q",["A","C"],["",""],["/a","/c"]]`,
			response: &rules.ResponseSpec{Parallel: []string{"1", "2", "3"}, Subject: map[string]string{"url": "3"}, Fields: map[string]rules.FieldSpec{"0": "plain"}},
		},
		{
			name: "made-up numbers", in: `{"pages":{"-1":{"type":"page","id":"hid"},"-2":{"type":"page","id":"9"},"5":{"start":1}}}`, want: `{"pages":{"-1":{"type":"page","id":"9"},"5":{"start":1}}}`,
			response: &rules.ResponseSpec{Dict: map[string]string{"pages": "content.id"}, Renumber: "negative"},
		},
		{name: "path drop", in: `{"results":[{"start":1,"limit":2}],"size":1}`, want: `{"results":[{"limit":2}],"size":1}`, response: &rules.ResponseSpec{Drop: []string{"results.#.start"}}},
		{name: "escaped names are names", in: `{"\u0073ecret":"x","\u0073tart":1}`, want: `{"\u0073tart":1}`},
		{name: "root array", in: `[{"type":"page","id":"hid"},{"type":"page","id":"1"},"x",true]`, want: `[{"type":"page","id":"1"},true]`},
		{name: "root literal", in: `true`, want: `true`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := input(false)
			in.Response, in.Page = tt.response, tt.page
			got, rep, err := p.Rewrite(nil, []byte(tt.in), in)
			if err != nil || rep.RootHidden {
				t.Fatalf("err = %v, root hidden = %v", err, rep.RootHidden)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Error(diff)
			}
			if !json.Valid(got) {
				t.Errorf("not json: %s", got)
			}
			again, _, err := p.Rewrite(nil, got, in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(got), string(again)); diff != "" {
				t.Errorf("rewriting twice: %s", diff)
			}
		})
	}
}

func TestRootHidden(t *testing.T) {
	t.Parallel()
	p := compiled(t)
	for _, src := range []string{`{"type":"page","id":"hid"}`, `{"type":"known","username":"hid"}`, `"text"`, `12`} {
		got, rep, err := p.Rewrite([]byte("dst"), []byte(src), input(false))
		if err != nil || !rep.RootHidden || string(got) != "dst" {
			t.Errorf("%s: got %q, %v, %v", src, got, rep.RootHidden, err)
		}
	}
}

func TestEvidence(t *testing.T) {
	t.Parallel()
	in := input(false)
	in.Evidence = []string{"body:id", "body:space.key", "body:version.by", "meta[name=x]@content"}
	_, rep, err := compiled(t).Rewrite(nil, []byte(`{"type":"page","id":7,"space":{"key":"A\u0043"}}`), in)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"body:id": {"7"}, "body:space.key": {"AC"}}
	if diff := cmp.Diff(want, rep.Evidence); diff != "" {
		t.Error(diff)
	}
}

func TestProse(t *testing.T) {
	t.Parallel()
	out, rep, err := compiled(t).Rewrite(nil, []byte(`{"x":"gone","excerpt":"abc","value":"HID<b>"}`), input(false))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range rep.Prose {
		got = append(got, string(out[s.Start:s.End]))
	}
	if diff := cmp.Diff([]string{`"abc"`, `"[cut]<b>"`}, got); diff != "" {
		t.Error(diff)
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]*rules.Profile{
		"unknown kind of field": {Fields: map[string]rules.FieldSpec{"a": "user.colour"}},
		"unknown attribute":     {Fields: map[string]rules.FieldSpec{"a": "dict(x)"}},
		"needs has":             {Shapes: []rules.Shape{{Entity: "user"}}},
		"no attribute of user":  {Shapes: []rules.Shape{{Entity: "user", Where: rules.Where{Has: []string{"a"}}, Keys: map[string]string{"colour": "a"}}}},
		"no placeholder":        {Shapes: []rules.Shape{{Entity: "user", Where: rules.Where{Has: []string{"a"}}, Hidden: "placeholder"}}},
		"placeholder: json":     {Shapes: []rules.Shape{{Entity: "user", Where: rules.Where{Has: []string{"a"}}, Hidden: "placeholder", Placeholder: "{"}}},
	}
	for want, p := range tests {
		_, err := jsonrewrite.Compile(p)
		if err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(want, "no placeholder")) {
			t.Errorf("%s: err = %v", want, err)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	p, err := jsonrewrite.Compile(profile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"results":[{"type":"page","id":"hid","title":"HID","space":{"key":"A"}},{"type":"page","id":"1"}],"size":2,"by":{"type":"known","username":"hid"}}`))
	f.Add([]byte(`{"pages":{"1":{"start":1},"hid":[]},"userKeys":["hid"],"value":"<b>HID","data":"[1,{\"authorId\":\"hid\"}]"}`))
	f.Add([]byte(`[[],{},"\ud83d\ude00",-1.5e3,null,{"modifier":{},"recent":[{"type":"page","id":"hid"}]}]`))
	f.Fuzz(func(t *testing.T, src []byte) {
		got, rep, err := p.Rewrite(nil, src, input(false))
		if err != nil {
			if len(got) != 0 {
				t.Fatalf("an error, and %d bytes", len(got))
			}
			return
		}
		if !json.Valid(src) {
			t.Fatalf("took what encoding/json refuses: %q", src)
		}
		if rep.RootHidden {
			return
		}
		if !json.Valid(got) {
			t.Fatalf("%q became %q", src, got)
		}
		again, rep2, err := p.Rewrite(nil, got, input(false))
		if err != nil || rep2.RootHidden || !bytes.Equal(got, again) {
			t.Fatalf("twice: %q, %q, %v", got, again, err)
		}
		// With all visible nothing depends on who looks.
		all, _, err := p.Rewrite(nil, src, input(true))
		if err != nil {
			t.Fatal(err)
		}
		all2, rep3, err := p.Rewrite(nil, all, input(true))
		if err != nil || !rep3.RootHidden && !bytes.Equal(all, all2) {
			t.Fatalf("identity: %q, %q, %v", all, all2, err)
		}
	})
}

func FuzzTape(f *testing.F) {
	p, err := jsonrewrite.Compile(&rules.Profile{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"a":[1,2.50,"x\u00e9\/",null],"b":{}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		in := jsonrewrite.Input{Judge: judge{true}, Keep: true}
		got, rep, err := p.Rewrite(nil, src, in)
		if err == nil && !rep.RootHidden && !bytes.Equal(got, src) {
			t.Fatalf("%q became %q", src, got)
		}
	})
}
