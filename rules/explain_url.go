package rules

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// URLReading is how a URL was read, and what its request would come to.
type URLReading struct {
	Method string `json:"method"`
	// Canonical is path and query as they would go to the wiki before lists and
	// queries are narrowed; Form is the body. Empty where the URL has no reading.
	Canonical string `json:"canonical,omitempty"`
	Form      string `json:"form,omitempty"`
	// Route is the pattern that took it, with the profile and the line there.
	Route   string   `json:"route,omitempty"`
	Parts   []string `json:"parts,omitempty"`
	Profile *Source  `json:"profile,omitempty"`
	Class   Class    `json:"class,omitempty"`
	Action  Action   `json:"action,omitempty"`
	Space   string   `json:"space,omitempty"` // the context in which people are judged
	// Subjects are the entities that it names, as the directory resolves them.
	Subjects []URLSubject `json:"subjects,omitempty"`
	// Status is what the viewer gets: 200 stands for whatever the wiki answers.
	Status int    `json:"status,omitempty"`
	Answer string `json:"answer,omitempty"` // the status in words

	row string // of the route table: the route without its parts
}

// URLSubject is one entity that a URL names.
type URLSubject struct {
	Param   string `json:"param"`
	Kind    string `json:"kind"`
	Given   string `json:"given"`            // attribute=value, as it came
	Entity  string `json:"entity,omitempty"` // key, name or id in the directory; empty: not known
	Verdict string `json:"verdict"`
	Reason  string `json:"reason"`
}

// readURL reads the question's URL as the guard would: strictly, a refusal
// being an answer.
func (a *ask) readURL() error {
	p := a.v.e.p.Profile
	if p == nil {
		return errors.New("no profile is loaded to read the URL by")
	}
	method, raw, notes, err := splitTarget(a.q.URL, a.q.Method)
	if err != nil {
		return fmt.Errorf("url: %w", err)
	}
	a.q.Method, a.notes = method, notes
	path, query, _ := strings.Cut(raw, "?")
	req, err := p.ReadTarget(path, query)
	if err != nil {
		if !errors.As(err, &a.refused) {
			a.refused = badRequest(err.Error())
		}
		return nil
	}
	req.Method = a.q.Method
	a.match, a.refused = p.Match(req, a.v.e.f)
	if a.match != nil && a.q.Action != "" && a.q.Action != ActView {
		a.match.Action = a.q.Action
	}
	return nil
}

// splitTarget takes a URL apart as it is written for a question: method, then
// what a request carries of it. Scheme, host and fragment it does not carry.
func splitTarget(s, method string) (string, string, []Part, error) {
	var notes []Part
	raw := strings.TrimSpace(s)
	if m, rest, ok := strings.Cut(raw, " "); ok && m != "" && strings.Trim(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
		if method != "" && !strings.EqualFold(method, m) {
			return "", "", nil, fmt.Errorf("the method is %s there and %s besides", m, method)
		}
		raw, method = strings.TrimSpace(rest), m
	}
	if frag := strings.IndexByte(raw, '#'); frag >= 0 {
		notes = append(notes, note("url", "what stands behind # is not sent"))
		raw = raw[:frag]
	}
	if scheme, rest, ok := strings.Cut(raw, "://"); ok && scheme != "" && !strings.ContainsAny(scheme, "/?") {
		end := strings.IndexAny(rest, "/?")
		if end < 0 {
			end = len(rest)
		}
		notes = append(notes, note("url", "the host %s is taken for the site's", rest[:end]))
		if raw = rest[end:]; !strings.HasPrefix(raw, "/") {
			raw = "/" + raw
		}
	}
	if !strings.HasPrefix(raw, "/") {
		return "", "", nil, fmt.Errorf("%q does not begin with a slash", s)
	}
	return strings.ToUpper(orDefault(method, "GET")), raw, notes, nil
}

func (a *ask) decideURL() (Decision, ID) {
	v := a.v
	switch {
	case a.refused != nil && a.refused.Status == 400:
		return hidden(&Reason{Rule: "request", Text: "the request has no single reading: " + a.refused.Reason}), NoID
	case a.refused != nil:
		return hidden(&Reason{Rule: reasonUnrouted.Rule, Text: "no route admits it: " + a.refused.Reason}), NoID
	case a.match == nil:
		return hidden(reasonUnrouted), NoID
	}
	return v.Admit(a.match), v.contextSpace(a.match)
}

// reading says how the URL was read.
func (a *ask) reading(d Decision, space ID) *URLReading {
	v, m := a.v, a.match
	u := &URLReading{Method: a.q.Method}
	if m != nil {
		u = v.e.p.Profile.reading(m)
		u.Method = a.q.Method
		if space != NoID {
			u.Space = v.e.f.Spaces()[space].Key
		}
		v.subjects(m, space, func(s *Subject, d Decision) {
			u.Subjects = append(u.Subjects, URLSubject{
				Param: s.Param, Kind: s.Ref.Kind.String(), Given: refText(&s.Ref), Entity: v.resolvedText(&s.Ref),
				Verdict: d.Verdict.String(), Reason: d.Reason.Text,
			})
		})
	}
	u.Status, u.Answer = a.status(d)
	return u
}

