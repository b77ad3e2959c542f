package jsonrewrite

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// evidence collects the values at the probes that speak of this document.
func (r *run) evidence() {
	for _, probe := range r.in.Evidence {
		at, ok := strings.CutPrefix(probe, "body:")
		if !ok {
			continue
		}
		p, err := r.p.probe(probe, at)
		if err != nil {
			r.fail(fmt.Errorf("evidence %q: %w", probe, err))
			return
		}
		r.t.each(0, p, func(c int32) bool {
			switch r.t.nodes[c].kind {
			case str, num:
				r.rep.Found(probe, r.t.text(c))
			case array: // is there, whatever it holds
				r.rep.Found(probe, "")
			}
			return true
		})
	}
}

// probe gives the path of an evidence probe, which the profile names.
func (p *Program) probe(name, at string) (path, error) {
	if known, ok := p.probes.Load(name); ok {
		return known.(path), nil
	}
	pa, err := p.parsePath(at)
	if err == nil {
		p.probes.Store(name, pa)
	}
	return pa, err
}

// mark notes what the route says of values by their path. A path that drops
// is not taken back by another.
func (r *run) mark() {
	for i := range r.rt.paths {
		pf := &r.rt.paths[i]
		r.t.each(0, pf.path, func(c int32) bool {
			if o := r.over[c]; o == nil || o.op != drop {
				r.tell(c, pf.field)
			}
			return true
		})
	}
}

// tell notes what the route says of one value.
func (r *run) tell(n int32, f *field) {
	r.over[n] = f
	r.t.nodes[n].is |= told
}

// parallel takes from arrays that belong together the elements whose subject
// is hidden.
func (r *run) parallel() {
	var arrays []int32
	for _, p := range r.rt.parallel {
		r.t.each(0, p, func(c int32) bool {
			if r.t.nodes[c].kind == array {
				arrays = append(arrays, c)
			}
			return true
		})
	}
	if len(arrays) == 0 {
		return
	}
	columns := make([][]int32, len(arrays))
	for i, a := range arrays {
		for c := a + 1; c < r.t.nodes[a].next; c = r.t.nodes[c].next {
			columns[i] = append(columns[i], c)
		}
		if len(columns[i]) != len(columns[0]) {
			// An empty column beside others is how a wiki leaves one out.
			if len(columns[i]) != 0 {
				r.fail(fmt.Errorf("json: parallel arrays of different length: %w", edit.ErrAmbiguous))
				return
			}
		}
		if _, said := r.over[a]; !said {
			r.tell(a, &titleField)
		}
	}
	hidden := make([]bool, len(columns[0]))
	judged := make([]bool, len(columns[0]))
	for _, s := range r.rt.subject {
		col := r.t.first(0, s.path)
		if col < 0 || r.t.nodes[col].kind != array {
			continue
		}
		if s.url {
			r.tell(col, &urlField)
		}
		i := 0
		for c := col + 1; c < r.t.nodes[col].next && i < len(hidden); c = r.t.nodes[c].next {
			s := place{as: s.as, url: s.url}
			present, ok := r.place(c, &s, r.in.Judge)
			hidden[i] = hidden[i] || !ok
			judged[i] = judged[i] || present
			i++
		}
	}
	for i := range hidden {
		if !hidden[i] && judged[i] {
			continue
		}
		r.rep.Hide(rules.Content, edit.Removed)
		for _, col := range columns {
			if i < len(col) {
				r.t.nodes[col[i]].is |= gone
			}
		}
	}
}

func (r *run) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// tally counts the children that a container had, and those that stay.
func (r *run) tally(n int32) (had, left int) {
	nd := &r.t.nodes[n]
	if nd.kind != array && nd.kind != object {
		return 0, 0
	}
	for c := n + 1; c < nd.next; c = r.t.nodes[c].next {
		had++
		if r.t.nodes[c].is&(gone|joined) == 0 {
			left++
		}
	}
	return had, left
}

// counted reports whether what a member of n counts is in the answer.
func (r *run) counted(n int32, p path) bool {
	of := false
	r.t.each(n, p, func(a int32) bool {
		of = r.t.nodes[a].kind <= array
		return !of
	})
	return of
}

