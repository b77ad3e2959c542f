package gateway

import (
	"log/slog"
	"strings"
	"time"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// Event is what is told of one request. It names nothing that was hidden:
// routes are patterns, and titles, queries, cookies and bodies are left out.
type Event struct {
	Route    string        // the route's pattern, or empty
	Class    string        // the route's class, or none
	Kind     string        // the viewer's kind
	Verdict  string        // visible, denied, challenge, empty, own, fail-closed, cut
	Rule     string        // closed set
	Reason   string        // for the admin
	Source   rules.Source  // the rule's place, if a rule file decided
	Status   int           // the status that the client got
	Incident string        // beside a 502
	Duration time.Duration // in all
	Format   string        // html, json, …; empty if nothing was rewritten
	Report   edit.Report   // what was judged and hidden in the answer
	Tripwire int           // hits of the last scan
}

// Edits counts what was hidden in the answer, by entity.
func (e Event) Edits() map[string]int {
	edits := map[string]int{}
	for kind, actions := range e.Report.Hidden {
		for _, n := range actions {
			if n > 0 {
				edits[rules.EntityKind(kind).String()] += n
			}
		}
	}
	return edits
}

func (x *exchange) event() Event {
	e := Event{
		Class: "none", Kind: rules.Anonymous.String(), Verdict: x.verdict, Rule: x.rule, Reason: x.reason,
		Status: x.status, Incident: x.incident, Duration: x.g.cfg.Now().Sub(x.start),
	}
	if x.adm != nil && x.adm.Match != nil {
		e.Route, e.Class = x.adm.Match.Pattern, string(x.adm.Match.Class)
		if r := x.adm.Decision.Reason; r != nil {
			e.Source = r.Source
		}
	}
	if x.view != nil {
		e.Kind = x.view.Kind().String()
	}
	if x.report != nil {
		e.Format, e.Report, e.Tripwire = x.report.Format, x.report.Report, len(x.report.Tripwire)
	}
	return e
}

// count tells the metrics.
func (x *exchange) count(e Event) {
	m := x.g.cfg.Metrics
	m.Request(e.Class, e.Kind, e.Verdict)
	if e.Verdict == "denied" {
		m.Denied(e.Rule, itoa(e.Status))
		if e.Rule == "no-route" {
			m.Unclassified()
		}
	}
	if x.report == nil {
		return
	}
	if e.Report.UnknownFields > 0 {
		m.UnknownFields(e.Class, e.Report.UnknownFields)
	}
	for kind, n := range e.Report.Checked {
		if n > 0 {
			m.EntitiesChecked(rules.EntityKind(kind).String(), e.Format, n)
		}
	}
	for kind, actions := range e.Report.Hidden {
		for action, n := range actions {
			if n > 0 {
				m.EntitiesHidden(rules.EntityKind(kind).String(), e.Format, edit.Action(action).String(), n)
			}
		}
	}
	for _, hit := range x.report.Tripwire {
		action := "reported"
		if hit.Cut {
			action = "cut"
		}
		m.Tripwire(hit.Kind.String(), hit.Zone, action, 1)
	}
}

// audit writes the request's one event, in ECS field names.
func (x *exchange) audit(e Event) {
	attrs := []slog.Attr{
		slog.String("event.action", "decision"),
		slog.String("event.outcome", outcome(e.Status)),
		slog.Duration("event.duration", e.Duration),
		slog.String("http.request.method", x.r.Method),
		slog.Int("http.response.status_code", e.Status),
		slog.String("trace.id", traceID(x.r.Header.Get("traceparent"))),
		slog.String("postern.route", e.Route),
		slog.String("postern.class", e.Class),
		slog.String("postern.viewer.kind", e.Kind),
		slog.String("postern.verdict", e.Verdict),
		slog.String("postern.policy.digest", x.state.policy.Digest()),
		slog.String("rule.id", e.Rule),
	}
	if e.Source.File != "" {
		attrs = append(attrs, slog.String("rule.reference", e.Source.File), slog.Int("rule.line", e.Source.Line))
	}
	if e.Reason != "" {
		attrs = append(attrs, slog.String("event.reason", e.Reason))
	}
	if e.Incident != "" {
		attrs = append(attrs, slog.String("postern.incident", e.Incident))
	}
	if x.session != nil {
		attrs = append(attrs, slog.String("postern.session", x.session.ID), slog.String("user.id", x.viewer.Provider+"/"+x.viewer.Subject))
	}
	if x.view != nil {
		attrs = append(attrs, slog.Uint64("postern.directory.generation", x.view.Facts().Generation()))
	}
	if edits := e.Edits(); len(edits) > 0 {
		attrs = append(attrs, slog.Any("postern.edits", edits))
	}
	if e.Tripwire > 0 {
		attrs = append(attrs, slog.Int("postern.tripwire", e.Tripwire))
	}
	x.g.cfg.Audit.LogAttrs(x.ctx, slog.LevelInfo, "request", attrs...)
}

func outcome(status int) string {
	if status < 400 {
		return "success"
	}
	return "failure"
}

// traceID takes the trace id out of a traceparent (W3C Trace Context), if it
// is one.
func traceID(v string) string {
	parts := strings.Split(v, "-")
	if len(parts) < 4 || len(parts[1]) != 32 || strings.Trim(parts[1], "0123456789abcdef") != "" {
		return ""
	}
	return parts[1]
}
