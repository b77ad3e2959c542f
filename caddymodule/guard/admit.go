package guard

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/rules"
)

// Resolver looks up what the directory does not know yet, in one bounded call.
// It returns a view over the directory as it is afterwards, or nil when nothing
// was learnt.
type Resolver interface {
	Resolve(ctx context.Context, refs []rules.Ref) (*rules.View, error)
}

// Admission is an admitted request: what it matched and under which view.
type Admission struct {
	Match *rules.Match
	// View is the one that admitted; after a look-up, a newer one than was
	// given.
	View     *rules.View
	Decision rules.Decision
	// Leads: the request is for Postern's own page of this name, signin or
	// signout.
	Leads string
	// Empty: the request is answered with an empty body of the expected type,
	// since the wiki's own pages would else show an error.
	Empty bool
	// Upload: the request may go on to ReadUpload, and is to be admitted again
	// with what that reads.
	Upload bool
}

// Admit judges a canonical request. The refusal's status is 404 for no route,
// a closed class and hidden, unknown or missing subjects alike, 403 where only
// the role lacks the action.
func (g *Guard) Admit(ctx context.Context, req *rules.Request, view *rules.View, resolver Resolver, log *slog.Logger) (*Admission, *Refusal) {
	m, ref := g.Profile.Match(req, view.Facts())
	if m == nil {
		reason := "no route of the profile names this request"
		if ref != nil {
			if ref.Status == http.StatusBadRequest {
				return nil, fromRules(ref)
			}
			reason = ref.Reason
		}
		no := refuse(http.StatusNotFound, "no-route", "%s", reason)
		no.Route = ref
		return nil, no
	}
	if m.Leads != "" {
		return &Admission{Match: m, View: view, Leads: m.Leads}, nil
	}
	if (req.JSON != nil || req.Multipart) && !m.IsWrite {
		return &Admission{Match: m, View: view}, refuse(http.StatusNotFound, "body", "the route does not take such a body")
	}
	d := view.Admit(m)
	if unknown := unknownSubjects(m, view); d.Verdict == rules.Unknown && resolver != nil && len(unknown) > 0 {
		newer, err := resolver.Resolve(ctx, unknown)
		if err != nil {
			log.WarnContext(ctx, "look-up failed", "error", err)
		}
		if newer != nil {
			view = newer
			// Titles and aliases may resolve otherwise now.
			again, ref := g.Profile.Match(req, view.Facts())
			if again == nil {
				return &Admission{Match: m, View: view}, refuse(http.StatusNotFound, "no-route", "after a look-up: %s", ref.Reason)
			}
			m, d = again, view.Admit(again)
		}
	}
	if d.Verdict == rules.Visible && m.Body != nil && m.Body.Unread {
		return &Admission{Match: m, View: view, Decision: d, Upload: true}, nil
	}
	if d.Verdict == rules.Visible && m.Body != nil {
		m, view, d = g.admitBody(ctx, req, m, view, resolver, log)
	}
	adm := &Admission{Match: m, View: view, Decision: d}
	if d.Verdict != rules.Visible && answersEmpty(m, view) {
		adm.Empty = true
		return adm, nil
	}
	switch d.Verdict {
	case rules.Visible:
	case rules.Forbidden:
		return adm, refuse(http.StatusForbidden, ruleOf(d), "%s", reasonOf(d))
	default:
		return adm, refuse(http.StatusNotFound, ruleOf(d), "%s", reasonOf(d))
	}
	if m.Mixed == "missing" && !m.Prune(func(s *rules.Subject) bool { return listed(s, view, view.ContextOf(m)) }) {
		return adm, refuse(http.StatusNotFound, "list", "nothing is left of a list")
	}
	if ref := g.narrow(adm); ref != nil {
		return adm, ref
	}
	if ref := g.openCursors(adm); ref != nil {
		return adm, ref
	}
	return adm, nil
}

// listed says whether a member of a list goes to the wiki. What is hidden and
// what is missing are left out alike.
func listed(s *rules.Subject, view *rules.View, ctx rules.Context) bool {
	return !s.List || view.Entity(s.Ref, ctx).Verdict == rules.Visible
}

// answersEmpty says that the profile wants an empty answer in place of a
// refusal, for the route or for the condition that refused. It does so for
// hidden, missing and closed alike.
func answersEmpty(m *rules.Match, view *rules.View) bool {
	if m.Response != nil && m.Response.Empty != 0 {
		return true
	}
	deny := view.Denied(m)
	return deny != nil && deny.Answer == "empty"
}

func ruleOf(d rules.Decision) string {
	if d.Reason == nil {
		return "default"
	}
	return d.Reason.Rule
}

