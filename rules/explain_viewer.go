package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxTold bounds the steps of one sort that an explanation lists.
const maxTold = 40

// tellViewer says who looks and what he is, in the order in which a view finds
// it out: by what he is known, whether his address counts, whether he is
// suspended, and of which kind he is.
func (v *View) tellViewer() []Part {
	parts := []Part{note("viewer", "%s", v.whoText())}
	if v.viewer.Anonymous {
		return append(parts, note("kind", "anonymous: not signed in"))
	}
	if v.viewer.Email != "" {
		parts = append(parts, note("e-mail", "%s", v.mailText()))
	}
	if v.suspended != nil {
		p := part("suspended", hidden(v.suspended))
		return append(parts, p)
	}
	return append(parts, v.tellKind())
}

func (v *View) whoText() string {
	w := &v.viewer
	if w.Anonymous {
		return "anonymous"
	}
	text := firstOf(w.WikiUser, w.Email, w.Subject, "somebody")
	if w.Provider != "" {
		text += ", signed in by " + w.Provider
	}
	switch {
	case v.linked != NoID:
		text += ", linked to the wiki user " + strconv.Quote(v.e.f.Users()[v.linked].Username)
	case v.self != NoID:
		text += ", known as the wiki user " + strconv.Quote(v.e.f.Users()[v.self].Username) + " but not linked to him"
	default:
		text += ", nobody whom the wiki knows"
	}
	if len(w.Groups) > 0 {
		text += "; groups " + strings.Join(clip(w.Groups), ", ")
	}
	return text
}

func clip(list []string) []string {
	if len(list) <= maxTold {
		return list
	}
	return append(slices.Clone(list[:maxTold]), fmt.Sprintf("and %d more", len(list)-maxTold))
}

func (v *View) mailText() string {
	w := &v.viewer
	domain, ok := emailDomain(w.Email)
	switch {
	case !ok:
		return w.Email + " does not count: it is no address"
	case !w.EmailVerified:
		return w.Email + " does not count: it is not verified"
	case w.Provider == "":
		return w.Email + " does not count: no provider vouches for it"
	case !v.e.p.trustsEmail(w):
		return w.Email + " does not count: the provider " + w.Provider + " is not trusted for the domain " + domain
	}
	return w.Email + " counts: verified, by a provider that is trusted for its domain"
}

// tellKind says of which kind the viewer is, and why not of a higher one.
func (v *View) tellKind() Part {
	live, ended := 0, 0
	for _, n := range v.e.rulesOfViewer(&v.viewer, v.linked) {
		r := &v.e.rules[n]
		switch {
		case r.target == targetInternal:
			p := note("kind", "internal, by %s", r.principal.text())
			p.Rule, p.ID = sourcePtr(r.src), idInternal
			return p
		case r.target == targetSuspended:
		case r.live(v.nano):
			live++
		default:
			ended++
		}
	}
	text := "none: neither internal nor assigned to anything"
	switch {
	case live > 0:
		text = "external: assigned by " + plural(live, "live rule")
	case ended > 0:
		text = "none: his " + plural(ended, "assignment") + " ended"
	}
	p := note("kind", "%s", text)
	for i := range v.e.rules {
		r := &v.e.rules[i]
		if r.target == targetInternal && len(p.Parts) < maxTold {
			p.Parts = append(p.Parts, Part{What: whatNotInternal, Reason: v.whyNotInternal(&r.principal), Rule: sourcePtr(r.src), ID: idInternal})
		}
	}
	if len(p.Parts) == 0 {
		p.Parts = []Part{note(whatNotInternal, "the policy names no internal groups")}
	}
	return p
}

// idInternal is the rule id of what makes a person internal.
const idInternal = "internal.groups"

// whatNotInternal marks the steps that say why a viewer is not internal: the
// rules in them did not hold.
const whatNotInternal = "not internal"

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func (v *View) whyNotInternal(pr *principal) string {
	w := &v.viewer
	claims := slices.Contains(w.Groups, pr.name)
	switch {
	case claims && w.Provider != "" && pr.from(w.Provider) && !v.e.p.trustsInternal(w):
		return "he is in " + pr.text() + ", but his provider " + w.Provider + " is not marked internal"
	case pr.from(wikiSource) && v.wiki[v.e.wikiGroup(pr.name)] && !w.WikiVouches:
		return "his wiki user is in " + pr.text() + ", but the wiki itself did not vouch for him"
	case claims && w.Provider != "":
		return "his group " + pr.name + " is one of " + w.Provider + "'s, not " + pr.text()
	}
	return "he is not in " + pr.text()
}

