package rules

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// AccessQuery selects what Access lists: one of As, Space and Group, or
// nothing for everybody.
type AccessQuery struct {
	As    string // who, as ViewerFor takes him
	Space string // any of its names
	Group string // NAME of the wiki, or SOURCE/NAME
}

// AccessRow is one line of `postern access`: that somebody may see something,
// by one rule. Its fields are the columns of the CSV form and the keys of the
// JSON form; a field that says nothing is empty, and no key is ever left out.
type AccessRow struct {
	// Person is a username; or somebody whom rules cover and the directory does
	// not know: an address, PROVIDER/SUB, "anybody of DOMAIN", "anybody of
	// PROVIDER/GROUP". In summaries it is "every internal", "every external",
	// "anybody", and "group SOURCE/NAME" for what a group is assigned to.
	Person string `json:"person"`
	// Kind is the person's: internal, external, none, anonymous.
	Kind string `json:"kind"`
	// State is empty, suspended, inactive (deactivated in the wiki), or
	// "not yet known" to the directory.
	State string `json:"state"`
	// What is space, page, wiki (an internal), member (of the group asked for),
	// hidden (what of the space asked for is), or nothing.
	What    string `json:"what"`
	Space   string `json:"space"`   // its key
	Page    string `json:"page"`    // its id, or as the rule names it if there is none
	Title   string `json:"title"`   // of the page
	Subtree bool   `json:"subtree"` // with the pages below
	// Role is what this rule gives: reader, commenter, user, manager.
	Role string `json:"role"`
	// Effective marks the rule that counts: of several, the highest.
	Effective bool `json:"effective"`
	// Rule is where it is written; null where no rule says it.
	Rule  *Source `json:"rule"`
	Until string  `json:"until"` // RFC 3339; empty: for ever
	// Why is how the rule covers the person: group, domain, user, open_to,
	// internal, suspended. By is the name that it does so by. For what is
	// hidden they are label, title, subtree, filter, restriction or status, and
	// which.
	Why string `json:"why"`
	By  string `json:"by"`
	// Sees is visible or hidden: what the view says of the space or page itself
	// all the same, as of an archived one. Note is its reason, or a remark.
	Sees string `json:"sees"`
	Note string `json:"note"`
	// Count is how many people a summary is about, or how many pages are hidden.
	Count int `json:"count"`
}

// Access lists who sees which spaces and pages at a moment, in what role, by
// which rule, until when. All live rules are listed, each by itself. People of
// the directory come first, by name, then those whom only rules know. Rows are
// made while they are asked for, person by person.
func (e *Engine) Access(q AccessQuery, now time.Time) (iter.Seq[AccessRow], error) {
	set := 0
	for _, s := range []string{q.As, q.Space, q.Group} {
		if s != "" {
			set++
		}
	}
	a := &accessList{e: e, now: now, space: NoID}
	for id := range e.spaces {
		if e.spaces[id].open != nil {
			a.opened = append(a.opened, ID(id))
		}
	}
	switch {
	case set > 1:
		return nil, errors.New("ask for one of a person, a space and a group")
	case q.As != "":
		who, err := ViewerFor(e.p, e.f, q.As)
		if err != nil {
			return nil, err
		}
		return func(yield func(AccessRow) bool) { a.person(e.name(&who, q.As), "", e.View(who, now), yield) }, nil
	case q.Group != "":
		return a.group(q.Group)
	case q.Space != "":
		id, ok := e.f.FindSpaceByAnyName(q.Space)
		if !ok {
			return nil, fmt.Errorf("the directory knows no space %q", q.Space)
		}
		a.space = e.spaces[id].subject
		return a.inSpace, nil
	}
	return func(yield func(AccessRow) bool) { a.everybody(yield) }, nil
}

// name is the viewer's username, or what he was asked for by.
func (e *Engine) name(who *Viewer, as string) string { return firstOf(who.WikiUser, as) }

