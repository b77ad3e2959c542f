package rules

import (
	"errors"
	"fmt"
	"strings"
)

// Question is what `explain` and policy tests ask: one of User, Group, Space,
// Content and URL is set.
type Question struct {
	User    string `yaml:"user"`    // username, e-mail, key, account id or full name
	Group   string `yaml:"group"`   // NAME of the wiki, or SOURCE/NAME
	Space   string `yaml:"space"`   // any of its names
	Content string `yaml:"content"` // an id, SPACE/Title, a title that carries its space, or a title in In
	// URL is path and query below the wiki's base, perhaps with a method before
	// it. Of an absolute one scheme and host are left aside.
	URL string `yaml:"url"`

	In     string `yaml:"-"` // the space in whose context it is looked at; left out: global
	Action Action `yaml:"-"` // left out: view
	Method string `yaml:"-"` // of URL; left out: GET
}

// String says what is looked at.
func (q Question) String() string {
	for _, p := range [][2]string{{"user", q.User}, {"group", q.Group}, {"space", q.Space}, {"content", q.Content}, {"url", q.URL}} {
		if p[1] != "" {
			return p[0] + " " + p[1]
		}
	}
	return "nothing"
}

// Explanation is a verdict with all that led to it, in the JSON form of
// `postern explain`.
type Explanation struct {
	Verdict string  `json:"verdict"`
	Reason  string  `json:"reason"`
	Rule    *Source `json:"rule"`           // null where a built-in decided
	ID      string  `json:"id,omitempty"`   // the rule's short name, as metrics have it
	Kind    string  `json:"kind"`           // of viewer
	Role    string  `json:"role,omitempty"` // of the viewer, in the space in question
	// Parts is every step on the way, in the order in which they were taken.
	Parts []Part `json:"parts"`
	// URL is how a URL was read; nil for other questions.
	URL *URLReading `json:"url,omitempty"`
	// Flip is the smallest change of assignments that turns the verdict; nil
	// unless asked for.
	Flip *Flip `json:"flip,omitempty"`
}

// Part is one step on the way to a verdict: a subject of a URL, an assignment,
// a filter, the action.
type Part struct {
	What    string  `json:"what"`
	Verdict string  `json:"verdict,omitempty"`
	Reason  string  `json:"reason"`
	Rule    *Source `json:"rule,omitempty"`
	ID      string  `json:"id,omitempty"`
	// State is that of an assignment: live, or ended; Until is when it ends or
	// has ended.
	State string `json:"state,omitempty"`
	Until string `json:"until,omitempty"`
	Parts []Part `json:"parts,omitempty"`
}

// Walk calls f for every step, inner ones after the one that holds them.
func (x *Explanation) Walk(f func(*Part)) { walkParts(x.Parts, f) }

func walkParts(parts []Part, f func(*Part)) {
	for i := range parts {
		f(&parts[i])
		walkParts(parts[i].Parts, f)
	}
}

// Says reports whether text stands in the reason or anywhere in the chain
// behind it, without regard to case.
func (x *Explanation) Says(text string) bool {
	want := strings.ToLower(text)
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), want) }
	found := has(x.Reason) || has(x.ID)
	x.Walk(func(p *Part) { found = found || has(p.Reason) || has(p.What) || has(p.ID) })
	return found
}

func sourceOf(r *Reason) *Source {
	if r == nil {
		return nil
	}
	return sourcePtr(r.Source)
}

func sourcePtr(s Source) *Source {
	if s.File == "" {
		return nil
	}
	return &s
}

func part(what string, d Decision) Part {
	return Part{What: what, Verdict: d.Verdict.String(), Reason: d.Reason.Text, Rule: sourceOf(d.Reason), ID: d.Reason.Rule}
}

func note(what, format string, args ...any) Part {
	return Part{What: what, Reason: fmt.Sprintf(format, args...)}
}

// ask is a question put to one view, with its names resolved.
type ask struct {
	v  *View
	q  Question
	in ID // the space given as context

	id      ID // of the user, space or content asked about; NoID while unknown
	match   *Match
	refused *Refusal // a URL that has no reading
	notes   []Part   // about how the question was read
}

// Explain answers a question for this viewer, with its reasons.
func (v *View) Explain(q Question) (Explanation, error) {
	a, err := v.ask(q)
	if err != nil {
		return Explanation{Kind: v.kind.String(), Parts: []Part{}}, err
	}
	return a.explain(), nil
}

// ExplainFlip is Explain, with the smallest change of assignments that would
// turn the verdict.
func (v *View) ExplainFlip(q Question) (Explanation, error) {
	a, err := v.ask(q)
	if err != nil {
		return Explanation{Kind: v.kind.String(), Parts: []Part{}}, err
	}
	x := a.explain()
	x.Flip = a.flip()
	return x, nil
}

