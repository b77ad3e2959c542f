package rules

import (
	"slices"
	"strings"
)

// Match is what a request means: its route, the entities that it names, and
// the request as it may go to the wiki.
type Match struct {
	// Pattern is the route's pattern as the profile writes it, with variant,
	// special page and parts behind it. It holds no value of the request.
	Pattern string
	Class   Class
	Action  Action
	// Method is the method that was judged: GET for HEAD.
	Method   string
	Subjects []Subject
	// Params are the allowed ones, in canonical spelling, query before form.
	Params []Param
	// Segments are the path's, canonical, what canon strips taken off.
	Segments []string
	Lists    []ListParam
	Force    ForceSpec
	Response *ResponseSpec
	// Page is how the list is paged. Where several parts of one request have
	// lists of their own, it is the first one's and Pages are all of them.
	Page     *PageSpec
	Pages    []*PageSpec
	Narrow   map[string]NarrowSpec
	Evidence map[string]EvidenceSpec
	// Deny are the conditions of which the parameters hold: only Below and
	// Identity are left to check.
	Deny  []DenySpec
	Agree bool
	Mixed string
	// ContextSpace names the space in which people are judged: a space, or a
	// piece of content whose space it is. Global is set where there is none, or
	// the profile says so.
	ContextSpace Ref
	Global       bool
	Read         bool // a POST that only reads
	IsWrite      bool
	// File and Line are the route's place in its profile.
	File string
	Line int
	// Leads is set where the URL is Postern's own: signin or signout.
	Leads string
	// Body is what a write carries; nil where the route takes none.
	Body *Body
	// Parts are the sub-routes that a request of several parts asks for, as
	// "list=search".
	Parts []string

	canon  *canon
	values []Param // captures and parameters as they came, for Value
	keys   []Key   // of the subjects
	form   int     // where the form's begin in Params
	route  *route  // the one that took the request, and
	parts  []*route
	out    []string // parameters to leave out of a link
	unread bool     // the route left a parameter unread
}

// Subject is an entity that a request names.
type Subject struct {
	Param    string
	Ref      Ref
	List     bool // one of several values of a list parameter
	Optional bool // not known is not hidden: the value may name nothing
	// Loose: a link can do without it. Where nobody knows it, it is left out of
	// the link; a request is judged by it all the same.
	Loose bool
}

// ListParam is a parameter of several values.
type ListParam struct {
	Param    string
	Attr     Attr // NoAttr: not entities
	Sep      string
	Repeated bool // one pair a value
	Values   []string

	subjects []span // of each value, among the match's
}

// span is a part of Match.Subjects.
type span struct{ start, end int }

// Prune takes the members of lists out of the request that keep refuses, and
// reports whether something is left of every list. Of those that name nothing,
// none goes. The lists keep what was asked for.
func (m *Match) Prune(keep func(*Subject) bool) bool {
	for i := range m.Lists {
		l := &m.Lists[i]
		left := make([]string, 0, len(l.Values))
		for j, v := range l.Values {
			ok := true
			for k := l.subjects[j].start; k < l.subjects[j].end; k++ {
				ok = ok && keep(&m.Subjects[k])
			}
			if ok {
				left = append(left, v)
			}
		}
		if len(left) == len(l.Values) {
			continue
		}
		if len(left) == 0 {
			return false
		}
		joined := strings.Join(left, l.Sep)
		if given, _ := m.Value(l.Param); l.Sep == "|" && strings.HasPrefix(given, "\x1f") {
			joined = "\x1f" + strings.Join(left, "\x1f")
		}
		m.Restrict(l.Param, joined)
	}
	return true
}

// Value gives a capture's or parameter's value as it came, decoded.
func (m *Match) Value(name string) (string, bool) {
	for i := range m.values {
		if m.values[i].Name == name {
			return m.values[i].Value, true
		}
	}
	return "", false
}

// Upstream gives the request as the wiki gets it, every escape written anew
// from the canonical values, forced parameters set.
func (m *Match) Upstream() (path, rawQuery, form string) {
	path = string(m.canon.appendPath(make([]byte, 0, 128), m.Segments))
	query := m.Params[:m.form:m.form]
	for _, name := range sortedKeys(m.Force.Params) {
		query = append(query, Param{name, m.Force.Params[name]})
	}
	var room [128]byte
	return path, string(appendPairs(room[:0], query)), string(appendPairs(nil, m.Params[m.form:]))
}

// Fields are those of the form, as they go to the wiki.
func (m *Match) Fields() []Param { return m.Params[m.form:] }

// Restrict sets a parameter to a new value, in the place that it has, or in the
// query. Further pairs of that name go.
func (m *Match) Restrict(param, newValue string) {
	out := make([]Param, 0, len(m.Params)+1)
	done, form := false, 0
	for i, p := range m.Params {
		if i == m.form {
			form = len(out)
		}
		if p.Name == param {
			if done {
				continue
			}
			p.Value, done = newValue, true
		}
		out = append(out, p)
	}
	if m.form == len(m.Params) {
		form = len(out)
	}
	if !done {
		out = slices.Insert(out, form, Param{param, newValue})
		form++
	}
	m.Params, m.form = out, form
}

// Match finds the route of a request and reads its parameters. f tells the
// names of spaces where titles carry them; it may be nil. Without a route, or
// with a parameter or value that the route does not name, the refusal says why.
func (p *Profile) Match(req *Request, f Facts) (*Match, *Refusal) {
	// Room for what most requests name, so that matching allocates once.
	room := &struct {
		Match
		values   [8]Param
		params   [6]Param
		subjects [2]Subject
		keys     [2]Key
	}{}
	m := &room.Match
	m.values, m.Params, m.Subjects, m.keys = room.values[:0], room.params[:0], room.subjects[:0], room.keys[:0]
	if r := p.routes().match(m, req, f, false); r != nil {
		return nil, r
	}
	return m, nil
}
