package rules

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync/atomic"
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
	why       *memberReasons // of a member rule: what else follows from it
	internal  bool           // its principal is an internal group
}

// memberReasons are the reasons that a member rule gives besides that its space
// or page is shared with the viewer.
type memberReasons struct {
	shares, named, allows, lacks Reason
	group                        *Reason // of a group
}

func newMemberReasons(r *boundRule) *memberReasons {
	m := &memberReasons{
		shares: Reason{Rule: "users_see", Text: "viewer and user share a space", Source: r.src},
		named:  Reason{Rule: "candidate", Text: "the user is assigned to the space in question", Source: r.src},
		allows: Reason{Rule: "role", Text: reasonRoleAllows.Text, Source: r.src},
		lacks:  Reason{Rule: "role", Text: reasonRoleLacks.Text, Source: r.src},
	}
	if r.target < 0 {
		m.shares.Text = "viewer and user hold the same page grant"
	}
	if r.principal.kind == byGroup {
		m.group = &Reason{Rule: "group.shared", Text: "the group is assigned to a space of the viewer's", Source: r.src}
	}
	return m
}

func (r *boundRule) live(now int64) bool { return now < r.until }

func (e *Engine) live(rule int32, now int64) bool { return now < e.ends[rule] }

type assignment struct{ rule, target int32 }

const (
	bitInternal uint8 = 1 << iota
	bitEver           // assigned to an extranet space at some time
	bitSuspended
	bitInactive
	bitPairGlobal // a two-way filter hides him in the global context
	bitPairSpace
	bitUnsure // perhaps assigned by what the directory does not know of him
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
	ends   []int64 // when each rule ends, by rule: a verdict looks at many

	users    []boundUser
	asgStart []int32 // len(users)+1
	asg      []assignment

	groupRules map[ID][]int32
	spaces     []boundSpace
	grants     []boundGrant
	contents   []boundContent
	anchors    []anchor
	anchorOf   map[ID]int32 // page -> index into anchors, while binding
	subtrees   []boundSubtree
	spaceKeys  map[string]ID
	missing    map[string]bool // parents that are named and not known
	plain      bool            // titles and usage decide nothing
	tail       *atomic.Int64   // how much of contents is taken, by any engine
	kids       *childIndex
	listed     int             // of contents, those that kids knows
	usedBy     map[ID][]ID     // contents of follow spaces
	labelled   map[string][]ID // contents by label, where labels are titles of a space
	reasons    []*Reason       // why contents are hidden, by index
	filters    []*Reason       // of p.Filters
	blocks     []*Reason       // of p.URLs.Block
	allows     []*Reason       // of p.URLs.Allow
	anyPublic  bool
	allMail    bool // the directory knows the address of every user
	failed     int  // conditions that failed to evaluate

	subs  *Linker
	links *linkCache
}

// WithFacts gives the engine for a later generation of the same base, without
// the work of binding it: one in which look-ups learnt only other spellings,
// that something is absent, or content that nothing referred to before. It
// reports false where more has changed, and the policy has to be bound anew.
func (e *Engine) WithFacts(f Facts) (*Engine, bool) {
	type based interface{ Base() uint64 }
	older, ok1 := e.f.(based)
	newer, ok2 := f.(based)
	if !ok1 || !ok2 || older.Base() != newer.Base() || len(e.f.Users()) != len(f.Users()) || len(e.f.Groups()) != len(f.Groups()) ||
		len(e.f.Spaces()) != len(f.Spaces()) || len(e.f.Contents()) > len(f.Contents()) {
		return nil, false
	}
	n := *e
	n.f = f
	n.links = newLinkCache()
	if len(e.f.Contents()) < len(f.Contents()) && !n.grow(e.f) {
		return nil, false
	}
	return &n, true
}

// Bind compiles a policy against a generation of facts. Names that do not
// resolve make their rule inert, never a wildcard; Policy.Check tells of them.
func Bind(p *Policy, f Facts, o Options) (*Engine, error) {
	e := &Engine{p: p, f: f, anchorOf: map[ID]int32{}, missing: map[string]bool{}, usedBy: map[ID][]ID{}, groupRules: map[ID][]int32{}, subs: &Linker{}, links: newLinkCache(), kids: &childIndex{}}
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
	e.bindWriters()
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
	r := boundRule{
		principal: m.principal, target: target, role: m.role, until: until, src: src,
		reason: &Reason{Rule: "space.members", Text: what + " is shared with the viewer by " + m.describe() + ", as " + m.role.String(), Source: src},
	}
	r.why = newMemberReasons(&r)
	e.addRule(r)
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

// FailedConditions is how many evaluations of filters failed in this
// generation, each hiding what it was about.
func (e *Engine) FailedConditions() int { return e.failed }

// Policy is what the engine was made of.
func (e *Engine) Policy() *Policy { return e.p }

// Facts is the generation that the engine was made for.
func (e *Engine) Facts() Facts { return e.f }

// Identity is the upstream identity of a kind of viewer.
func (e *Engine) Identity(k ViewerKind) UpstreamIdentity { return e.identity[min(k, Internal)] }
