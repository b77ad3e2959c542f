package rules

import (
	"slices"
	"strings"
	"time"
)

// reference reads the decision tables a second time, in the plainest way: it
// compiles nothing, and walks over policy and records for every question. Each
// function names the row Gn of the cases, or quotes the paragraph, that it
// implements; where two disagree, the stricter holds. It knows no wiki whose
// titles carry their space (no follow kinds), title patterns without signs,
// filters that ask for the attribute "f" (a space's name), and no URLs.
type reference struct {
	p        *Policy
	d        *Directory
	identity [Internal + 1]UpstreamIdentity
	now      time.Time
	lookups
}

// person is somebody as rules see him: a viewer by his claims as far as they
// are trusted, or a user of the wiki by his record.
type person struct {
	record                  *UserRecord // himself in the wiki, or nil
	name, email             string
	ids, groups             []string // PROVIDER/SUB; SOURCE/NAME, nested ones included
	kind                    ViewerKind
	vouched                 bool            // wiki groups may make him internal
	suspended, ever, unsure bool            // ever assigned; perhaps so, by what is not known of him
	shares                  map[string]Role // S(x): spaces by key and page grants by content, with the role
}

// viewer: "principals are qualified", and who is trusted for what.
func (r *reference) viewer(v *Viewer) *person {
	x, provider := &person{kind: Anonymous, ids: []string{v.Provider + "/" + v.Subject}, vouched: v.WikiVouches}, r.p.Providers[v.Provider]
	if v.Anonymous {
		return x
	}
	_, domain, _ := strings.Cut(v.Email, "@")
	if v.EmailVerified && v.Provider != "" && (len(r.p.Providers) == 0 || slices.Contains(provider.Domains, strings.ToLower(domain))) {
		x.email = v.Email
	}
	if x.record = r.himself(v, x.email); v.WikiUser != "" && x.record != nil { // kept claims are for others; his own come with him (G27)
		x.name, x.groups = v.WikiUser, r.around(slices.DeleteFunc(slices.Clone(x.record.Groups), isClaim))
	}
	for _, g := range v.Groups {
		x.groups = append(x.groups, v.Provider+"/"+g)
	}
	r.assign(x)
	said := *x // "suspended wins over everything": also what nobody vouches for
	said.email = v.Email
	x.suspended = r.suspends(&said) || x.record != nil && r.suspends(r.user(x.record)) || x.name != "" && !isActive(x.record) // G23
	if x.suspended {
		x.kind, x.shares = None, nil
	}
	return x
}

// user is how others see a person of the wiki: by wiki groups, the wiki's
// e-mail field, and claims that were kept (G26).
func (r *reference) user(u *UserRecord) *person {
	x := &person{record: u, name: u.Username, email: u.Email, ids: u.Identities, groups: r.around(u.Groups), vouched: true}
	r.assign(x)
	x.suspended = r.suspends(x)
	return x
}

// means: SOURCE/NAME, or a bare NAME of sources:, else of the one provider or the wiki.
func (r *reference) means(rule, group string) bool {
	source, name, _ := strings.Cut(group, "/")
	_, declared := r.p.Providers[source]
	known := slices.Contains(r.p.Sources, source) || len(r.p.Sources) == 0 && (declared || source == "wiki" || len(r.p.Providers) == 0)
	return rule == group || rule == name && known
}

// covers: members by group, exact e-mail domain, e-mail, wiki user, PROVIDER/SUB.
func (r *reference) covers(m *Member, x *person) bool {
	switch user := m.User.Name; {
	case m.EmailDomain != "":
		_, domain, _ := strings.Cut(x.email, "@")
		return strings.EqualFold(domain, m.EmailDomain)
	case m.Group.Name != "":
		return slices.ContainsFunc(x.groups, func(g string) bool { return r.means(m.Group.Name, g) })
	case strings.Contains(user, "@"):
		return strings.EqualFold(x.email, user)
	default:
		return x.name != "" && strings.TrimPrefix(user, "wiki/") == x.name || slices.Contains(x.ids, user)
	}
}

func (r *reference) suspends(x *person) bool {
	return slices.ContainsFunc(r.p.Suspended, func(m Member) bool { return r.covers(&m, x) })
}

// live: a date lasts to the end of that day in the policy's zone.
func (r *reference) live(m *Member) bool {
	if end, err := time.Parse(time.RFC3339, m.Until); err == nil {
		return r.now.Before(end)
	}
	return m.Until == "" || r.now.In(r.zone).Format(time.DateOnly) <= m.Until
}

