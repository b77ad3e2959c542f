package htmlrewrite

import (
	"fmt"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// findBase reads the document's <base>, and takes it out if it may not stay.
func (r *run) findBase() {
	t := r.t
	for _, i := range t.bases {
		n := &t.nodes[i]
		a := t.attribute(n, aHref)
		if a == nil {
			continue
		}
		v := t.value(a)
		l := r.judge.URL(v)
		if l.Fate != rules.FateKeep || r.base != "" {
			if l.Fate == rules.FateKeep {
				r.always++ // a second one, which no browser reads
			}
			r.rep.Hide(l.Kind, edit.Removed)
			r.kill(i, i, "")
			continue
		}
		r.base = v
		if l.URL != "" {
			r.base = l.URL
			r.setAttr(a, l.URL)
		}
	}
}

// strayLinks refuses hidden links whose text goes on behind their span, even if
// the span itself goes with something else.
func (r *run) strayLinks() {
	if !r.t.sloppy {
		return
	}
	for i := range r.t.nodes {
		n := &r.t.nodes[i]
		if n.tag != tA || n.flags&nSloppy == 0 {
			continue
		}
		if a := r.t.attribute(n, aHref); a != nil && r.link(r.t.value(a)).Fate == rules.FateHide {
			r.fail(fmt.Errorf("html: %w: a misnested link would have to go", edit.ErrAmbiguous))
			return
		}
	}
}

// elements judges what the profile's rules left: every URL, script and style.
func (r *run) elements() {
	t := r.t
	// The rules' kills are sorted; those made here come in order behind them.
	until, k, byRules := int32(-1), 0, len(r.killed)
	for i := int32(0); int(i) < len(t.nodes); i++ {
		n := &t.nodes[i]
		if n.start < until {
			continue
		}
		for k < byRules && r.killed[k].End <= int(n.start) {
			k++
		}
		if k < byRules && r.killed[k].Start <= int(n.start) {
			continue
		}
		if r.err != nil {
			return
		}
		if n.attr == n.attrEnd && t.flagsOf(n.tag)&fJudged == 0 {
			continue
		}
		before := len(r.killed)
		switch {
		case n.tag == tScript:
			r.script(i)
		case n.tag == tBase:
			continue
		case n.tag == tMeta && r.meta(i):
		case n.tag == tStyle:
			r.styleSheet(i)
		case (n.tag == tIframe || n.tag == tNoembed || n.tag == tNoframes || n.tag == tXmp) && n.close > n.open && n.flags&nForeign == 0:
			r.innerText(i)
		case n.tag == tForm:
			r.form = i
		case n.tag == tSelect:
			r.choice = i
		case n.tag == tInput || n.tag == tButton || n.tag == tOption:
			r.field(i)
		case n.tag == tAnimate || n.tag == tSet:
			if t.attribute(n, aAttributeName) != nil {
				r.animation(n)
			}
		}
		if k := len(r.killed); k == before || r.killed[k-1].Start > int(n.start) {
			r.attributes(i)
		}
		for _, sp := range r.killed[before:] {
			until = max(until, int32(sp.End))
		}
	}
	r.sortKilled()
}

// info gives what is known of an attribute by its name.
func (r *run) info(a *attribute) *attrInfo {
	return &r.p.voc.info[a.id]
}

// attributes judges all attributes of element i, worst first: once the element
// goes the others do not matter.
func (r *run) attributes(i int32) {
	t := r.t
	n := &t.nodes[i]
	for k := n.attr; k < n.attrEnd; k++ {
		a := &t.attrs[k]
		if a.dup || a.gone || a.ve == a.vs || a.id == aNone && t.s[a.start] == '=' {
			continue
		}
		info := r.info(a)
		switch info.use {
		case uLink, uForm:
			if info.use == uForm {
				if n.tag == tForm && a.id == aAction || a.id == aFormaction {
					if r.formAction(i, a) {
						return
					}
					continue
				}
				if !looksLikeURL(false, t.value(a)) {
					if l := r.link(t.value(a)); l.Fate == rules.FateHide {
						r.rep.Hide(l.Kind, edit.Removed)
						r.cutAttr(a)
					}
					continue
				}
			}
			if r.mainURL(i, a) {
				return
			}
		case uAttach:
			r.attached(i, a)
		case uSet:
			r.srcset(a)
		case uList:
			r.urlList(a)
		case uStyle:
			if v := t.value(a); strings.ContainsAny(v, "(\\@") {
				if w := r.css(v); w != v {
					r.setAttr(a, w)
				}
			}
		case uDoc:
			r.srcdoc(a)
		case uPlain:
		default:
			if hasPrefixFold(t.s[a.start:a.nameEnd], "on") {
				continue // goes anyway
			}
			if info.json == nil && !mayMatter[t.s[a.vs]] && !urlWithin(t.s[a.vs:a.ve]) { // most are plain words
				continue
			}
			v := t.value(a)
			if info.json != nil {
				r.attrJSON(info.json, a, v)
				continue
			}
			switch {
			case looksLikeURL(info.text, v):
				if l := r.link(v); l.Fate == rules.FateHide && n.tag == tImg {
					r.image(i, l)
					return
				}
				r.attached(i, a)
			case !info.text && strings.IndexByte(v, '(') > 0 && strings.Contains(lower(v), "url"):
				// A paint or filter of SVG, or a style sheet that a script sets.
				if w := r.css(v); w != v {
					r.setAttr(a, w)
				}
			case hasScheme(trimControls(v)):
				// A browser follows none of these from here: they go for what they
				// name alone.
				if l := r.link(v); l.Fate == rules.FateHide {
					r.rep.Hide(l.Kind, edit.Removed)
					r.cutAttr(a)
				}
			case looksLikeJSON(v) && hasPrefixFold(t.s[a.start:a.nameEnd], "data-"):
				// Read as any other JSON of the wiki, or cut.
				r.attrJSON(&anyJSON, a, v)
			}
		}
	}
}

// mainURL judges the URL that an element is about. It reports that nothing else
// of the element needs judging, since it or its tags go.
func (r *run) mainURL(i int32, a *attribute) bool {
	t := r.t
	n := &t.nodes[i]
	l := r.link(t.value(a))
	if l.Fate == rules.FateKeep {
		if l.URL != "" {
			r.setAttr(a, l.URL)
		}
		return false
	}
	switch {
	case n.tag == tA && a.id != aSrc && a.id != aData:
		return r.anchor(i, a, l)
	case n.tag == tImg || n.tag == tInput:
		r.image(i, l)
		return true
	case isEmbedding(n, t):
		r.rep.Hide(l.Kind, edit.Removed)
		r.kill(i, i, "")
		return true
	}
	r.rep.Hide(l.Kind, edit.Removed)
	r.cutAttr(a)
	return false
}

// isEmbedding reports whether the element is nothing without its URL.
func isEmbedding(n *node, t *tape) bool {
	switch n.tag {
	case tLink, tScript, tIframe, tFrame, tSource, tTrack, tEmbed, tObject, tApplet, tArea, tVideo, tAudio, tUse:
		return true
	}
	return n.flags&nForeign != 0
}

// anchor deals with a link that is not for the viewer.
func (r *run) anchor(i int32, a *attribute, l *rules.Link) bool {
	n := &r.t.nodes[i]
	switch l.Fate {
	case rules.FateHide:
		text := textEscaper.Replace(r.textFor(l.Kind))
		if n.flags&nForeign != 0 || text == "" {
			r.rep.Hide(l.Kind, edit.Removed)
			r.kill(i, i, "")
			return true
		}
		r.rep.Hide(l.Kind, edit.Replaced)
		r.kill(i, i, r.placeholder(text))
		return true
	case rules.FateUnwrap:
		r.rep.Hide(l.Kind, edit.Unwrapped)
		if !r.hasBody(i) {
			r.kill(i, i, "")
			return true
		}
		if n.flags&nSloppy != 0 { // where the link ends is open; the URL goes
			r.cutAttr(a)
			return false
		}
		r.cuts = append(r.cuts, cut{start: int(n.start), end: int(n.open), markup: true})
		if n.end > n.close {
			r.cuts = append(r.cuts, cut{start: int(n.close), end: int(n.end), markup: true})
		}
		return true
	}
	r.rep.Hide(l.Kind, edit.Removed)
	r.cutAttr(a)
	return false
}

// hasBody reports whether a link shows more than an icon.
func (r *run) hasBody(i int32) bool {
	if r.t.hasText(i) {
		return true
	}
	for j := i + 1; j < r.t.nodes[i].last; j++ {
		switch r.t.nodes[j].tag {
		case tImg, tVideo, tAudio, tTable, tInput, tObject:
			return true
		}
	}
	return false
}

// textFor gives the placeholder's text for a kind of entity.
func (r *run) textFor(k rules.EntityKind) string {
	switch k {
	case rules.User:
		return r.in.Texts["hidden_user"]
	case rules.Space:
		return r.in.Texts["hidden_space"]
	case rules.Group:
		if v, ok := r.in.Texts["hidden_group"]; ok {
			return v
		}
		return r.in.Texts["hidden_user"]
	}
	return r.in.Texts["hidden_page"]
}

// attached judges a URL beside the main one: the attribute goes alone.
func (r *run) attached(i int32, a *attribute) {
	l := r.link(r.t.value(a))
	switch {
	case l.Fate != rules.FateKeep:
		r.rep.Hide(l.Kind, edit.Removed)
		if r.info(a).text {
			r.setAttr(a, "")
			return
		}
		r.cutAttr(a)
	case l.URL != "":
		r.setAttr(a, l.URL)
	}
}