func reasonOf(d rules.Decision) string {
	if d.Reason == nil {
		return d.Verdict.String()
	}
	return d.Reason.Text
}

// unknownSubjects lists what a look-up could tell more about.
func unknownSubjects(m *rules.Match, view *rules.View) []rules.Ref {
	var out []rules.Ref
	for _, s := range m.Subjects {
		d := view.Entity(s.Ref, rules.Context{Space: rules.NoID})
		if d.Verdict == rules.Unknown && !d.Absent {
			out = append(out, s.Ref)
		}
	}
	return out
}

// narrow restricts lists and queries to what the viewer can see, before the
// wiki runs them. The answer is filtered all the same.
func (g *Guard) narrow(adm *Admission) *Refusal {
	names := make([]string, 0, len(adm.Match.Narrow))
	for name := range adm.Match.Narrow {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		spec := adm.Match.Narrow[name]
		var ref *Refusal
		prefix, attr, affixed := strings.Cut(strings.TrimSuffix(name, "}"), "{")
		switch {
		case spec.To == "visible" && affixed:
			ref = narrowNames(adm, prefix, attr)
		case spec.To == "visible":
			ref = narrowList(adm, name, spec)
		case spec.To == "query":
			ref = g.narrowQuery(adm, name, spec)
		default:
			ref = refuse(http.StatusNotFound, "narrow", "profile narrows %s in an unknown way", name)
		}
		if ref != nil {
			return ref
		}
	}
	return nil
}

// narrowList sets a list-of-spaces parameter to the visible spaces, or to the
// asked-for ones among them.
func narrowList(adm *Admission, name string, spec rules.NarrowSpec) *Refusal {
	sep := spec.Separator
	if sep == "" {
		sep = "|"
	}
	attr := rules.SpaceID
	if spec.And["by"] == "space.key" {
		attr = rules.SpaceKey
	}
	facts := adm.View.Facts()
	given, asked := adm.Match.Value(name)
	wanted := map[rules.ID]bool{}
	asked = asked && strings.Trim(given, sep) != "" && given != "*"
	if asked {
		if sep == "|" && strings.HasPrefix(given, "\x1f") {
			given = strings.ReplaceAll(given[1:], "\x1f", sep)
		}
		for v := range strings.SplitSeq(given, sep) {
			if id, ok := facts.FindSpace(attr, v); ok {
				wanted[id] = true
			}
		}
	}
	var values []string
	for _, id := range adm.View.VisibleSpaces() {
		if asked && !wanted[id] {
			continue
		}
		s := facts.Spaces()[id]
		v := s.ID
		if attr == rules.SpaceKey {
			v = s.Key
		}
		if v != "" {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return refuse(http.StatusNotFound, "narrow", "no visible space is left to list")
	}
	adm.Match.Restrict(name, strings.Join(values, sep))
	return nil
}

// narrowNames asks for all visible spaces where parameters such as ns12=1 name
// those to look in, and the request has none.
func narrowNames(adm *Admission, prefix, attrName string) *Refusal {
	attr, _ := rules.ParseAttr(attrName)
	facts := adm.View.Facts()
	for _, p := range adm.Match.Params {
		if rest, ok := strings.CutPrefix(p.Name, prefix); ok {
			if _, known := facts.FindSpace(attr, rest); known {
				return nil
			}
		}
	}
	visible := adm.View.VisibleSpaces()
	if len(visible) == 0 {
		return refuse(http.StatusNotFound, "narrow", "no visible space is left to list")
	}
	for _, id := range visible {
		s := facts.Spaces()[id]
		v := s.ID
		if attr == rules.SpaceKey {
			v = s.Key
		}
		if v != "" {
			adm.Match.Restrict(prefix+v, "1")
		}
	}
	return nil
}

// narrowQuery parses a query, allow-lists its fields, functions and values, and
// prints it anew with the visible spaces and-ed in.
func (g *Guard) narrowQuery(adm *Admission, name string, spec rules.NarrowSpec) *Refusal {
	given, asked := adm.Match.Value(name)
	var printed string
	var err error
	switch spec.Codec {
	case "cql":
		printed, err = narrowCQL(given, spec, adm.View)
	case "mediawiki-search":
		if !asked {
			return nil // what is looked in is narrowed by itself
		}
		printed, err = g.narrowSearch(given, spec, adm.View)
	default:
		return refuse(http.StatusNotFound, "narrow", "profile narrows by an unknown codec %q", spec.Codec)
	}
	if err != nil {
		return refuse(http.StatusNotFound, "query", "%v", err)
	}
	adm.Match.Restrict(name, printed)
	return nil
}
