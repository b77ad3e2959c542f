package directory

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/postern-gateway/postern/rules"
)

func sample() rules.Directory {
	return rules.Directory{
		Users: []rules.UserRecord{
			{Username: "Zq", Key: "ff80", AccountID: "a:1", Email: "Zq@Corp.example", DisplayName: "Zelda  Q", AvatarIDs: []string{"1114116"}, Groups: []string{"staff"}},
			{Username: "bo", Key: "ff81", Email: "bo@acme.example", DisplayName: "Bo Li", Groups: []string{"hr", "acme"}},
			{Username: "kim", DisplayName: "bo li"},
		},
		Groups: []rules.GroupRecord{
			{Name: "staff", Groups: []string{"hr"}},
			{Name: "everyone", Groups: []string{"staff", "loop"}},
			{Name: "loop", Groups: []string{"everyone"}},
			{Name: "staff", Source: "corp"},
		},
		Spaces: []rules.SpaceRecord{
			{Key: "(Main)", ID: "0"},
			{Key: "ACME X", ID: "3000", Name: "ACME X", Aliases: []string{"Äcme"}},
			{Key: "ENG", ID: "3002", Name: "Engineering"},
		},
		Content: []rules.ContentRecord{
			{ID: "1", Space: "(Main)", Title: "Main Page"},
			{ID: "2", Space: "ACME X", Title: "Plan"},
			{ID: "3", Space: "ENG", Title: "Plan"},
			{ID: "4", Space: "ACME X", Title: "Élan"},
			{ID: "5", Space: "ACME X", Title: "Old", Status: "trashed"},
			{ID: "6", Space: "NEW", Title: "Alone"},
		},
		Aliases: []rules.AliasRecord{
			{ID: "900", Of: "2", Kind: "comment"},
			{ID: "3", Of: "2", Kind: "attachment"}, // never in the place of a record
			{ID: "3", Of: "4", Kind: "revision"},
			{ID: "901", Of: "2", Kind: "draft"},
			{ID: "902", Of: "77", Kind: "comment"},
		},
	}
}