// assign finds S(x), with the highest live role (G2, G3), and the kind (G5, G13).
func (r *reference) assign(x *person) {
	x.shares, x.kind = map[string]Role{}, None
	for share, m := range r.members {
		if !r.covers(m, x) {
			x.unsure = x.unsure || x.record != nil && r.mayCover(m, x.record)
			continue
		}
		x.ever = true
		if role, _ := ParseRole(orDefault(m.Role, r.p.Extranet.DefaultRole)); r.live(m) {
			x.shares[share] = max(x.shares[share], role)
		}
	}
	if len(x.shares) > 0 {
		x.kind = External
	}
	for _, g := range x.groups {
		source, _, _ := strings.Cut(g, "/")
		trusted := source == "wiki" && x.vouched || source != "wiki" && (len(r.p.Providers) == 0 || r.p.Providers[source].Internal)
		if trusted && slices.ContainsFunc(r.p.Internal.Groups, func(p Principal) bool { return r.means(p.Name, g) }) {
			x.kind = Internal
		}
	}
}

// filtered: between two externals a filter hides the pair, unless it is
// one_way; somebody unknown may be an external (G26).
func (r *reference) filtered(v, u *person, context string) bool {
	return r.hides("users", u.record.Attributes, context, true) ||
		v.kind == External && u.kind != Internal && v.record != nil && r.hides("users", v.record.Attributes, context, false)
}

func (r *reference) unrestricted(v *person) bool {
	return v.kind == Internal && r.p.Internal.Mode == "unrestricted"
}

// sees is the table of users in the global context, and of authors in a space:
// "visible in the global table, or assigned to s" (G9); whom an assignment to s
// shows to externals they share it with (G11, G13).
func (r *reference) sees(v, u *person, in string) bool {
	related, see := meet(v.shares, u.shares), r.p.Extranet.UsersSee
	switch {
	case v.kind == None || v.kind == Anonymous:
		return false
	case v.record == u.record || r.unrestricted(v): // G12
		return true
	case u.suspended:
		return false
	case v.kind == Internal && u.kind == Internal:
		return in != "" || !r.filtered(v, u, "global") // G8
	case v.kind == External && see == "shared-space-or-internal" && u.kind == Internal && !u.ever,
		v.kind == External && see == "shared-space-or-unassigned" && !u.ever && !u.unsure:
		related = true
	}
	global := related && !r.filtered(v, u, "global")
	named := u.shares[in] > NoRole && (v.kind == Internal || v.shares[in] > NoRole)
	return global && in == "" || in != "" && (global || named) && !r.filtered(v, u, "space")
}

// candidate is the column of candidates, and the cases' definition of one.
func (r *reference) candidate(v, u *person, in string) bool {
	rule, self := r.rule(in), v.record == u.record
	switch assigned := u.shares[in] > NoRole || self && v.shares[in] > NoRole; { // G12, G27
	case v.kind == None || v.kind == Anonymous || !r.space(v, in) || u.suspended || !isActive(u.record): // G23
		return false
	case r.unrestricted(v):
		return rule == nil || assigned
	case v.shares[in] == NoRole || !assigned || v.kind == External && rule.Mentions == "nobody": // G11
		return false
	}
	return self || r.sees(v, u, in) && !r.filtered(v, u, "space")
}

// group: "visible to its members, to those who share a space"; not by nesting (G1).
func (r *reference) group(v *person, g *GroupRecord) bool {
	name := orDefault(g.Source, "wiki") + "/" + g.Name
	visible := r.unrestricted(v) || slices.Contains(v.groups, name)
	for share, m := range r.members {
		visible = visible || v.shares[share] > NoRole && m.Group.Name != "" && r.means(m.Group.Name, name) && r.live(m)
	}
	return visible && !v.suspended
}

// barred: what hides even a shared space: a filter, its owner (G14), age (G22).
func (r *reference) barred(v *person, s *SpaceRecord) bool {
	return r.hides("spaces", map[string]string{"f": s.Name}, "", true) && !r.unrestricted(v) ||
		s.Type == "personal" && (r.owner(s) == nil || !r.sees(v, r.owner(s), s.Key)) ||
		s.Status == "archived" && r.p.Extranet.Archived != "visible" && v.kind != Internal
}

// asWiki: "internals as the wiki says (own identity)" (G6).
func (r *reference) asWiki(v *person) bool { return v.kind == Internal && r.identity[Internal].Own() }

// space: "visible to members, to internals as the wiki says or where named
// (service identity), and as open_to says"; personal ones unless shared.
func (r *reference) space(v *person, key string) bool {
	rec, rule := r.spaces[key], r.rule(key)
	if v.suspended || rec == nil || !r.asWiki(v) && (rule == nil || r.barred(v, rec)) {
		return false
	}
	return v.kind == Internal || v.shares[key] > NoRole || rec.Type != "personal" && (rule.OpenTo == "public" || rule.OpenTo == "externals" && v.kind == External)
}

