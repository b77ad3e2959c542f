package gateway_test

import (
	"bytes"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/rules"
	"github.com/postern-gateway/postern/rules/codec/tiny"
)

// planted says what stands at the places of a template: a person, a page of a
// space of its own with a comment and a file, and a page that its label hides
// in the space that the viewer sees.
type planted struct {
	name                         string
	user, key, mail, who, avatar string
	space, spaceID, spaceName    string
	home, page, title            string
	label, labelTitle            string
	comment, file                string
	known                        bool // by the directory
	common                       bool // names of ordinary words, which nobody cuts from prose
}

// plantedWorlds are told apart by nothing that an external sees.
var plantedWorlds = []planted{
	{
		name: "first", known: true,
		user: "zqx", key: "2c9d83a16f68e1e6016f6d26ed06beef", mail: "zelda.quimbly@corp.example", who: "Zelda Quimbly", avatar: "1114999",
		space: "HRX", spaceID: "98308", spaceName: "Humancanary Resources", home: "70002001", page: "70002002", title: "Salaryx Bands",
		label: "70001005", labelTitle: "Secretx Labelled", comment: "70005003", file: "70005004",
	},
	{
		name: "other letters", known: true,
		user: "b.ng-özdemir@corp.example", key: "ff80808154510724015451074c160001", mail: "b.ng-o@corp.example", who: "Bartholomäus \"Bart\" Ng-O'Özdemir", avatar: "98123456",
		space: "LEGAL7", spaceID: "4", spaceName: "R&D <Legalcanary> Affairs", home: "1381025", page: "148348821", title: "Q3/Q4 R&D <Mergerx> 100% \"Plan+\" für Überläufer",
		label: "912345678901", labelTitle: "Überx Größe #1", comment: "7798799", file: "812345",
	},
	{
		name: "ordinary words", known: true, common: true,
		user: "will", key: "4028b88162f3ab7c0162f3ab7cb70009", mail: "will@corp.example", who: "Will Page", avatar: "65999",
		space: "NOTES", spaceID: "65601", spaceName: "Notes", home: "65602", page: "65603", title: "Budget",
		label: "65604", labelTitle: "Minutes", comment: "65605", file: "65606",
	},
	{
		name: "unknown to the directory", common: true,
		user: "nova", key: "8a8181814d0f2b2b014d0f2b2b0a0042", mail: "nova.unseen@corp.example", who: "Nova Unseen", avatar: "77112233",
		space: "UNSEEN", spaceID: "77112234", spaceName: "Unseen Things", home: "77112235", page: "77112236", title: "Unseen Offer",
		label: "77112237", labelTitle: "Unseen Label", comment: "77112238", file: "77112239",
	},
}

// plantedSeen is what a template must come through with untouched.
var plantedSeen = planted{
	name: "visible",
	user: "bo", key: "2c9d83a16f68e1e6016f6d26ed060002", mail: "bo@acme.example", who: "Bo Bright", avatar: "1114002",
	space: "ACME", spaceID: "98305", spaceName: "Acme Project", home: "70001001", page: "70001003", title: "Meeting notes",
	label: "70001003", labelTitle: "Meeting notes", comment: "70005001", file: "70005002",
}

// directory is the corpus's, with what is planted in place of what it hides.
func (p *planted) directory() rules.Directory {
	d := corpusDirectory()
	d.Users = d.Users[:5]
	d.Spaces = d.Spaces[:3]
	d.Content = append(d.Content[:3:3], d.Content[6], d.Content[11])
	d.Aliases = d.Aliases[:2]
	if !p.known {
		return d
	}
	d.Users = append(d.Users, rules.UserRecord{Username: p.user, Key: p.key, DisplayName: p.who, Email: p.mail, AvatarIDs: []string{p.avatar}, Active: yes})
	d.Spaces = append(d.Spaces,
		rules.SpaceRecord{Key: p.space, ID: p.spaceID, Name: p.spaceName, Type: "global", Status: "current", Home: p.home},
		rules.SpaceRecord{Key: "~" + p.user, Name: p.who, Type: "personal", Status: "current", Owner: p.user})
	d.Content = append(d.Content,
		rules.ContentRecord{ID: p.home, Type: "page", Space: p.space, Title: p.spaceName + " Home", Status: "current"},
		rules.ContentRecord{ID: p.page, Type: "page", Space: p.space, Title: p.title, Parent: p.home, Status: "current"},
		rules.ContentRecord{ID: p.label, Type: "page", Space: "ACME", Title: p.labelTitle, Parent: "70001002", Labels: []string{"internal-only"}, Status: "current"})
	d.Aliases = append(d.Aliases, rules.AliasRecord{ID: p.comment, Of: p.page, Kind: "comment"}, rules.AliasRecord{ID: p.file, Of: p.page, Kind: "attachment"})
	return d
}

// gateway serves the corpus's viewers over the world.
func (p *planted) gateway(t testing.TB, as string, observe func(gateway.Event)) *gateway.Gateway {
	t.Helper()
	profile, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("MO", "- {user: mo, role: user}", "TRIPWIRE", "").Replace(corpusPolicy)
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(text)}, profile)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := directory.New(directory.Config{Profile: profile, Seed: p.directory()})
	if err != nil {
		t.Fatal(err)
	}
	v := rules.Viewer{Provider: "idp", Subject: as, Email: as + "@acme.example", EmailVerified: true, WikiUser: as}
	gw, err := gateway.New(gateway.Config{
		Site: &url.URL{Scheme: "https", Host: "site.example"}, Wiki: &url.URL{Scheme: "http", Host: "wiki.internal:8090"},
		Aliases: []*url.URL{{Scheme: "https", Host: "wiki.corp.example"}, {Scheme: "https", Host: "old.corp.example", Path: "/wiki"}}, InternalHosts: []string{"*.corp.example", "wiki.internal"},
		Identity: map[rules.ViewerKind]gateway.Identity{rules.External: {Kind: "service", Value: "read-token"}},
		Policy:   policy, Directory: dir, As: &v, Observe: observe, HeldLimit: 4 << 20, Key: bytes.Repeat([]byte("k"), 32),
	})
	if err != nil {
		t.Fatal(err)
	}
	return gw
}

