package rules

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

const flipDirectory = `{"users": [
  {"username": "in", "email": "in@corp.example", "groups": ["staff"]},
  {"username": "ann", "email": "ann@acme.example", "groups": ["g1"], "attributes": {"board": "no"}},
  {"username": "ben", "email": "ben@acme.example", "groups": ["g1", "g2"], "attributes": {"board": "no"}},
  {"username": "cem", "email": "cem@globex.example", "attributes": {"board": "yes"}},
  {"username": "dot", "email": "dot@else.example", "attributes": {"board": "no"}}],
 "groups": [{"name": "staff"}, {"name": "g1"}, {"name": "g2"}],
 "spaces": [{"key": "A", "id": "1"}, {"key": "B", "id": "2"}, {"key": "C", "id": "3", "status": "archived"}],
 "content": [
  {"id": "10", "space": "A", "title": "Home"}, {"id": "11", "space": "A", "title": "Plan", "parent": "10"},
  {"id": "12", "space": "A", "title": "Secret", "parent": "10", "labels": ["secret"]},
  {"id": "20", "space": "B", "title": "Other", "restricted_to": {"users": ["ben"]}},
  {"id": "21", "space": "B", "title": "Shows plan", "includes": ["11"]}, {"id": "30", "space": "C", "title": "Old"}]}`

// flipPolicy makes a small policy at random.
func flipPolicy(rnd *rand.Rand) string {
	pick := func(words ...string) string { return words[rnd.IntN(len(words))] }
	var b strings.Builder
	b.WriteString("version: 1\nwiki: tables\ninternal: {groups: [wiki/staff], mode: " + pick("unrestricted", "shared-spaces") + "}\n")
	b.WriteString("extranet: {users_see: " + pick("shared-space", "shared-space", "shared-space-or-internal", "shared-space-or-unassigned") + "}\nspaces:\n")
	member := func() string {
		who := pick("group: wiki/g1", "group: wiki/g2", "email_domain: acme.example", "user: cem", "user: ann", "user: ben@acme.example")
		until := pick("", "", "", ", until: 2026-01-01")
		return "{" + who + ", role: " + pick("reader", "commenter", "manager") + until + "}"
	}
	for _, key := range []string{"A", "B", "C"} {
		if rnd.IntN(5) == 0 {
			continue
		}
		fmt.Fprintf(&b, "  %s:\n", key)
		for range rnd.IntN(4) {
			if !strings.HasSuffix(b.String(), "]\n") && strings.HasSuffix(b.String(), ":\n") {
				b.WriteString("    members:\n")
			}
			b.WriteString("      - " + member() + "\n")
		}
		b.WriteString("    mark: true\n")
		if rnd.IntN(6) == 0 {
			b.WriteString("    open_to: " + pick("externals", "public") + "\n")
		}
		if key == "A" && rnd.IntN(2) == 0 {
			b.WriteString("    hide: {labels: [secret]}\n")
		}
	}
	if rnd.IntN(2) == 0 {
		b.WriteString("pages: [{content: A/Home, with: subtree, members: [" + member() + "]}]\n")
	}
	if rnd.IntN(3) == 0 {
		b.WriteString("filters: [{name: board, hide: users, when: 'user.attributes.board == \"yes\"'}]\n")
	}
	if rnd.IntN(4) == 0 {
		b.WriteString("suspended: [{user: ben}]\n")
	}
	return b.String()
}

func flipQuestions(f Facts) []Question {
	var qs []Question
	for _, u := range f.Users() {
		qs = append(qs, Question{User: u.Username}, Question{User: u.Username, In: "A", Action: ActMention})
	}
	for _, s := range f.Spaces() {
		qs = append(qs, Question{Space: s.Key})
	}
	for _, c := range f.Contents() {
		qs = append(qs, Question{Content: c.ID}, Question{Content: c.ID, Action: ActComment})
	}
	return append(qs, Question{Group: "g2"}, Question{URL: "/page/11"}, Question{URL: "/user/cem"}, Question{URL: "/people"}, Question{URL: "/old/11?version=1"}, Question{Space: "NONE"})
}

