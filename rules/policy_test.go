package rules

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

// policyOf parses a policy whose wiki is the tables' profile.
func policyOf(t testing.TB, text string) (*Policy, error) {
	t.Helper()
	fsys := tableFS(t, "../testdata/policy/users.txtar")
	return ParsePolicy(map[string][]byte{"p.yaml": []byte(text), "profile.yaml": fsys["profile.yaml"].Data}, nil)
}

func TestPolicyErrors(t *testing.T) {
	const head = "version: 1\nwiki: tables\n"
	for _, tc := range []struct{ name, in, want string }{
		{"unknown key", head + "spaecs: {}\n", `p.yaml:3:1: unknown key "spaecs"; did you mean "spaces"?`},
		{"unknown key deep", head + "spaces:\n  A:\n    members:\n      - {user: x, roll: manager}\n", `p.yaml:6:19: unknown key "roll"; did you mean "role"?`},
		{"no version", "wiki: tables\n", `p.yaml:1:1: say version: 1`},
		{"future version", "version: 2\nwiki: tables\n", `version 2 is not understood`},
		{"no wiki", "version: 1\n", `say which profile the wiki speaks`},
		{"unknown wiki", "version: 1\nwiki: confluense\n", `p.yaml:2:7: wiki "confluense": unknown profile "confluense"; did you mean "confluence-dc"?`},
		{"bad preset", head + "preset: lax\n", `preset: "lax" is none of recommended, strict`},
		{"bad word", head + "extranet: {users_see: shared-spaces}\n", `p.yaml:3:23: users_see: "shared-spaces" is none of shared-space, shared-space-or-internal, shared-space-or-unassigned; did you mean "shared-space"?`},
		{"bad role", head + "spaces: {A: {members: [{user: x, role: admin}]}}\n", `role: "admin" is none of`},
		{"space twice", head + "spaces: {A: {}}\nextranet: {spaces: {A: {}}}\n", `the space "A" stands twice`},
		{"key twice", head + "spaces:\n  A: {}\n  A: {}\n", `p.yaml:5:3: the key "A" stands here twice, first in line 4`},
		{"two principals", head + "spaces: {A: {members: [{user: x, group: y}]}}\n", `a member is one of group, email_domain and user`},
		{"no principal", head + "spaces: {A: {members: [{role: user}]}}\n", `a member is one of group, email_domain and user`},
		{"bare word", head + "spaces: {A: {members: [partners]}}\n", `want a mapping`},
		{"bad domain", head + "spaces: {A: {members: [{email_domain: '*.example'}]}}\n", `"*.example" is no e-mail domain`},
		{"bad e-mail", head + "suspended: ['a@b@c']\n", `"a@b@c" is no e-mail address`},
		{"suspended role", head + "suspended: [{user: x, role: user}]\n", `suspended: role and until have no meaning here`},
		{"bad until", head + "spaces: {A: {members: [{user: x, until: tomorrow}]}}\n", `until: "tomorrow" is neither a date`},
		{"impossible date", head + "spaces: {A: {members: [{user: x, until: 2027-02-30}]}}\n", `p.yaml:3:41: until: "2027-02-30" is no day of the calendar`},
		{"bad zone", head + "zone: Mars/Olympus\n", `zone: "Mars/Olympus" is no time zone`},
		{"bad glob", head + "spaces: {A: {hide: {titles: ['Internal [']}}}\n", `titles: the pattern "Internal [" is malformed`},
		{"empty label", head + "spaces: {A: {hide: {labels: ['']}}}\n", `labels: an empty text hides nothing`},
		{"ambiguous group", head + "providers: {a: {}, b: {}}\ninternal: {groups: [staff]}\n", `p.yaml:4:21: the group "staff" could be of several providers`},
		{"unknown provider", head + "providers: {corp: {}}\ninternal: {groups: [crop/staff]}\n", `the group "crop/staff" is of no provider of this policy; did you mean "corp"?`},
		{"unknown source", head + "providers: {corp: {}}\nsources: [x]\n", `sources: "x" is no provider`},
		{"provider called wiki", head + "providers: {wiki: {}}\n", `"wiki" can't be a provider's name`},
		{"filter without name", head + "filters: [{hide: users, when: 'true'}]\n", `a filter needs a name`},
		{"filter of nothing", head + "filters: [{name: x, hide: people, when: 'true'}]\n", `hide: "people" is none of users, content, spaces`},
		{"CEL misspelt", head + "filters: [{name: x, hide: users, when: 'user.nmae == \"x\"'}]\n", `p.yaml:3:41: when: undeclared reference: a user has no "nmae", but active, attributes, display_name, email, groups, username`},
		{"CEL syntax", head + "filters: [{name: x, hide: users, when: 'user.username =='}]\n", `p.yaml:3:57: when: the condition ends too early`},
		{"CEL type", head + "filters: [{name: x, hide: users, when: 'user.username'}]\n", `when: the condition gives string, not true or false`},
		{"CEL over the viewer", head + "filters: [{name: x, hide: users, when: 'viewer.email == \"x\"'}]\n", `undeclared reference`},
		{"CEL over the wrong thing", head + "filters: [{name: x, hide: users, when: 'content.title == \"x\"'}]\n", `undeclared reference`},
		{"contexts of content", head + "filters: [{name: x, hide: content, contexts: [global], when: 'true'}]\n", `contexts and one_way are for filters of users`},
		{"pattern without slash", head + "urls: {block: [plugins]}\n", `a pattern begins with a slash`},
		{"pattern type", head + "urls: {block: ['/a/{x:spacekey}']}\n", `the type "spacekey" is not understood`},
		{"pattern rest", head + "urls: {block: ['/a/{x...}/b']}\n", `{name...} stands alone and last`},
		{"pattern star", head + "urls: {block: ['/a/*']}\n", `write {name} for one segment`},
		{"page without members", head + "pages: [{content: A/b}]\n", `a page without members is shared with nobody`},
		{"tripwire", head + "tripwire: {prose: refuse}\n", `prose: "refuse" is none of auto, redact, report`},
		{"not a mapping", "- a\n", `p.yaml:1:1: want a mapping`},
		{"not YAML", "version: [1\n", `not YAML`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := policyOf(t, tc.in)
			if err == nil {
				t.Fatal("no error")
			}
			var es Errors
			if !errors.As(err, &es) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got  %v\nwant %s", err, tc.want)
			}
		})
	}
}

