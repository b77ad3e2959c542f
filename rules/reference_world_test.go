package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// world is one policy over one directory at one moment, with those who look.
type world struct {
	p        *Policy
	d        *Directory
	identity map[ViewerKind]UpstreamIdentity
	now      time.Time
	viewers  []Viewer
	actions  bool // ask for every action too
}

// tally counts what a suite compared.
type tally struct{ policies, worlds, questions atomic.Int64 }

func (n *tally) log(t *testing.T) {
	t.Helper()
	t.Logf("%d policies, %d worlds, %d questions", n.policies.Load(), n.worlds.Load(), n.questions.Load())
}

func (w *world) run(t testing.TB, n *tally) {
	t.Helper()
	if err := w.agree(n); err != nil {
		t.Fatal(err)
	}
}

// bind is the engine over the world, as what serves has it.
func (w *world) bind() (*Engine, error) {
	f := &wideFacts{tableFacts: &tableFacts{d: *w.d}, byID: map[string]ID{}}
	for i := range w.d.Content {
		f.byID[w.d.Content[i].ID] = ID(i)
	}
	return Bind(w.p, f, Options{Identity: w.identity})
}

// agree puts every question that the world knows to the engine and to the
// reference, and gives the first one that they answer differently.
func (w *world) agree(n *tally) error {
	e, err := w.bind()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, w)
	}
	q := quiz{w: w, r: newReference(w.p, w.d, e.identity, w.now)}
	defer func() { n.worlds.Add(1); n.questions.Add(q.asked) }()
	for i := range w.viewers {
		q.v, q.x = e.View(w.viewers[i], w.now), q.r.viewer(&w.viewers[i])
		q.viewer()
		for u := range q.r.people {
			q.person(ID(u), q.r.people[u])
		}
		q.things()
		if q.err != nil {
			return q.err
		}
	}
	return nil
}

// quiz is the questions of one viewer in one world.
type quiz struct {
	w     *world
	r     *reference
	v     *View
	x     *person
	asked int64
	err   error // the first disagreement
}

func (q *quiz) differ(got, want any, why *Reason, what string, args ...any) {
	if q.err == nil {
		who := strings.ReplaceAll(fmt.Sprintf("%+v", q.v.Viewer()), "Anonymous:false ", "")
		q.err = fmt.Errorf("%s looks at %s: engine says %v (%s), reference %v\n%s", who, fmt.Sprintf(what, args...), got, why.Text, want, q.w)
	}
}

func (q *quiz) compare(got Decision, want bool, what, name, in string) {
	q.asked++
	if (got.Verdict == Visible) != want || got.Verdict != Visible && got.Verdict != Hidden {
		q.differ(got.Verdict, want, got.Reason, "%s %s in %q", what, name, in)
	}
}

func (q *quiz) viewer() {
	if q.v.Kind() != q.x.kind || q.v.Suspended() != q.x.suspended {
		q.differ(q.v.Kind(), q.x.kind, &Reason{}, "himself (suspended: %v, %v)", q.v.Suspended(), q.x.suspended)
	}
}

// person asks for a user in the global context and in every space's.
func (q *quiz) person(id ID, u *person) {
	for s := -1; s < len(q.w.d.Spaces); s++ {
		in := ""
		if s >= 0 {
			in = q.w.d.Spaces[s].Key
		}
		q.compare(q.v.User(id, Context{Space: ID(s)}), q.r.sees(q.x, u, in), "user", u.name, in)
		q.compare(q.v.User(id, Context{Space: ID(s), Candidate: true}), s >= 0 && q.r.candidate(q.x, u, in), "candidate", u.name, in)
		for _, a := range q.actions() {
			q.act(Question{User: u.name, In: in, Action: a}, q.r.actOnUser(a, q.x, u, in))
		}
	}
}

// things asks for every group, space and piece of content.
func (q *quiz) things() {
	d := q.w.d
	for i := range d.Groups {
		q.compare(q.v.Group(ID(i)), q.r.group(q.x, &d.Groups[i]), "group", d.Groups[i].Name, "")
	}
	for i := range d.Spaces {
		key := d.Spaces[i].Key
		q.compare(q.v.Space(ID(i)), q.r.space(q.x, key), "space", key, "")
		q.compare(q.v.SpaceLabel(ID(i)), q.r.label(q.x, key), "name of space", key, "")
		if got, want := q.v.Role(ID(i)), q.r.role(q.x, key); got != want {
			q.differ(got, want, &Reason{}, "his role in %s", key)
		}
		for _, a := range q.actions() {
			q.act(Question{Space: key, Action: a}, q.r.act(a, q.x, key, q.r.role(q.x, key), q.r.space(q.x, key)))
		}
	}
	for i := range d.Content {
		c := &d.Content[i]
		q.compare(q.v.Content(ID(i)), q.r.content(q.x, c), "content", c.ID, c.Space)
		for _, a := range q.actions() {
			q.act(Question{Content: c.ID, Action: a}, q.r.actOnContent(a, q.x, c))
		}
	}
}