// everyChange is every single member rule that could be taken away or added, on
// behalf of the viewer or of the user asked about.
func everyChange(a *ask) (adds, removes []flipChange) {
	p := a.v.e.p
	var lists []listRef
	for i := range a.v.e.spaces {
		lists = append(lists, a.v.e.listOfSpace(ID(i)))
	}
	for i := range p.Pages {
		list, _ := a.v.e.listOfTarget(grantTarget(i))
		lists = append(lists, list)
	}
	for _, list := range lists {
		if ms := p.membersOf(&list, false); ms != nil {
			for _, m := range *ms {
				removes = append(removes, flipChange{member: m, list: list})
			}
		}
	}
	for _, c := range a.v.e.f.Contents() {
		lists = append(lists, listRef{page: true, name: c.ID})
	}
	var who []Member
	if me, ok := a.v.asMember(); ok {
		who = append(who, me)
	}
	for _, id := range a.people() {
		name := a.v.e.f.Users()[id].Username
		who = append(who, Member{User: Principal{Name: name}, principal: principal{kind: byWikiUser, name: name}})
	}
	for _, list := range lists {
		for _, m := range who {
			for _, m.role = range []Role{Reader, Commenter, Manager} {
				adds = append(adds, flipChange{add: true, member: m, list: list})
			}
		}
	}
	return adds, removes
}

// TestFlipsAreTrueAndSmallest compares flips with brute force over all changes
// of one member rule, and of two where the flip says three or none.
func TestFlipsAreTrueAndSmallest(t *testing.T) {
	f, err := newTableFacts([]byte(flipDirectory))
	if err != nil {
		t.Fatal(err)
	}
	worlds := 8
	if testing.Short() {
		worlds = 4
	}
	changes := map[string]int{}
	for seed := range worlds {
		text := flipPolicy(rand.New(rand.NewPCG(uint64(seed), 3)))
		p, err := policyOf(t, text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		e, err := Bind(p, f, Options{})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for _, name := range []string{"ann", "cem", "dot", "in", "ben", "anonymous"} {
			who, err := ViewerFor(p, f, name)
			if err != nil {
				t.Fatal(err)
			}
			v := e.View(who, tableTime)
			for _, q := range flipQuestions(f) {
				checkFlip(t, v, q, seed%10 == 3, changes, text)
				if t.Failed() {
					return
				}
			}
		}
	}
	if changes["add 1"] == 0 || changes["add 2"] == 0 || changes["remove 1"] == 0 || changes["remove 2"] == 0 || changes["none 0"] == 0 {
		t.Errorf("the worlds lack a kind of flip: %v", changes)
	}
	t.Log(changes)
}

func checkFlip(t *testing.T, v *View, q Question, pairs bool, changes map[string]int, text string) {
	t.Helper()
	a, err := v.ask(q)
	if err != nil {
		t.Fatal(err)
	}
	d, _ := a.decide()
	flip := a.flip()
	size := len(flip.Assignments)
	changes[fmt.Sprintf("%s %d", flip.Change, size)]++
	whole := newFlipWorld(a).whole()
	turns := func(cs ...flipChange) bool {
		got, ok := whole.decide(cs)
		return ok && turned(d.Verdict, got.Verdict)
	}
	fail := func(format string, args ...any) {
		t.Errorf("%s asks %s in %q, %s: %s, %s: %s\nflip: %s\n%s", v.whoText(), q, q.In, q.Action, d.Verdict, d.Reason.Text, fmt.Sprintf(format, args...), flip.Text, text)
	}
	if flip.Change == "none" && size != 0 || flip.Change != "none" && (size == 0 || !turned(d.Verdict, verdictOf(flip.To))) {
		fail("the flip contradicts itself")
	}
	adds, removes := everyChange(a)
	for _, from := range [][]flipChange{adds, removes} {
		for i := range from {
			if size != 1 && turns(from[i]) {
				fail("one change does: %+v", from[i].tell())
				return
			}
			for j := range i {
				if pairs && (size > 2 || size == 0) && turns(from[i], from[j]) {
					fail("two changes do: %+v, %+v", from[i].tell(), from[j].tell())
					return
				}
			}
		}
	}
}

func verdictOf(word string) Verdict {
	for _, v := range []Verdict{Hidden, Forbidden, Visible} {
		if v.String() == word {
			return v
		}
	}
	return Unknown
}
