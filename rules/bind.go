package rules

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// UpstreamIdentity says how a kind of viewer is known to the wiki.
type UpstreamIdentity string

// The upstream identities. Under header and passthrough the viewer is himself
// to the wiki (his own identity); under anonymous and service the policy alone
// decides.
const (
	IdentityAnonymous   UpstreamIdentity = "anonymous"
	IdentityService     UpstreamIdentity = "service"
	IdentityHeader      UpstreamIdentity = "header"
	IdentityPassthrough UpstreamIdentity = "passthrough"
)

// Own reports whether the wiki knows who looks.
func (u UpstreamIdentity) Own() bool { return u == IdentityHeader || u == IdentityPassthrough }

// Options is what the engine needs to know of the gateway's configuration.
type Options struct {
	// Identity is the upstream identity of each kind of viewer. Left out:
	// header for internals, service for everybody else.
	Identity map[ViewerKind]UpstreamIdentity
	// Providers names the configured providers. More than one, and a policy
	// without a providers block is refused.
	Providers []string
}

// ErrUnsafeIdentity is returned by Bind where internals would see everything
// that a shared account sees.
var ErrUnsafeIdentity = errors.New("internal mode unrestricted under a shared upstream identity (say unsafe_service_identity: true, or mode: shared-spaces)")

// Targets of a bound rule below and beyond the ids of spaces.
const (
	targetInternal  int32 = math.MaxInt32
	targetSuspended int32 = math.MaxInt32 - 1
	maxSpaceTarget  int32 = math.MaxInt32 - 2
)

func grantTarget(g int) int32 { return int32(-1 - g) }

const forever = math.MaxInt64

// boundRule is one line that assigns people: to a space, a page grant, the
// internals, or the suspended.
type boundRule struct {
	principal principal
	target    int32
	role      Role
	until     int64 // Unix nanoseconds at which it ends
	src       Source
	reason    *Reason
	internal  bool // its principal is an internal group
}

func (r *boundRule) live(now int64) bool { return now < r.until }

type assignment struct{ rule, target int32 }

const (
	bitInternal uint8 = 1 << iota
	bitEver           // assigned to an extranet space at some time
	bitSuspended
	bitInactive
	bitPairGlobal // a two-way filter hides him in the global context
	bitPairSpace
)

type boundUser struct {
	bits                      uint8
	filterGlobal, filterSpace int16 // index of the first filter that hides him, or -1
}

// Engine is a policy compiled against one generation of facts. It is immutable
// and safe for use by many goroutines; View gives each viewer his answers.
type Engine struct {
	p        *Policy
	f        Facts
	identity [Internal + 1]UpstreamIdentity
	// unrestricted is internal.mode as it holds under the upstream identity.
	unrestricted bool

	rules  []boundRule
	byWiki map[string][]int32 // wiki group -> rules, nested groups included
	byIdP  map[string][]int32 // provider group's bare name -> rules
	byMail map[string][]int32 // address, or domain
	byUser map[ID][]int32
	bySub  map[string][]int32 // PROVIDER/SUB
	outer  map[string][]string
	untils []int64 // sorted, of all rules

	users    []boundUser
	asgStart []int32 // len(users)+1
	asg      []assignment

	groupRules map[ID][]int32
	spaces     []boundSpace
	grants     []boundGrant
	contents   []boundContent
	anchors    map[ID]*anchor
	usedBy     map[ID][]ID     // contents of follow spaces
	labelled   map[string][]ID // contents by label, where labels are titles of a space
	reasons    []*Reason       // why contents are hidden, by index
	filters    []*Reason       // of p.Filters
	blocks     []*Reason       // of p.URLs.Block
	allows     []*Reason       // of p.URLs.Allow
	anyPublic  bool
	allMail    bool // the directory knows the address of every user
	failed     int  // conditions that failed to evaluate

	subs *subjects
}

// subjects maps PROVIDER/SUB to the one user who bears it; it is made when
// first asked for.
type subjects struct {
	once sync.Once
	of   map[string]ID
}

// WithFacts gives the engine for a later generation that holds the same
// records: one in which a look-up learnt only other spellings of them, or that
// something is absent. It reports false where the records differ, and the
// policy has to be bound anew.
func (e *Engine) WithFacts(f Facts) (*Engine, bool) {
	type based interface{ Base() uint64 }
	older, ok1 := e.f.(based)
	newer, ok2 := f.(based)
	if !ok1 || !ok2 || older.Base() != newer.Base() || len(e.f.Users()) != len(f.Users()) || len(e.f.Groups()) != len(f.Groups()) ||
		len(e.f.Spaces()) != len(f.Spaces()) || len(e.f.Contents()) != len(f.Contents()) {
		return nil, false
	}
	n := *e
	n.f = f
	return &n, true
}

