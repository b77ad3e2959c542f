package textscan

import (
	"fmt"
	"slices"
	"sort"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// cut splices the placeholder in. Overlapping cuts become one.
func (s *scan) cut() []byte {
	for _, g := range merged(s.gone) { // one placeholder is for all that is found in it
		for i := g.Start + 1; i < g.End; i++ {
			delete(s.first, i)
		}
	}
	slices.SortFunc(s.cuts, func(a, b edit.Span) int { return a.Start - b.Start })
	var list edit.List
	for i := 0; i < len(s.cuts); {
		c, mark := s.cuts[i], s.first[s.cuts[i].Start]
		for i++; i < len(s.cuts) && s.cuts[i].Start < c.End; i++ {
			c.End = max(c.End, s.cuts[i].End)
			mark = mark || s.first[s.cuts[i].Start]
		}
		if mark {
			list.Replace(c.Start, c.End, Placeholder)
		} else {
			list.Delete(c.Start, c.End)
		}
	}
	out, err := list.Apply(make([]byte, 0, len(s.src)), s.src)
	if err != nil { // cuts are disjoint and in range by construction
		s.err = err
	}
	return out
}

// merged sorts spans and joins those that touch.
func merged(in []edit.Span) []edit.Span {
	if len(in) == 0 {
		return nil
	}
	in = slices.Clone(in)
	slices.SortFunc(in, func(a, b edit.Span) int { return a.Start - b.Start })
	out := in[:1]
	for _, s := range in[1:] {
		if last := &out[len(out)-1]; s.Start <= last.End {
			last.End = max(last.End, s.End)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// inProse reports whether an offset of the source lies in prose.
func (s *scan) inProse(at int) bool {
	i := sort.Search(len(s.prose), func(i int) bool { return s.prose[i].Start > at })
	return i > 0 && at < s.prose[i-1].End
}

// hidden says which kind of thing bears the name if nobody visible does.
func (s *scan) hidden(n int32) rules.EntityKind {
	if k, ok := s.memo[n]; ok {
		return k
	}
	k := rules.NoEntity
	for i := n; i >= 0; i = s.d.names[i].next {
		b := &s.d.names[i]
		if s.o.Visible != nil && s.o.Visible(b.kind, b.id) {
			k = rules.NoEntity
			break
		}
		if s.o.KeysOnly && b.weak {
			continue
		}
		k = b.kind
	}
	s.memo[n] = k
	return k
}

// covered reports whether a hit lies within the name of something visible.
func (s *scan) covered(i int) bool {
	f := s.found[i]
	for j := i - 1; j >= 0 && s.found[j].from > f.from-maxWords; j-- {
		if g := s.found[j]; g.hidden == rules.NoEntity && g.to >= f.to {
			return true
		}
	}
	for j := i + 1; j < len(s.found) && s.found[j].from == f.from; j++ {
		if g := s.found[j]; g.hidden == rules.NoEntity && g.to >= f.to {
			return true
		}
	}
	return false
}

// echoed reports whether a hit lies within a value that the viewer sent.
func (s *scan) echoed(f *found) bool {
	for _, e := range s.echo {
		for off := range e {
			from := f.from - off
			if from < 0 || off+f.to-f.from > len(e) || from+len(e) > len(s.words) {
				continue
			}
			same := true
			for k := 0; k < len(e) && same; k++ {
				same = s.words[from+k].hash == e[k]
			}
			if same {
				return true
			}
		}
	}
	return false
}

// shapes cuts what looks like an identity and belongs to nobody visible.
func (s *scan) shapes(u *unit) {
	for i := range s.o.Identities {
		p := &s.o.Identities[i]
		if !p.pre.admits(u.dec) || !p.re.Match(u.dec) {
			continue
		}
		for _, m := range p.re.FindAllSubmatchIndex(u.dec, -1) {
			a, b := m[0], m[1]
			if len(m) > 3 && m[2] >= 0 {
				a, b = m[2], m[3]
			}
			if a == b {
				continue
			}
			v := edit.Text(u.dec[a:b])
			if s.o.VisibleIdentity != nil && s.o.VisibleIdentity(p.attr, v) || slices.Contains(s.o.Echo, v) || v == Placeholder {
				continue
			}
			s.hit(u, a, b, rules.User, "shape", Redact)
		}
	}
}

// hit records a hit on u.dec[a:b] and cuts it if it must go.
func (s *scan) hit(u *unit, a, b int, k rules.EntityKind, zone string, mode Mode) {
	s.struck++
	known := func(h Hit) bool { return h.Start == int(u.pos[a]) }
	if len(s.hits) < maxHits && !(s.twice && slices.ContainsFunc(s.hits, known)) {
		s.hits = append(s.hits, Hit{Kind: k, Zone: zone, Cut: mode == Redact, Start: int(u.pos[a])})
	}
	switch mode {
	case Refuse:
		if s.err == nil {
			s.err = fmt.Errorf("%w: a %s in %s", ErrRefused, k, zone)
		}
		return
	case Report:
		return
	}
	if s.first == nil {
		s.first = map[int]bool{}
	}
	s.first[int(u.pos[a])] = true
	n := len(s.cuts)
	for i := a; i < b; {
		from, to := u.pos[i], u.end[i]
		for i++; i < b && (u.pos[i] == to || u.pos[i] == u.pos[i-1]); i++ {
			to = u.end[i]
		}
		s.cuts = append(s.cuts, edit.Span{Start: int(from), End: int(to)})
	}
	if len(s.cuts) > n+1 { // a part of it may be found as well
		s.gone = append(s.gone, edit.Span{Start: s.cuts[n].Start, End: s.cuts[len(s.cuts)-1].End})
	}
}
