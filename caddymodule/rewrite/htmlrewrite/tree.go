package htmlrewrite

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// open1 places an element in the tree: it closes what the start tag closes,
// appends the node, and reads the content if that is no markup. It returns the
// offset at which to go on.
func (t *tape) open1(g *tag) (int, error) {
	if t.foreigns > 0 && t.inForeign(g.id) {
		return t.openForeign(g)
	}
	return t.openHTML(g, 0)
}

// openHTML is open1 by the rules of HTML.
func (t *tape) openHTML(g *tag, own nodeFlags) (int, error) {
	if g.id == tImage { // "change the token's tag name to img"
		g.id = tImg
	}
	f := t.flagsOf(g.id)
	if void := t.closeBefore(g.id, f, int32(g.start-1)); void {
		t.addElement(g, own)
		return g.end, nil
	}
	if f&(fVoid|fRaw|fRCDATA|fOddOpen) == 0 {
		return g.end, t.push(g, own)
	}
	switch {
	case g.id == tPlaintext:
		return t.plaintext(g, own)
	case g.id == tFrameset: // tags are dropped there, or all of it is
		return 0, fmt.Errorf("%w: frameset", edit.ErrAmbiguous)
	case t.open[tSelect] > 0 && f&(fRaw|fRCDATA) != 0 && g.id != tScript &&
		strings.IndexByte(t.s[g.end:rawEnd(t.s, t.nameOf(g.id), g.end)], '<') >= 0:
		// Some parsers drop the tag, and read on.
		return 0, fmt.Errorf("%w: raw text in a select", edit.ErrAmbiguous)
	case f&fVoid != 0:
		if i := t.addElement(g, own); g.id == tBase {
			t.bases = append(t.bases, i)
		}
		return g.end, nil
	case f&(fRaw|fRCDATA) != 0:
		return t.rawElement(g, own, f&fRCDATA != 0)
	case g.id == tNoscript:
		// With scripting its content is raw text, without it is markup.
		t.rawEnds = append(t.rawEnds, int32(rawEnd(t.s, "noscript", g.end)))
	case g.id == tSvg, g.id == tMath:
		own |= nSVG
		if g.id == tMath {
			own = nMath
		}
		if g.selfClosing {
			t.addElement(g, own)
			return g.end, nil
		}
	}
	return g.end, t.push(g, own)
}

// plaintext appends the element behind which all is text, end tags included
// (13.2.5.5, PLAINTEXT state). Not all read it so, and a wiki writes its page on
// behind what somebody put there: it is refused if there could be more in the
// text than words, that is, a tag with attributes, a comment or a reference.
func (t *tape) plaintext(g *tag, own nodeFlags) (int, error) {
	if t.open[tSelect] > 0 || t.open[tTable] > 0 || t.open[tTemplate] > 0 || own&nForeign != 0 || !bareTags.MatchString(t.s[g.end:]) {
		return 0, fmt.Errorf("%w: plaintext", edit.ErrAmbiguous)
	}
	i := t.addElement(g, own)
	if len(t.s) > g.end {
		t.texts = append(t.texts, piece{int32(g.end), int32(len(t.s)), kRaw})
	}
	e := &t.nodes[i]
	e.close, e.end, e.last = int32(len(t.s)), int32(len(t.s)), int32(len(t.nodes))
	return len(t.s), nil
}

// bareTags matches text in which every tag is a name alone.
var bareTags = regexp.MustCompile(`^[^<&]*(?:</?(?:p|br|b|i|em|strong|div|span|ul|ol|li|h[1-6]|body|html)>[^<&]*)*$`)

// push appends the element and makes it the current one.
func (t *tape) push(g *tag, own nodeFlags) error {
	if len(t.stack) >= maxDepth {
		return fmt.Errorf("%w: nested more than %d deep", edit.ErrAmbiguous, maxDepth)
	}
	t.stack = append(t.stack, t.addElement(g, own))
	t.open[g.id]++
	if own&nForeign != 0 {
		t.foreigns++
	}
	return nil
}

