package xmlrewrite

import "fmt"

// maxNames is how many elements a profile may name.
const maxNames = 1 << 15

// known is what a program knows of the elements of one name: it is looked up
// once for each element, not for each question.
type known struct {
	entry, newest, dates bool // some rule's entry or newest date; a date of an entry
	standard, openSearch use  // where no rule says what it is
	uses                 []knownUse
}

// knownUse is what a rule says of an element.
type knownUse struct {
	feed *feed
	usePattern
}

// nameElements gathers what is known.
func (p *Program) nameElements() error {
	p.names = make(map[string]uint16)
	p.known = make([]known, 1) // nobody's
	of := func(name string) *known {
		n, ok := p.names[name]
		if !ok {
			n = uint16(len(p.known))
			p.names[name], p.known = n, append(p.known, known{})
		}
		return &p.known[n]
	}
	for name, u := range standard {
		of(name).standard = u
	}
	for name, u := range openSearch {
		of(name).openSearch = u
	}
	for name := range dateElements {
		of(name).dates = true
	}
	for i := range p.feeds {
		f := &p.feeds[i]
		for _, e := range f.entry {
			of(e.name).entry = true
		}
		for _, e := range f.newest {
			of(e.name).newest = true
		}
		for _, u := range f.uses {
			if u.attr == "" {
				k := of(u.name)
				k.uses = append(k.uses, knownUse{f, u})
			} else {
				f.attrUses = append(f.attrUses, u)
			}
		}
	}
	if len(p.known) > maxNames {
		return fmt.Errorf("feeds name more than %d elements", maxNames)
	}
	return nil
}

// useOf says what element i is.
func (r *run) useOf(i int32) use {
	k := &r.t.p.known[r.t.nodes[i].known]
	for j := range k.uses {
		if u := &k.uses[j]; u.feed == r.f && u.matches(r.t, i) {
			return u.use
		}
	}
	switch {
	case r.f.isEntry(r.t, i):
		return container
	case r.openSearch:
		return k.openSearch
	}
	return k.standard
}

// attrUseOf says what the attribute of element i of the given name is.
func (r *run) attrUseOf(i int32, attr string) use {
	for k := range r.f.attrUses {
		if u := &r.f.attrUses[k]; u.attr == attr && u.matches(r.t, i) {
			return u.use
		}
	}
	if isNamespace(attr) {
		return plain
	}
	return attrUse[attr]
}

// isEntry reports whether element i is an entry by this rule.
func (f *feed) isEntry(t *tape, i int32) bool {
	if !t.p.known[t.nodes[i].known].entry {
		return false
	}
	for _, p := range f.entry {
		if p.matches(t, i) {
			return true
		}
	}
	return false
}
