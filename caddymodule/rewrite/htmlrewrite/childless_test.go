package htmlrewrite

import (
	"testing"

	"github.com/postern-gateway/postern/rules"
)

// kids is a judge that knows which pages have a child that may be seen.
type kids struct {
	fakeJudge
	of map[string]bool
}

func (k kids) HasChild(ref rules.Ref) bool { return k.of[ref.Keys[0].Value] }

// A toggle for what nobody may see is the wiki's own mark of a leaf, byte for
// byte.
func TestChildless(t *testing.T) {
	t.Parallel()
	p, err := Compile(&rules.Profile{HTML: []rules.HTMLRule{
		{
			Select: "div.tree a.open", Childless: []rules.Place{{As: "content.id", At: "@id|^plus([0-9]+)-"}},
			Hidden: rules.HTMLAction{Replace: "self", Markup: `<span class="leaf">&nbsp;</span>`},
		},
		{Select: "li.tree", Childless: []rules.Place{{As: "content.id", At: "@data-id"}}, Hidden: rules.HTMLAction{Remove: "self"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ in, want string }{
		{`<div class="tree"><a class="open" id="plus1-0">+</a></div>`, `<div class="tree"><a class="open" id="plus1-0">+</a></div>`},
		{`<div class="tree"><a class="open" id="plus2-0"><b>+</b></a></div>`, `<div class="tree"><span class="leaf">&nbsp;</span></div>`},
		{`<div class="tree">` + "\n" + `<a class="open" id="minus1-0">+</a>` + "\n</div>", `<div class="tree">` + "\n" + `<span class="leaf">&nbsp;</span>` + "\n</div>"},
		{`<div class="tree"><span class="leaf">&nbsp;</span></div>`, `<div class="tree"><span class="leaf">&nbsp;</span></div>`},
		{`<ul><li class="tree" data-id="1">a</li><li class="tree" data-id="2">b</li></ul>`, `<ul><li class="tree" data-id="1">a</li></ul>`},
	} {
		out, _, err := p.Rewrite(nil, []byte(c.in), Input{Judge: kids{of: map[string]bool{"1": true}}, Texts: fakeTexts})
		if err != nil || string(out) != c.want {
			t.Errorf("%s\n%s %v\nwant %s", c.in, out, err, c.want)
		}
	}
	// Who does not know of children says that there are none.
	out, _, err := p.Rewrite(nil, []byte(`<div class="tree"><a class="open" id="plus1-0">+</a></div>`), Input{Judge: fakeJudge{}})
	if want := `<div class="tree"><span class="leaf">&nbsp;</span></div>`; err != nil || string(out) != want {
		t.Errorf("%s %v", out, err)
	}
}