// counts sets the members of n that count others.
func (r *run) counts(n int32, s *shape) {
	end := r.t.nodes[n].next
	for c := n + 1; c < end; c = r.t.nodes[c].next {
		f := r.told(c, r.fieldOf(c, s))
		if f.op != count || r.t.nodes[c].is&gone != 0 || r.t.nodes[c].kind != num {
			continue
		}
		sum := 0
		r.t.each(n, f.path, func(a int32) bool {
			if r.stays(a, n) {
				_, left := r.tally(a)
				sum += left
			}
			return true
		})
		r.number(c, sum)
	}
}

// stays reports whether neither n nor anything above it, up to top, is gone.
func (r *run) stays(n, top int32) bool {
	for ; n >= 0 && n != top; n = r.t.nodes[n].parent {
		if r.t.nodes[n].is&gone != 0 {
			return false
		}
	}
	return true
}

func (r *run) number(n int32, v int) {
	nd := &r.t.nodes[n]
	r.t.buf = strconv.AppendInt(r.t.buf[:0], int64(v), 10)
	if string(r.t.buf) != r.t.s[nd.start:nd.end] {
		r.list.Replace(int(nd.start), int(nd.end), r.t.kept.keep(r.t.buf))
	}
}

// totals sets each list's size and, where the route counts, its total.
func (r *run) totals() {
	if len(r.rt.lists) == 0 {
		return
	}
	sums := make([]int, len(r.rt.lists))
	for i, items := range r.rt.lists {
		r.t.each(0, items, func(c int32) bool {
			if r.stays(c, -1) {
				_, left := r.tally(c)
				sums[i] += left
			}
			return true
		})
	}
	for n, f := range r.over {
		if (f.op == size || f.op == total) && f.list < len(sums) && r.t.nodes[n].kind == num {
			r.number(n, sums[f.list])
		}
	}
}

// nextScalar judges where the next page is: a URL like any URL, and what goes
// into the parameter param by sealing it. Where that can't be, a token stays if
// it can name nothing: digits and separators.
func (r *run) nextScalar(n int32, param string, j edit.Judge) bool {
	v := r.t.text(n)
	if v == "" {
		return false
	}
	if r.t.nodes[n].kind == str {
		// Of what may be either, only a URL is read as one: a title may have
		// the same marks in it.
		isURL := strings.ContainsAny(v, "/?")
		if isURL && r.isCursor(param) {
			isURL = v[0] == '/' || v[0] == '?' || strings.Contains(v, "://")
		}
		if isURL {
			return r.url(n, j, true)
		}
	}
	if sealed, gone := r.seal(n, param); sealed {
		return gone
	}
	if harmless(v, nil) {
		return false
	}
	r.rep.Hide(rules.NoEntity, edit.Dropped)
	return true
}

// nextObject seals the parameters of an object for the next page. If there is
// one that can't be sealed, the object stays only if that can name nothing.
func (r *run) nextObject(n int32) bool {
	end := r.t.nodes[n].next
	var names []string
	for c := n + 1; c < end; c = r.t.nodes[c].next {
		names = append(names, r.t.nameOf(c))
	}
	for i, c := 0, n+1; c < end; i, c = i+1, r.t.nodes[c].next {
		k := r.t.nodes[c].kind
		sealed, gone := false, false
		if k == str || k == num {
			sealed, gone = r.seal(c, names[i])
		}
		if gone || !sealed && (k == object || k == array || k == str && !harmless(r.t.text(c), names)) {
			r.rep.Hide(rules.NoEntity, edit.Dropped)
			return true
		}
	}
	return false
}

func (r *run) isCursor(param string) bool {
	if r.in.Seal == nil || param == "" {
		return false
	}
	_, ok := r.in.Seal(param, "")
	return ok
}

// seal puts a token in the place of a value of the parameter, if that is one
// that says where a list goes on; gone reports that there is no token for it.
func (r *run) seal(n int32, param string) (sealed, gone bool) {
	if r.in.Seal == nil || param == "" {
		return false, false
	}
	v := r.t.text(n)
	if v == "" {
		return true, false
	}
	token, ok := r.in.Seal(param, v)
	if !ok {
		return false, false
	}
	if token == "" {
		return true, true
	}
	r.set(n, token)
	return true, false
}

// harmless reports whether a token is made of digits, the marks of times and
// separators, and of the names of parameters that stand beside it.
func harmless(v string, names []string) bool {
	for _, part := range strings.FieldsFunc(v, func(c rune) bool { return strings.ContainsRune("|-:.,;", c) }) {
		known := false
		for _, n := range names {
			// a generator's list names modules without their prefix
			known = known || n == part
		}
		if !known && strings.Trim(part, "0123456789TZ") != "" {
			return false
		}
	}
	return true
}
