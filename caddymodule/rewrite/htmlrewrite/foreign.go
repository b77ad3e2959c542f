package htmlrewrite

import (
	"fmt"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// inForeign reports whether a start tag is read by the rules of SVG and MathML.
func (t *tape) inForeign(id tagID) bool {
	cur := &t.nodes[t.stack[len(t.stack)-1]]
	if cur.flags&nForeign == 0 {
		return false
	}
	if cur.flags&nIntegration == 0 {
		return true
	}
	return cur.flags&nMath != 0 && (id == tMglyph || id == tMalignmark)
}

func (t *tape) openForeign(g *tag) (int, error) {
	at := int32(g.start - 1)
	font := false
	if g.id == tFont {
		for i := g.attr; i < g.attrEnd; i++ {
			switch t.attrs[i].id {
			case aColor, aFace, aSize:
				font = true
			}
		}
	}
	if breakouts[t.nameOf(g.id)] || font {
		for k := len(t.stack) - 1; k >= 0; k-- {
			cur := &t.nodes[t.stack[k]]
			if cur.flags&nForeign == 0 || cur.flags&nIntegration != 0 {
				break
			}
			t.popTo(k, at, at)
		}
		return t.openHTML(g, nBreakout)
	}
	cur := &t.nodes[t.stack[len(t.stack)-1]]
	if g.id == tSvg && cur.flags&nMath != 0 || g.id == tMath && cur.flags&nSVG != 0 {
		return 0, fmt.Errorf("%w: SVG in MathML, or the other way round", edit.ErrAmbiguous)
	}
	own := cur.flags & nForeign
	switch {
	case own&nSVG != 0 && (g.id == tForeignObject || g.id == tDesc || g.id == tTitle):
		own |= nIntegration
	case own&nMath != 0 && tMi <= g.id && g.id <= tMtext:
		own |= nIntegration
	case own&nMath != 0 && g.id == tAnnotationXML:
		for i := g.attr; i < g.attrEnd; i++ {
			if a := &t.attrs[i]; a.id == aEncoding {
				if v := lower(t.value(a)); v == "text/html" || v == "application/xhtml+xml" {
					own |= nIntegration
				}
			}
		}
	}
	if g.selfClosing {
		t.addElement(g, own)
		return g.end, nil
	}
	if ambiguousForeign[t.nameOf(g.id)] {
		stop := rawEnd(t.s, t.nameOf(g.id), g.end)
		if !oneReading(t.s[g.end:stop]) {
			return 0, fmt.Errorf("%w: markup in a foreign %s", edit.ErrAmbiguous, t.nameOf(g.id))
		}
		return t.rawElement(g, own, true)
	}
	return g.end, t.push(g, own)
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
func (t *tape) rawElement(g *tag, own nodeFlags, refs bool) (int, error) {
	var stop int
	if g.id == tScript && own&nForeign == 0 {
		stop = scriptEnd(t.s, g.end)
	} else {
		stop = rawEnd(t.s, t.nameOf(g.id), g.end)
	}
	k := kRaw
	switch {
	case refs:
		k = kText
	case g.id == tScript || g.id == tStyle:
		k = kCode
	}
	i := t.addElement(g, own)
	if g.id == tScript {
		t.scripts = append(t.scripts, i)
	}
	if stop > g.end {
		t.texts = append(t.texts, piece{int32(g.end), int32(stop), k})
	}
	e := &t.nodes[i]
	e.close, e.end, e.last = int32(stop), int32(len(t.s)), int32(len(t.nodes))
	if stop == len(t.s) {
		return stop, nil
	}
	ok, err := t.readTag(stop + 2)
	if err != nil {
		return 0, err
	}
	if !ok {
		t.cutOff(stop)
		return len(t.s), nil
	}
	t.endJunk(g)
	e.end = int32(g.end)
	e.flags |= nHasEnd
	return g.end, nil
}
