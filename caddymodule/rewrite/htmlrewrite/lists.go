package htmlrewrite

import (
	"strings"
	"unicode"
)

// named reports whether a placeholder stands already in the list, an ancestor of
// the group, that holds element i; one does from now on.
func (r *run) named(group int, i int32) bool {
	at := r.closest(group, i)
	if at < 0 {
		return false
	}
	key := nearKey{group, at}
	if r.held[key] {
		return true
	}
	if r.held == nil {
		r.held = map[nearKey]bool{}
	}
	r.held[key] = true
	return false
}

// killNamed takes a name out of a line of names, with what parts it from the one
// before.
func (r *run) killNamed(i int32) {
	n := &r.t.nodes[i]
	from := strings.LastIndexByte(r.t.s[:n.start], '>') + 1
	if between := r.t.s[from:n.start]; !strings.ContainsFunc(between, isWord) {
		r.cuts = append(r.cuts, cut{start: from, end: int(n.start), markup: true})
	}
	r.kill(i, i, "")
}

func isWord(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) || c == '&' }

// noneLeft puts the rule's markup in the place of the first of those siblings
// that it selects where all of them went. found and acted are in the order of
// the document.
func (r *run) noneLeft(ru *rule, found, acted []int32) {
	left := map[int32]int{} // by parent
	for _, i := range found {
		left[r.t.nodes[i].parent]++
	}
	first := map[int32]int32{}
	for _, i := range acted {
		up := r.t.nodes[i].parent
		left[up]--
		if _, ok := first[up]; !ok {
			first[up] = i
		}
	}
	for up, i := range first { // in no order: cuts are sorted
		if left[up] == 0 {
			at := int(r.t.nodes[i].start)
			r.cuts = append(r.cuts, cut{start: at, end: at, with: ru.act.none, markup: true})
		}
	}
}
