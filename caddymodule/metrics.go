package caddymodule

import (
	"errors"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/caddymodule/signin"
)

// metrics are the process's collectors: made once, so that counters survive
// reloads, and registered on each configuration's own registry. Labels come
// from closed sets only.
type metrics struct {
	requests, denied, checked, hidden, failClosed, tripwire, bytes, signins, idpErrors, unknownFields, reloads, storeErrors *prometheus.CounterVec
	unclassified                                                                                                            prometheus.Counter
	duration                                                                                                                *prometheus.HistogramVec
	policyInfo                                                                                                              *prometheus.GaugeVec
	lastReload, sessions                                                                                                    prometheus.Gauge
	live                                                                                                                    liveGauges
}

var processMetrics = newMetrics()

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "postern", Name: name, Help: help}, labels)
	}
	m := &metrics{
		requests:      counter("requests_total", "Requests answered, by route class, viewer kind and verdict.", "class", "kind", "verdict"),
		denied:        counter("denied_total", "Requests refused, by rule and status.", "rule", "reason"),
		checked:       counter("entities_checked_total", "Entities in responses that were judged.", "entity", "format"),
		hidden:        counter("entities_hidden_total", "Entities in responses that were hidden, by what was done.", "entity", "format", "action"),
		failClosed:    counter("fail_closed_total", "Answers withheld because they could not be read safely.", "reason"),
		tripwire:      counter("tripwire_hits_total", "Hidden names found after rewriting, by zone and what was done.", "entity", "zone", "action"),
		bytes:         counter("rewrite_bytes_total", "Bytes read from the wiki and sent after rewriting.", "format", "direction"),
		signins:       counter("signins_total", "Sign-ins finished, by provider and result.", "provider", "result"),
		idpErrors:     counter("idp_errors_total", "Failed calls to a provider.", "provider", "call"),
		unknownFields: counter("unknown_fields_total", "JSON fields dropped because the profile does not name them.", "class"),
		storeErrors:   counter("store_errors_total", "Failed operations of the store.", "op"),
		reloads:       counter("policy_reloads_total", "Loads of the rule files, by result.", "result"),
		unclassified: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "postern", Name: "unclassified_requests_total", Help: "Requests that no route of the profile names.",
		}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "postern", Name: "rewrite_duration_seconds", Help: "Time to rewrite one response.", Buckets: prometheus.ExponentialBuckets(0.0001, 4, 8),
		}, []string{"format"}),
		policyInfo: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "postern", Name: "policy_info", Help: "1 for the policy in force, by digest.",
		}, []string{"digest"}),
		lastReload: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "postern", Name: "policy_last_reload_timestamp_seconds", Help: "When the rule files were last loaded.",
		}),
		sessions: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "postern", Name: "sessions", Help: "Sessions that have not ended.",
		}),
	}
	m.live.describe()
	return m
}

// registerMetrics puts the collectors on a configuration's registry; two sites
// in one configuration share them.
func registerMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := processMetrics
	for _, c := range []prometheus.Collector{
		m.requests, m.denied, m.checked, m.hidden, m.failClosed, m.tripwire, m.bytes, m.signins, m.idpErrors,
		m.unknownFields, m.reloads, m.storeErrors, m.unclassified, m.duration, m.policyInfo, m.lastReload, m.sessions, &m.live,
	} {
		var already prometheus.AlreadyRegisteredError
		if err := reg.Register(c); err != nil && !errors.As(err, &already) {
			return nil, err //nolint:wrapcheck // wrapped by the caller
		}
	}
	return m, nil
}

// Request implements gateway.Metrics, as do the methods below.
func (m *metrics) Request(class, kind, verdict string) {
	m.requests.WithLabelValues(class, kind, verdict).Inc()
}

// Denied counts a refusal.
func (m *metrics) Denied(rule, reason string) { m.denied.WithLabelValues(rule, reason).Inc() }

// Unclassified counts a request without a route.
func (m *metrics) Unclassified() { m.unclassified.Inc() }

// UnknownFields counts dropped JSON fields.
func (m *metrics) UnknownFields(class string, n int) {
	m.unknownFields.WithLabelValues(class).Add(float64(n))
}

// EntitiesChecked counts judged entities.
func (m *metrics) EntitiesChecked(entity, format string, n int) {
	m.checked.WithLabelValues(entity, format).Add(float64(n))
}

// EntitiesHidden counts hidden entities.
func (m *metrics) EntitiesHidden(entity, format, action string, n int) {
	m.hidden.WithLabelValues(entity, format, action).Add(float64(n))
}

