package rules

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Question is what `explain` and policy tests ask: one of User, Group, Space,
// Content and URL is set.
type Question struct {
	User    string `yaml:"user"`    // username, e-mail, key or account id
	Group   string `yaml:"group"`   // NAME of the wiki, or SOURCE/NAME
	Space   string `yaml:"space"`   // any of its names
	Content string `yaml:"content"` // an id, SPACE/Title, or a title that carries its space
	URL     string `yaml:"url"`     // path and query below the wiki's base

	In     string `yaml:"-"` // the space in whose context it is looked at; left out: global
	Action Action `yaml:"-"` // left out: view
	Method string `yaml:"-"` // of URL; left out: GET
}

// Explanation is a verdict with all that led to it, in the JSON form of
// `postern explain`.
type Explanation struct {
	Verdict string  `json:"verdict"`
	Reason  string  `json:"reason"`
	Rule    *Source `json:"rule"`
	Kind    string  `json:"kind"`           // of viewer
	Role    string  `json:"role,omitempty"` // of the viewer, in the space in question
	Parts   []Part  `json:"parts"`
}

// Part is one step on the way to a verdict: a subject of a URL, an assignment,
// the action.
type Part struct {
	What    string  `json:"what"`
	Verdict string  `json:"verdict,omitempty"`
	Reason  string  `json:"reason"`
	Rule    *Source `json:"rule,omitempty"`
}

func sourceOf(r *Reason) *Source {
	if r == nil || r.Source.File == "" {
		return nil
	}
	s := r.Source
	return &s
}

func part(what string, d Decision) Part {
	return Part{What: what, Verdict: d.Verdict.String(), Reason: d.Reason.Text, Rule: sourceOf(d.Reason)}
}

// Explain answers a question for this viewer, with its reasons.
func (v *View) Explain(q Question) (Explanation, error) {
	x := Explanation{Kind: v.kind.String(), Parts: []Part{}}
	space := NoID
	if q.In != "" {
		var ok bool
		if space, ok = v.e.f.FindSpaceByAnyName(q.In); !ok {
			return x, fmt.Errorf("in: the directory knows no space %q", q.In)
		}
	}
	switch q.Action {
	case "", ActView, ActSearch, ActComment, ActMention, ActWrite, ActRestrict, ActAssign:
	default:
		return x, fmt.Errorf("action: %q is none of view, search, comment, mention, write, restrict, assign", q.Action)
	}
	set := 0
	for _, s := range []string{q.User, q.Group, q.Space, q.Content, q.URL} {
		if s != "" {
			set++
		}
	}
	if set != 1 {
		return x, errors.New("ask for one of user, group, space, content and url")
	}
	var d Decision
	switch {
	case q.URL != "":
		var err error
		if d, space, err = v.explainURL(q, &x); err != nil {
			return x, err
		}
	case q.User != "":
		d = v.explainUser(q, space, &x)
	case q.Group != "":
		d = v.explainGroup(q.Group)
	case q.Space != "":
		if space == NoID {
			space, _ = v.e.f.FindSpaceByAnyName(q.Space)
		}
		d = v.explainSpace(q, space, &x)
	default:
		d = v.explainContent(q, &space, &x)
	}
	x.Verdict, x.Reason, x.Rule = d.Verdict.String(), d.Reason.Text, sourceOf(d.Reason)
	if space != NoID {
		x.Role = v.Role(space).String()
		x.Parts = append(x.Parts, v.explainAssignments(space)...)
	}
	return x, nil
}

func (v *View) explainUser(q Question, space ID, x *Explanation) Decision {
	id := v.e.findAnyUser(q.User)
	if id == NoID {
		return unknown(reasonUnknown)
	}
	ctx := Context{Space: space}
	switch q.Action {
	case ActAssign:
		d := v.User(id, Context{Space: NoID})
		if d.Verdict == Hidden && v.suspended == nil && v.e.p.Extranet.ManagersAssign == "everyone" && v.isMember(space) && v.Role(space) == Manager {
			d = visible(&Reason{Rule: "managers_assign", Text: "managers may assign everybody (managers_assign: everyone)"})
		}
		return v.act(ActAssign, space, v.Role(space), d)
	case ActMention, ActRestrict:
		ctx.Candidate = true
	}
	d := v.User(id, ctx)
	for _, a := range v.e.asg[v.e.asgStart[id]:v.e.asgStart[id+1]] {
		r := &v.e.rules[a.rule]
		state := "assigned"
		if !r.live(v.nano) {
			state = "assigned until then, no longer"
		}
		x.Parts = append(x.Parts, Part{What: "assignment of the user", Reason: state + ": " + v.targetName(a.target), Rule: sourcePtr(r.src)})
	}
	return v.act(q.Action, space, v.Role(space), d)
}