// closeBefore closes what a start tag closes by itself. It reports void if the
// tag makes no element of its own.
func (t *tape) closeBefore(id tagID, f flags, at int32) (void bool) {
	switch id {
	case tHTML:
		return t.open[tHTML] > 0
	case tHead:
		if t.sawHead {
			return true
		}
		t.sawHead = true
	case tBody:
		if t.sawBody {
			return true
		}
		t.sawBody = true
		if k := t.find(tHead, 0); k >= 0 {
			t.popTo(k, at, at)
		}
	case tForm:
		if t.open[tForm] > 0 && t.open[tTemplate] == 0 {
			return true
		}
	}
	if f&fClosesP != 0 {
		t.closeInScope(tP, fScope|fBtnScope, at)
	}
	top := tagID(0)
	if k := len(t.stack); k > 0 {
		top = t.nodes[t.stack[k-1]].tag
	}
	switch id {
	case tLi:
		t.closeItem(at, tLi, tLi)
	case tDd, tDt:
		t.closeItem(at, tDd, tDt)
	case tButton:
		t.closeInScope(tButton, fScope, at)
	case tA, tNobr:
		if k := t.find(id, fMarker); k >= 0 {
			t.adopt(k, at, at)
		}
	case tOption:
		t.closeOption(at, false)
	case tOptgroup:
		t.closeOption(at, true)
	case tRb, tRt, tRp, tRtc:
		for k := len(t.stack) - 1; k >= 0 && t.nodeFlags(&t.nodes[t.stack[k]])&fImplied != 0; k-- {
			if id != tRb && id != tRtc && t.nodes[t.stack[k]].tag == tRtc {
				break
			}
			t.popTo(k, at, at)
		}
	case tTr:
		t.closeTable(at, tTd, tTh, tTr, tCaption, tColgroup)
	case tTd, tTh:
		t.closeTable(at, tTd, tTh, tCaption, tColgroup)
	case tTbody, tThead, tTfoot, tCaption, tColgroup:
		t.closeTable(at, tTd, tTh, tTr, tTbody, tThead, tTfoot, tCaption, tColgroup)
	default:
		if f&fHeading != 0 && t.flagsOf(top)&fHeading != 0 {
			t.popTo(len(t.stack)-1, at, at)
		}
	}
	return false
}

// find gives the stack position of the innermost open element id, not looking
// beyond elements with one of the barrier flags; -1 if there is none.
func (t *tape) find(id tagID, barrier flags) int {
	if t.open[id] == 0 {
		return -1
	}
	for k := len(t.stack) - 1; k >= 0; k-- {
		n := &t.nodes[t.stack[k]]
		if n.tag == id && n.flags&nForeign == 0 {
			return k
		}
		if t.nodeFlags(n)&barrier != 0 {
			return -1
		}
	}
	return -1
}

func (t *tape) closeInScope(id tagID, barrier flags, at int32) {
	if k := t.find(id, barrier); k >= 0 {
		t.popTo(k, at, at)
	}
}

// closeItem closes an open li (dd, dt) that a new one ends.
func (t *tape) closeItem(at int32, a, b tagID) {
	if t.open[a] == 0 && t.open[b] == 0 {
		return
	}
	for k := len(t.stack) - 1; k >= 0; k-- {
		n := &t.nodes[t.stack[k]]
		if n.tag == a || n.tag == b {
			t.popTo(k, at, at)
			return
		}
		if t.nodeFlags(n)&fSpecial != 0 && n.tag != tAddress && n.tag != tDiv && n.tag != tP {
			return
		}
	}
}

func (t *tape) closeOption(at int32, group bool) {
	if t.open[tOption] == 0 && t.open[tOptgroup] == 0 {
		return
	}
	for k := len(t.stack) - 1; k >= 0; k-- {
		n := &t.nodes[t.stack[k]]
		switch {
		case n.tag == tOption || group && n.tag == tOptgroup:
			t.popTo(k, at, at)
		case t.nodeFlags(n)&fSpecial != 0 || n.tag == tOptgroup || n.tag == tDatalist:
			return
		}
	}
}

// closeTable closes the outermost of the given parts of the innermost table.
func (t *tape) closeTable(at int32, parts ...tagID) {
	found := -1
	for k := len(t.stack) - 1; k >= 0; k-- {
		if t.nodes[t.stack[k]].flags&nForeign != 0 {
			continue
		}
		tag := t.nodes[t.stack[k]].tag
		if tag == tTable || tag == tTemplate {
			break
		}
		for _, p := range parts {
			if tag == p {
				found = k
			}
		}
	}
	if found >= 0 {
		t.popTo(found, at, at)
	}
}
