package jsonrewrite_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// Groups of one author that are side by side once what was between them is cut
// are one, as in a wiki that has nothing else.
func TestJoin(t *testing.T) {
	t.Parallel()
	p := compiled(t)
	const holder = `{"type":"unknown","displayName":"Staff \"member\""}`
	// Groups are written as "bo:1,2 hid:3": who, and the ids.
	write := func(s string) string {
		var out []string
		for g := range strings.FieldsSeq(s) {
			by, ids, _ := strings.Cut(g, ":")
			who := `{"type":"known","username":"` + by + `"}`
			if by == "-" {
				who = holder
			}
			var items []string
			for id := range strings.SplitSeq(ids, ",") {
				if id != "" {
					items = append(items, `{"type":"page","id":"`+id+`"}`)
				}
			}
			out = append(out, `{"modifier":`+who+`,"recent":[`+strings.Join(items, ",")+`]}`)
		}
		return `[` + strings.Join(out, ",") + `]`
	}
	for _, c := range []struct{ name, in, want string }{
		{"nothing cut", "bo:1,2 al:3 bo:4", "bo:1,2 al:3 bo:4"},
		{"a group between", "bo:1,2 al:hid bo:4", "bo:1,2,4"},
		{"many between", "bo:1 al:hid cy:hid,hid bo:hid al:hid bo:4,5 al:6", "bo:1,4,5 al:6"},
		{"an item within", "bo:1,hid hid:hid bo:hid,4", "bo:1,4"},
		{"two hidden people", "hid:1 hid2:4 bo:3 hid:5", "-:1,4 bo:3 -:5"},
		{"one hidden, cut between", "hid:1 bo:hid hid:2,3 bo:4", "-:1,2,3 bo:4"},
		{"chain", "bo:1 al:hid bo:2 al:hid bo:3 cy:4 al:hid cy:5,hid", "bo:1,2,3 cy:4,5"},
		{"first hidden", "al:hid bo:1 al:hid bo:2", "bo:1,2"},
		{"empty groups", "bo: al:hid bo:", "bo:"},
		{"an empty one first", "bo: al:hid bo:1", "bo:1"},
		{"an empty one last", "bo:1 al:hid bo:", "bo:1"},
		{"as it went out", "-:1 al:hid hid:2", "-:1,2"},
	} {
		got, _, err := p.Rewrite(nil, []byte(`{"results":`+write(c.in)+`,"size":9}`), input(false))
		if err != nil {
			t.Fatal(c.name, err)
		}
		want := write(c.want)
		if string(got) != `{"results":`+want+`,"size":`+string(rune('0'+strings.Count(want, "modifier")))+`}` {
			t.Errorf("%s: %s\nwant %s", c.name, got, want)
		}
	}
}

func TestJoinCounts(t *testing.T) {
	t.Parallel()
	p := compiled(t)
	in := input(false)
	in.Page = &rules.PageSpec{Kind: "grow", Items: "results.#.recent"}
	in.Window = &edit.Window{Skip: 1, Take: 2}
	const src = `{"results":[{"modifier":{"type":"known","username":"al"},"recent":[{"type":"page","id":"1"},{"type":"page","id":"2"}]},{"modifier":{"type":"known","username":"bo"},"recent":[{"type":"page","id":"hid"}]},` +
		`{"modifier":{"type":"known","username":"al"},"recent":[{"type":"page","id":"3"},{"type":"page","id":"4"}]}]}`
	const want = `{"results":[{"modifier":{"type":"known","username":"al"},"recent":[{"type":"page","id":"2"},{"type":"page","id":"3"}]}]}`
	got, rep, err := p.Rewrite(nil, []byte(src), in)
	if err != nil || string(got) != want {
		t.Errorf("%s %v\nwant %s", got, err, want)
	}
	if len(rep.Items) != 5 {
		t.Errorf("%d items", len(rep.Items))
	}
}

// Where the list is not the last of its object, it can't be joined.
func TestJoinRefused(t *testing.T) {
	t.Parallel()
	p := compiled(t)
	const group = `{"recent":[{"type":"page","id":"1"}],"modifier":{"type":"known","username":"bo"}}`
	for in, refused := range map[string]bool{
		group: false, group + "," + group: true,
		strings.Replace(group, `}}`, `},"secret":"x"}`, 1): false,
	} {
		_, _, err := p.Rewrite(nil, []byte(`{"results":[`+in+`]}`), input(false))
		if errors.Is(err, edit.ErrAmbiguous) != refused {
			t.Errorf("%s: %v", in, err)
		}
	}
}
