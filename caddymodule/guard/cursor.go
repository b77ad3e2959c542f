package guard

import (
	"net/http"

	"github.com/postern-gateway/postern/caddymodule/cursor"
	"github.com/postern-gateway/postern/rules"
)

// openCursors puts the wiki's own words in the place of the tokens that say
// where a list goes on. A token that was made for somebody else or another
// query is no different from one that nobody made; what is no token stays if
// the parameter is one that people type into as well.
func (g *Guard) openCursors(adm *Admission) *Refusal {
	m := adm.Match
	for _, p := range m.Cursors() {
		if !cursor.Is(p.Value) && m.Plain(p.Name, p.Value) {
			continue
		}
		if g.Cursors == nil {
			return refuse(http.StatusNotFound, "cursor", "parameter %s: list tokens can't be read here", p.Name)
		}
		text, err := g.Cursors.Open(cursorContext(adm.View, m, p.Name), p.Value)
		if err != nil {
			return refuse(http.StatusNotFound, "cursor", "parameter %s: %v", p.Name, err)
		}
		m.Restrict(p.Name, text)
	}
	return nil
}

// Seal gives the token to put in the place of what the wiki wrote into a
// cursor parameter of m, a link or the very request that was admitted, and the
// value itself where the viewer has just sent it in clear: so nobody gets a
// token of a text of his own choice, to compare with others. It is "" where
// there is no token for the value.
func (g *Guard) Seal(adm *Admission, m *rules.Match, param, value string) string {
	if cursor.Is(value) {
		return value // a token that somebody wrote into a page; it opens for whom it does
	}
	if sent, ok := adm.Match.Value(param); ok && sent == value && adm.Match.Plain(param, value) && m.Plain(param, value) {
		return value
	}
	if g.Cursors == nil {
		return ""
	}
	token, ok := g.Cursors.Seal(cursorContext(adm.View, m, param), value)
	if !ok {
		return ""
	}
	return token
}

// cursorContext is what a token is bound to: viewer and query.
func cursorContext(v *rules.View, m *rules.Match, param string) string {
	who := v.Viewer()
	if who.Anonymous {
		return cursor.Context("anonymous", m.CursorContext(param))
	}
	return cursor.Context("viewer", who.Provider, who.Subject, m.CursorContext(param))
}
