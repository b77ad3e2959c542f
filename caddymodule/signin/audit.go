package signin

import (
	"context"
	"log/slog"
)

// audit writes one event of who came, who went and who was not let in, in ECS
// field names. No token, code, cookie or address is in it, and nothing in the
// words of a provider or client but the subject of somebody who was verified.
func (rp *RP) audit(ctx context.Context, action string, ok bool, provider string, attrs ...slog.Attr) {
	if rp.cfg.Audit == nil || !rp.cfg.Audit.Enabled(ctx, slog.LevelInfo) {
		return
	}
	outcome := "failure"
	if ok {
		outcome = "success"
	}
	all := append([]slog.Attr{
		slog.String("event.action", action), slog.String("event.outcome", outcome), slog.String("postern.provider", provider),
	}, attrs...)
	rp.cfg.Audit.LogAttrs(ctx, slog.LevelInfo, "session", all...)
}

// auditUser names a viewer as the events of decisions do.
func auditUser(provider, subject string) slog.Attr {
	return slog.String("user.id", provider+"/"+subject)
}

func auditReason(f *failure) slog.Attr { return slog.String("event.reason", f.result+": "+f.reason) }