func sourcePtr(s Source) *Source { return &s }

func (v *View) targetName(t int32) string {
	if t >= 0 && int(t) < len(v.e.spaces) {
		return "space " + v.e.f.Spaces()[t].Key
	}
	return "page " + v.e.p.Pages[-1-t].Content
}

func (v *View) explainGroup(name string) Decision {
	id, ok := v.e.f.FindGroup(wikiSource, name)
	if source, rest, cut := strings.Cut(name, "/"); cut && !ok {
		id, ok = v.e.f.FindGroup(source, rest)
	}
	if !ok {
		return unknown(reasonUnknown)
	}
	return v.Group(id)
}

func (v *View) explainSpace(q Question, in ID, x *Explanation) Decision {
	id, ok := v.e.f.FindSpaceByAnyName(q.Space)
	if !ok {
		return unknown(reasonUnknown)
	}
	d := v.Space(id)
	if label := v.SpaceLabel(id); d.Verdict == Hidden && label.Verdict == Visible {
		x.Parts = append(x.Parts, part("name of the space", label))
	}
	return v.act(q.Action, in, v.Role(in), d)
}

func (v *View) explainContent(q Question, space *ID, x *Explanation) Decision {
	id := v.e.findPage(q.Content)
	if p := v.e.p.Profile; id == NoID && p != nil && p.Titles != nil {
		if k, ok := p.TitleKey(v.e.f, q.Content); ok {
			if id, ok = v.find(&k, Context{Space: NoID}); !ok {
				return v.title(&k, Context{Space: NoID})
			}
		}
	}
	if id == NoID {
		if name, title, ok := strings.Cut(q.Content, "/"); ok {
			return v.title(&Key{Attr: ContentTitle, Value: title, Space: name}, Context{Space: NoID})
		}
		return unknown(reasonUnknown)
	}
	at := v.e.contents[id].space
	if at != NoID {
		x.Parts = append(x.Parts, part("its space", v.SpaceLabel(at)))
		if *space == NoID {
			*space = at
		}
	}
	return v.act(q.Action, at, v.contentRole(id), v.Content(id))
}

// explainURL judges a path and query as the guard would.
func (v *View) explainURL(q Question, x *Explanation) (Decision, ID, error) {
	p := v.e.p.Profile
	if p == nil {
		return Decision{}, NoID, errors.New("no profile is loaded to read the URL by")
	}
	path, query, _ := strings.Cut(q.URL, "?")
	if !strings.HasPrefix(path, "/") {
		return Decision{}, NoID, fmt.Errorf("url: %q does not begin with a slash", q.URL)
	}
	req, err := p.ReadTarget(path, query)
	if err != nil {
		return hidden(&Reason{Rule: "request", Text: "the request has no single reading: " + err.Error()}), NoID, nil
	}
	req.Method = orDefault(strings.ToUpper(q.Method), "GET")
	m, refusal := p.Match(req, v.e.f)
	if refusal != nil {
		return hidden(&Reason{Rule: "route", Text: "no route admits it: " + refusal.Reason}), NoID, nil
	}
	if m == nil {
		return hidden(reasonUnrouted), NoID, nil
	}
	if q.Action != "" && q.Action != ActView {
		m.Action = q.Action
	}
	space := v.contextSpace(m)
	x.Parts = append(x.Parts, Part{What: "route", Reason: m.Pattern + ", class " + string(m.Class)})
	x.Parts = append(x.Parts, part("class "+string(m.Class), v.classAndURLs(m, space)))
	v.subjects(m, space, func(s *Subject, d Decision) {
		x.Parts = append(x.Parts, part(s.Ref.Kind.String()+" in "+s.Param, d))
	})
	if d := v.Denied(m); d != nil {
		x.Parts = append(x.Parts, Part{What: "denial of the profile", Verdict: Hidden.String(), Reason: reasonProfileDeny.Text})
	}
	return v.Admit(m), space, nil
}

