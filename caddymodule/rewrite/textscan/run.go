package textscan

import "math/bits"

// run reads text from i on by the index, and over tags in it that do nothing but
// part what does not touch: most of a page is such. It gives how far it could.
func (r *reading) run(i int) int {
	q, x, b := &r.text, &r.index, r.src.b
	r.touch(i)
	from := i // of the part
	for i < len(b) && (class[b[i]] != isWord || !q.in && (i == 0 || class[b[i-1]] != isWord)) && x.has(b, i) {
		i, from = r.block(i, from)
		if i > from && class[b[i-1]] == isWord {
			q.in, q.last = true, b[:i]
		}
		if i < x.to {
			break
		}
	}
	if from < i {
		r.parts = append(r.parts, part{from, i, false})
	}
	return i
}

// block is run within an indexed block, for a part that began at from. It gives
// where the part that is open at its end began as well.
func (r *reading) block(i, from int) (int, int) {
	q, x, b := &r.text, &r.index, r.src.b
	begun, stop := i, x.to
	for i < stop {
		k := uint(i-x.from) / 64
		w, base := &x.window[k&(2*windows-1)], x.from+int(k*64)
		here := ones(uint(min(stop-base, 64))) &^ ones(uint(i-base))
		i = base + 64 // or behind a tag
		for m := w.rest & here; m != 0; m &= m - 1 {
			at := base + bits.TrailingZeros64(m)
			c := b[at]
			kind := q.s.kinds[c]
			if kind&(isStop|isMark) == 0 {
				continue
			}
			if kind&isMark != 0 {
				q.seen[c>>6&1] |= 1 << (c & 63)
			}
			if kind&isStop == 0 {
				continue
			}
			n := 0
			if c == '<' && (at > begun || !q.in) {
				n = parting(b[:x.to], at)
			}
			if n == 0 {
				stop = at
				here &= ones(uint(at - base))
				break
			}
			if from < at {
				r.parts = append(r.parts, part{from, at, false})
			}
			from = at + n
			tag := ones(uint(n)) << uint(at-base)
			m, here, i = m&^tag|1<<uint(at-base), here&^tag, max(i, from)
		}
		if stop == begun {
			return begun, from
		}
		q.end() // only a word of before is open
		var longest uint
		q.words, longest = x.hash(q.words, k, w.starts&here)
		q.longest = max(q.longest, int(longest))
	}
	return stop, from
}

// parting gives the length of the tag at b[i] if it is an inline one without
// attributes, and does not touch words on either side, and all of it and what
// follows is in b; else 0.
func parting(b []byte, i int) int {
	from := i + 1
	if from < len(b) && b[from] == '/' {
		from++
	}
	to := from
	for to < len(b) && to-from < 8 && inTag[b[to]]&endsName == 0 {
		to++
	}
	if to+1 >= len(b) || b[to] != '>' || i > 0 && ofWord(b[i-1]) && (b[to+1] == '<' || ofWord(b[to+1])) ||
		tagKinds.of(b[from:to]) != inlineTag {
		return 0
	}
	return to + 1 - i
}
