package textscan

import "math/bits"

// run reads text from i on by the index, and over tags in it that do nothing but
// part what does not touch: most of a page is such. It gives how far it could.
func (r *reading) run(i int) int {
	q, x, b := &r.text, &r.index, r.src.b
	r.touch(i)
	r.open = i
	for i < len(b) && (class[b[i]] != isWord || !q.in && (i == 0 || class[b[i-1]] != isWord)) && x.has(b, i) {
		if i = q.take(x, i, x.to, r); i > r.open && class[b[i-1]] == isWord {
			q.in, q.last = true, b[:i]
		}
		if i < x.to {
			break
		}
	}
	if r.open < i {
		r.parts = append(r.parts, part{r.open, i, false})
	}
	return i
}

// over ends the part that is open before a tag, and begins one behind it.
func (r *reading) over(tag, n int) {
	if r.open < tag {
		r.parts = append(r.parts, part{r.open, tag, false})
	}
	r.open = tag + n
}

// parting gives the length of the tag at src.b[i], which b begins with, if it is
// an inline one without attributes and does not touch words on both sides; else 0.
func (r *reading) parting(i int, b []byte) int {
	from := 1
	if b[1] == '/' {
		from = 2
	}
	name := load(b[from:])
	end := same(name, '>')
	size := uint(bits.TrailingZeros64(end)) / 8
	if end == 0 || tagKinds.find((name|fold)&ones(8*size), 0) != inlineTag {
		return 0
	}
	n := from + int(size) + 1
	if next := b[n]; i > 0 && ofWord(r.src.b[i-1]) && (next == '<' || ofWord(next)) {
		return 0
	}
	return n
}
