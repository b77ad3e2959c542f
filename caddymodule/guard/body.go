package guard

import (
	"context"
	"log/slog"

	"github.com/postern-gateway/postern/rules"
)

// admitBody judges what an admitted write carries. What the directory does not
// know of it is looked up in one call, and all is judged anew.
func (g *Guard) admitBody(ctx context.Context, req *rules.Request, m *rules.Match, view *rules.View, resolver Resolver, log *slog.Logger) (*rules.Match, *rules.View, rules.Decision) {
	d, unknown := g.judgeBody(m, view)
	if d.Verdict != rules.Unknown || d.Absent || resolver == nil || len(unknown) == 0 {
		return m, view, d
	}
	newer, err := resolver.Resolve(ctx, unknown)
	if err != nil {
		log.WarnContext(ctx, "look-up failed", "error", err)
	}
	if newer == nil {
		return m, view, d
	}
	again, _ := g.Profile.Match(req, newer.Facts())
	if again == nil {
		return m, newer, d
	}
	if d = newer.Admit(again); d.Verdict == rules.Visible {
		d, _ = g.judgeBody(again, newer)
	}
	return again, newer, d
}

func (g *Guard) judgeBody(m *rules.Match, view *rules.View) (rules.Decision, []rules.Ref) {
	j := rules.NewJudge(view, g.Site, nil, view.ContextOf(m))
	return j.Body(m), j.Unknown()
}
