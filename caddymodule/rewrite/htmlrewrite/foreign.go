package htmlrewrite

import (
	"fmt"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// inForeign reports whether a start tag is read by the rules of SVG and MathML.
func (t *tape) inForeign(id tagID, name string) bool {
	if t.foreigns == 0 || len(t.stack) == 0 {
		return false
	}
	cur := &t.nodes[t.stack[len(t.stack)-1]]
	if cur.flags&nForeign == 0 {
		return false
	}
	if cur.flags&nIntegration == 0 {
		return true
	}
	return cur.flags&nMath != 0 && (name == "mglyph" || name == "malignmark")
}

func (t *tape) openForeign(n node, g tag) (int, error) {
	font := false
	if n.tag == tFont {
		for i := n.attr; i < n.attrEnd; i++ {
			switch t.attrs[i].name {
			case "color", "face", "size":
				font = true
			}
		}
	}
	if breakouts[g.name] || font {
		for k := len(t.stack) - 1; k >= 0; k-- {
			cur := &t.nodes[t.stack[k]]
			if cur.flags&nForeign == 0 || cur.flags&nIntegration != 0 {
				break
			}
			t.popTo(k, n.start, n.start)
		}
		n.flags |= nBreakout
		return t.open1(n, g)
	}
	cur := &t.nodes[t.stack[len(t.stack)-1]]
	if n.tag == tSvg && cur.flags&nMath != 0 || n.tag == tMath && cur.flags&nSVG != 0 {
		return 0, fmt.Errorf("%w: SVG in MathML, or the other way round", edit.ErrAmbiguous)
	}
	n.flags |= cur.flags & nForeign
	switch {
	case n.flags&nSVG != 0 && (g.name == "foreignobject" || g.name == "desc" || g.name == "title"):
		n.flags |= nIntegration
	case n.flags&nMath != 0 && (g.name == "mi" || g.name == "mo" || g.name == "mn" || g.name == "ms" || g.name == "mtext"):
		n.flags |= nIntegration
	case n.flags&nMath != 0 && g.name == "annotation-xml":
		for i := n.attr; i < n.attrEnd; i++ {
			if a := &t.attrs[i]; a.name == "encoding" {
				if v := lower(t.value(a)); v == "text/html" || v == "application/xhtml+xml" {
					n.flags |= nIntegration
				}
			}
		}
	}
	if g.selfClosing {
		t.add(n)
		return g.end, nil
	}
	if ambiguousForeign[g.name] {
		stop := rawEnd(t.s, g.name, g.end)
		if !oneReading(t.s[g.end:stop]) {
			return 0, fmt.Errorf("%w: markup in a foreign %s", edit.ErrAmbiguous, g.name)
		}
		return t.rawElement(n, g, true)
	}
	return g.end, t.push(n)
}

// oneReading reports whether s is the same as raw text and as foreign content:
// no markup in it but whole CDATA sections.
func oneReading(s string) bool {
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			return true
		}
		if !strings.HasPrefix(s[i:], "<![CDATA[") {
			return false
		}
		j := strings.Index(s[i:], "]]>")
		if j < 0 {
			return false
		}
		s = s[i+j+3:]
	}
}

// rawElement appends an element whose content is text up to its end tag.
func (t *tape) rawElement(n node, g tag, refs bool) (int, error) {
	var stop int
	if n.tag == tScript && n.flags&nForeign == 0 {
		stop = scriptEnd(t.s, g.end)
	} else {
		stop = rawEnd(t.s, g.name, g.end)
	}
	k := kRaw
	if refs {
		k = kText
	}
	i := t.add(n)
	if stop > g.end {
		c := t.add(node{kind: k, start: int32(g.end), end: int32(stop)})
		t.nodes[c].parent = i
	}
	e := &t.nodes[i]
	e.close, e.end, e.last = int32(stop), int32(len(t.s)), int32(len(t.nodes))
	if stop == len(t.s) {
		return stop, nil
	}
	eg, ok, err := t.readTag(stop + 2)
	if err != nil {
		return 0, err
	}
	t.attrs = t.attrs[:eg.attr]
	if !ok {
		t.junk = append(t.junk, edit.Span{Start: stop, End: len(t.s)})
		return len(t.s), nil
	}
	t.endJunk(eg)
	e.end = int32(eg.end)
	e.flags |= nHasEnd
	return eg.end, nil
}