// Bind compiles a policy against a generation of facts. Names that do not
// resolve make their rule inert, never a wildcard; Policy.Check tells of them.
func Bind(p *Policy, f Facts, o Options) (*Engine, error) {
	e := &Engine{p: p, f: f, anchors: map[ID]*anchor{}, usedBy: map[ID][]ID{}, groupRules: map[ID][]int32{}, subs: &subjects{}}
	e.identity = [...]UpstreamIdentity{Anonymous: IdentityService, None: IdentityService, External: IdentityService, Internal: IdentityHeader}
	for k, id := range o.Identity {
		switch id {
		case IdentityAnonymous, IdentityService, IdentityHeader, IdentityPassthrough:
		default:
			return nil, fmt.Errorf("binding the policy: %q is no upstream identity", id)
		}
		if k > Internal {
			return nil, fmt.Errorf("binding the policy: %d is no kind of viewer", k)
		}
		e.identity[k] = id
	}
	e.unrestricted = p.Internal.Mode == "unrestricted"
	if e.unrestricted && !e.identity[Internal].Own() && !p.UnsafeServiceIdentity {
		if p.modeByPreset {
			e.unrestricted = false // what a preset means must not widen what a shared account shows
		} else if len(p.Internal.Groups) > 0 && e.identity[Internal] == IdentityService {
			return nil, fmt.Errorf("binding the policy: %w", ErrUnsafeIdentity)
		}
	}
	if len(p.Internal.Groups) > 0 && p.Internal.Unrouted == "pass" && !e.identity[Internal].Own() {
		return nil, errors.New("binding the policy: internal unrouted: pass needs an upstream identity of the viewer's own")
	}
	if len(o.Providers) > 1 && len(p.Providers) == 0 {
		return nil, errors.New("binding the policy: several providers are configured, so the policy needs a providers block")
	}
	for i := range p.Filters {
		fl := &p.Filters[i]
		e.filters = append(e.filters, &Reason{
			Rule: "filter", Text: "the filter " + strconv.Quote(fl.Name) + " hides it",
			Source: Source{File: fl.File, Line: fl.Pos.Line, Col: fl.Pos.Col},
		})
	}
	for i := range p.URLs.Block {
		e.blocks = append(e.blocks, p.URLs.Block[i].reason("urls.block", "the policy blocks this URL"))
	}
	for i := range p.URLs.Allow {
		e.allows = append(e.allows, p.URLs.Allow[i].reason("urls.allow", "the policy allows this URL"))
	}
	var errs Errors
	e.bindSpaces(&errs)
	e.bindGrants()
	for _, g := range p.Internal.Groups {
		if pr, err := p.parseGroup(g.Name); err == nil {
			e.addRule(boundRule{principal: pr, target: targetInternal, until: forever, src: Source{File: g.File, Line: g.Pos.Line, Col: g.Pos.Col}})
		}
	}
	for i := range p.Suspended {
		m := &p.Suspended[i]
		src := Source{File: m.File, Line: m.Pos.Line, Col: m.Pos.Col}
		e.addRule(boundRule{
			principal: m.principal, target: targetSuspended, until: forever, src: src,
			reason: &Reason{Rule: "suspended", Text: reasonSuspended.Text, Source: src},
		})
	}
	e.index()
	e.bindUsers()
	e.bindContents()
	if err := errs.err(); err != nil {
		return nil, err
	}
	return e, nil
}

func (u *URLRule) reason(rule, text string) *Reason {
	return &Reason{Rule: rule, Text: text, Source: Source{File: u.File, Line: u.Pos.Line, Col: u.Pos.Col}}
}

func (e *Engine) addRule(r boundRule) { e.rules = append(e.rules, r) }

func (e *Engine) addMember(m *Member, target int32, what string) {
	until := int64(forever)
	if !m.until.IsZero() {
		until = unixNano(m.until)
	}
	src := Source{File: m.File, Line: m.Pos.Line, Col: m.Pos.Col}
	e.addRule(boundRule{
		principal: m.principal, target: target, role: m.role, until: until, src: src,
		reason: &Reason{Rule: "space.members", Text: what + " is shared with the viewer by " + m.describe() + ", as " + m.role.String(), Source: src},
	})
}

