package gateway

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/postern-gateway/postern/rules"
)

// deny puts the request on the list of denials if it was denied.
func (x *exchange) deny(e Event) {
	switch e.Verdict {
	case "denied", "fail-closed", "empty":
	default:
		return
	}
	why := x.why(e)
	key := deniedKey{why.Pattern, e.Kind, e.Rule, why.Reason, e.Status}
	owner := viewKey{x.viewer.Provider, x.viewer.Subject, ""}
	x.g.denied.add(key, owner, x.referrer(), x.g.cfg.Now(), func() Denied {
		why.Kind, why.Status, why.Rule = e.Kind, e.Status, e.Rule
		return why
	})
}

// why says what was denied, for which reason, and what would decide otherwise.
// Every word of it is the profile's, the policy's or ours.
func (x *exchange) why(e Event) Denied {
	if x.adm != nil && x.adm.Match != nil {
		return x.routedWhy(e)
	}
	if x.req == nil {
		return Denied{Pattern: "{unread}", Reason: reasonText(e.Rule), Change: "none: no rule can let it through"}
	}
	outline := x.state.outlines().Of(x.req)
	route := x.refusal
	if route == nil || route.Route == nil || route.Route.Pattern == "" {
		d := Denied{Pattern: outline.String(), Reason: reasonText(e.Rule)}
		if e.Rule == "no-route" {
			if d.Change = x.state.outlines().Overlay(outline); d.Change == "" {
				d.Change = "none: no route can name it"
			}
		}
		return d
	}
	return x.routeWhy(route.Route)
}

// routeWhy is why for a request whose path has a route that does not take it.
func (x *exchange) routeWhy(r *rules.Refusal) Denied {
	d := Denied{Pattern: r.Pattern, Decides: place(r.File, r.Line), Change: "an entry of its own at the route"}
	why := strings.TrimPrefix(r.Reason, "parameter "+r.Param+": ") // holds no value: rules.Refusal
	if r.Param == "" {
		d.Reason = "the route does not take it: " + why
		return d
	}
	outlines := x.state.outlines()
	name := outlines.Param(r.Param)
	d.Reason = "parameter " + name + ": " + why
	if name == "{param}" {
		name = "NAME"
	}
	if d.Change = outlines.Extend(r, name); d.Change == "" {
		d.Change = fmt.Sprintf("params: {%q: TYPE} at the route, where TYPE takes the value (drop leaves it out on the way to the wiki)", name)
	}
	return d
}

// routedWhy is why for a request that has a route.
func (x *exchange) routedWhy(e Event) Denied {
	m := x.adm.Match
	at := place(m.File, m.Line)
	d := Denied{Pattern: m.Pattern, Class: string(m.Class), Reason: reasonText(e.Rule), Decides: at}
	rule := e.Rule
	if e.Verdict == "empty" {
		d.Reason = "answered empty, as the profile says for what is closed or hidden here"
		if r := x.adm.Decision.Reason; r != nil {
			rule = r.Rule
		}
	}
	if r := x.adm.Decision.Reason; r != nil && r.Source.File != "" {
		d.Decides = place(r.Source.File, r.Source.Line)
	}
	switch rule {
	case "class":
		d.Decides, d.Change = at, x.classChange(m)
	case "urls.block":
		d.Change = "except_roles at the rule, or the rule taken out"
	case "fail-closed":
		d.Reason = "answer withheld: " + failReason(e.Reason)
	}
	return d
}

// classChange is the line of the policy that would open the class, where there
// can be one.
func (x *exchange) classChange(m *rules.Match) string {
	kind := x.view.Kind()
	if !rules.MayOpen(m.Class, kind) {
		return fmt.Sprintf("none: class %s never opens to this kind of viewer (%s)", m.Class, kind)
	}
	line := m.AllowLine()
	if line == "" {
		return "none: a policy has no pattern for this route"
	}
	return "urls: {allow: [" + line + "]}"
}

// reasonText is the text of a rule of the guard's or the gateway's. Of the
// policy's and the profile's own reasons only the kind is told.
func reasonText(rule string) string {
	if text, ok := reasonTexts[rule]; ok {
		return text
	}
	return "something that it names is hidden or missing"
}

var reasonTexts = map[string]string{
	"no-route":       "no route of the profile names it",
	"host":           "for another host than the site's",
	"target":         "not a plain path",
	"canon":          "no single reading",
	"limit":          "over a limit on requests",
	"context-path":   "outside the site's context path",
	"body":           "the route takes no such body",
	"origin":         "an unsafe request that another site may have caused",
	"identity":       "the wiki can't be told who the viewer is",
	"query":          "the query asks for what the profile does not allow",
	"narrow":         "nothing visible is left to ask for",
	"list":           "nothing visible is left of a list",
	"cursor":         "where the list goes on is not what this viewer was given",
	"answer":         "the answer is hidden, missing, or not what was asked for",
	"withdrawn":      "not admitted any more when the answer came",
	"class":          "the class of URL is closed to this kind of viewer",
	"urls.block":     "a rule of the policy blocks it",
	"route.deny":     "the profile denies it",
	"role":           "the viewer's role does not allow the action",
	"write.closed":   "the profile does not say what this write may carry",
	"write.identity": "the wiki does not know the viewer, so nothing is written for him",
	"write.apart":    "what is written to is in several spaces",
	"body.unread":    "the body is none that the route takes",
	"body.markup":    "the source in the body has no single reading",
	"body.macro":     "the source calls what the profile does not name",
	"source":         "the source names something that the viewer may not see",
	"conflict":       "the wiki did not take the change",
	"revision":       "the source is another version than the one that the viewer changes",
	"suspended":      "the viewer is suspended",
	"agree":          "its parameters name different pages",
	"unknown":        "something that it names is unknown, and so hidden",
	"fail-closed":    "answer withheld",
}

// referrer is the route of the page that the request came from.
func (x *exchange) referrer() string {
	raw := x.r.Header.Get("Referer")
	if raw == "" || len(raw) > 8<<10 {
		return ""
	}
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	req := x.state.guard.Link(u)
	if req == nil {
		return "outside"
	}
	m, refusal := x.state.policy.Profile.Match(req, x.state.facts)
	switch {
	case refusal == nil:
		return m.Pattern
	case refusal.Pattern != "":
		return refusal.Pattern
	}
	return x.state.outlines().Of(req).String()
}
