package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// remember keeps what a provider says of a person for others' views. A sign-in
// does not fail for it.
func (rp *RP) remember(ctx context.Context, provider, subject string, data []byte, now time.Time) {
	if err := rp.cfg.Store.RememberClaims(ctx, ClaimsRecord{Provider: provider, Subject: subject, Claims: data, Seen: now}); err != nil {
		rp.cfg.Log.LogAttrs(ctx, slog.LevelError, "claims not remembered", slog.String("reason", err.Error()))
	}
}

// ReadClaims reads what a ClaimsRecord holds of a person.
func ReadClaims(r ClaimsRecord) (Identity, error) {
	var id Identity
	if err := json.Unmarshal(r.Claims, &id); err != nil {
		return Identity{}, fmt.Errorf("kept claims are unreadable: %w", err)
	}
	if id.Subject != r.Subject {
		return Identity{}, errors.New("kept claims are another person's")
	}
	return id, nil
}
