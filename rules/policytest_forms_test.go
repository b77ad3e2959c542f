package rules

import (
	"io/fs"
	"maps"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// formsFS is the tables' world with a test file.
func formsFS(t *testing.T, test string) fstest.MapFS {
	t.Helper()
	fsys := maps.Clone(tableFS(t, "../testdata/policy/users.txtar"))
	fsys["forms.yaml"] = &fstest.MapFile{Data: []byte(test), Mode: fs.ModePerm}
	return fsys
}

// TestCaseForms: everything that may be written in more than one way.
func TestCaseForms(t *testing.T) {
	const cases = `policy: [policy.yaml, profile.yaml]
directory: directory.json
cases:
  - {as: eva, see: {content: ENG/Interface spec}, want: hidden}
  - {as: lea, see: {content: ENG/Interface spec}, want: visible}
  - {as: eva, see: {content: 101}, want: visible}
  - {as: eva, see: {content: Plan}, in: ACME, want: visible}
  - {as: eva, see: {content: Plan}, in: 11, want: visible}
  - {as: eva, see: {user: bo@acme.example}, in: 11, want: visible, because: SHARE a space}
  - {as: eva, see: {user: Zelda Q}, want: visible}
  - {as: eva, see: {user: k-zq}, want: visible}
  - {as: eva, see: {group: acme-idp/partners}, want: visible, because: group is assigned}
  - {as: {groups: [partners], provider: acme-idp, email: x@acme.example}, see: {group: acme-idp/partners}, want: visible, because: member of the group}
  - {as: gus, see: {group: acme-idp/partners}, want: hidden}
  - {as: gus, see: {group: acme-idp/nobody}, want: unknown}
  - {as: {groups: partners, provider: acme-idp}, see: {space: ACME}, want: visible}
  - {as: {groups: partners, provider: globex}, see: {space: ACME}, want: hidden}
  - {as: {user: bo, provider: corp, groups: [staff]}, see: {space: ENG}, want: visible, because: internal}
  - {as: {user: x, provider: acme-idp, groups: [staff]}, see: {space: ENG}, want: hidden, because: "his group staff is one of acme-idp's"}
  - {as: {user: eva}, see: {space: ACME}, want: visible}
  - {as: {user: eva, unverified: true}, see: {space: ACME}, want: hidden, because: not verified}
  - {as: {email: x@acme.example, provider: globex}, see: {space: ACME}, want: hidden, because: not trusted for the domain acme.example}
  - {as: acme-idp/3, see: {space: ACME}, at: 2027-01-31, want: visible}
  - {as: eve, see: {space: ACME}, at: 2027-02-01, want: hidden, because: ended}
  - {as: eve, see: {space: ACME}, at: 2027-01-31 23:59:59Z, want: visible}
  - {as: eve, see: {space: ACME}, at: 2027-02-01T00:00:00Z, want: hidden, because: expired}
  - {as: anonymous, see: {space: NEWS}, want: visible}
  - {as: {anonymous: true}, see: {space: ACME}, want: hidden, because: not signed in}
  - {as: eva, see: {url: "/page/101"}, method: get, want: visible}
  - {as: eva, see: {url: "GET https://wiki.example/page/101#part"}, want: visible, because: wiki.example}
  - {as: eva, see: {url: "/page/..%2f101"}, want: hidden, because: no single reading}
  - {as: mal, see: {user: nobody-at-all}, want: hidden, because: suspended}
  - {name: by its title, as: eva, see: {content: 102}, want: hidden, because: space.hide.labels}
`
	results, err := RunTests("forms.yaml", formsFS(t, cases), tableFactsOf, tableTime)
	if err != nil {
		t.Fatal(err)
	}
	for i := range results {
		if !results[i].OK {
			t.Error(results[i].String())
		}
	}
	if n := strings.Count(cases, "want:"); len(results) != n {
		t.Errorf("%d results of %d cases", len(results), n)
	}
}

func TestRunTestsWith(t *testing.T) {
	const cases = `cases:
  - {as: eva, see: {space: ACME}, want: visible}
  - {name: the blocked one, as: eva, see: {url: /plugins/orgchart/x}, want: hidden}
  - {as: bo, see: {content: 102}, want: hidden}
  - {as: eva, see: {user: kim}, want: hidden}
`
	c := &Coverage{}
	o := TestOptions{Now: tableTime, Policy: []string{"p*.yaml"}, Directory: "directory.json", Coverage: c}
	results, err := RunTestsWith("forms.yaml", formsFS(t, cases), tableFactsOf, o)
	if err != nil || len(results) != 4 {
		t.Fatal(results, err)
	}
	covered := map[string]bool{}
	for _, r := range c.Rules() {
		if r.Decided+r.Live > 0 {
			covered[r.What] = true
		}
	}
	for what, want := range map[string]bool{
		"space ACME member e-mail domain acme.example":           true,
		"space ACME member user bo@acme.example":                 true,
		"space ACME member group acme-idp/partners":              false,
		"space ACME hide labels internal-only":                   true,
		"space ACME hide titles Internal *":                      false,
		"urls block /plugins/orgchart/{rest...}":                 true,
		"urls block /spaces/{key:space.key}/calendars/{rest...}": false,
		"space NEWS open_to: public":                             false,
		"internal group corp/staff":                              false,
		"page ENG/Interface spec member user kim@globex.example": true,
	} {
		if covered[what] != want {
			t.Errorf("%s: covered %v, want %v", what, covered[what], want)
		}
	}
	if p := c.Percent(); p <= 0 || p >= 100 {
		t.Errorf("%.1f%% covered", p)
	}
	if p := c.RoutePercent(); p <= 0 || p >= 50 {
		t.Errorf("%.1f%% of the routes covered", p)
	}
	for expr, want := range map[string]int{"blocked one": 1, `forms.yaml:2 `: 1, "eva sees": 3, "^$": 0} {
		o.Run = regexp.MustCompile(expr)
		if results, err := RunTestsWith("forms.yaml", formsFS(t, cases), tableFactsOf, o); err != nil || len(results) != want {
			t.Errorf("%s selects %d cases, want %d (%v)", expr, len(results), want, err)
		}
	}
}

func TestFlipTexts(t *testing.T) {
	for _, tc := range []struct {
		as   string
		q    Question
		want string
	}{
		{"eva", Question{User: "gus"}, "add {user: eva, role: reader} to the space GLOBEX (policy.yaml:19)"},
		{"eva", Question{Space: "GLOBEX"}, "add {user: eva, role: reader} to the space GLOBEX"},
		{"eva", Question{Content: "503"}, "add {user: eva, role: reader} to the page ENG/Secret engine; or {user: eva, role: reader} to the space ENG"},
		{"eva", Question{Space: "ACME"}, "remove {email_domain: acme.example} from the space ACME (policy.yaml:13)"},
		{"bo", Question{Space: "ACME"}, "remove {email_domain: acme.example} from the space ACME (policy.yaml:13) and {user: bo@acme.example, role: manager} from the space ACME (policy.yaml:14)"},
		{"eva", Question{Content: "102"}, "no assignment can: one of its labels hides it (policy.yaml:18)"},
		{"eva", Question{Content: "117"}, `no assignment can: the filter "rank" hides it`},
		{"eva", Question{Content: "107"}, "no assignment can: the wiki restricts it"},
		{"mal", Question{Space: "ACME"}, "no assignment can: the viewer is suspended (policy.yaml:"},
		{"eva", Question{URL: "/admin"}, "no assignment can: this class of URL is closed"},
		{"eva", Question{URL: "/nothing"}, "no assignment can: no route"},
		{"eva", Question{URL: "/spaces/ACME/calendars/1"}, "add {user: eva, role: manager} to the space ACME"},
		{"anonymous", Question{Space: "ACME"}, "open_to: public for the space ACME would"},
		{"zq", Question{Space: "ENG"}, "no assignment decides it: internals see what the wiki shows them"},
		{"eva", Question{Content: "101", Action: ActComment}, "add {user: eva, role: commenter} to the page ACME/Plan; or {user: eva, role: commenter} to the space ACME"},
	} {
		x, err := tableView(t, tc.as, tableTime).ExplainFlip(tc.q)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(x.Flip.Text, tc.want) {
			t.Errorf("%s, %s: %s\n got %s\nwant %s", tc.as, tc.q, x.Reason, x.Flip.Text, tc.want)
		}
	}
}