func generation(t testing.TB, d rules.Directory, o Options) *Generation {
	t.Helper()
	g, err := NewGeneration(d, o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

var (
	cased       = Options{Titles: FoldCase, Users: FoldCase, Spaces: FoldName}
	firstLetter = Options{Titles: FoldFirst, Users: FoldFirst, Spaces: FoldName}
)

func TestFindUser(t *testing.T) {
	t.Parallel()
	g := generation(t, sample(), cased)
	for _, tt := range []struct {
		attr  rules.Attr
		value string
		want  string
	}{
		{rules.UserName, "Zq", "Zq"},
		{rules.UserName, "zQ", "Zq"},
		{rules.UserName, "z", ""},
		{rules.UserName, "", ""},
		{rules.UserKey, "ff80", "Zq"},
		{rules.UserKey, "FF80", ""},
		{rules.UserAccountID, "a:1", "Zq"},
		{rules.UserEmail, "zq@corp.EXAMPLE", "Zq"},
		{rules.UserAvatar, "1114116", "Zq"},
		{rules.UserDisplay, "Zelda  Q", ""},
		{rules.ContentID, "1", ""},
	} {
		id, ok := g.FindUser(tt.attr, tt.value)
		got := ""
		if ok {
			got = g.Users()[id].Username
		}
		if got != tt.want || ok != (tt.want != "") {
			t.Errorf("FindUser(%v, %q) = %q, %v, want %q", tt.attr, tt.value, got, ok, tt.want)
		}
	}
	if got := g.FindUsersByDisplay("BO LI"); !slices.Equal(got, []rules.ID{1, 2}) {
		t.Errorf("FindUsersByDisplay = %v", got)
	}
	if got := g.FindUsersByDisplay("nobody"); got != nil {
		t.Errorf("FindUsersByDisplay(nobody) = %v", got)
	}
}

func TestFoldedTwinsAreUnknown(t *testing.T) {
	t.Parallel()
	d := rules.Directory{Users: []rules.UserRecord{{Username: "Bob"}, {Username: "bob"}, {Username: "Bobo"}}}
	g := generation(t, d, cased)
	for value, want := range map[string]rules.ID{"Bob": 0, "bob": 1, "BOB": rules.NoID, "BOBO": 2} {
		if id, ok := g.FindUser(rules.UserName, value); id != want || ok != (want != rules.NoID) {
			t.Errorf("FindUser(%q) = %d, %v, want %d", value, id, ok, want)
		}
	}
	g = generation(t, rules.Directory{Users: []rules.UserRecord{{Username: "Bob"}, {Username: "BOB"}}}, firstLetter)
	for value, want := range map[string]rules.ID{"Bob": 0, "bob": 0, "bOB": 1, "boB": rules.NoID} {
		if id, _ := g.FindUser(rules.UserName, value); id != want {
			t.Errorf("first letter: FindUser(%q) = %d, want %d", value, id, want)
		}
	}
}

func TestFindSpaceAndContent(t *testing.T) {
	t.Parallel()
	g := generation(t, sample(), firstLetter)
	for name, want := range map[string]rules.ID{"acme_x": 1, "ACME X": 1, "3000": 1, "äCME": 1, "engineering": 2, "eng": 2, "(Main)": 0, "0": 0, "NEW": 3, "x": rules.NoID, "": rules.NoID} {
		if id, ok := g.FindSpaceByAnyName(name); id != want || ok != (want != rules.NoID) {
			t.Errorf("FindSpaceByAnyName(%q) = %d, %v, want %d", name, id, ok, want)
		}
	}
	for _, tt := range []struct {
		attr  rules.Attr
		value string
		space rules.ID
		want  string
	}{
		{rules.ContentID, "2", rules.NoID, "2"},
		{rules.ContentID, "900", rules.NoID, "2"},
		{rules.ContentID, "3", rules.NoID, "3"},
		{rules.ContentID, "901", rules.NoID, ""},
		{rules.ContentID, "902", rules.NoID, ""},
		{rules.RevisionID, "3", rules.NoID, "4"},
		{rules.RevisionID, "2", rules.NoID, ""},
		{rules.ContentTitle, "Plan", 1, "2"},
		{rules.ContentTitle, "plan", 2, "3"},
		{rules.ContentTitle, "pLAN", 2, ""},
		{rules.ContentTitle, "E\u0301lan", 1, "4"},
		{rules.ContentTitle, "élan", 1, "4"},
		{rules.ContentTitle, "main_Page", 0, "1"},
		{rules.ContentTitle, "Plan", rules.NoID, ""},
		{rules.ContentTitle, "Old", 1, ""},
	} {
		id, ok := g.FindContent(tt.attr, tt.value, tt.space)
		got := ""
		if ok {
			got = g.Contents()[id].ID
		}
		if got != tt.want {
			t.Errorf("FindContent(%v, %q, %d) = %q, want %q", tt.attr, tt.value, tt.space, got, tt.want)
		}
	}
	g = generation(t, sample(), cased)
	if id, ok := g.FindContent(rules.ContentTitle, "PLAN", 1); !ok || g.Contents()[id].ID != "2" {
		t.Errorf("case-insensitive title: %d, %v", id, ok)
	}
}

func TestGroupsAreClosed(t *testing.T) {
	t.Parallel()
	in := sample()
	g := generation(t, in, cased)
	if d := cmp.Diff([]string{"acme", "everyone", "hr", "loop", "staff"}, g.Users()[1].Groups); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"hr", "acme"}, in.Users[1].Groups); d != "" {
		t.Errorf("the input was changed: %s", d)
	}
	for _, tt := range []struct {
		source, name string
		ok           bool
	}{{"", "staff", true}, {"wiki", "acme", true}, {"corp", "staff", true}, {"corp", "acme", false}, {"other", "staff", false}} {
		if _, ok := g.FindGroup(tt.source, tt.name); ok != tt.ok {
			t.Errorf("FindGroup(%q, %q) = %v", tt.source, tt.name, ok)
		}
	}
}

func TestNewGenerationRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		d    rules.Directory
		want string
	}{
		{rules.Directory{Users: []rules.UserRecord{{}}}, "users[0]: username is missing"},
		{rules.Directory{Users: []rules.UserRecord{{Username: "a"}, {Username: "a"}}}, `users[1]: username "a" is there twice`},
		{rules.Directory{Spaces: []rules.SpaceRecord{{Key: "A"}, {Key: "A"}}}, "spaces[1]"},
		{rules.Directory{Groups: []rules.GroupRecord{{}}}, "groups[0]: name is missing"},
		{rules.Directory{Content: []rules.ContentRecord{{ID: "1"}}}, "content[0]: space is missing"},
		{rules.Directory{Content: []rules.ContentRecord{{ID: "1", Space: "A"}, {ID: "1", Space: "A"}}}, "content[1]"},
		{rules.Directory{Aliases: []rules.AliasRecord{{ID: "1"}}}, "aliases[0]"},
	} {
		if _, err := NewGeneration(tt.d, cased); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("NewGeneration: %v, want %q", err, tt.want)
		}
	}
}

func TestWith(t *testing.T) {
	t.Parallel()
	g := generation(t, sample(), firstLetter)
	n := g.with(rules.Directory{
		Users: []rules.UserRecord{{Username: "new", Groups: []string{"hr", "fresh"}}, {Username: "bo", Key: "ff99", Groups: []string{"acme"}}},
		Content: []rules.ContentRecord{
			{ID: "7", Space: "ENG", Title: "Seven"},
			{ID: "2", Space: "ENG", Title: "Moved plan"},
			{ID: "8", Space: "nowhere", Title: "Lost"},
		},
		Aliases: []rules.AliasRecord{{ID: "910", Of: "7"}, {ID: "911", Of: "7", Kind: "revision"}, {ID: "912", Of: "none"}},
	}, []absence{g.absence(rules.ContentTitle, "Red_link", 1), g.absence(rules.ContentID, "7", rules.NoID)}, nil)

	if _, ok := g.FindUser(rules.UserName, "new"); ok || len(g.Contents()) != 6 || g.Absent(rules.ContentTitle, "Red link", 1) {
		t.Error("the old generation changed")
	}
	if n.Generation() <= g.Generation() {
		t.Error("the number did not grow")
	}
	id, ok := n.FindUser(rules.UserName, "new")
	if !ok || !slices.Contains(n.Users()[id].Groups, "everyone") || !slices.Contains(n.Users()[id].Groups, "fresh") {
		t.Errorf("new user: %v", n.Users()[id])
	}
	if _, ok := n.FindGroup("", "fresh"); !ok {
		t.Error("a group that only a looked-up user names is unknown")
	}
	id, ok = n.FindUser(rules.UserKey, "ff99")
	if name, _ := n.FindUser(rules.UserName, "BO"); !ok || n.Users()[id].Email != "bo@acme.example" || !slices.Contains(n.Users()[id].Groups, "hr") {
		t.Errorf("user seen again: %v, %v", n.Users()[id], name)
	}
	for _, tt := range []struct {
		attr  rules.Attr
		value string
		space rules.ID
		want  string
	}{
		{rules.ContentID, "7", rules.NoID, "ENG/Seven"},
		{rules.ContentID, "910", rules.NoID, "ENG/Seven"},
		{rules.RevisionID, "911", rules.NoID, "ENG/Seven"},
		{rules.ContentID, "911", rules.NoID, ""},
		{rules.ContentID, "2", rules.NoID, "ENG/Moved plan"},
		{rules.ContentTitle, "Plan", 1, "ENG/Moved plan"}, // the old title leads to the new place
		{rules.ContentTitle, "Moved_plan", 2, "ENG/Moved plan"},
		{rules.ContentID, "8", rules.NoID, ""},
	} {
		id, ok := n.FindContent(tt.attr, tt.value, tt.space)
		got := ""
		if ok {
			got = n.Contents()[id].Space + "/" + n.Contents()[id].Title
		}
		if got != tt.want {
			t.Errorf("%v %q: %q, want %q", tt.attr, tt.value, got, tt.want)
		}
	}
	if !n.Absent(rules.ContentTitle, "red link", 1) || n.Absent(rules.ContentTitle, "Red link", 2) || n.Absent(rules.ContentID, "7", rules.NoID) {
		t.Error("absence is wrong")
	}
	m := n.with(rules.Directory{Content: []rules.ContentRecord{{ID: "9", Space: "ACME X", Title: "Red link"}}}, nil, nil)
	if m.Absent(rules.ContentTitle, "Red link", 1) {
		t.Error("what was found is still absent")
	}
	if _, ok := m.FindContent(rules.ContentID, "7", rules.NoID); !ok {
		t.Error("an earlier look-up is lost")
	}
}