// FailClosed counts a withheld answer.
func (m *metrics) FailClosed(reason string) { m.failClosed.WithLabelValues(reason).Inc() }

// Tripwire counts hits after the edits.
func (m *metrics) Tripwire(entity, zone, action string, n int) {
	m.tripwire.WithLabelValues(entity, zone, action).Add(float64(n))
}

// Rewrite counts one rewritten response.
func (m *metrics) Rewrite(format string, d time.Duration, in, out int) {
	m.duration.WithLabelValues(format).Observe(d.Seconds())
	m.bytes.WithLabelValues(format, "in").Add(float64(in))
	m.bytes.WithLabelValues(format, "out").Add(float64(out))
}

// Reload records a load of the rule files.
func (m *metrics) Reload(result, digest string, at time.Time) {
	m.reloads.WithLabelValues(result).Inc()
	if result == "success" {
		m.policyInfo.Reset()
		m.policyInfo.WithLabelValues(digest).Set(1)
		m.lastReload.Set(float64(at.Unix()))
	}
}

// storeError counts a failed operation of the store.
func (m *metrics) storeError(op string) { m.storeErrors.WithLabelValues(op).Inc() }

// SignIn implements signin.Metrics.
func (m *metrics) SignIn(provider, result string) {
	m.signins.WithLabelValues(provider, result).Inc()
}

// Sessions implements signin.Metrics.
func (m *metrics) Sessions(n int) { m.sessions.Set(float64(n)) }

// IDPError implements signin.Metrics.
func (m *metrics) IDPError(provider, call string) {
	m.idpErrors.WithLabelValues(provider, call).Inc()
}

// watch makes the gauges read the configuration that has just started.
func (m *metrics) watch(gw *gateway.Gateway, dir *directory.Directory) {
	m.live.source.Store(&liveSource{gw, dir})
}

type liveSource struct {
	gw  *gateway.Gateway
	dir *directory.Directory
}

// liveGauges are read off the running gateway when they are scraped.
type liveGauges struct {
	source                                                           atomic.Pointer[liveSource]
	build, held, entities, generation, lastSync, syncErrors, lookups *prometheus.Desc
}

func (l *liveGauges) describe() {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("postern_"+name, help, labels, nil)
	}
	l.build = desc("build_info", "1, with the version of the build.", "version")
	l.held = desc("held_bytes", "Bytes of responses held for rewriting at the moment.")
	l.entities = desc("directory_entities", "Entities that the directory knows.", "entity")
	l.generation = desc("directory_generation", "Number of the directory's generation.")
	l.lastSync = desc("directory_last_sync_timestamp_seconds", "When the last sync ended well.")
	l.syncErrors = desc("directory_sync_errors_total", "Failed syncs, by reason.", "reason")
	l.lookups = desc("directory_lookups_total", "Look-ups of what the directory did not know.", "entity", "result")
}

// Describe implements prometheus.Collector.
func (l *liveGauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{l.build, l.held, l.entities, l.generation, l.lastSync, l.syncErrors, l.lookups} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (l *liveGauges) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(l.build, 1, buildVersion())
	src := l.source.Load()
	if src == nil {
		return
	}
	gauge(l.held, float64(src.gw.Held.Load()))
	s := src.dir.Stats()
	for entity, n := range entities(s) {
		gauge(l.entities, float64(n), entity)
	}
	gauge(l.generation, float64(s.Generation))
	if !s.LastSync.IsZero() {
		gauge(l.lastSync, float64(s.LastSync.Unix()))
	}
	for reason, n := range s.SyncErrors {
		ch <- prometheus.MustNewConstMetric(l.syncErrors, prometheus.CounterValue, float64(n), reason)
	}
	for k, n := range s.Lookups {
		ch <- prometheus.MustNewConstMetric(l.lookups, prometheus.CounterValue, float64(n), k.Kind.String(), k.Result)
	}
}

// entities counts what the directory knows, by entity.
func entities(s directory.Stats) map[string]int {
	return map[string]int{"user": s.Users, "group": s.Groups, "space": s.Spaces, "content": s.Content}
}

func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if info.Main.Path == "github.com/postern-gateway/postern" {
		return info.Main.Version
	}
	for _, d := range info.Deps {
		if d.Path == "github.com/postern-gateway/postern" {
			return d.Version
		}
	}
	return "unknown"
}

var (
	_ gateway.Metrics      = (*metrics)(nil)
	_ signin.Metrics       = (*metrics)(nil)
	_ prometheus.Collector = (*liveGauges)(nil)
)
