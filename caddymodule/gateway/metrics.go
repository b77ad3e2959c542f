package gateway

import "time"

// Metrics takes the gateway's counts. All labels are from closed sets; none
// carries a user, title, path or space.
type Metrics interface {
	Request(class, kind, verdict string)
	Denied(rule, reason string)
	Unclassified()
	UnknownFields(class string, n int)
	EntitiesChecked(entity, format string, n int)
	EntitiesHidden(entity, format, action string, n int)
	FailClosed(reason string)
	Tripwire(entity, zone, action string, n int)
	Rewrite(format string, d time.Duration, in, out int)
	Reload(result, digest string, at time.Time)
}

// NopMetrics counts nothing.
type NopMetrics struct{}

// The methods of NopMetrics do nothing.
func (NopMetrics) Request(string, string, string)             {}
func (NopMetrics) Denied(string, string)                      {}
func (NopMetrics) Unclassified()                              {}
func (NopMetrics) UnknownFields(string, int)                  {}
func (NopMetrics) EntitiesChecked(string, string, int)        {}
func (NopMetrics) EntitiesHidden(string, string, string, int) {}
func (NopMetrics) FailClosed(string)                          {}
func (NopMetrics) Tripwire(string, string, string, int)       {}
func (NopMetrics) Rewrite(string, time.Duration, int, int)    {}
func (NopMetrics) Reload(string, string, time.Time)           {}