// accessList makes the rows of one query.
type accessList struct {
	e     *Engine
	now   time.Time
	space ID // asked for, or NoID
	// opened are the spaces that are open to externals, or to all.
	opened []ID
	// For the summaries of a space: how many people of the directory there are
	// of each kind, and how one of them sees it.
	counts [Internal + 1]int
	sees   [Internal + 1]Decision
}

const notYetKnown = "not yet known"

// everybody gives the rows of all parties.
func (a *accessList) everybody(yield func(AccessRow) bool) bool {
	inert := a.e.inertRules()
	for _, p := range append(a.e.userParties(), a.e.otherParties()...) {
		who, ok := p.viewer(a.e.p, a.e.f)
		if !ok {
			if !a.inert(p, inert[p], yield) {
				return false
			}
			continue
		}
		state := ""
		if p.kind != partyUser && p.kind != partyAnonymous {
			state = notYetKnown
		}
		if !a.person(p.label(), state, a.e.View(who, a.now), yield) {
			return false
		}
	}
	return true
}

// person gives the rows of one viewer.
func (a *accessList) person(name, state string, v *View, yield func(AccessRow) bool) bool {
	base := AccessRow{Person: name, Kind: v.kind.String(), State: state}
	if v.suspended == nil && a.space != NoID {
		a.sees[v.kind] = v.Space(a.space)
		if state == "" {
			a.counts[v.kind]++
		}
	}
	rows := a.rows(base, v)
	if len(rows) == 0 {
		if a.space != NoID || name == anonymousName || state != "" && v.suspended == nil {
			return true // not in it, or nobody because what covered him is over
		}
		base.What, base.Note = "nothing", "neither internal nor assigned to anything"
		if v.suspended != nil {
			base.State, base.Why, base.Note, base.Rule = "suspended", "suspended", v.suspended.Text, sourceOf(v.suspended)
			if v.suspended == reasonInactiveViewer {
				base.State, base.Why = "inactive", ""
			}
		}
		rows = []AccessRow{base}
	}
	for i := range rows {
		if !yield(rows[i]) {
			return false
		}
	}
	return true
}

// rows are what a viewer sees by rules: as an internal, by assignments, and
// what is open to him.
func (a *accessList) rows(base AccessRow, v *View) []AccessRow {
	e := a.e
	if v.suspended != nil {
		return nil
	}
	var rows []AccessRow
	if !v.viewer.Anonymous {
		for _, n := range e.rulesOfViewer(&v.viewer, v.linked) {
			if row, ok := a.byRule(base, v, n); ok {
				rows = append(rows, row)
			}
		}
	}
	for _, id := range a.opened {
		if row, ok := a.open(base, v, id); ok {
			rows = append(rows, row)
		}
	}
	slices.SortStableFunc(rows, func(x, y AccessRow) int {
		return cmp.Or(
			-strings.Compare(x.What, y.What), // wiki, space, page
			strings.Compare(x.Space, y.Space), strings.Compare(x.Title, y.Title), strings.Compare(x.Page, y.Page),
			-compareBool(x.Effective, y.Effective))
	})
	return rows
}

// byRule is the row of a rule that covers the viewer; false if it is none, or
// of another space than was asked for.
func (a *accessList) byRule(base AccessRow, v *View, n int32) (AccessRow, bool) {
	e := a.e
	r := &e.rules[n]
	row, ok := a.target(base, r)
	if !ok {
		return row, false
	}
	switch t := r.target; {
	case t == targetInternal:
		row.Effective, row.Why = true, "internal"
	case t >= 0:
		row.Effective = v.held.rule(t) == n
		row.see(v.Space(ID(t)))
	default:
		row.Effective = v.held.rule(t) == n
		if page := e.grants[-1-t].page; page != NoID {
			row.see(v.Content(page))
		}
	}
	return row, true
}