// text names a principal as people say it.
func (pr *principal) text() string {
	switch pr.kind {
	case byGroup:
		if len(pr.sources) == 1 {
			return "group " + pr.sources[0] + "/" + pr.name
		}
		return "group " + pr.name
	case byDomain:
		return "e-mail domain " + pr.name
	case byIdentity:
		return "user " + pr.sources[0] + "/" + pr.name
	}
	return "user " + pr.name
}

// tellAssignment says what one rule assigns, whether it is live, and until when.
func (v *View) tellAssignment(what string, r *boundRule) Part {
	p := Part{What: what, State: "live", Rule: sourcePtr(r.src), ID: "space.members"}
	p.Reason = v.targetName(r.target) + ", as " + r.role.String() + ", by " + r.principal.text()
	if r.reason != nil {
		p.ID = r.reason.Rule
	}
	if r.until != forever {
		p.Until = time.Unix(0, r.until).UTC().Format(time.RFC3339)
		if r.live(v.nano) {
			p.Reason += ", until " + p.Until
		}
	}
	if !r.live(v.nano) {
		p.State = "ended"
		p.Reason += ", expired: ended " + p.Until
	}
	return p
}

func (v *View) targetName(t int32) string {
	if t >= 0 && int(t) < len(v.e.spaces) {
		return "space " + v.e.f.Spaces()[t].Key
	}
	g := -1 - t
	if t < 0 && int(g) < len(v.e.p.Pages) {
		return "page " + v.e.p.Pages[g].Content
	}
	return "nothing"
}

// assigns reports a rule that assigns to a space or a page, not one that makes
// internal or suspends.
func (r *boundRule) assigns() bool { return r.target != targetInternal && r.target != targetSuspended }

// rulesOver are the rules that assign the viewer to anything.
func (v *View) rulesOver() []*boundRule {
	if v.viewer.Anonymous {
		return nil
	}
	return v.e.assigning(v.e.rulesOfViewer(&v.viewer, v.linked))
}

// rulesOn are the rules that assign a user of the directory to anything, as
// others see it.
func (e *Engine) rulesOn(id ID) []*boundRule {
	return e.assigning(e.rulesCovering(id))
}

// rulesCovering are all rules that cover a user of the directory.
func (e *Engine) rulesCovering(id ID) []int32 {
	return e.rulesOfRecord(nil, id, &e.f.Users()[id], map[string][]int32{})
}

func (e *Engine) assigning(rules []int32) []*boundRule {
	var out []*boundRule
	for _, n := range rules {
		if r := &e.rules[n]; r.assigns() {
			out = append(out, r)
		}
	}
	return out
}

// ruleSpace is the space that a rule shares, or that of its page; NoID where the
// directory does not know it.
func (e *Engine) ruleSpace(r *boundRule) ID {
	switch t := r.target; {
	case t >= 0 && int(t) < len(e.spaces):
		return ID(t)
	case t < 0 && int(-1-t) < len(e.grants) && e.grants[-1-t].page != NoID:
		return e.contents[e.grants[-1-t].page].space
	}
	return NoID
}

// tellAssignments lists the rules that assign the viewer to a space or to a page
// of it, live or not; with NoID all that there are.
func (v *View) tellAssignments(space ID) []Part {
	var parts []Part
	for _, r := range v.rulesOver() {
		if at := v.e.ruleSpace(r); space != NoID && (at == NoID || v.e.spaces[at].subject != v.e.spaces[space].subject) {
			continue
		}
		if len(parts) == maxTold {
			break
		}
		parts = append(parts, v.tellAssignment("assignment of the viewer", r))
	}
	if len(parts) == 0 && !v.viewer.Anonymous {
		where := "anything"
		if space != NoID {
			where = "the space " + v.e.f.Spaces()[space].Key + " or a page of it"
		}
		parts = append(parts, note("assignment of the viewer", "no rule assigns him to %s", where))
	}
	return parts
}