func TestFindDoesNotAllocate(t *testing.T) {
	g := generation(t, sample(), firstLetter)
	n := testing.AllocsPerRun(100, func() {
		g.FindUser(rules.UserName, "Zq")
		g.FindUser(rules.UserEmail, "zq@CORP.example")
		g.FindSpaceByAnyName("acme_x")
		g.FindContent(rules.ContentTitle, "élan", 1)
		g.FindContent(rules.ContentID, "900", rules.NoID)
		g.FindUsersByDisplay("bo li")
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func big(n int) rules.Directory {
	d := rules.Directory{Spaces: []rules.SpaceRecord{{Key: "A"}, {Key: "B"}}}
	for i := range n {
		d.Content = append(d.Content, rules.ContentRecord{ID: fmt.Sprint(i), Space: "A", Title: fmt.Sprintf("Page number %d", i), Type: "page"})
		if i%10 == 0 {
			d.Users = append(d.Users, rules.UserRecord{Username: fmt.Sprintf("user%d", i), Groups: []string{"staff"}})
		}
	}
	return d
}

func BenchmarkNewGeneration(b *testing.B) {
	d := big(100_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewGeneration(d, cased); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFindContent(b *testing.B) {
	g := generation(b, big(100_000), cased)
	m := make(map[string]rules.ID, 100_000)
	for i, c := range g.Contents() {
		m[strings.ToLower(c.Title)] = rules.ID(i)
	}
	b.Run("folded table", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			g.FindContent(rules.ContentTitle, "page NUMBER 77777", 0)
		}
	})
	b.Run("map of lower case", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = m[strings.ToLower("page NUMBER 77777")]
		}
	})
}

func BenchmarkWith(b *testing.B) {
	g := generation(b, big(100_000), cased)
	d := rules.Directory{Content: []rules.ContentRecord{{ID: "x", Space: "B", Title: "X"}}}
	b.ReportAllocs()
	for b.Loop() {
		g.with(d, nil, nil)
	}
}

// TestClaimsAreNoWikiGroups: a group written SOURCE/NAME, which the directory
// keeps of a person's claims, is no group of the wiki unless a record says so.
func TestClaimsAreNoWikiGroups(t *testing.T) {
	d := rules.Directory{Users: []rules.UserRecord{{Username: "eva", Groups: []string{"acme-idp/partners", "wiki-team", "odd/name"}}}, Groups: []rules.GroupRecord{{Name: "odd/name"}}}
	g, err := NewGeneration(d, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"acme-idp/partners": false, "wiki-team": true, "odd/name": true} {
		if _, ok := g.FindGroup("wiki", name); ok != want {
			t.Errorf("the wiki's group %q: known %v, want %v", name, ok, want)
		}
	}
}
