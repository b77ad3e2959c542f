package rules

import (
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Bounds of one Judge.
const (
	maxUnknown  = 2000
	maxRemember = 4096
	maxURL      = 16 << 10
)

// Judge judges the URLs and entities of one answer for one viewer. It
// remembers what it judged; it is not safe for use by several goroutines.
type Judge struct {
	view    *View
	profile *Profile
	facts   Facts
	site    *siteIndex
	page    splitURL
	ctx     Context
	links   map[string]Link
	unknown *unknowns
	others  map[Context]*Judge // by context, shared
	match   Match              // used over and over
	cache   *linkCache         // of the engine; nil where this answer can't share
	own     bool               // the link judged last is this answer's own: unknown, or sealed for it

	// SealCursor gives the token to put in the place of a cursor parameter's
	// value in a link, or the value itself if it may stay; "" where neither
	// can be. Left out, links with such parameters go. It is to be set before
	// anything is judged.
	SealCursor func(m *Match, param, value string) string
	// Asked is the request that is answered, if it was let in: titles that stand
	// in it name nothing that the viewer does not know. To be set before
	// anything is judged.
	Asked *Match

	req    Request
	nested int // URLs that this one stands in, as a parameter's value
}

// unknowns gathers what was judged unknown.
type unknowns struct {
	refs []Ref
	seen map[Key]bool
}

// siteIndexes holds the compiled form of the first sites seen, which are few
// and do not change.
var siteIndexes struct {
	sync.Mutex
	of map[*Site]*siteIndex
}

func indexOf(s *Site) *siteIndex {
	siteIndexes.Lock()
	defer siteIndexes.Unlock()
	ix := siteIndexes.of[s]
	if ix == nil {
		ix = newSiteIndex(s)
		if siteIndexes.of == nil {
			siteIndexes.of = map[*Site]*siteIndex{}
		}
		if len(siteIndexes.of) < 16 {
			siteIndexes.of[s] = ix
		}
	}
	return ix
}

// NewJudge makes a Judge for an answer. page is the request's public URL, to
// which relative references are relative; ctx is where people are judged.
func NewJudge(v *View, site *Site, page *url.URL, ctx Context) *Judge {
	j := &Judge{
		view: v, profile: v.Policy().Profile, facts: v.Facts(), site: indexOf(site), ctx: ctx,
		unknown: &unknowns{},
	}
	j.page = splitURL{scheme: "https", path: "/"}
	switch {
	case page != nil:
		j.page = splitLenient(page.String(), "")
	case site != nil && site.Base != nil:
		j.page = splitLenient(site.Base.String(), "")
	}
	if j.page.path == "" {
		j.page.path = "/"
	}
	if c := v.e.links; c.serves(linkPlace{j.site, j.page.scheme, j.page.host, j.page.port}) {
		j.cache = c
	}
	return j
}

// In gives a Judge of the same answer that judges people in another context.
// What it finds unknown is gathered with this one's.
func (j *Judge) In(ctx Context) *Judge {
	if ctx == j.ctx {
		return j
	}
	if o := j.others[ctx]; o != nil {
		return o
	}
	if j.others == nil {
		j.others = map[Context]*Judge{j.ctx: j}
	}
	o := *j
	o.ctx, o.links, o.match, o.req = ctx, nil, Match{}, Request{}
	if len(j.others) < 64 {
		j.others[ctx] = &o
	}
	return &o
}

// Candidates gives a Judge of the same answer that judges people as those who
// may be chosen in its space.
func (j *Judge) Candidates() *Judge { return j.In(Context{Space: j.ctx.Space, Candidate: true}) }

// Unknown gives what was judged unknown so far, each spelling once, at most
// 2000.
func (j *Judge) Unknown() []Ref { return j.unknown.refs }

func (u *unknowns) add(r Ref) {
	if len(u.refs) >= maxUnknown || len(r.Keys) == 0 || u.seen[r.Keys[0]] {
		return
	}
	keys := make([]Key, len(r.Keys))
	for i, k := range r.Keys {
		// The spelling may be a part of a large answer: keep the part alone.
		keys[i] = Key{k.Attr, strings.Clone(k.Value), strings.Clone(k.Space)}
	}
	if u.seen == nil {
		u.seen = map[Key]bool{}
	}
	u.seen[keys[0]] = true
	u.refs = append(u.refs, Ref{r.Kind, keys})
}

// miss notes what was judged unknown while a link was judged.
func (j *Judge) miss(r Ref) {
	j.own = true
	j.unknown.add(r)
}

// Entity judges a reference.
func (j *Judge) Entity(ref Ref) Decision {
	d := j.view.Entity(ref, j.ctx)
	if d.Verdict == Unknown && len(ref.Keys) == 1 && ref.Keys[0].Attr == ContentTitle && ref.Keys[0].Space == "" && j.asksFor(ref.Keys[0].Value) {
		return visible(reasonTitleAsked)
	}
	if d.Verdict == Unknown && !d.Absent {
		j.miss(ref)
	}
	return d
}

var (
	whyUnreadable = &Reason{Rule: "link.unreadable", Text: "the URL has no reading, or is of a scheme that goes"}
	whyInternal   = &Reason{Rule: "link.internal", Text: "the URL is on an internal host"}
	whyNoRoute    = &Reason{Rule: "link.no_route", Text: "the profile has no route for the URL"}
	whyCursor     = &Reason{Rule: "link.cursor", Text: "the URL goes on with a list at a place that can't be sealed"}
	whyOwn        = &Reason{Rule: "link.own", Text: "the URL leads to this gateway's own sign-in or sign-out"}
	whyForeign    = &Reason{Rule: "link.foreign", Text: "the URL leads away from the wiki"}
)

var dropLink = Link{Fate: FateDrop, Decision: Decision{Verdict: Hidden, Reason: whyUnreadable}}

// unreadableLink is a URL of the wiki that has no single reading: it might name
// something hidden.
var unreadableLink = Link{Fate: FateHide, Kind: Content, Decision: Decision{Verdict: Hidden, Reason: whyUnreadable}}

// URL judges a URL as a browser would read it: white space and case, slashes
// either way, relative to the page. Character references must be decoded
// already.
func (j *Judge) URL(raw string) Link {
	if j.cache != nil && shareable(raw) {
		return j.shared(raw, false)
	}
	j.own = true // where it leads depends on the page
	if l, ok := j.links[raw]; ok {
		return l
	}
	raw = strings.Clone(raw) // the verdict names parts of it
	l := j.judge(raw, &j.page)
	j.remember(raw, l)
	return l
}

func (j *Judge) remember(raw string, l Link) {
	if len(j.links) < maxRemember && len(raw) < 1024 {
		if j.links == nil {
			j.links = map[string]Link{}
		}
		j.links[raw] = l
	}
}

// URLFor is URL, relative to another base than the page: that of a document in
// the answer, itself relative to the page.
func (j *Judge) URLFor(raw, base string) Link {
	b := splitLenient(cleanURL(base), j.page.scheme)
	switch {
	case base == "":
		return j.URL(raw)
	case b.opaque != "" || b.broken || b.userinfo:
		return dropLink
	case b.hasHost:
		if b.scheme == "" {
			b.scheme = j.page.scheme
		}
		b.path = resolvePath("/", b.path)
	default:
		path := resolvePath(j.page.path, b.path)
		b = j.page
		b.path = path
	}
	return j.judge(raw, &b)
}

func (j *Judge) judge(raw string, base *splitURL) Link {
	if len(raw) > maxURL {
		return dropLink
	}
	s := cleanURL(raw)
	if s == "" || s[0] == '#' {
		return Link{Decision: Decision{Verdict: Visible}}
	}
	u := splitLenient(s, base.scheme)
	switch u.scheme {
	case "", "http", "https":
	case "mailto":
		return j.mail(u.opaque)
	case "data":
		if len(u.opaque) > 6 && strings.EqualFold(u.opaque[:6], "image/") {
			return Link{Decision: Decision{Verdict: Visible}}
		}
		return dropLink
	default:
		return j.otherScheme(u.opaque, base)
	}
	if u.broken {
		return dropLink
	}
	relative := !u.hasHost
	absolutePath := relative && strings.HasPrefix(u.path, "/")
	if relative {
		if u.path == "" {
			u.path = base.path
			if !u.hasQuery {
				u.query, u.hasQuery = base.query, base.hasQuery
			}
		}
		u.hasHost, u.host, u.port = base.hasHost, base.host, base.port
		u.scheme = base.scheme
	} else if u.scheme == "" {
		u.scheme = base.scheme
	}
	u.path = resolvePath(base.path, u.path)

	at, b := j.place(&u, base, relative, absolutePath)
	switch {
	case at == placeForeign:
		return Link{Foreign: true, Decision: Decision{Verdict: Visible, Reason: whyForeign}}
	case at == placeInternal:
		return Link{Fate: FateHide, Kind: Content, Decision: Decision{Verdict: Hidden, Reason: whyInternal}}
	case at == placeOutside:
		return Link{Fate: FateUnwrap, Decision: Decision{Verdict: Hidden, Reason: whyNoRoute}}
	}
	path := u.path[len(b.context):]
	if path == "" {
		path = "/"
	}
	l := j.route(path, u.query)
	if u.userinfo && l.Fate == FateKeep {
		return dropLink
	}
	if l.Fate == FateKeep && j.match.Leads != "" {
		return l // Postern's own page, spelled already
	}
	if l.Fate == FateKeep && u.query != "" {
		query, changed, ok := j.seal(&j.match, u.query)
		switch {
		case !ok:
			l.Fate, l.Decision = FateUnwrap, Decision{Verdict: Hidden, Reason: whyCursor}
		case changed:
			u.query, l.URL = query, withQuery(s, query)
		}
	}
	if at == placeAlias && l.Fate == FateKeep {
		l.URL = j.rebase(&u, path, relative)
		if path == "/" && !u.hasQuery && u.fragment == "" && !strings.HasSuffix(s, "/") {
			l.URL = strings.TrimSuffix(l.URL, "/") // as it was: no slash, for scripts that add a path
		}
	}
	return l
}

// otherScheme judges a URL of a scheme that goes whatever it leads to. One that
// leads to an internal host, or wraps a URL of something hidden as view-source:
// does, goes with its text.
func (j *Judge) otherScheme(opaque string, base *splitURL) Link {
	inner := opaque
	if strings.HasPrefix(strings.ReplaceAll(inner, `\`, "/"), "//") {
		inner = "https:" + inner
	}
	if s, _ := schemeOf(inner); s == "http" || s == "https" {
		if l := j.judge(inner, base); l.Fate == FateHide {
			return l
		}
	}
	return dropLink
}

// place says whose URL it is, and under which base. A path without a host may
// be written for the upstream's context path.
func (j *Judge) place(u, base *splitURL, relative, absolutePath bool) (urlPlace, *siteBase) {
	if relative && (base == &j.page || base.host == j.page.host && base.port == j.page.port) {
		own := &j.site.bases[0]
		b := own
		if absolutePath {
			b = j.site.context(u.path)
		}
		switch {
		case b == nil || !under(u.path, b.context):
			return placeOutside, nil
		case b == own || b.context == own.context:
			return placeSite, b
		}
		return placeAlias, b
	}
	return j.site.locate(u.scheme, u.host, u.port, u.path)
}

// rebase spells a URL on an alias as one on the site.
func (j *Judge) rebase(u *splitURL, path string, relative bool) string {
	var b strings.Builder
	b.Grow(len(j.site.public) + len(path) + len(u.query) + len(u.fragment) + 16)
	if !relative {
		b.WriteString(j.site.public)
	}
	b.WriteString(j.site.bases[0].context)
	b.WriteString(path)
	if u.hasQuery {
		b.WriteByte('?')
		b.WriteString(u.query)
	}
	b.WriteString(u.fragment)
	return b.String()
}

// route judges a path and query of the wiki by its route table.
func (j *Judge) route(path, query string) Link {
	t := j.profile.routes()
	j.req = Request{Method: "GET", Segments: j.req.Segments[:0], Query: j.req.Query[:0]}
	if r := t.canon.readPath(&j.req, path); r != nil {
		return j.unreadable(path, query)
	}
	if r := t.canon.readPairs(&j.req.Query, nil, query); r != nil {
		return unreadableLink
	}
	m := &j.match
	*m = Match{Subjects: m.Subjects[:0], values: m.values[:0], Deny: m.Deny[:0], out: m.out[:0]}
	refusal := t.match(m, &j.req, j.facts, true)
	if refusal != nil && len(m.Subjects) == 0 && len(path) > 1 && strings.HasSuffix(path, "/") {
		return j.unreadable(path, query) // a container may read it without its last slash
	}
	j.versions(m)
	j.leaveOut(m)
	var l Link
	list := false
	if len(m.Subjects) > 0 {
		l.Subjects = make([]Ref, len(m.Subjects))
		for i := range m.Subjects {
			l.Subjects[i] = m.Subjects[i].Ref
			list = list || m.Subjects[i].List
		}
	}
	j.beyond(&l, refusal != nil || m.unread)
	if l.Fate == FateHide {
		return l
	}
	if refusal == nil && m.Leads != "" && j.site.own != "" {
		return Link{URL: j.site.own + "/" + m.Leads, Decision: Decision{Verdict: Visible, Reason: whyOwn}}
	}
	if refusal == nil {
		l.Decision = j.view.Admit(m)
		if l.Decision.Verdict == Visible && !list {
			return l
		}
	}
	// Something hidden goes with its text, whatever else is wrong with the URL.
	j.view.subjects(m, j.view.contextSpace(m), func(s *Subject, d Decision) {
		if d.Verdict == Unknown && !d.Absent {
			j.miss(s.Ref)
		}
		if d.Verdict == Hidden && j.view.namesPerson(s, d, j.ctx) {
			l.Decision, l.Hidden = d, true // the link goes, the name of somebody visible stays
			return
		}
		if l.Fate == FateKeep && (d.Verdict == Hidden || d.Verdict == Unknown && !d.Absent && !s.Optional) {
			l.Fate, l.Kind, l.Decision = FateHide, s.Ref.Kind, d
		}
	})
	switch {
	case l.Fate == FateHide:
	case refusal != nil:
		l.Fate, l.Decision = FateUnwrap, Decision{Verdict: Hidden, Reason: whyNoRoute}
	case l.Decision.Verdict != Visible && (!l.Decision.Absent || m.IsWrite):
		l.Fate = FateUnwrap
	}
	return l
}

// unreadable judges a path that no request may have. Where it becomes readable
// once empty segments and path parameters are left out, as a servlet container
// does, and names nothing hidden then, its text stays.
func (j *Judge) unreadable(path, query string) Link {
	var b strings.Builder
	for seg := range strings.SplitSeq(path, "/") {
		if seg, _, _ = strings.Cut(seg, ";"); seg != "" {
			b.WriteByte('/')
			b.WriteString(seg)
		}
	}
	if b.Len() == 0 || b.String() == path {
		return unreadableLink
	}
	l := j.route(b.String(), query)
	if l.Fate == FateKeep {
		l.Fate, l.Decision = FateUnwrap, Decision{Verdict: Hidden, Reason: whyUnreadable}
	}
	return l
}

// leaveOut takes out of a link what the directory does not know and the profile
// says the link can do without, such as the comment to scroll to.
func (j *Judge) leaveOut(m *Match) {
	if m.route == nil || m.Class == ClassWrite || !slices.ContainsFunc(m.Subjects, func(s Subject) bool { return s.Loose }) {
		return
	}
	m.Subjects = slices.DeleteFunc(m.Subjects, func(s Subject) bool {
		if !s.Loose {
			return false
		}
		d := j.view.Entity(s.Ref, Context{Space: NoID})
		if d.Verdict != Unknown {
			return false
		}
		if !d.Absent {
			j.miss(s.Ref)
		}
		m.out = append(m.out, s.Param)
		return true
	})
}

// versions leaves the numbers of versions that the directory does not know out
// of a link that names a visible page besides, where both must be of one page:
// the number says nothing more, and a list of changes is full of them. Whoever
// asks for the link is judged by the number all the same.
func (j *Judge) versions(m *Match) {
	if !m.Agree {
		return
	}
	numbers, page := false, false
	for i := range m.Subjects {
		s := &m.Subjects[i]
		switch {
		case s.Ref.Kind != Content || s.List:
		case s.Ref.Keys[0].Attr == RevisionID:
			numbers = true
		default:
			page = true
		}
	}
	if !numbers || !page {
		return
	}
	ctx := Context{Space: NoID}
	for i := range m.Subjects {
		if s := &m.Subjects[i]; s.Ref.Kind == Content && s.Ref.Keys[0].Attr != RevisionID && j.view.Entity(s.Ref, ctx).Verdict != Visible {
			return
		}
	}
	keep := m.Subjects[:0]
	for _, s := range m.Subjects {
		if s.Ref.Kind == Content && s.Ref.Keys[0].Attr == RevisionID && !s.List {
			if d := j.view.Entity(s.Ref, ctx); d.Verdict == Unknown {
				continue
			}
		}
		keep = append(keep, s)
	}
	m.Subjects = keep
}

// namesPerson reports whether a hidden subject is a page that belongs to a
// person whom the viewer may see, and is hidden for its space alone: a link to
// it names that person, whether or not there is such a page.
func (v *View) namesPerson(s *Subject, d Decision, ctx Context) bool {
	if d.Reason != reasonSpaceUnshared && d.Reason != reasonSpaceUnnamed || len(s.Ref.Keys) != 1 || s.Ref.Keys[0].Attr != ContentTitle {
		return false
	}
	title, space, ok := v.titleOf(&s.Ref.Keys[0], ctx)
	if !ok || v.e.spaces[v.e.spaces[space].subject].follow != "user" {
		return false
	}
	u, ok := v.e.f.FindUser(UserName, firstSegment(strings.TrimSpace(title)))
	return ok && v.User(u, ctx).Verdict == Visible
}

// mail judges the addresses of a mailto: URL.
func (j *Judge) mail(opaque string) Link {
	to, query, _ := strings.Cut(opaque, "?")
	to, _, _ = strings.Cut(to, "#")
	l := Link{Decision: Decision{Verdict: Visible}}
	judge := func(list string) bool {
		list, err := url.PathUnescape(list)
		if err != nil {
			return false
		}
		for a := range strings.SplitSeq(list, ",") {
			if a = strings.TrimSpace(a); a == "" {
				continue
			}
			ref := Ref{User, []Key{{Attr: UserEmail, Value: a}}}
			l.Subjects = append(l.Subjects, ref)
			if d := j.Entity(ref); d.Verdict != Visible && !d.Absent && l.Fate == FateKeep {
				l.Fate, l.Kind, l.Decision = FateHide, User, d
			}
		}
		return true
	}
	if !judge(to) {
		return dropLink
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		switch strings.ToLower(name) {
		case "to", "cc", "bcc":
			if !judge(value) {
				return dropLink
			}
		case "", "subject", "body":
		default:
			return dropLink
		}
	}
	return l
}
