package rules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseProfileErrors(t *testing.T) {
	const head = "profile: t\nroutes:\n"
	for _, c := range []struct {
		name, src, want string
	}{
		{"unknown key", "profile: t\nroute: []\n", `t.yaml:2:1: unknown key "route"; did you mean "routes"?`},
		{"no name", "routes: []\n", "t.yaml:1:1: profile: wants a name"},
		{"unknown class", head + "  - {match: GET /a, class: contents}\n", `t.yaml:3:21: unknown class "contents"; did you mean "content"?`},
		{"no class", head + "  - {match: GET /a}\n", "t.yaml:3:5: the route has no class"},
		{"unknown type", head + "  - match: GET /a\n    class: static\n    params:\n      id: content.idd\n", `t.yaml:6:7: type "content.idd": unknown type "content.idd"; did you mean "content.id"?`},
		{"capture type", head + "  - {match: \"GET /a/{x:int<=}\", class: static}\n", "{x}"},
		{"tie", head + "  - {match: \"GET /a/{x}\", class: static}\n  - {match: \"GET,POST /a/{y}\", class: static}\n", `t.yaml:4:6: "GET,POST /a/{y}" and "GET /a/{x}" (line 3) take the same requests`},
		{"tie of enums", head + "  - {match: \"GET /a/{x:enum(b,c)}\", class: static}\n  - {match: GET /a/c, class: static}\n", "take the same requests"},
		{"tie of affixes", head + "  - {match: \"GET /~{x}\", class: static}\n  - {match: \"GET /{x}~\", class: static}\n", "take the same segments"},
		{"bad pattern", head + "  - {match: GET a, class: static}\n", "want METHOD /path"},
		{"bad method", head + "  - {match: HEAD /a, class: static}\n", "no method here"},
		{"rest not last", head + "  - {match: \"GET /{x...}/b\", class: static}\n", "not the last"},
		{"evidence", head + "  - {match: \"GET /a/{id}\", class: content, params: {id: content.id}}\n", "t.yaml:3:5: a route of class content wants evidence"},
		{"list without page", head + "  - {match: GET /a, class: search}\n", "wants page:"},
		{"page parameter", head + "  - {match: GET /a, class: search, params: {limit: int}, page: {kind: offset, limit: limt}}\n", `"limt" is no parameter of this route; did you mean "limit"?`},
		{"page kind", head + "  - {match: GET /a, class: search, page: {kind: ofset}}\n", "page: kind"},
		{"exact total", head + "  - {match: GET /a, class: search, page: {kind: none, total: {at: n, rule: exact}}}\n", "cannot be exact"},
		{"default", head + "  - {match: GET /a, by: {param: x, default: b}, variants: {c: {class: static}}}\n", `the default "b" is no variant`},
		{"variants twice", head + "  - {match: GET /a, by: {param: x, default: b}, variants: {b: {class: static}, b|c: {class: static}}}\n", `the value "b" has two variants`},
		{"in", head + "  - {match: GET /a, class: static, params: {title: content.title in spce, space: space.key}}\n", `there is no such parameter; did you mean "space"?`},
		{"in no space", head + "  - {match: GET /a, class: static, params: {title: content.title in x, x: int}}\n", "names no space"},
		{"need", head + "  - {match: GET /a, class: static, need: [[x]]}\n", `"x" is no parameter`},
		{"deny", head + "  - {match: GET /a, class: static, params: {pageVersion: int}, deny: [{pageVersio: present, below: user}]}\n", `did you mean "pageVersion"?`},
		{"deny role", head + "  - {match: GET /a, class: static, deny: [{below: writer}]}\n", `"writer" is no role`},
		{"open query", head + "  - {match: GET /a, class: search, params: {cql: cql}, page: {kind: none}}\n", "must be narrowed"},
		{"narrowed text", head + "  - {match: GET /a, class: search, params: {q: text}, narrow: {q: visible}, page: {kind: none}}\n", "can be narrowed"},
		{"union with text", head + "  - {match: GET /a, class: static, params: {q: content.id|text}}\n", "nothing would be judged"},
		{"field", "profile: t\nfields:\n  a: user.kee\n", `t.yaml:3:3: unknown field type "user.kee"; did you mean "user.key"?`},
		{"plain key", "profile: t\nshapes:\n  - {entity: user, where: {has: [a]}, keys: {key: a}, fields: {a: plain}}\n", "names the user"},
		{"response type", head + "  - {match: GET /a, class: static, response: {types: [htlm]}}\n", `unknown response type "htlm"; did you mean "html"?`},
		{"type regexp", "profile: t\ntypes: {a: '('}\n", "t.yaml:2:9: type"},
		{"strip", "profile: t\ncanon: {strip: [{prefix: /s, then: [static]}]}\n", "want a prefix"},
		{"specials", head + "  - {match: GET /a, class: static, params: {t: text}, specials: t}\n", "wants titles"},
		{"extends", "profile: t\nextends: confluence-cd\n", `unknown profile "confluence-cd"; did you mean "confluence-dc"?`},
		{"place", "profile: t\nhtml:\n  - {select: a, subject: [{user.nam: x}], hidden: remove}\n", `did you mean "user.name"?`},
		{"not YAML", "profile: [\n", "t.yaml:"},
		{"empty", "", "t.yaml: the file is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseProfile("t.yaml", []byte(c.src))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestLoadProfile(t *testing.T) {
	if _, err := LoadProfile("mediawki"); err == nil || !strings.Contains(err.Error(), `did you mean "mediawiki"?`) {
		t.Errorf("unknown name: %v", err)
	}
	name := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(name, []byte("profile: own\nroutes: [{match: GET /, class: static}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := LoadProfile(name)
	if err != nil || p.Name != "own" {
		t.Errorf("got %v, %v", p, err)
	}
	if _, err := LoadProfile(name + ".yaml"); err == nil {
		t.Error("a missing file was loaded")
	}
}

func TestOverlay(t *testing.T) {
	over := func(body string) (*Profile, error) {
		return ParseProfile("site.yaml", []byte("profile: site\nextends: confluence-dc\n"+body))
	}
	base, err := LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	var first string
	for i := range base.Routes {
		if base.Routes[i].Class == ClassStatic && len(base.Routes[i].Variants) == 0 {
			first = base.Routes[i].Match
			break
		}
	}
	p, err := over("routes:\n  - {match: GET /plugins/own/view.action, class: static}\n  - {match: \"" + first + "\", closed: true}\nfields: {ownField: user.key}\n")
	if err != nil {
		t.Fatal(err)
	}
	if p.Name != "site" || p.Fields["ownField"] != "user.key" || len(p.Fields) != len(base.Fields)+1 {
		t.Errorf("name %q, %d fields", p.Name, len(p.Fields))
	}
	infos := p.RouteTable()
	own, closed := false, true
	for _, r := range infos {
		own = own || r.Pattern == "GET /plugins/own/view.action"
		closed = closed && r.Pattern != first
	}
	if !own || !closed {
		t.Errorf("own route there: %v, closed route gone: %v", own, closed)
	}
	for _, c := range []struct{ body, want string }{
		{"routes:\n  - {match: GET /nowhere, closed: true}\n", "site.yaml:4:5: closed: the profile below has no route"},
		{"routes:\n  - {match: GET /a/b, class: nope}\n", `site.yaml:4:23: unknown class "nope"`},
		{"canon: {fold_path: true}\n", "site.yaml:3:1: an overlay cannot change"},
		{"titles: {codec: mediawiki-title}\n", "site.yaml:3:1: an overlay cannot change"},
	} {
		if _, err := over(c.body); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q", c.body, err, c.want)
		}
	}
	for key, spec := range base.Fields {
		if spec == "plain" {
			continue
		}
		if _, err := over("fields: {" + key + ": plain}\n"); err == nil || !strings.Contains(err.Error(), "can only drop it") {
			t.Errorf("field %q loosened: %v", key, err)
		}
		break
	}
}

// FuzzParseProfile: no panic, and every error has a place in the file.
func FuzzParseProfile(f *testing.F) {
	f.Add([]byte(routesProfile))
	f.Add([]byte(titlesProfile))
	f.Add([]byte("profile: x\nextends: mediawiki\nroutes: [{match: GET /, closed: true}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 {
			return
		}
		p, err := ParseProfile("f.yaml", data)
		if err == nil {
			p.RouteTable()
			if req, err := p.ReadTarget("/a/b", "c=d"); err == nil {
				p.Match(req, nil)
			}
			return
		}
		if !strings.Contains(err.Error(), ".yaml:") {
			t.Fatalf("no place: %v", err)
		}
	})
}