// reading is what a match says of the URL, whoever asks.
func (p *Profile) reading(m *Match) *URLReading {
	path, query, form := m.Upstream()
	if query != "" {
		path += "?" + query
	}
	u := &URLReading{
		Method: m.Method, Canonical: path, Form: form, Route: m.Pattern, Parts: m.Parts, Class: m.Class, Action: m.Action,
		Profile: p.routePlace(m), row: m.Pattern,
	}
	if m.route != nil {
		u.row = m.route.pattern
	}
	return u
}

// status is what the viewer would get, in the order of the design's one answer
// for hidden, blocked and missing.
func (a *ask) status(d Decision) (int, string) {
	v, m := a.v, a.match
	switch {
	case a.refused != nil && a.refused.Status == 400:
		return 400, "refused: the request has no single reading"
	case m != nil && m.Leads != "":
		return 302, "led to Postern's own page: " + m.Leads
	case d.Verdict == Visible:
		return 200, "admitted: the wiki's answer, rewritten"
	case v.viewer.Anonymous:
		return 401, "not signed in: 401, or led to sign-in where a browser navigates"
	case m != nil && m.Response != nil && m.Response.Empty != 0:
		return m.Response.Empty, "an empty answer in place of a refusal, as the profile says"
	case m != nil && v.deniesEmpty(m):
		return 200, "an empty answer in place of a refusal, as the profile says"
	case d.Verdict == Forbidden:
		return 403, "refused: visible, but the role does not allow it"
	case d.Verdict == Unknown && !d.Absent:
		return 404, "not found, unless a look-up finds it"
	}
	return 404, "not found"
}

func (v *View) deniesEmpty(m *Match) bool {
	d := v.Denied(m)
	return d != nil && d.Answer == "empty"
}

func refText(r *Ref) string {
	keys := make([]string, len(r.Keys))
	for i, k := range r.Keys {
		keys[i] = subjectText(k)
	}
	return strings.Join(keys, ", ")
}

// resolvedText names the entity that a reference comes to, by what the
// directory calls it.
func (v *View) resolvedText(ref *Ref) string {
	r := v.resolve(ref, Context{Space: NoID})
	if r.id == NoID {
		return ""
	}
	switch f := v.e.f; ref.Kind {
	case User:
		return f.Users()[r.id].Username
	case Group:
		return f.Groups()[r.id].Name
	case Space:
		return f.Spaces()[r.id].Key
	case Content:
		c := &f.Contents()[r.id]
		return c.ID + " " + strconv.Quote(c.Title) + " in " + c.Space
	}
	return ""
}

// tellURL lists the steps that a request goes through: its route, its class and
// the policy's urls:, each subject with what leads to its verdict, and the
// profile's denials.
func (a *ask) tellURL(space ID) []Part {
	v, m := a.v, a.match
	if m == nil {
		return nil
	}
	p := note("route", "%s, class %s", m.Pattern, m.Class)
	p.Rule = v.e.p.Profile.routePlace(m)
	parts := []Part{p}
	if v.suspended != nil {
		return parts
	}
	parts = append(parts, part("class "+string(m.Class), v.classAndURLs(m, space)))
	if space != NoID {
		parts = append(parts, v.tellAssignments(space)...)
	}
	v.subjects(m, space, func(s *Subject, d Decision) {
		p := part(s.Ref.Kind.String()+" in "+s.Param, d)
		p.Parts = a.tellSubject(s)
		parts = append(parts, p)
	})
	parts = append(parts, v.tellNarrowing(m)...)
	if deny := v.Denied(m); deny != nil {
		parts = append(parts, Part{What: "denial of the profile", Verdict: Hidden.String(), Reason: reasonProfileDeny.Text, ID: reasonProfileDeny.Rule, Rule: v.e.p.Profile.routePlace(m)})
	}
	return parts
}

// tellSubject gives the steps behind the verdict on a subject that the
// directory knows.
func (a *ask) tellSubject(s *Subject) []Part {
	v := a.v
	r := v.resolve(&s.Ref, Context{Space: NoID})
	if r.id == NoID {
		return []Part{note("given", "%s: the directory knows nothing by it", refText(&s.Ref))}
	}
	switch s.Ref.Kind {
	case User:
		return []Part{v.tellPerson(r.id)}
	case Space:
		return []Part{v.tellSpaceRecord(r.id)}
	case Content:
		return v.tellContent(r.id)
	}
	return nil
}

// tellNarrowing says what would be restricted to the visible spaces before the
// wiki sees it.
func (v *View) tellNarrowing(m *Match) []Part {
	var parts []Part
	for _, name := range sortedKeys(m.Narrow) {
		var keys []string
		for _, id := range v.VisibleSpaces() {
			keys = append(keys, v.e.f.Spaces()[id].Key)
		}
		slices.Sort(keys)
		to := "no space at all: nothing to find"
		if len(keys) > 0 {
			to = "the visible spaces: " + strings.Join(clip(keys), ", ")
		}
		if spec := m.Narrow[name]; spec.To == "query" && len(spec.And) == 0 {
			parts = append(parts, note("narrowing", "%s is printed anew with the operators that the profile lists; it finds nothing if it names something hidden or missing", name))
			continue
		}
		parts = append(parts, note("narrowing", "%s is restricted to %s", name, to))
	}
	return parts
}

// routePlace is where the profile writes the route that took a request.
func (p *Profile) routePlace(m *Match) *Source {
	if p == nil || m.Line == 0 {
		return nil
	}
	return &Source{File: orDefault(m.File, p.Name), Line: m.Line}
}