func (a *ask) explain() Explanation {
	d, space := a.decide()
	x := Explanation{
		Verdict: d.Verdict.String(), Reason: d.Reason.Text, Rule: sourceOf(d.Reason), ID: d.Reason.Rule,
		Kind: a.v.kind.String(), Parts: a.v.tellViewer(),
	}
	x.Parts = append(x.Parts, a.notes...)
	if a.q.URL != "" {
		x.URL = a.reading(d, space)
	}
	x.Parts = append(x.Parts, a.tell(space)...)
	if space != NoID {
		x.Role = a.v.Role(space).String()
	}
	if p, ok := a.tellAction(d, space); ok {
		x.Parts = append(x.Parts, p)
	}
	return x
}

// ask resolves a question's names for this view.
func (v *View) ask(q Question) (*ask, error) {
	a := &ask{v: v, q: q, in: NoID, id: NoID}
	if q.In != "" {
		var ok bool
		if a.in, ok = v.e.f.FindSpaceByAnyName(q.In); !ok {
			return nil, fmt.Errorf("in: the directory knows no space %q", q.In)
		}
	}
	if _, ok := needs[q.Action]; !ok {
		return nil, fmt.Errorf("action: %q is none of %s", q.Action, strings.Join(words(actions), ", "))
	}
	set := 0
	for _, s := range []string{q.User, q.Group, q.Space, q.Content, q.URL} {
		if s != "" {
			set++
		}
	}
	if set != 1 {
		return nil, errors.New("ask for one of user, group, space, content and url")
	}
	if q.URL != "" {
		return a, a.readURL()
	}
	a.resolve()
	return a, nil
}

// resolve finds what the question is about in the view's directory.
func (a *ask) resolve() {
	switch e := a.v.e; {
	case a.q.User != "":
		a.id = e.findAnyUser(a.q.User)
	case a.q.Space != "":
		if id, ok := e.f.FindSpaceByAnyName(a.q.Space); ok {
			a.id = id
		}
	case a.q.Content != "":
		a.id = a.findContent()
	}
}

func (a *ask) findContent() ID {
	v := a.v
	if id := v.e.findPage(a.q.Content); id != NoID {
		return id
	}
	if k, ok := a.titleKey(); ok {
		if id, ok := v.find(&k, Context{Space: a.in}); ok {
			return id
		}
	}
	return NoID
}

// titleKey reads the content asked for as a title: one that carries its space,
// SPACE/Title, or a title in the space given as context.
func (a *ask) titleKey() (Key, bool) {
	v, s := a.v, a.q.Content
	if p := v.e.p.Profile; p != nil && p.Titles != nil {
		if k, ok := p.TitleKey(v.e.f, s); ok {
			return k, true
		}
	}
	if space, title, ok := strings.Cut(s, "/"); ok {
		if _, known := v.e.f.FindSpaceByAnyName(space); known || a.in == NoID {
			return Key{Attr: ContentTitle, Value: title, Space: space}, true
		}
	}
	return Key{Attr: ContentTitle, Value: s, Space: a.q.In}, a.in != NoID
}

// decide gives the verdict alone, and the space that it is about.
func (a *ask) decide() (Decision, ID) {
	v := a.v
	switch {
	case a.q.URL != "":
		return a.decideURL()
	case v.suspended != nil:
		return hidden(v.suspended), a.in
	case a.q.User != "":
		return a.decideUser(), a.in
	case a.q.Group != "":
		return a.decideGroup(), a.in
	case a.q.Space != "":
		return a.decideSpace()
	}
	return a.decideContent()
}

func (a *ask) decideUser() Decision {
	v, act := a.v, a.q.Action
	if a.id == NoID {
		if len(v.e.f.FindUsersByDisplay(a.q.User)) == 0 {
			return unknown(reasonUnknown)
		}
		return v.act(act, a.in, v.Role(a.in), v.display(a.q.User, a.context()))
	}
	if act != ActAssign {
		return v.act(act, a.in, v.Role(a.in), v.User(a.id, a.context()))
	}
	return v.act(ActAssign, a.in, v.Role(a.in), v.assignee(a.id, a.in))
}

// context is that in which a person is looked at: to be chosen where the action
// is about choosing.
func (a *ask) context() Context {
	return Context{Space: a.in, Candidate: a.q.Action == ActMention || a.q.Action == ActRestrict}
}

func (a *ask) decideSpace() (Decision, ID) {
	if a.id == NoID {
		return unknown(reasonUnknown), a.in
	}
	in := a.in
	if in == NoID {
		in = a.id
	}
	return a.v.act(a.q.Action, in, a.v.Role(in), a.v.Space(a.id)), in
}

func (a *ask) decideContent() (Decision, ID) {
	v := a.v
	if a.id == NoID {
		if k, ok := a.titleKey(); ok {
			return v.title(&k, Context{Space: a.in}), a.in
		}
		return unknown(reasonUnknown), a.in
	}
	at := v.e.contents[a.id].space
	in := a.in
	if in == NoID {
		in = at
	}
	return v.act(a.q.Action, at, v.contentRole(a.id), v.Content(a.id)), in
}

func (e *Engine) findAnyUser(s string) ID {
	for _, a := range []Attr{UserName, UserEmail, UserKey, UserAccountID} {
		if id, ok := e.f.FindUser(a, s); ok {
			return id
		}
	}
	return NoID
}
