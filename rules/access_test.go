package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const accessPolicy = `version: 1
wiki: tables
providers: {corp: {internal: true, domains: [corp.example]}, idp: {domains: [acme.example, globex.example]}}
internal: {groups: [corp/staff]}
spaces:
  ACME:
    members:
      - {group: wiki/partners}
      - {email_domain: acme.example}
      - {user: bo@acme.example, role: manager, until: 2027-01-31}
      - {user: new@globex.example, role: user}
      - {user: wiki/ghost}
      - {group: idp/buyers, until: 2026-01-01}
    hide: {labels: [secret], titles: ["Draft *"], subtrees: [Notes]}
  OLD: {members: [{user: wiki/cy}]}
  HANDBOOK: {open_to: externals}
  NEWS: {open_to: public}
pages:
  - {content: "ENG/Spec", with: subtree, members: [{user: wiki/cy, role: commenter, until: 2027-06-01T12:00:00Z}]}
  - {content: "ENG/Gone", members: [{user: wiki/cy}]}
filters: [{name: old, hide: content, when: 'content.title == "Old"'}]
suspended: [{user: wiki/mal}]
`

func accessEngine(t *testing.T) *Engine {
	t.Helper()
	no := false
	f := &tableFacts{d: Directory{
		Users: []UserRecord{
			{Username: "zed", Email: "zed@corp.example", Groups: []string{"corp/staff"}},
			{Username: "bo", Email: "bo@acme.example", Groups: []string{"inner"}},
			{Username: "cy", Email: "cy@globex.example"},
			{Username: "mal", Email: "mal@acme.example"},
			{Username: "off", Email: "off@acme.example", Active: &no},
			{Username: "nil"},
		},
		Groups: []GroupRecord{{Name: "partners", Groups: []string{"inner"}}, {Name: "inner"}},
		Spaces: []SpaceRecord{{Key: "ACME"}, {Key: "OLD", Status: "archived"}, {Key: "HANDBOOK"}, {Key: "NEWS"}, {Key: "ENG"}},
		Content: []ContentRecord{
			{ID: "1", Space: "ACME", Title: "Notes"},
			{ID: "2", Space: "ACME", Title: "Draft one", Parent: "1"},
			{ID: "3", Space: "ACME", Title: "Old", Labels: []string{"Secret"}, RestrictedTo: &Restriction{Users: []string{"zed"}}},
			{ID: "4", Space: "ACME", Title: "Bin", Status: "trashed"},
			{ID: "5", Space: "ENG", Title: "Spec"},
		},
	}}
	p, err := policyOf(t, accessPolicy)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Bind(p, f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// accessLine is a row in short: person kind(state) what role* line until why by sees note count.
func accessLine(r *AccessRow) string {
	line := 0
	if r.Rule != nil {
		line = r.Rule.Line
	}
	role := r.Role
	if r.Effective {
		role += "*"
	}
	what := strings.Join(strings.Fields(fmt.Sprint(r.What, " ", r.Space, " ", r.Page)), " ")
	s := fmt.Sprintf("%s | %s %s | %s | %s | :%d | %s | %s %s | %s", r.Person, r.Kind, r.State, what, role, line, r.Until, r.Why, r.By, r.Sees)
	if r.Count > 0 {
		s += fmt.Sprint(" x", r.Count)
	}
	return strings.Join(strings.Fields(s), " ")
}

func accessLines(t *testing.T, e *Engine, q AccessQuery, at time.Time) string {
	t.Helper()
	rows, err := e.Access(q, at)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for r := range rows {
		lines = append(lines, accessLine(&r))
	}
	return strings.Join(lines, "\n")
}

func TestAccess(t *testing.T) {
	e := accessEngine(t)
	tests := []struct {
		name string
		q    AccessQuery
		at   time.Time
		want string
	}{
		{"everybody", AccessQuery{}, tableTime, `bo | external | space ACME | manager* | :10 | 2027-02-01T00:00:00Z | user bo@acme.example | visible
bo | external | space ACME | reader | :8 | | group wiki/partners | visible
bo | external | space ACME | reader | :9 | | domain acme.example | visible
bo | external | space HANDBOOK | reader* | :16 | | open_to externals | visible
bo | external | space NEWS | reader* | :17 | | open_to public | visible
cy | external | space HANDBOOK | reader* | :16 | | open_to externals | visible
cy | external | space NEWS | reader* | :17 | | open_to public | visible
cy | external | space OLD | reader* | :15 | | user cy | hidden
cy | external | page ENG/Gone | reader* | :20 | | user cy |
cy | external | page ENG 5 | commenter* | :19 | 2027-06-01T12:00:00Z | user cy | visible
mal | none suspended | nothing | | :22 | | suspended |
nil | none | space NEWS | reader* | :17 | | open_to public | visible
off | none inactive | nothing | | :0 | | |
zed | internal | wiki | * | :4 | | internal corp/staff |
anonymous | anonymous | space NEWS | reader* | :17 | | open_to public | visible
new@globex.example | external not yet known | space ACME | user* | :11 | | user new@globex.example | visible
new@globex.example | external not yet known | space HANDBOOK | reader* | :16 | | open_to externals | visible
new@globex.example | external not yet known | space NEWS | reader* | :17 | | open_to public | visible
anybody of acme.example | external not yet known | space ACME | reader* | :9 | | domain acme.example | visible
anybody of acme.example | external not yet known | space HANDBOOK | reader* | :16 | | open_to externals | visible
anybody of acme.example | external not yet known | space NEWS | reader* | :17 | | open_to public | visible
anybody of corp/staff | internal not yet known | wiki | * | :4 | | internal corp/staff |
anybody of idp/buyers | none not yet known | space NEWS | reader* | :17 | | open_to public | visible
wiki/ghost | none not yet known | space ACME | reader | :12 | | user ghost |`},
		{"as", AccessQuery{As: "bo@acme.example"}, tableTime, `bo | external | space ACME | manager* | :10 | 2027-02-01T00:00:00Z | user bo@acme.example | visible
bo | external | space ACME | reader | :8 | | group wiki/partners | visible
bo | external | space ACME | reader | :9 | | domain acme.example | visible
bo | external | space HANDBOOK | reader* | :16 | | open_to externals | visible
bo | external | space NEWS | reader* | :17 | | open_to public | visible`},
		{"as somebody unknown, after an end", AccessQuery{As: "x@acme.example"}, time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC), `x@acme.example | external | space ACME | reader* | :9 | | domain acme.example | visible
x@acme.example | external | space HANDBOOK | reader* | :16 | | open_to externals | visible
x@acme.example | external | space NEWS | reader* | :17 | | open_to public | visible`},
		{"space", AccessQuery{Space: "ACME"}, tableTime, `bo | external | space ACME | manager* | :10 | 2027-02-01T00:00:00Z | user bo@acme.example | visible
bo | external | space ACME | reader | :8 | | group wiki/partners | visible
bo | external | space ACME | reader | :9 | | domain acme.example | visible
new@globex.example | external not yet known | space ACME | user* | :11 | | user new@globex.example | visible
anybody of acme.example | external not yet known | space ACME | reader* | :9 | | domain acme.example | visible
wiki/ghost | none not yet known | space ACME | reader | :12 | | user ghost |
every internal | internal | space ACME | * | :6 | | internal | visible x1
| | hidden ACME | | :14 | | label secret | hidden x1
| | hidden ACME | | :14 | | title Draft * | hidden x1
| | hidden ACME | | :14 | | subtree Notes | hidden x2
| | hidden ACME | | :21 | | filter old | hidden x1
| | hidden ACME | | :0 | | restriction of the wiki | hidden x1
| | hidden ACME | | :0 | | status not current | hidden x1`},
		{"open space", AccessQuery{Space: "NEWS"}, tableTime, `every internal | internal | space NEWS | * | :17 | | internal | visible x1
every external | external | space NEWS | reader* | :17 | | open_to public | visible x2
anybody | anonymous | space NEWS | reader* | :17 | | open_to public | visible`},
		{"page of a space", AccessQuery{Space: "ENG"}, tableTime, `cy | external | page ENG 5 | commenter* | :19 | 2027-06-01T12:00:00Z | user cy | visible
every internal | internal | space ENG | * | :0 | | internal | visible x1`},
		{"group, nested", AccessQuery{Group: "inner"}, tableTime, `group wiki/inner | | space ACME | reader* | :8 | | group wiki/partners |
bo | external | member | | :0 | | group wiki/inner |`},
		{"group of a provider", AccessQuery{Group: "corp/staff"}, tableTime, `group corp/staff | | wiki | * | :4 | | group corp/staff |
zed | internal | member | | :0 | | group corp/staff |`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(strings.Split(tt.want, "\n"), strings.Split(accessLines(t, e, tt.q, tt.at), "\n")); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
	for _, q := range []AccessQuery{{As: "who"}, {Space: "who"}, {Group: "who"}, {As: "bo", Space: "ACME"}} {
		if _, err := e.Access(q, tableTime); err == nil {
			t.Errorf("%+v: no error", q)
		}
	}
}

// TestAccessStops asks for one row at a time.
func TestAccessStops(t *testing.T) {
	e := accessEngine(t)
	for _, q := range []AccessQuery{{}, {As: "bo"}, {Space: "ACME"}, {Group: "inner"}} {
		rows, err := e.Access(q, tableTime)
		if err != nil {
			t.Fatal(err)
		}
		all := slices.Collect(rows)
		for n := range all {
			var got []AccessRow
			for r := range rows {
				if got = append(got, r); len(got) == n+1 {
					break
				}
			}
			if d := cmp.Diff(all[:n+1], got); d != "" {
				t.Fatalf("%+v: the first %d rows:\n%s", q, n+1, d)
			}
		}
	}
}

// TestAccessAgreesWithViews holds every row against the view of the one it is
// about, in random worlds: who has an effective role has it, who has a role by
// assignment has a row.
func TestAccessAgreesWithViews(t *testing.T) {
	for seed := range uint64(100) {
		w := newDiffWorld(rand.New(rand.NewPCG(seed, 9)))
		p, err := ParsePolicy(map[string][]byte{"p.yaml": []byte(w.policy())}, w.profile(t))
		if err != nil {
			t.Fatal(err)
		}
		e, err := Bind(p, &tableFacts{d: w.d}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range w.d.Users {
			who, err := ViewerFor(p, e.f, u.Username)
			if err != nil {
				t.Fatal(err)
			}
			v := e.View(who, tableTime)
			rows, err := e.Access(AccessQuery{As: u.Username}, tableTime)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for r := range rows {
				if r.What == "space" && r.Effective {
					got[r.Space] = r.Role + " " + r.Sees
				}
			}
			want := map[string]string{}
			for i := range e.spaces {
				id := ID(i)
				if e.spaces[i].subject != id || v.Suspended() {
					continue
				}
				sees := v.Space(id).Verdict.String()
				switch role := v.memberRole(id); {
				case role > NoRole:
					want[w.d.Spaces[i].Key] = role.String() + " " + sees
				case v.Kind() != Internal && sees == "visible":
					want[w.d.Spaces[i].Key] = "reader visible"
				}
			}
			for k, s := range got { // open, and hidden all the same
				if _, ok := want[k]; !ok && s == "reader hidden" {
					delete(got, k)
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("seed %d, %s (-view +access):\n%s", seed, u.Username, d)
			}
		}
	}
}