func (q *quiz) actions() []Action {
	if !q.w.actions {
		return nil
	}
	return []Action{ActView, ActSearch, ActComment, ActMention, ActWrite, ActRestrict, ActAssign}
}

// act asks as policy tests and explain do, without the explanation.
func (q *quiz) act(question Question, want Verdict) {
	q.asked++
	a, err := q.v.ask(question)
	if err != nil {
		q.differ(err, want, &Reason{}, "%s", question)
		return
	}
	if got, _ := a.decide(); got.Verdict != want {
		q.differ(got.Verdict, want, got.Reason, "%s in %q to %s", question, question.In, question.Action)
	}
}

// String is the world as far as it fits a failure.
func (w *world) String() string {
	var b strings.Builder
	p := w.p
	fmt.Fprintf(&b, "at %s, identity %v\nproviders %+v sources %v internal %+v extranet %+v\n", w.now.Format(time.RFC3339), w.identity, p.Providers, p.Sources, p.Internal, p.Extranet)
	for _, s := range p.Spaces {
		fmt.Fprintf(&b, "space rule %s: open_to %q mentions %q hide %+v\n", s.Name, s.OpenTo, s.Mentions, s.Hide)
		for _, m := range s.Members {
			fmt.Fprintf(&b, "  %s %s %s role %q until %q\n", m.Group.Name, m.EmailDomain, m.User.Name, m.Role, m.Until)
		}
	}
	for _, g := range p.Pages {
		fmt.Fprintf(&b, "page rule %s with %q: ", g.Content, g.With)
		for _, m := range g.Members {
			fmt.Fprintf(&b, "  %s %s %s role %q until %q\n", m.Group.Name, m.EmailDomain, m.User.Name, m.Role, m.Until)
		}
	}
	for _, f := range p.Filters {
		fmt.Fprintf(&b, "filter %s hides %s in %v one_way %v\n", f.Name, f.Hide, f.Contexts, f.OneWay)
	}
	for _, m := range p.Suspended {
		fmt.Fprintf(&b, "suspended %s %s %s\n", m.Group.Name, m.EmailDomain, m.User.Name)
	}
	if len(w.d.Users)+len(w.d.Content) < 40 {
		fmt.Fprintf(&b, "users %+v\ngroups %+v\nspaces %+v\ncontent %+v\n", w.d.Users, w.d.Groups, w.d.Spaces, w.d.Content)
	}
	return b.String()
}

