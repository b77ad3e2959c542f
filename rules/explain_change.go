package rules

import (
	"slices"
	"strings"
)

// flipChange is one member rule to add to, or to take from, the policy.
type flipChange struct {
	add    bool
	member Member
	list   listRef
}

// listRef names a list of members: that of a space, or of a page grant. One
// that the policy does not have yet has no place.
type listRef struct {
	page bool
	name string // the space's key; the page as the policy names it, or its id
	src  Source
}

func (c *flipChange) sameBut(o *flipChange) bool {
	return c.add == o.add && c.list == o.list && c.member.principal.kind == o.member.principal.kind &&
		c.member.principal.name == o.member.principal.name && c.member.Pos == o.member.Pos
}

func (c *flipChange) tell() FlipAssignment {
	f := FlipAssignment{Member: c.member.written(c.add), Role: c.member.role.String(), Rule: sourcePtr(c.list.src)}
	if !c.add {
		f.Rule = sourcePtr(Source{File: c.member.File, Line: c.member.Pos.Line, Col: c.member.Pos.Col})
	}
	if c.list.page {
		f.Page = c.list.name
	} else {
		f.Space = c.list.name
	}
	return f
}

// written is the member as a rule file has it.
func (m *Member) written(role bool) string {
	text := "{user: " + yamlText(m.User.Name)
	switch {
	case m.Group.Name != "":
		text = "{group: " + yamlText(m.Group.Name)
	case m.EmailDomain != "":
		text = "{email_domain: " + yamlText(m.EmailDomain)
	}
	if role || m.Role != "" {
		text += ", role: " + m.role.String()
	}
	if m.Until != "" {
		text += ", until: " + m.Until
	}
	return text + "}"
}

// yamlText quotes what a flow mapping would read otherwise.
func yamlText(s string) string {
	if s != "" && !strings.ContainsAny(s, " ,:{}[]#&*!|>'\"%`\\\t\n") && !strings.HasPrefix(s, "-") && !strings.HasPrefix(s, "?") && strings.Trim(s, "0123456789.+-_eE") != "" {
		switch strings.ToLower(s) {
		case "true", "false", "null", "yes", "no", "on", "off", "~":
		default:
			return s
		}
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// changed is the policy with changes made, for Bind. It shares with p all that
// is not changed.
func (p *Policy) changed(cs []flipChange) *Policy {
	q := *p
	q.Spaces, q.Pages = slices.Clone(p.Spaces), slices.Clone(p.Pages)
	for i := range cs {
		c := &cs[i]
		if list := q.membersOf(&c.list, c.add); list != nil {
			if c.add {
				*list = append(slices.Clone(*list), c.member)
				continue
			}
			*list = slices.DeleteFunc(slices.Clone(*list), func(m Member) bool { return m.File == c.member.File && m.Pos == c.member.Pos })
		}
	}
	return &q
}

// membersOf finds a list of members, or makes the rule that holds it.
func (p *Policy) membersOf(l *listRef, create bool) *[]Member {
	if l.page {
		for i := range p.Pages {
			r := &p.Pages[i]
			if l.src == (Source{r.File, r.Pos.Line, r.Pos.Col}) && r.Content == l.name || l.src.File == "" && r.File == "" && r.Content == l.name {
				return &r.Members
			}
		}
		if !create {
			return nil
		}
		p.Pages = append(p.Pages, PageRule{Content: l.name})
		return &p.Pages[len(p.Pages)-1].Members
	}
	for i := range p.Spaces {
		r := &p.Spaces[i]
		if l.src == (Source{r.File, r.Pos.Line, r.Pos.Col}) && l.src.File != "" || l.src.File == "" && r.File == "" && r.Name == l.name {
			return &r.Members
		}
	}
	if !create {
		return nil
	}
	p.Spaces = append(p.Spaces, SpaceRule{Name: l.name, Mentions: presets[p.Preset].mentions})
	return &p.Spaces[len(p.Spaces)-1].Members
}

// listOfSpace names the members of a space, by the rule that there is for it.
func (e *Engine) listOfSpace(id ID) listRef {
	id = e.spaces[id].subject
	return listRef{name: e.f.Spaces()[id].Key, src: e.spaces[id].src}
}

// listOfTarget names the list that a bound rule stands in.
func (e *Engine) listOfTarget(t int32) (listRef, bool) {
	switch {
	case t >= 0 && int(t) < len(e.spaces):
		return e.listOfSpace(ID(t)), true
	case t < 0 && int(-1-t) < len(e.p.Pages):
		r := &e.p.Pages[-1-t]
		return listRef{page: true, name: r.Content, src: Source{r.File, r.Pos.Line, r.Pos.Col}}, true
	}
	return listRef{}, false
}

// removals are the member rules that cover the viewer or somebody looked at,
// the live ones first.
func (a *ask) removals() []flipChange {
	e := a.v.e
	var live, ended []flipChange
	seen := map[*boundRule]bool{}
	for _, rules := range a.rulesInvolved() {
		for _, r := range rules {
			list, ok := e.listOfTarget(r.target)
			if !ok || seen[r] {
				continue
			}
			seen[r] = true
			m := e.p.memberAt(&list, r.src)
			switch c := (flipChange{list: list}); {
			case m == nil: // not of a rule file
			case r.live(a.v.nano):
				c.member = *m
				live = append(live, c)
			default:
				c.member = *m
				ended = append(ended, c)
			}
		}
	}
	return append(live, ended...)
}

func (p *Policy) memberAt(l *listRef, src Source) *Member {
	list := p.membersOf(l, false)
	if list == nil {
		return nil
	}
	for i := range *list {
		if m := &(*list)[i]; m.File == src.File && m.Pos == (Pos{src.Line, src.Col}) {
			return m
		}
	}
	return nil
}

// rulesInvolved are the rules that assign the viewer, and those that assign
// each person or group asked about.
func (a *ask) rulesInvolved() [][]*boundRule {
	out := [][]*boundRule{a.v.rulesOver()}
	for _, id := range a.people() {
		out = append(out, a.v.e.rulesOn(id))
	}
	if a.q.Group != "" {
		source, name, _ := a.findGroup()
		out = append(out, a.v.e.rulesFor(source, name))
	}
	return out
}

// people are the users that the question is about.
func (a *ask) people() []ID {
	switch {
	case a.q.User != "" && a.id != NoID:
		return []ID{a.id}
	case a.match == nil:
		return nil
	}
	var out []ID
	for i := range a.match.Subjects {
		ref := &a.match.Subjects[i].Ref
		if ref.Kind != User {
			continue
		}
		if r := a.v.resolve(ref, Context{Space: NoID}); r.id != NoID && !slices.Contains(out, r.id) {
			out = append(out, r.id)
		}
	}
	return out
}