// explainAssignments lists every rule that assigns the viewer to the space or
// to a page of it, live or not.
func (v *View) explainAssignments(space ID) []Part {
	var parts []Part
	subject := int32(v.e.spaces[space].subject)
	if v.viewer.Anonymous {
		return nil
	}
	for _, n := range v.e.rulesOfViewer(&v.viewer, v.linked) {
		r := &v.e.rules[n]
		switch {
		case r.target == targetInternal || r.target == targetSuspended:
			continue
		case r.target >= 0 && r.target != subject:
			continue
		case r.target < 0 && (v.e.grants[-1-r.target].page == NoID || v.e.contents[v.e.grants[-1-r.target].page].space != space):
			continue
		}
		text := r.reason.Text
		if !r.live(v.nano) {
			text += " (no longer)"
		}
		parts = append(parts, Part{What: "assignment of the viewer", Reason: text, Rule: sourcePtr(r.src)})
	}
	return parts
}

func (e *Engine) findAnyUser(s string) ID {
	for _, a := range []Attr{UserName, UserEmail, UserKey, UserAccountID} {
		if id, ok := e.f.FindUser(a, s); ok {
			return id
		}
	}
	return NoID
}

// ViewerFor makes the viewer that offline commands mean by WHO: "anonymous", a
// username or e-mail of the directory (whose e-mail and groups then count as
// verified claims), or any other e-mail address.
func ViewerFor(p *Policy, f Facts, who string) (Viewer, error) {
	for _, a := range []Attr{UserName, UserEmail} {
		id, ok := f.FindUser(a, who)
		if !ok {
			continue
		}
		u := &f.Users()[id]
		v := Viewer{WikiUser: u.Username, WikiVouches: true, DisplayName: u.DisplayName, Email: u.Email, EmailVerified: true}
		v.Provider, v.Subject = p.guessProvider(u.Email, u.Identities)
		for _, g := range u.Groups {
			if source, name, ok := p.qualifier(g); ok && source == v.Provider {
				g = name
			}
			v.Groups = append(v.Groups, g)
		}
		return v, nil
	}
	if who == "anonymous" {
		return Viewer{Anonymous: true}, nil
	}
	if _, ok := emailDomain(who); ok {
		v := Viewer{Email: who, EmailVerified: true}
		v.Provider, v.Subject = p.guessProvider(who, nil)
		return v, nil
	}
	return Viewer{}, fmt.Errorf("the directory knows no user %q, and it is no e-mail address", who)
}

// guessProvider says by whom a person of the directory signs in: the provider
// of an identity of his, else the one that vouches for his e-mail, else the
// only one there is or that rules speak of.
func (p *Policy) guessProvider(email string, identities []string) (provider, subject string) {
	for _, s := range identities {
		if source, sub, ok := p.qualifier(s); ok && source != wikiSource && p.knowsSource(source) {
			return source, sub
		}
	}
	names := slices.Sorted(maps.Keys(p.Providers))
	for _, n := range names {
		v := Viewer{Provider: n, Email: email, EmailVerified: true}
		if p.trustsEmail(&v) {
			return n, ""
		}
	}
	if len(names) == 0 {
		names = p.mentionedProviders()
	}
	if len(names) == 1 {
		return names[0], ""
	}
	if len(p.Providers) == 0 {
		return "idp", ""
	}
	return "", ""
}

func (p *Policy) mentionedProviders() []string {
	seen := map[string]bool{}
	note := func(pr principal) {
		if pr.kind == byGroup || pr.kind == byIdentity {
			for _, s := range pr.sources {
				seen[s] = true
			}
		}
	}
	for _, g := range p.Internal.Groups {
		if pr, err := p.parseGroup(g.Name); err == nil {
			note(pr)
		}
	}
	for i := range p.Spaces {
		for j := range p.Spaces[i].Members {
			note(p.Spaces[i].Members[j].principal)
		}
	}
	delete(seen, wikiSource)
	return slices.Sorted(maps.Keys(seen))
}