// label: a page grant shows its space's key and name, and nothing else (G13).
func (r *reference) label(v *person, key string) bool {
	held := slices.ContainsFunc(r.p.Pages, func(g PageRule) bool { return v.shares["page "+g.Content] > NoRole && r.spaceOf(g.Content) == key })
	return r.space(v, key) || held && !r.barred(v, r.spaces[key])
}

// content hangs on all that it includes (G34) or redirects to, however far.
func (r *reference) content(v *person, c *ContentRecord) bool {
	for reach, i := []*ContentRecord{c}, 0; i < len(reach) && !r.asWiki(v); i++ {
		if reach[i] == nil || !r.alone(v, reach[i]) {
			return false
		}
		for _, id := range append(slices.Clone(reach[i].Includes), reach[i].Redirect) {
			if next := r.page(id); id != "" && !slices.Contains(reach, next) {
				reach = append(reach, next)
			}
		}
	}
	return true
}

// alone: "when its space is visible (or a page grant covers it) and nothing hides it".
func (r *reference) alone(v *person, c *ContentRecord) bool {
	own, hide := r.identity[v.kind].Own(), r.hide(v, c.Space)
	above, known := r.above(c)
	switch {
	case v.suspended || r.barred(v, r.spaces[c.Space]),
		c.Status != "" && c.Status != "current" && (c.Status != "archived" || r.p.Extranet.Archived != "visible" && v.kind != Internal), r.hides("content", c.Attributes, "", true) && !r.unrestricted(v), // G21
		slices.ContainsFunc(hide.Titles, func(t string) bool { return strings.EqualFold(t, c.Title) }),
		slices.ContainsFunc(c.Labels, func(l string) bool { return slices.Contains(hide.Labels, l) }),
		above == nil || !known && (!own || len(hide.Subtrees) > 0),
		!own && slices.ContainsFunc(above, func(at *ContentRecord) bool { return !r.named(v, at.RestrictedTo) }): // G20
		return false
	}
	role, cut := r.granted(v, c)
	return r.space(v, c.Space) && !cut || role > NoRole
}

func (r *reference) named(v *person, only *Restriction) bool {
	return only == nil || len(only.Users)+len(only.Groups) == 0 && !only.Unknown || v.name != "" && slices.Contains(only.Users, v.name) ||
		slices.ContainsFunc(only.Groups, func(g string) bool { return slices.Contains(v.groups, "wiki/"+g) })
}

// granted is the role by page grants (G13), and whether a hidden subtree cuts
// the page off, over which its own grant wins, and none from above (G35).
func (r *reference) granted(v *person, c *ContentRecord) (role Role, cut bool) {
	above, _ := r.above(c)
	cut = slices.ContainsFunc(above, func(at *ContentRecord) bool { return slices.Contains(r.hide(v, c.Space).Subtrees, at.ID) })
	for _, at := range above {
		for _, g := range r.p.Pages {
			if g.Content == at.ID && (at == c || g.With == "subtree" && !cut) {
				role = max(role, v.shares["page "+g.Content])
			}
		}
	}
	return role, cut
}

// role: as assigned, else reader of what is visible (G5).
func (r *reference) role(v *person, in string) Role {
	if v.shares[in] == NoRole && r.space(v, in) {
		return Reader
	}
	return v.shares[in]
}

// act is the table of actions.
func (r *reference) act(a Action, v *person, in string, role Role, visible bool) Verdict {
	need := map[Action]Role{ActComment: Commenter, ActMention: Commenter, ActWrite: Writer, ActRestrict: Manager, ActAssign: Manager}[a]
	switch {
	case !visible:
		return Hidden
	case role >= need && (a != ActAssign || v.shares[in] >= need), r.asWiki(v) && v.shares[in] == NoRole && in != "" && a != ActAssign: // G4, G5
		return Visible
	}
	return Forbidden
}

func (r *reference) actOnUser(a Action, v, u *person, in string) Verdict {
	visible := r.sees(v, u, in)
	switch everyone := r.p.Extranet.ManagersAssign == "everyone"; a {
	case ActMention, ActRestrict:
		visible = r.candidate(v, u, in)
	case ActAssign:
		visible = r.sees(v, u, "") && (everyone || v.shares[in] < Manager || meet(v.shares, u.shares)) || everyone && v.shares[in] == Manager
	}
	return r.act(a, v, in, r.role(v, in), visible)
}

func (r *reference) actOnContent(a Action, v *person, c *ContentRecord) Verdict {
	granted, _ := r.granted(v, c)
	return r.act(a, v, c.Space, max(granted, r.role(v, c.Space)), r.content(v, c))
}