// unixNano is UnixNano without its overflow: far futures are for ever.
func unixNano(t time.Time) int64 {
	if t.Year() > 2200 {
		return forever
	}
	if t.Year() < 1700 {
		return math.MinInt64
	}
	return t.UnixNano()
}

func (m *Member) describe() string {
	switch {
	case m.Group.Name != "":
		return "group " + strconv.Quote(m.Group.Name)
	case m.EmailDomain != "":
		return "e-mail domain " + strconv.Quote(m.EmailDomain)
	}
	return "user " + strconv.Quote(m.User.Name)
}

// index sorts the rules by what a person must have to fall under them.
func (e *Engine) index() {
	e.byWiki, e.byIdP, e.byMail, e.bySub = map[string][]int32{}, map[string][]int32{}, map[string][]int32{}, map[string][]int32{}
	e.byUser = map[ID][]int32{}
	inner := map[string][]string{}
	e.outer = map[string][]string{}
	for _, g := range e.f.Groups() {
		if g.Source != "" && g.Source != wikiSource {
			continue
		}
		for _, in := range g.Groups {
			in = e.wikiGroup(in)
			inner[g.Name] = append(inner[g.Name], in)
			e.outer[in] = append(e.outer[in], g.Name)
		}
	}
	internal := map[string]bool{}
	for i := range e.rules {
		r := &e.rules[i]
		n := int32(i)
		switch pr := &r.principal; pr.kind {
		case byGroup:
			if pr.from(wikiSource) {
				for name := range closure(e.wikiGroup(pr.name), inner) {
					e.byWiki[name] = append(e.byWiki[name], n)
				}
			}
			if pr.sources == nil || slices.ContainsFunc(pr.sources, func(s string) bool { return s != wikiSource }) {
				e.byIdP[pr.name] = append(e.byIdP[pr.name], n)
			}
			if r.target == targetInternal {
				internal[pr.key()] = true
			} else {
				e.indexGroup(n, pr)
			}
		case byDomain, byEmail:
			e.byMail[pr.name] = append(e.byMail[pr.name], n)
		case byIdentity:
			key := pr.sources[0] + "/" + pr.name
			e.bySub[key] = append(e.bySub[key], n)
		case byWikiUser:
			if id, ok := e.f.FindUser(UserName, pr.name); ok {
				e.byUser[id] = append(e.byUser[id], n)
			}
		}
		if r.until != forever {
			e.untils = append(e.untils, r.until)
		}
	}
	for i := range e.rules {
		pr := &e.rules[i].principal
		e.rules[i].internal = pr.kind == byGroup && internal[pr.key()]
	}
	slices.Sort(e.untils)
	e.untils = slices.Compact(e.untils)
}

func (pr *principal) key() string { return strings.Join(pr.sources, ",") + "/" + pr.name }

// indexGroup notes which groups of the directory the rule shares a space with.
func (e *Engine) indexGroup(rule int32, pr *principal) {
	if e.rules[rule].target == targetSuspended {
		return
	}
	for i := range e.f.Groups() {
		g := &e.f.Groups()[i]
		source := orDefault(g.Source, wikiSource)
		if g.Name == pr.name && pr.from(source) || source == wikiSource && pr.from(wikiSource) && e.wikiGroup(pr.name) == g.Name {
			e.groupRules[ID(i)] = append(e.groupRules[ID(i)], rule)
		}
	}
}

// wikiGroup gives the group's name as the wiki spells it.
func (e *Engine) wikiGroup(name string) string {
	if id, ok := e.f.FindGroup(wikiSource, name); ok {
		return e.f.Groups()[id].Name
	}
	return name
}

// closure is everything that can be reached from a name; circles are harmless.
func closure(from string, next map[string][]string) map[string]bool {
	seen := map[string]bool{from: true}
	todo := []string{from}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, m := range next[n] {
			if !seen[m] {
				seen[m] = true
				todo = append(todo, m)
			}
		}
	}
	return seen
}

// FailedConditions is how many evaluations of filters failed in this
// generation, each hiding what it was about.
func (e *Engine) FailedConditions() int { return e.failed }

// Policy is what the engine was made of.
func (e *Engine) Policy() *Policy { return e.p }

// Facts is the generation that the engine was made for.
func (e *Engine) Facts() Facts { return e.f }

// Identity is the upstream identity of a kind of viewer.
func (e *Engine) Identity(k ViewerKind) UpstreamIdentity { return e.identity[min(k, Internal)] }
