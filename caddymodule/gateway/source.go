package gateway

import (
	"net/http"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/postern-gateway/postern/caddymodule/capture"
	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/rules"
)

// Nobody writes away what he can't see: before the wiki is asked to change
// something, it is asked for the source as it stands, in the viewer's name. If
// that names anything that the viewer may not see, the change is refused, and so
// is the form to make it with.

// editable refuses a write whose source the viewer does not see wholly, or that
// changes another version than the one looked at.
func (x *exchange) editable(gd *guard.Guard, id guard.Identity, next Next) *guard.Refusal {
	src := x.adm.Match.Source()
	if src == nil {
		return nil
	}
	out, err := capture.Run(nowhere{}, gd.Ask(x.r, src.Path, src.Query, id), capture.Config{
		Limit: x.g.cfg.HeldLimit, Held: &x.g.Held, Cut: x.revoked,
		Decide: func(status int, h http.Header) (capture.Mode, http.Header) {
			x.took(status, h)
			return capture.Hold, nil
		},
	}, next)
	if out == nil {
		x.g.cfg.Log.WarnContext(x.ctx, "the wiki was not asked for a source", "error", err)
		return unseen("the wiki could not be asked for the source")
	}
	defer out.Release()
	text, ok := gjson.Result{}, false
	switch {
	case err != nil || out.Err != nil:
		return unseen("the wiki's answer with the source broke off")
	case out.Status != http.StatusOK || formatOf(out.Header) != "json" || !gjson.ValidBytes(out.Body):
		return unseen("the wiki does not give the source")
	default:
		text = gjson.GetBytes(out.Body, src.At)
		ok = text.Type == gjson.String
	}
	switch {
	case !ok && src.Missing != "" && !text.Exists() && gjson.GetBytes(out.Body, src.Missing).Type == gjson.True:
		return nil
	case !ok:
		return unseen("the wiki's answer holds no source")
	case src.Revision != "" && src.Names != "" && !sameRevision(gjson.GetBytes(out.Body, src.Revision), src.Ahead, src.Names):
		return &guard.Refusal{Status: http.StatusConflict, Rule: "revision", Reason: "the source is another version than the one that the viewer changes"}
	}
	if d := x.judgeSource(src.Codec, text.Str); d.Verdict != rules.Visible {
		return &guard.Refusal{Status: http.StatusForbidden, Rule: "source", Reason: "the source names something that the viewer may not see"}
	}
	return nil
}

// unseen refuses a write of what could not be looked at.
func unseen(why string) *guard.Refusal {
	return &guard.Refusal{Status: http.StatusNotFound, Rule: "source", Reason: why}
}

func sameRevision(have gjson.Result, ahead int, named string) bool {
	return have.Type == gjson.Number && strconv.FormatInt(have.Int()+int64(ahead), 10) == named
}

// judgeSource judges all that a source names, with one look-up of what is not
// known yet.
func (x *exchange) judgeSource(codec, text string) rules.Decision {
	judge := func(v *rules.View) (rules.Decision, []rules.Ref) {
		j := rules.NewJudge(v, x.g.site, nil, v.ContextOf(x.adm.Match))
		return j.Source(x.adm.Match, codec, []byte(text)), j.Unknown()
	}
	d, unknown := judge(x.view)
	if d.Verdict != rules.Unknown || d.Absent || len(unknown) == 0 {
		return d
	}
	newer, err := x.resolver().Resolve(x.ctx, unknown)
	if err != nil {
		x.g.cfg.Log.WarnContext(x.ctx, "look-up failed", "error", err)
	}
	if newer == nil {
		return d
	}
	d, _ = judge(newer)
	return d
}