// target fills in what a rule says, apart from whom it covers.
func (a *accessList) target(row AccessRow, r *boundRule) (AccessRow, bool) {
	e := a.e
	row.Rule, row.Role = sourcePtr(r.src), r.role.String()
	row.Why, row.By = r.principal.words()
	if r.until != forever {
		row.Until = time.Unix(0, r.until).UTC().Format(time.RFC3339)
	}
	switch t := r.target; {
	case t == targetSuspended || !r.live(unixNano(a.now)):
		return row, false
	case t == targetInternal:
		row.What, row.Role, row.Note = "wiki", "", e.internalNote()
		return row, a.space == NoID
	case t >= 0:
		row.What, row.Space = "space", e.f.Spaces()[t].Key
		return row, a.space == NoID || a.space == ID(t)
	default:
		g := &e.grants[-1-t]
		row.What, row.Subtree = "page", g.subtree
		if g.page == NoID {
			row.Page, row.Note = e.p.Pages[-1-t].Content, "the directory knows no such page; the rule is inert"
			return row, a.space == NoID
		}
		c := &e.f.Contents()[g.page]
		row.Space, row.Page, row.Title = c.Space, c.ID, c.Title
		return row, a.space == NoID || e.rulingSpace(g.page) == a.space
	}
}

// see notes what the view says of the thing itself.
func (r *AccessRow) see(d Decision) {
	r.Sees = "visible"
	if d.Verdict != Visible {
		r.Sees, r.Note = "hidden", d.Reason.Text
	}
}

// rulingSpace is the space whose rules hold for content, or NoID.
func (e *Engine) rulingSpace(id ID) ID {
	if s := e.contents[id].space; s != NoID {
		return e.spaces[s].subject
	}
	return NoID
}

// internalNote says what an internal sees.
func (e *Engine) internalNote() string {
	mode, what := "shared-spaces", "what the wiki shows them"
	if e.unrestricted {
		mode = "unrestricted"
	}
	if !e.identity[Internal].Own() {
		what = "the spaces that the policy names"
	}
	return "internal, mode " + mode + ": sees " + strings.Replace(what, "them", "him", 1)
}

// open is the row of a space that is open to the viewer without a rule that
// covers him.
func (a *accessList) open(base AccessRow, v *View, id ID) (AccessRow, bool) {
	s := &a.e.spaces[id]
	switch {
	case s.open == nil || a.space != NoID || v.kind == Internal:
		return base, false
	case v.kind != External && s.rule.OpenTo != "public":
		return base, false
	}
	row := base
	row.What, row.Space, row.Role = "space", a.e.f.Spaces()[id].Key, Reader.String()
	row.Rule, row.Why, row.By = sourceOf(s.open), "open_to", s.rule.OpenTo
	row.Effective = v.held.rule(int32(id)) < 0
	row.see(v.Space(id))
	return row, true
}

// inertRules gives the rules that name a wiki user or wiki group that there is not.
func (e *Engine) inertRules() map[party][]int32 {
	out := map[party][]int32{}
	var room []party
	for i := range e.rules {
		room = e.partiesOf(room[:0], &e.rules[i].principal)
		for _, p := range room {
			if p.kind == partyMissing {
				out[p] = append(out[p], int32(i))
			}
		}
	}
	return out
}

// inert gives the rows of rules that name what there is not.
func (a *accessList) inert(p party, named []int32, yield func(AccessRow) bool) bool {
	for _, n := range named {
		row, ok := a.target(AccessRow{Person: p.label(), Kind: None.String(), State: notYetKnown}, &a.e.rules[n])
		if !ok {
			continue
		}
		row.Note = "the wiki does not have it; the rule is inert"
		if !yield(row) {
			return false
		}
	}
	return true
}

// words says how a principal covers people, and its name.
func (pr *principal) words() (why, by string) {
	name := pr.name
	if len(pr.sources) == 1 {
		name = pr.sources[0] + "/" + name
	}
	switch pr.kind {
	case byGroup:
		return "group", name
	case byDomain:
		return "domain", name
	}
	return "user", name
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