func TestPresets(t *testing.T) {
	p, err := policyOf(t, "version: 1\nwiki: tables\nspaces: {A: }\n")
	if err != nil {
		t.Fatal(err)
	}
	if p.Internal.Mode != "unrestricted" || p.Extranet.DefaultRole != "reader" || p.Tripwire.Prose != "auto" || p.Spaces[0].Mentions != "members" {
		t.Errorf("recommended: %+v", p)
	}
	p, err = policyOf(t, "version: 1\nwiki: tables\npreset: strict\nextranet: {default_role: user}\nspaces: {A: }\n")
	if err != nil {
		t.Fatal(err)
	}
	if p.Internal.Mode != "shared-spaces" || p.Extranet.DefaultRole != "user" || p.Tripwire.Structure != "refuse" || p.Spaces[0].Mentions != "nobody" {
		t.Errorf("strict: %+v", p)
	}
}

func TestLoadPolicyMergesFiles(t *testing.T) {
	dir := t.TempDir()
	fsys := tableFS(t, "../testdata/policy/users.txtar")
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("profile.yaml", string(fsys["profile.yaml"].Data))
	write("a.yaml", "version: 1\nwiki: tables\nspaces: {A: {members: [x@acme.example]}}\ntests: [a_test.yaml]\n")
	write("b.yaml", "version: 1\nspaces: {B: {open_to: public}}\n")
	write("a_test.yaml", "policy: [a.yaml]\ncases: []\n")
	p, err := LoadPolicy(filepath.Join(dir, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Spaces) != 2 || p.Profile == nil || p.Profile.Name != "tables" || len(p.Digest()) != 16 {
		t.Errorf("%+v", p)
	}
	if want := filepath.ToSlash(filepath.Join(dir, "a_test.yaml")); len(p.Tests) != 1 || p.Tests[0] != want {
		t.Errorf("tests %v, want %s", p.Tests, want)
	}
	digest := p.Digest()
	write("b.yaml", "version: 1\npreset: strict\nspaces: {A: {open_to: public}}\n")
	if _, err = LoadPolicy(filepath.Join(dir, "*.yaml")); err == nil || !strings.Contains(err.Error(), `the space "A" stands twice`) {
		t.Errorf("twice: %v", err)
	}
	write("b.yaml", "version: 1\nwiki: other\n")
	if _, err = LoadPolicy(filepath.Join(dir, "*.yaml")); err == nil || !strings.Contains(err.Error(), `b.yaml:2:7: wiki is "other" here and "tables" at `) {
		t.Errorf("conflict: %v", err)
	}
	write("b.yaml", "")
	if p, err = LoadPolicy(filepath.Join(dir, "*.yaml")); err != nil || p.Digest() == digest {
		t.Errorf("empty file: %v", err)
	}
	if _, err := LoadPolicy(filepath.Join(dir, "*.yml")); err == nil || !strings.Contains(err.Error(), "no rule file matches") {
		t.Errorf("no match: %v", err)
	}
}

func TestBindRefuses(t *testing.T) {
	f, _ := newTableFacts(tableFS(t, "../testdata/policy/users.txtar")["directory.json"].Data)
	const head = "version: 1\nwiki: tables\n"
	service := Options{Identity: map[ViewerKind]UpstreamIdentity{Internal: IdentityService}}
	for _, tc := range []struct {
		name, in string
		o        Options
		want     string
	}{
		{"unrestricted under service", head + "internal: {groups: [wiki/staff], mode: unrestricted}\n", service, "unsafe_service_identity"},
		{"unrestricted by the preset alone, under service", head + "internal: {groups: [wiki/staff]}\n", service, ""},
		{"the same, said to be meant", head + "internal: {groups: [wiki/staff]}\nunsafe_service_identity: true\n", service, ""},
		{"nobody is internal", head, service, ""},
		{"shared spaces", head + "internal: {groups: [wiki/staff], mode: shared-spaces}\n", service, ""},
		{"one space by two names", head + "spaces: {ACME: {}, Acme: {}}\n", Options{}, `the space "Acme" is the same as "ACME"`},
		{"two providers, no block", head, Options{Providers: []string{"a", "b"}}, "needs a providers block"},
		{"unknown identity", head, Options{Identity: map[ViewerKind]UpstreamIdentity{External: "root"}}, "no upstream identity"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, err := policyOf(t, tc.in)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Bind(p, f, tc.o)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestCheckWarns(t *testing.T) {
	f, _ := newTableFacts(tableFS(t, "../testdata/policy/users.txtar")["directory.json"].Data)
	p, err := policyOf(t, `version: 1
wiki: tables
internal: {groups: [wiki/staf]}
spaces:
  ACMEE: {members: [{user: wiki/nobody}, {user: x@acme.example}]}
  ACME: {hide: {subtrees: [No such page]}}
pages: [{content: ENG/Nothing, members: [{user: eva}]}]
filters: [{name: f, hide: users, when: 'user.attributes.nothing == ""'}]
`)
	if err != nil {
		t.Fatal(err)
	}
	got := p.Check(f).Error()
	for _, want := range []string{
		`p.yaml:3:21: the directory knows no wiki group "staf"`,
		`p.yaml:5:3: the directory knows no space "ACMEE"; the rule is inert; did you mean "ACME"?`,
		`the directory knows no user "nobody"`,
		`the directory knows no page "No such page" in the space "ACME"`,
		`the directory knows no page "ENG/Nothing"`,
		`p.yaml:8:40: warning: when: the condition of "f" fails for 12 of 12 users, and hides them`,
		`people are neither internal nor assigned to anything: "zq" "ira"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no warning %s in\n%s", want, got)
		}
	}
}

func TestViewExpires(t *testing.T) {
	v := tableView(t, "eva", tableTime)
	if want := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC); !v.Expires().Equal(want) {
		t.Errorf("expires %v, want %v", v.Expires(), want)
	}
	if v := tableView(t, "eva", time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)); !v.Expires().IsZero() {
		t.Errorf("expires %v after the last", v.Expires())
	}
}

// tableView is a viewer's view of the world that the tables share.
func tableView(t testing.TB, who string, now time.Time) *View {
	t.Helper()
	fsys := tableFS(t, "../testdata/policy/users.txtar")
	p, err := ParsePolicy(map[string][]byte{"policy.yaml": fsys["policy.yaml"].Data, "profile.yaml": fsys["profile.yaml"].Data}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := newTableFacts(fsys["directory.json"].Data)
	if err != nil {
		t.Fatal(err)
	}
	w, err := ViewerFor(p, f, who)
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewView(p, f, w, now)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func FuzzParsePolicy(f *testing.F) {
	fsys := tableFS(f, "../testdata/policy/users.txtar")
	profile, err := ParseProfile("profile.yaml", fsys["profile.yaml"].Data)
	if err != nil {
		f.Fatal(err)
	}
	facts, err := newTableFacts(fsys["directory.json"].Data)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(fsys["policy.yaml"].Data)
	f.Add([]byte("version: 1\nwiki: x\nspaces: {ACME: {hide: {titles: ['{a,[b'], subtrees: [Plan]}}}\n"))
	f.Add([]byte("version: 1\r\nwiki: x\r\nfilters:\r\n- name: f\r\n  hide: users\r\n  when: |\r\n\r\n   user.nmae == 'x'\r\n"))
	f.Add([]byte("\ufeffversion: 1\nwiki: x\nurls: {block: [{match: '/a/{b:space.key}', except_roles: [manager]}], allow: [/a/b]}\n"))
	archives, _ := filepath.Glob("../testdata/broken/*.txtar")
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			if strings.HasSuffix(file.Name, ".yaml") {
				f.Add(file.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		files := map[string][]byte{"p.yaml": data}
		p, err := ParsePolicy(files, profile)
		var faults Errors
		if err != nil {
			if !errors.As(err, &faults) && !strings.Contains(err.Error(), "there is no policy") {
				t.Fatalf("an error without a place: %v", err)
			}
		} else {
			faults = Sorted(p.Lint(tableTime), p.Check(facts))
		}
		for _, e := range faults {
			if why := misplaced(e, files); why != "" {
				t.Fatalf("%v: %s", e, why)
			}
		}
		if err != nil {
			return
		}
		v, err := NewView(p, facts, Viewer{Provider: "idp", Subject: "1"}, tableTime)
		if err != nil {
			return
		}
		for i := range facts.Contents() {
			if d := v.Content(ID(i)); d.Reason == nil {
				t.Fatal("a decision without a reason")
			}
		}
	})
}
