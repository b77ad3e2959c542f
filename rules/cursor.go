package rules

import (
	"encoding/binary"
	"slices"
	"strings"
)

// Parameters of type cursor say where a list goes on. What a wiki writes there
// may name what a viewer may not see, so that whoever sends a match to the wiki
// opens the tokens that stand in their place, and whoever hands on links and
// answers seals them. This file says which parameters these are, and what a
// token of theirs is bound to.

// cursor reports that values of this type are tokens, in any case or, in a
// union, beside what people type.
func (t *paramType) cursor() bool {
	return t != nil && (t.kind == tCursor || t.kind == tUnion && slices.ContainsFunc(t.elems, (*paramType).cursor))
}

// param gives the type of a parameter of the route or of its parts.
func (m *Match) param(name string) *paramType {
	if m.route == nil {
		return nil
	}
	if t := m.route.params[name]; t != nil {
		return t
	}
	for _, p := range m.parts {
		if t := p.params[name]; t != nil {
			return t
		}
	}
	return nil
}

// IsCursor reports that a parameter of this name says where a list goes on.
func (m *Match) IsCursor(name string) bool { return m.param(name).cursor() }

// Most gives the largest number that a parameter may be, or 0 if it has no
// bound.
func (m *Match) Most(name string) int64 {
	if t := m.param(name); t != nil {
		return t.max
	}
	return 0
}

// Cursors lists the parameters of the request that say where a list goes on,
// with their values as they came, save those that are empty.
func (m *Match) Cursors() []Param {
	var out []Param
	for _, p := range m.Params {
		if p.Value != "" && m.IsCursor(p.Name) {
			out = append(out, p)
		}
	}
	return out
}

// Plain reports that a cursor parameter may also be given this value as it
// stands: its type is a union, and another type of it takes the value.
func (m *Match) Plain(name, value string) bool {
	t := m.param(name)
	if t == nil || t.kind != tUnion {
		return false
	}
	x := matcher{m: &Match{}, light: true}
	return slices.ContainsFunc(t.elems, func(e *paramType) bool {
		if e.cursor() || e.entity() {
			return false
		}
		_, _, why := x.read(e, name, value, false)
		return why == ""
	})
}

// CursorContext says what a token in the parameter param is bound to: the
// route, the parameter and the query apart from where the list begins and how
// many items are asked for.
func (m *Match) CursorContext(param string) string {
	var b []byte
	add := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	if m.route == nil {
		return ""
	}
	add(m.route.pattern)
	parts := make([]string, len(m.parts))
	for i, p := range m.parts {
		parts[i] = p.pattern
	}
	slices.Sort(parts)
	add(strings.Join(parts, " "))
	add(param)
	query := make([]Param, 0, len(m.values))
	for _, v := range m.values {
		if m.asks(v.Name) {
			query = append(query, v)
		}
	}
	slices.SortStableFunc(query, func(a, b Param) int { return strings.Compare(a.Name, b.Name) })
	for _, v := range query {
		add(v.Name)
		add(v.Value)
	}
	return string(b)
}

// asks reports whether a capture or parameter says what list is asked for, and
// not which part of it, or nothing at all.
func (m *Match) asks(name string) bool {
	t := m.param(name)
	if t.cursor() || t != nil && t.kind == tDrop {
		return false
	}
	for i := -1; i < len(m.parts); i++ {
		rt := m.route
		if i >= 0 {
			rt = m.parts[i]
		}
		if _, forced := rt.force.Params[name]; forced {
			return false
		}
		if rt.page != nil && (name == rt.page.Start || name == rt.page.Limit) {
			return false
		}
	}
	return true
}

// drops reports whether a parameter never goes to the wiki, so that nobody has
// judged its value.
func (m *Match) drops(name string) bool {
	if t := m.param(name); t != nil {
		return t.kind == tDrop
	}
	// What chooses a variant or a part, or ends in a value, has no type.
	return m.route == nil || !m.route.control[name] && !slices.ContainsFunc(m.route.affixed, func(a affixedParam) bool {
		return strings.HasPrefix(name, a.prefix)
	})
}

// idle reports whether a value can name nothing: digits, or a short word such
// as the hash in a static resource's URL.
func idle(value string) bool {
	digits := true
	for i := range len(value) {
		c := value[i]
		if c < '0' || c > '9' {
			digits = false
			if c < 'a' || c > 'z' {
				return false
			}
		}
	}
	return digits || len(value) <= 6 && strings.ContainsAny(value, "0123456789")
}

// seal puts tokens in the place of what says where a list goes on in a link's
// query, which the match has read, and takes out what is dropped there unread:
// it could name anything. ok is unset if that can't be done; changed
// says whether there was anything to seal.
func (j *Judge) seal(m *Match, query string) (sealed string, changed, ok bool) {
	if !strings.Contains(query, "=") {
		return query, false, true
	}
	var b strings.Builder
	b.Grow(len(query) + 512)
	for pair := range strings.SplitSeq(query, "&") {
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, r1 := j.profile.routes().canon.pairText(rawName)
		value, r2 := j.profile.routes().canon.pairText(rawValue)
		if r1 != nil || r2 != nil {
			return "", false, false
		}
		if slices.Contains(m.out, name) || m.drops(name) && !idle(value) && !j.profile.routes().canon.staysInLinks(name, value) {
			changed = true
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		if value == "" || !m.IsCursor(name) {
			b.WriteString(pair)
			continue
		}
		j.own = true
		if j.SealCursor == nil {
			return "", false, false
		}
		token := j.SealCursor(m, name, value)
		if token == "" {
			return "", false, false
		}
		if token == value {
			b.WriteString(pair)
			continue
		}
		changed = true
		b.WriteString(rawName)
		b.WriteByte('=')
		b.WriteString(token)
	}
	return b.String(), changed, true
}

// withQuery spells a cleaned URL with another query.
func withQuery(s, query string) string {
	fragment := ""
	if i := strings.IndexByte(s, '#'); i >= 0 {
		s, fragment = s[:i], s[i:]
	}
	if i := strings.IndexByte(s, '?'); i >= 0 {
		s = s[:i]
	}
	if query != "" {
		query = "?" + query
	}
	return s + query + fragment
}
