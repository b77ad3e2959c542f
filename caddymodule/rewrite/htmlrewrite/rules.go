package htmlrewrite

import (
	"slices"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// applyRules applies the profile's rules in order. Of two that take the same
// bytes the earlier one says what stands there.
func (r *run) applyRules() {
	for k := range r.p.rules {
		ru := &r.p.rules[k]
		if ru.only != nil && !ru.only[r.in.Class] || ru.identity != nil && !slices.Contains(ru.identity, r.in.Identity) {
			continue
		}
		found := r.m.groups[ru.group]
		if len(found) == 0 {
			continue
		}
		judge := r.judge
		if ru.candidate {
			judge = edit.Candidates(judge)
		}
		acted := r.acted[:0]
		for _, i := range found {
			if ru.tokens != nil {
				r.tokenRule(ru, i)
				continue
			}
			if kind, hidden := r.decide(ru, judge, i); hidden {
				r.act(ru, i, kind)
				acted = append(acted, i)
				if r.rep.RootHidden || r.err != nil {
					return
				}
			}
		}
		if len(acted) > 0 && len(ru.act.empties) > 0 {
			r.emptyHeadings(ru, acted)
		}
		if len(acted) > 0 && ru.act.none != "" {
			r.noneLeft(ru, found, acted)
		}
		r.acted = acted
	}
}

// decide says whether the rule's action is to be taken at element i, and about
// which kind of entity.
func (r *run) decide(ru *rule, judge edit.Judge, i int32) (rules.EntityKind, bool) {
	if ru.always {
		r.always++
		return rules.NoEntity, true
	}
	if ru.menu {
		if kind, closed := r.anyClosed(i); closed {
			return kind, true
		}
		if len(ru.subjects) == 0 {
			return rules.NoEntity, false
		}
	}
	decided := false
	for p := range ru.subjects {
		pl := &ru.subjects[p]
		for _, v := range r.values(pl, i) {
			decided = true
			if pl.codec != "" {
				if r.in.Source == nil || r.in.Source(pl.codec, v) {
					return rules.Content, true
				}
				continue
			}
			if pl.url {
				if l := r.link(v); l.Fate == rules.FateHide || l.Hidden || !l.Foreign && l.Fate != rules.FateKeep && pl.strict() {
					return l.Kind, true
				}
				continue
			}
			if d := r.entity(judge, r.key(pl.key, v)); !shown(d) {
				return pl.key.Kind(), true
			}
		}
	}
	if len(ru.childless) > 0 && !r.hasChild(ru, judge, i) {
		return rules.Content, true
	}
	if !decided && ru.undecided && !ru.menu {
		r.always++
		return rules.NoEntity, true
	}
	return rules.NoEntity, false
}

// hasChild reports whether one of the pages that the element says to have
// children has one that may be seen.
func (r *run) hasChild(ru *rule, judge edit.Judge, i int32) bool {
	for p := range ru.childless {
		pl := &ru.childless[p]
		for _, v := range r.values(pl, i) {
			r.rep.Check(rules.Content)
			r.keys = append(r.keys[:0], r.key(pl.key, v))
			if edit.HasChild(judge, rules.Ref{Kind: rules.Content, Keys: r.keys}) {
				return true
			}
		}
	}
	return false
}

// strict reports whether a URL there that names nothing visible hides the
// element too. A row is about what its one link is about; among "all" links
// there are closed ones, such as "undo", that say nothing of the row.
func (p *place) strict() bool { return !p.all }

// anyClosed reports whether any URL at or below element i is not for the viewer.
func (r *run) anyClosed(i int32) (rules.EntityKind, bool) {
	for j := i; j < r.t.nodes[i].last; j++ {
		n := &r.t.nodes[j]
		for k := n.attr; k < n.attrEnd; k++ {
			a := &r.t.attrs[k]
			if u := r.info(a).use; a.dup || u != uLink && u != uForm {
				continue
			}
			if l := r.link(r.t.value(a)); l.Fate != rules.FateKeep {
				return l.Kind, true
			}
		}
	}
	return rules.NoEntity, false
}

// act takes the rule's action at element i.
func (r *run) act(ru *rule, i int32, kind rules.EntityKind) {
	a := &ru.act
	if a.refuse {
		r.rep.RootHidden = true
		return
	}
	if !ru.always {
		act := edit.Removed
		if a.remove.what == nothing {
			act = edit.Replaced
		}
		r.rep.Hide(kind, act)
	}
	n := &r.t.nodes[i]
	for _, s := range a.set {
		r.setByRule(n, s)
	}
	r.take(ru, a.remove, i, "", false)
	switch {
	case a.replace.what == nothing:
	case a.once >= 0 && r.named(a.once, i):
		r.killNamed(i)
	case a.markup != "":
		r.take(ru, a.replace, i, a.markup, true)
	default:
		r.take(ru, a.replace, i, r.ruleText(a.with), false)
	}
}

// take puts text, escaped already, in the place of a range. Text that stands for
// what is hidden is marked as such, save where it is the wiki's own markup.
func (r *run) take(ru *rule, rs rangeSpec, i int32, text string, markup bool) {
	n := &r.t.nodes[i]
	with := text
	if with != "" && !markup && n.flags&nForeign == 0 {
		with = r.placeholder(text)
	}
	switch rs.what {
	case self:
		if text != "" && r.isPlaceholder(i, text) {
			return
		}
		r.kill(i, i, with)
	case content:
		switch f := r.t.flagsOf(n.tag); {
		case n.open == n.end: // void: nothing in it
		case f&fRaw != 0:
			r.empty(i, "")
		default:
			r.empty(i, text)
		}
	case attr:
		if at := r.t.attribute(n, rs.attr); at != nil {
			r.cutAttr(at)
		}
	case upTo:
		r.kill(i, r.upTo(ru, rs.group, i), with)
	case closest:
		if j := r.closest(rs.group, i); j >= 0 {
			r.kill(j, j, with)
		} else {
			r.kill(i, i, with)
		}
	}
}

// made is a text that was put together once for the document.
type made struct{ from, text string }

// maxMade bounds the texts kept.
const maxMade = 32

// once gives what f makes of a text, which is asked for again and again.
func once(kept *[]made, from string, f func(string) string) string {
	for _, m := range *kept {
		if m.from == from {
			return m.text
		}
	}
	text := f(from)
	if len(*kept) < maxMade {
		*kept = append(*kept, made{from, text})
	}
	return text
}

// ruleText gives a rule's text, filled in and escaped.
func (r *run) ruleText(with string) string {
	return once(&r.texts, with, func(s string) string { return textEscaper.Replace(r.expand(s)) })
}

// placeholder wraps a text, escaped already, that stands for something hidden.
func (r *run) placeholder(text string) string {
	return once(&r.holders, text, func(s string) string { return `<span class="postern-hidden">` + s + `</span>` })
}

// isPlaceholder reports whether element i is what would be put in its place.
func (r *run) isPlaceholder(i int32, text string) bool {
	n := &r.t.nodes[i]
	return r.t.s[n.start:n.end] == r.placeholder(text)
}

func (r *run) setByRule(n *node, s setAttr) {
	a := r.t.attribute(n, s.id)
	v := r.expand(s.value)
	switch {
	case s.value == "-":
		if a != nil {
			r.cutAttr(a)
		}
	case a != nil:
		r.setAttr(a, v)
	case v != "":
		at := int(n.start) + 1 + len(r.t.tagName(n))
		if n.tag == tImg {
			for at = int(n.start) + 1; isAlpha(r.t.s[at]); at++ {
			}
		}
		r.cuts = append(r.cuts, cut{start: at, end: at, with: " " + s.name + `="` + escapeAttr(v, '"') + `"`})
	}
}

// maxAside bounds how far behind an element "self..+" looks.
const maxAside = 8

// upTo gives the next sibling of i that matches the group, i itself if there is
// none before another element of the rule.
func (r *run) upTo(ru *rule, group int, i int32) int32 {
	j := r.t.next(i)
	for k := 0; j >= 0 && k < maxAside; k++ {
		if r.m.is(group, j) {
			return j
		}
		if r.m.is(ru.group, j) {
			break
		}
		j = r.t.next(j)
	}
	return i
}

// closest gives the nearest of i and its ancestors that matches the group, -1
// if none does.
func (r *run) closest(group int, i int32) int32 {
	if r.m.is(group, i) {
		return i
	}
	up := r.t.nodes[i].parent
	key := nearKey{group, up}
	if j, ok := r.near[key]; ok {
		return j
	}
	found := int32(-1)
	for j := up; j >= 0; j = r.t.nodes[j].parent {
		if r.m.is(group, j) {
			found = j
			break
		}
	}
	r.near[key] = found
	return found
}

// tokenRule removes tokens of an attribute that name hidden things.
func (r *run) tokenRule(ru *rule, i int32) {
	a := r.t.attribute(&r.t.nodes[i], ru.attr)
	if a == nil {
		return
	}
	raw := r.t.s[a.vs:a.ve]
	if !strings.Contains(raw, ru.tokens.prefix) && strings.IndexByte(raw, '&') < 0 {
		return
	}
	for k := 0; k < len(raw); {
		for k < len(raw) && isSpace(raw[k]) {
			k++
		}
		from := k
		for k < len(raw) && !isSpace(raw[k]) {
			k++
		}
		if from == k {
			break
		}
		kind, hidden, ok := r.tokenHidden(ru.tokens, unescapeAttr(raw[from:k]))
		if !ok || !hidden {
			continue
		}
		r.rep.Hide(kind, edit.Removed)
		start, end := from, k
		switch { // one of the spaces around it goes with it
		case end < len(raw):
			end++
		case start > 0:
			start--
		}
		with := ""
		if a.quote == '=' {
			with = `""`
		}
		if ru.act.remove.what != token {
			r.act(ru, i, kind)
			return
		}
		r.cuts = append(r.cuts, cut{start: int(a.vs) + start, end: int(a.vs) + end, with: with})
	}
}

// emptyHeadings removes containers, and headings of a run of siblings, in which
// the rule left nothing of what it selects.
func (r *run) emptyHeadings(ru *rule, acted []int32) {
	// left counts the matches in [from,to) that stay and those that went.
	left := func(from, to int32) (stay, gone int) {
		gone = len(between(acted, from, to))
		return len(r.m.within(ru.group, from, to)) - gone, gone
	}
	for _, g := range ru.act.empties {
		next := r.nextSame(g)
		for k, h := range r.m.groups[g] {
			n := &r.t.nodes[h]
			from, to := h+1, n.last
			if stay, gone := left(from, to); stay > 0 {
				continue
			} else if gone == 0 {
				// A heading: what counts is behind it, up to the next one.
				from = n.last
				to = int32(len(r.t.nodes))
				if n.parent >= 0 {
					to = r.t.nodes[n.parent].last
				}
				if next[k] >= 0 {
					to = next[k]
				}
				if stay, gone := left(from, to); stay > 0 || gone == 0 {
					continue
				}
			}
			r.kill(h, h, "")
		}
	}
}

// nextSame gives, for each match of the group, the next one with the same
// parent, or -1.
func (r *run) nextSame(group int) []int32 {
	g := r.m.groups[group]
	next := append(r.nexts[:0], make([]int32, len(g))...)
	r.nexts = next
	clear(r.seen)
	seen := r.seen
	for k := len(g) - 1; k >= 0; k-- {
		up := r.t.nodes[g[k]].parent
		o, ok := seen[up]
		if !ok {
			o = -1
		}
		next[k], seen[up] = o, g[k]
	}
	return next
}