// value gives what a name in a template stands for.
func (p *planted) value(name string) (string, bool) {
	short := func(id string) string {
		n, _ := strconv.ParseUint(id, 10, 64)
		return tiny.Encode(n)
	}
	first, last, _ := strings.Cut(p.who, " ")
	v, ok := map[string]string{
		"user": p.user, "key": p.key, "mail": p.mail, "who": p.who, "avatar": p.avatar, "reversed": last + ", " + first,
		"space": p.space, "spaceid": p.spaceID, "spacename": p.spaceName, "home": p.home, "page": p.page, "title": p.title, "tiny": short(p.page),
		"label": p.label, "labeltitle": p.labelTitle, "labeltiny": short(p.label), "comment": p.comment, "file": p.file,
	}[name]
	return v, ok
}

// secrets are the texts that no answer may hold in any decoded form.
func (p *planted) secrets() []string {
	if p.common {
		return p.long(p.key, p.mail, p.avatar)
	}
	return p.long(p.who, p.key, p.mail, p.avatar, p.title, p.spaceName, p.labelTitle, p.page, p.label, p.home, p.comment, p.file, p.user)
}

// long leaves out what is in every text.
func (*planted) long(all ...string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return len(s) < 3 })
}

// spell are the ways in which a template may ask for a value to be written.
var spell = map[string]func(string) string{
	"html":  html.EscapeString,
	"query": url.QueryEscape,
	"path":  url.PathEscape,
	"upper": strings.ToUpper,
	"lower": strings.ToLower,
	"each": func(s string) string {
		return every(s, func(r rune) string { return "&#" + strconv.Itoa(int(r)) + ";" })
	},
	"hex": func(s string) string {
		return every(s, func(r rune) string { return "&#X" + strconv.FormatInt(int64(r), 16) + ";" })
	},
	"percent": func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			b.WriteString("%" + strings.ToUpper(strconv.FormatInt(int64(s[i])+256, 16)[1:]))
		}
		return b.String()
	},
	"tags":  func(s string) string { return "<b>" + html.EscapeString(s[:1]) + "</b>" + html.EscapeString(s[1:]) },
	"marks": func(s string) string { return "@@@hl@@@" + s[:2] + "@@@endhl@@@" + s[2:] },
	"zero":  func(s string) string { return every(s, func(r rune) string { return string(r) + "\u200b" }) },
	"wide": func(s string) string {
		return every(s, func(r rune) string {
			if r > ' ' && r < 127 {
				r += 0xfee0
			}
			return string(r)
		})
	},
	"u": func(s string) string {
		return every(s, func(r rune) string { return `\u` + strconv.FormatInt(int64(r)+0x10000, 16)[1:] })
	},
	"soft":    func(s string) string { return every(s, func(r rune) string { return string(r) + "\u00ad" }) },
	"joiner":  func(s string) string { return every(s, func(r rune) string { return string(r) + "\u2060\u200d" }) },
	"rtl":     func(s string) string { return "\u202e\u2067" + s[:1] + "\u200f" + s[1:] + "\u2069\u202c" },
	"nfd":     norm.NFD.String,
	"wbr":     func(s string) string { return split(s, "<wbr>") },
	"mark":    func(s string) string { return split(s, "<mark>", "</mark>") },
	"comment": func(s string) string { return split(s, "<!-- x -->") },
	"shy":     func(s string) string { return split(s, "&shy;") },
	"strong":  func(s string) string { return split(s, "</b><b>") },
	"nbsp":    func(s string) string { return strings.ReplaceAll(s, " ", "&nbsp;") },
	"wide2":   func(s string) string { return strings.ReplaceAll(s, " ", " \n\t ") },
	"plus":    func(s string) string { return strings.ReplaceAll(s, " ", "+") },
	"under":   func(s string) string { return strings.ReplaceAll(s, " ", "_") },
	"joined":  func(s string) string { return strings.ReplaceAll(s, " ", "") },
}

// split puts what stands between tags' parts into the middle of a text.
func split(s string, with ...string) string {
	rest := ""
	if len(with) == 2 {
		rest = with[1]
	}
	return html.EscapeString(s[:1]) + with[0] + html.EscapeString(s[1:2]) + rest + html.EscapeString(s[2:])
}

func every(s string, f func(rune) string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteString(f(r))
	}
	return b.String()
}

var place = regexp.MustCompile(`\[\[([a-z]+)((?::[a-z]+)*)\]\]`)

// fill writes a template for this world; what a value is written with last is
// the escape of the language it stands in. "raw" says that it has it already.
func (p *planted) fill(t testing.TB, template string, escape func(string) string) string {
	return place.ReplaceAllStringFunc(template, func(m string) string {
		parts := place.FindStringSubmatch(m)
		v, ok := p.value(parts[1])
		if !ok {
			t.Fatalf("no value %s", m)
		}
		raw := false
		for _, f := range strings.FieldsFunc(parts[2], func(r rune) bool { return r == ':' }) {
			if f == "raw" {
				raw = true
			} else if spell[f] == nil {
				t.Fatalf("no spelling %s", m)
			} else {
				v = spell[f](v)
			}
		}
		if raw {
			return v
		}
		return escape(v)
	})
}
