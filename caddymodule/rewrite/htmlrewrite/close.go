package htmlrewrite

// popTo closes the element at stack position k, whose end tag is [at,end), and
// all above it, whose ends are implied.
func (t *tape) popTo(k int, at, end int32) {
	for j := len(t.stack) - 1; j >= k; j-- {
		t.close1(t.stack[j], at, at, j > k || at == end)
	}
	if n := &t.nodes[t.stack[k]]; end > at {
		n.end = end
		n.flags |= nHasEnd
	}
	t.stack = t.stack[:k]
}

// close1 ends one element.
func (t *tape) close1(i, at, end int32, implied bool) {
	n := &t.nodes[i]
	n.close, n.end, n.last = at, end, int32(len(t.nodes))
	t.open[n.tag]--
	if n.flags&nForeign != 0 {
		t.foreigns--
	}
	if implied && (t.nodeFlags(n)&fFormatting != 0 || n.tag == tA) && int(at) < len(t.s) {
		n.flags |= nSloppy // a browser opens it anew behind this point
		t.sloppy = true
	}
	if n.tag == tNoscript && n.flags&nForeign == 0 {
		k := len(t.rawEnds) - 1
		t.torn = t.torn || t.rawEnds[k] != at
		t.rawEnds = t.rawEnds[:k]
	}
}

// adopt is the adoption agency: it closes the formatting element at stack
// position k by a tag at [at,end), although blocks may be open inside it.
func (t *tape) adopt(k int, at, end int32) {
	i := t.stack[k]
	block := -1
	for j := k + 1; j < len(t.stack); j++ {
		if t.nodeFlags(&t.nodes[t.stack[j]])&fSpecial != 0 {
			block = j
			break
		}
	}
	if block < 0 {
		t.popTo(k, at, end)
		if at == end { // closed by the next <a>, as a browser does
			t.nodes[i].flags &^= nSloppy
		}
		return
	}
	t.close1(i, at, end, true)
	t.nodes[i].flags |= nSloppy
	t.sloppy = true
	if end > at {
		t.nodes[i].flags |= nHasEnd
	}
	t.nodes[t.stack[block]].parent = t.nodes[i].parent
	t.stack = append(t.stack[:k], t.stack[k+1:]...)
}

// closeTag deals with the end tag id at [at,end).
func (t *tape) closeTag(id tagID, at, end int32) error {
	if k := len(t.stack); t.foreigns > 0 && k > 0 && t.nodes[t.stack[k-1]].flags&nForeign != 0 {
		if id == tP || id == tBr {
			for k := len(t.stack) - 1; k >= 0; k-- {
				cur := &t.nodes[t.stack[k]]
				if cur.flags&nForeign == 0 || cur.flags&nIntegration != 0 {
					break
				}
				t.popTo(k, at, at)
			}
		} else {
			for k--; k >= 0; k-- {
				n := &t.nodes[t.stack[k]]
				if n.flags&nForeign == 0 {
					break
				}
				if n.tag == id {
					t.popTo(k, at, end)
					return nil
				}
			}
		}
	}
	f := t.flagsOf(id)
	if t.open[id] == 0 && f&fHeading == 0 || id == tHTML || id == tBody {
		return nil // what follows a body still belongs to it
	}
	if k := len(t.stack) - 1; k >= 0 {
		if cur := &t.nodes[t.stack[k]]; cur.tag == id && cur.flags&nForeign == 0 {
			t.popTo(k, at, end) // as all of what follows would
			return nil
		}
	}
	switch {
	case id == tP:
		t.endInScope(id, fScope|fBtnScope, at, end)
	case id == tLi:
		t.endInScope(id, fScope|fListScope, at, end)
	case id == tForm:
		t.endForm(at, end)
	case id == tTemplate:
		t.endInScope(id, 0, at, end)
	case f&fTable != 0:
		if k := t.find(id, 0); k >= 0 {
			for j := len(t.stack) - 1; j > k; j-- {
				if o := &t.nodes[t.stack[j]]; o.flags&nForeign == 0 && (o.tag == tTable || o.tag == tTemplate) {
					return nil
				}
			}
			t.popTo(k, at, end)
		}
	case f&fHeading != 0:
		for k := len(t.stack) - 1; k >= 0; k-- {
			fl := t.nodeFlags(&t.nodes[t.stack[k]])
			if fl&fHeading != 0 {
				t.popTo(k, at, end)
				return nil
			}
			if fl&fScope != 0 {
				return nil
			}
		}
	case f&fBlockEnd != 0, id == tDd, id == tDt:
		t.endInScope(id, fScope, at, end)
	case f&fFormatting != 0:
		if k := t.find(id, fMarker); k >= 0 {
			if t.find(id, fScope) >= 0 {
				t.adopt(k, at, end)
			}
			return nil
		}
		t.endOther(id, at, end)
	default:
		t.endOther(id, at, end)
	}
	return nil
}

func (t *tape) endInScope(id tagID, barrier flags, at, end int32) {
	if k := t.find(id, barrier); k >= 0 {
		t.popTo(k, at, end)
	}
}

// endForm takes the form off the stack and leaves what is open inside it.
func (t *tape) endForm(at, end int32) {
	k := t.find(tForm, fScope)
	if k < 0 {
		return
	}
	for j := len(t.stack) - 1; j > k && t.nodeFlags(&t.nodes[t.stack[j]])&fImplied != 0; j-- {
		t.popTo(j, at, at)
	}
	if k == len(t.stack)-1 {
		t.popTo(k, at, end)
		return
	}
	i := t.stack[k]
	t.close1(i, at, end, true)
	t.nodes[i].flags |= nSloppy | nHasEnd
	t.sloppy = true
	t.stack = append(t.stack[:k], t.stack[k+1:]...)
}

// endOther is "any other end tag": a special element in between shields.
func (t *tape) endOther(id tagID, at, end int32) {
	for k := len(t.stack) - 1; k >= 0; k-- {
		n := &t.nodes[t.stack[k]]
		if n.tag == id && n.flags&nForeign == 0 {
			t.popTo(k, at, end)
			return
		}
		if t.nodeFlags(n)&fSpecial != 0 {
			return
		}
	}
}

// finish closes what is still open.
func (t *tape) finish() error {
	if len(t.stack) > 0 {
		end := int32(len(t.s))
		t.popTo(0, end, end)
	}
	if t.torn {
		return errTorn
	}
	return nil
}
