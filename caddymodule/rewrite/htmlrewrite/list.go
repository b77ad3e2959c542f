package htmlrewrite

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// listPlace is a place that a page names: SELECTOR, or SELECTOR@attribute.
type listPlace struct {
	group int
	attr  attrID
}

// compilePages compiles the places in HTML that the routes' pages name.
func (pr *Program) compilePages(p *rules.Profile) error {
	var failed error
	eachRoute(p, func(r *rules.RouteSpec, types []string) {
		if r.Page == nil || len(types) > 0 && !slices.Contains(types, "html") {
			return
		}
		places := []string{r.Page.Items, r.Page.List, r.Page.Next, r.Page.Prev, r.Page.Pager}
		if r.Page.Total != nil {
			places = append(places, r.Page.Total.At)
		}
		for _, at := range places {
			if err := pr.compileListPlace(at); err != nil && failed == nil {
				failed = fmt.Errorf("page %q: %w", at, err)
			}
		}
	})
	return failed
}

func (pr *Program) compileListPlace(at string) error {
	if _, ok := pr.lists[at]; ok || at == "" {
		return nil
	}
	sel, name := splitAttr(at)
	g, err := pr.set.add(sel)
	if err != nil {
		return err
	}
	pr.lists[at] = listPlace{g, pr.voc.attr(name)}
	return nil
}

// found gives the elements at a place that a page names.
func (r *run) found(at string) []int32 {
	if pl, ok := r.p.lists[at]; ok && at != "" {
		return r.m.groups[pl.group]
	}
	return nil
}

// list reports the items of the page's list, cuts them to the window, and does
// what the page says of what stands beside them. Rules were applied, and killed
// is in order.
func (r *run) list() {
	p := r.in.Page
	if p == nil || p.Items == "" {
		return
	}
	var left []int32
	end, outside := int32(0), false
	for _, i := range r.found(p.Items) {
		n := &r.t.nodes[i]
		if n.start < end {
			continue // within another item
		}
		end = n.end
		seen := !r.gone(n.start)
		r.rep.Items = append(r.rep.Items, edit.Item{Span: edit.Span{Start: int(n.start), End: int(n.end)}, Seen: seen})
		if seen {
			left = append(left, i)
		}
	}
	if w := r.in.Window; w != nil {
		kept := left[:0]
		for k, i := range left {
			if w.Holds(k) {
				kept = append(kept, i)
				continue
			}
			r.kill(i, i, "")
			outside = true
		}
		left = kept
	}
	if holders := r.found(p.List); len(holders) == 1 {
		n := &r.t.nodes[holders[0]]
		r.rep.List = edit.Span{Start: int(n.open), End: int(n.close)}
	}
	if outside {
		r.sortKilled()
		r.emptied()
	}
	r.beside(p, len(left))
	r.stripe(p.Stripes, left)
	r.sortKilled()
	r.total(p.Total, len(left))
}

// emptied takes out what the window has left empty, by the rules that say so of
// what is hidden.
func (r *run) emptied() {
	for k := range r.p.rules {
		ru := &r.p.rules[k]
		if len(ru.act.empties) == 0 || ru.only != nil && !ru.only[r.in.Class] {
			continue
		}
		acted := r.acted[:0]
		for _, i := range r.m.groups[ru.group] {
			if r.gone(r.t.nodes[i].start) {
				acted = append(acted, i)
			}
		}
		if len(acted) > 0 {
			r.emptyHeadings(ru, acted)
		}
		r.acted = acted
	}
}

// beside notes the links that lead on and back, and takes those out that lead
// to where nothing is that may be seen.
func (r *run) beside(p *rules.PageSpec, left int) {
	w := r.in.Window
	noNext := w != nil && !w.More && !w.Back
	noPrev := w != nil && (w.Keyed && left == 0 || !w.More && w.Back)
	r.rep.Next, r.rep.Prev = r.leads(p, p.Next, noNext), r.leads(p, p.Prev, noPrev)
	if p.Pager == "" || !noNext && !noPrev {
		return
	}
	for _, i := range r.found(p.Pager) {
		next, prev := r.linksIn(p.Next, i), r.linksIn(p.Prev, i)
		if next+prev > 0 && (noNext || next == 0) && (noPrev || prev == 0) {
			r.takeAlone(i)
		}
	}
}