// referenceProfile is a wiki without anything special.
func referenceProfile(t testing.TB) *Profile {
	t.Helper()
	p, err := ParseProfile("profile.yaml", tableFS(t, "../testdata/policy/users.txtar")["profile.yaml"].Data)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func referencePolicy(t testing.TB, profile *Profile, format string, args ...any) *Policy {
	t.Helper()
	text := "version: 1\nwiki: tables\n" + fmt.Sprintf(format, args...)
	p, err := ParsePolicy(map[string][]byte{"p.yaml": []byte(text)}, profile)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return p
}

// lookups are the reference's card index of the records.
type lookups struct {
	pages  map[string]*ContentRecord
	spaces map[string]*SpaceRecord // by key
	keys   map[string]string       // by any name
	rules  map[string]*SpaceRule   // by the space's key
	people []*person               // the users
	zone   *time.Location
}

func newReference(p *Policy, d *Directory, identity [Internal + 1]UpstreamIdentity, now time.Time) *reference {
	r := &reference{p: p, d: d, identity: identity, now: now, lookups: lookups{pages: map[string]*ContentRecord{}, spaces: map[string]*SpaceRecord{}, keys: map[string]string{}, rules: map[string]*SpaceRule{}}}
	for i := range d.Content {
		r.pages[d.Content[i].ID] = &d.Content[i]
	}
	for i := range d.Spaces {
		s := &d.Spaces[i]
		r.spaces[s.Key] = s
		for _, name := range append([]string{s.Key, s.ID, s.Name}, s.Aliases...) {
			if name != "" {
				r.keys[name] = s.Key
			}
		}
	}
	for i := range p.Spaces {
		r.rules[r.key(p.Spaces[i].Name)] = &p.Spaces[i]
	}
	r.zone, _ = time.LoadLocation(p.Zone)
	for i := range d.Users {
		r.people = append(r.people, r.user(&d.Users[i]))
	}
	return r
}

func isClaim(group string) bool { return strings.Contains(group, "/") }

func (r *reference) page(id string) *ContentRecord { return r.pages[id] }
func (r *reference) rule(key string) *SpaceRule    { return r.rules[key] }

// key is that of a space by any of its names; a name of nothing is inert (G42).
func (r *reference) key(name string) string { return orDefault(r.keys[name], "?"+name) }

// owner of a personal space, or nil.
func (r *reference) owner(s *SpaceRecord) *person {
	for _, u := range r.people {
		if u.name == s.Owner {
			return u
		}
	}
	return nil
}

// hides evaluates the filters of the tests; a condition that fails hides (G41).
func (r *reference) hides(what string, attributes map[string]string, context string, oneWay bool) bool {
	return slices.ContainsFunc(r.p.Filters, func(f Filter) bool {
		value, ok := attributes["f"]
		return f.Hide == what && (!ok || value == f.Name) && (oneWay || !f.OneWay) && (context == "" || len(f.Contexts) == 0 || slices.Contains(f.Contexts, context))
	})
}

// hide is what a space's rule hides from the viewer: nothing from internals.
func (r *reference) hide(v *person, space string) HideSpec {
	if rule := r.rule(space); rule != nil && v.kind != Internal {
		return rule.Hide
	}
	return HideSpec{}
}

func meet(a, b map[string]Role) (met bool) {
	for k := range a {
		met = met || b[k] > NoRole
	}
	return met
}

// around is G1: the groups that hold these; wiki groups are closed over
// nesting, claims are not.
func (r *reference) around(groups []string) (out []string) {
	for _, g := range groups {
		if !isClaim(g) {
			g = "wiki/" + g
		}
		out = append(out, g)
	}
	for i := 0; i < len(out); i++ {
		for _, g := range r.d.Groups {
			name := "wiki/" + g.Name
			if orDefault(g.Source, "wiki") == "wiki" && !slices.Contains(out, name) && slices.ContainsFunc(g.Groups, func(in string) bool { return "wiki/"+in == out[i] }) {
				out = append(out, name)
			}
		}
	}
	return out
}

// above is the page with all above it, as far as known; nil for a circle.
func (r *reference) above(c *ContentRecord) (line []*ContentRecord, known bool) {
	for at := c; at != nil; at = r.page(at.Parent) {
		if slices.Contains(line, at) {
			return nil, false
		}
		if line = append(line, at); at.Parent == "" {
			return line, true
		}
	}
	return line, false
}

func (r *reference) spaceOf(page string) string {
	if c := r.page(page); c != nil {
		return c.Space
	}
	return "?"
}

// members yields every rule that assigns somebody, with what to: a space's key,
// or the page of a grant.
func (r *reference) members(yield func(share string, m *Member) bool) {
	each := func(share string, members []Member) bool {
		for i := range members {
			if !yield(share, &members[i]) {
				return false
			}
		}
		return true
	}
	for _, s := range r.p.Spaces {
		if !each(r.key(s.Name), s.Members) {
			return
		}
	}
	for _, g := range r.p.Pages {
		if !each("page "+g.Content, g.Members) {
			return
		}
	}
}

// himself is the viewer's wiki user: as linked, else by identity, else by an
// e-mail address that counts (G28).
func (r *reference) himself(v *Viewer, email string) *UserRecord {
	find := func(is func(UserRecord) bool) *UserRecord {
		if i := slices.IndexFunc(r.d.Users, is); i >= 0 {
			return &r.d.Users[i]
		}
		return nil
	}
	if v.WikiUser != "" {
		return find(func(u UserRecord) bool { return u.Username == v.WikiUser })
	}
	if u := find(func(u UserRecord) bool { return slices.Contains(u.Identities, v.Provider+"/"+v.Subject) }); u != nil {
		return u
	}
	return find(func(u UserRecord) bool { return email != "" && strings.EqualFold(u.Email, email) })
}

// mayCover is G26: the rule asks for what the directory does not know of a
// user. His address may be the one, or in the domain; or he may be in the group
// of a provider where he never signed in, unless his address is at a domain that
// this provider is not trusted for, or the rule's bare name is a wiki group's.
func (r *reference) mayCover(m *Member, u *UserRecord) bool {
	_, domain, _ := strings.Cut(u.Email, "@")
	if m.Group.Name == "" {
		return domain == "" && (m.EmailDomain != "" || strings.Contains(m.User.Name, "@"))
	}
	sources, group := r.p.Sources, m.Group.Name
	if source, name, qualified := strings.Cut(group, "/"); qualified {
		sources, group = []string{source}, name
	} else if len(sources) == 0 && len(r.p.Providers) == 0 {
		sources = []string{""} // whichever there is
	} else if len(sources) == 0 {
		sources = append(slices.Collect(maps.Keys(r.p.Providers)), "wiki")
	}
	if len(sources) > 1 || sources[0] == "" {
		for _, g := range r.d.Groups {
			if g.Name == group && orDefault(g.Source, "wiki") == "wiki" {
				return false
			}
		}
	}
	return slices.ContainsFunc(sources, func(source string) bool {
		known := func(s string) bool {
			from, _, ok := strings.Cut(s, "/")
			return ok && (from == source || source == "")
		}
		trusted := r.p.Providers[source].Domains
		return source != "wiki" && !slices.ContainsFunc(u.Groups, known) && !slices.ContainsFunc(u.Identities, known) && (domain == "" || len(trusted) == 0 || slices.Contains(trusted, strings.ToLower(domain)))
	})
}
