package htmlrewrite

import "slices"

// closeGaps extends the removal of whole rows, items and the like over the white
// space that stood around each, so that what is left tells neither how many
// there were nor where: the space before it, or, where there is none, the space
// behind it. Inline elements leave their spaces, which a reader sees.
func (r *run) closeGaps() {
	rows := r.rows[:0]
	for i := range r.cuts {
		if r.cuts[i].row {
			rows = append(rows, i)
		}
	}
	r.rows = rows
	slices.SortFunc(rows, func(a, b int) int { return r.cuts[a].start - r.cuts[b].start })
	s := r.t.s
	last := 0      // end of the row before this one
	after := false // it took the space behind it
	for _, i := range rows {
		c := &r.cuts[i]
		if c.start < last {
			continue // lies within the row before
		}
		start, end := c.start, c.end
		for start > last && isSpace(s[start-1]) {
			start--
		}
		switch {
		case start == c.start && (start != last || after || last == 0):
			// Nothing before it: take what is behind.
			if start == 0 || s[start-1] == '>' || start == last {
				for end < len(s) && isSpace(s[end]) {
					end++
				}
				if end == len(s) || s[end] != '<' {
					end = c.end
				}
			}
			after = end > c.end
		case start < c.start && (start == last || s[start-1] == '>'):
			c.start, after = start, false
		default:
			after = false
		}
		c.end, last = end, end
	}
}

// rowTags are the elements that stand in lines of their own.
var rowTags = words("li tr option div p ul ol dl dt dd table thead tbody section article aside nav header footer form fieldset h1 h2 h3 h4 h5 h6 meta link script style input")