// linksIn counts the links of a place in element i.
func (r *run) linksIn(at string, i int32) int {
	return len(between(r.found(at), i+1, r.t.nodes[i].last))
}

// takeAlone takes out an element that is none of several: what stands around it is
// not theirs.
func (r *run) takeAlone(i int32) {
	n := len(r.cuts)
	if r.kill(i, i, ""); len(r.cuts) > n {
		r.cuts[n].row = false
	}
}

// leads gives the addresses of the links at a place; nowhere says that they
// lead there.
func (r *run) leads(p *rules.PageSpec, at string, nowhere bool) (out []edit.Span) {
	for _, i := range r.found(at) {
		n := &r.t.nodes[i]
		if r.gone(n.start) {
			continue
		}
		out = append(out, r.address(i))
		switch {
		case !nowhere:
		case p.Off != "" && n.flags&nHasEnd != 0 && n.flags&nSloppy == 0:
			class := ""
			if a := r.t.attribute(n, aClass); a != nil {
				class = " " + r.t.s[a.start:a.end]
			}
			r.cuts = append(r.cuts, cut{start: int(n.start), end: int(n.open), with: "<" + p.Off + class + ">", markup: true},
				cut{start: int(n.close), end: int(n.end), with: "</" + p.Off + ">", markup: true})
		default:
			r.takeAlone(i)
		}
	}
	return out
}

// address gives the place of the first link's address in element i, itself
// among them.
func (r *run) address(i int32) edit.Span {
	for j := i; j < r.t.nodes[i].last; j++ {
		if a := r.t.attribute(&r.t.nodes[j], aHref); a != nil {
			return edit.Span{Start: int(a.vs), End: int(a.ve)}
		}
	}
	return edit.Span{}
}

// stripe sets the tokens that items bear by turns, counted over what is left.
func (r *run) stripe(tokens []string, left []int32) {
	if len(tokens) < 2 {
		return
	}
	for k, i := range left {
		a := r.t.attribute(&r.t.nodes[i], aClass)
		if a == nil {
			continue
		}
		raw, want := r.t.s[a.vs:a.ve], tokens[k%len(tokens)]
		for from := 0; from < len(raw); {
			if isSpace(raw[from]) {
				from++
				continue
			}
			to := from
			for to < len(raw) && !isSpace(raw[to]) {
				to++
			}
			if had := raw[from:to]; had != want && slices.Contains(tokens, had) {
				r.cuts = append(r.cuts, cut{start: int(a.vs) + from, end: int(a.vs) + to, with: want})
			}
			from = to
		}
	}
}

// total does with the wiki's count what the page says: it goes, or becomes the
// number of items that are left, if it is a number in a text.
func (r *run) total(spec *rules.TotalSpec, left int) {
	if spec == nil || spec.Rule == "exact" {
		return
	}
	attr := r.p.lists[spec.At].attr
	for _, i := range r.found(spec.At) {
		n := &r.t.nodes[i]
		if r.gone(n.start) {
			continue
		}
		switch at, text := r.t.attribute(n, attr), r.t.s[n.open:n.close]; {
		case attr != aNone && at == nil:
		case spec.Rule == "count" && attr != aNone && oneNumber(r.t.value(at)) == r.t.value(at):
			r.setAttr(at, strconv.Itoa(left))
		case attr != aNone:
			r.always++
			r.cutAttr(at)
		case spec.Rule == "count" && !strings.ContainsAny(text, "<&") && oneNumber(text) != "":
			start := int(n.open) + strings.Index(text, oneNumber(text))
			r.cuts = append(r.cuts, cut{start: start, end: start + len(oneNumber(text)), with: strconv.Itoa(left)})
		default:
			r.always++
			r.kill(i, i, "")
		}
	}
	r.sortKilled()
}

// oneNumber gives the digits of a text that holds one number and no other.
func oneNumber(text string) string {
	digits := strings.FieldsFunc(text, func(c rune) bool { return c < '0' || c > '9' })
	if len(digits) != 1 {
		return ""
	}
	return digits[0]
}
