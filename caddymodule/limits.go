package caddymodule

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/dustin/go-humanize"

	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/caddymodule/limit"
)

// Limits bound what one request may carry, and how often a viewer may ask; an
// address, where nobody is signed in. What is left out has a generous default.
type Limits struct {
	// Rate is how many requests a second are answered on and on; over it 429,
	// with Retry-After. Default 1000; negative: no limit. Requests for the files
	// of a page's dress count as well: a page with nothing in the browser's cache
	// is about sixty.
	Rate float64 `json:"rate,omitempty"`
	// Burst is how many are answered before the rate counts. Default 60000.
	Burst int `json:"burst,omitempty"`
	// Concurrent is how many are in work at the same time; over it 429. Default
	// 1024; negative: no limit.
	Concurrent int `json:"concurrent,omitempty"`
	// Body is the most bytes of a request's body; over it 413. Default 1 MiB.
	Body int64 `json:"body,omitempty"`
	// Upload is the most bytes of an upload; over it 413. Default 10 MiB, 100 MiB
	// is the most. Uploads are held in memory, 128 MiB of them at once; over that
	// 429.
	Upload int64 `json:"upload,omitempty"`
	// Target is the most bytes of path and query; over it 414. Default 8 KiB,
	// which is the most.
	Target int `json:"target,omitempty"`
	// HeaderFields is the most header fields; over it 431. Default 128.
	HeaderFields int `json:"header_fields,omitempty"`
	// Parameters is the most parameters in a query, over it 414, and in a form,
	// over it 413. Default 200; 256 is the most.
	Parameters int `json:"parameters,omitempty"`
}

// The bounds that the reader of requests has of its own (rules.ReadTarget).
const (
	mostBody       = 1 << 20
	mostUpload     = 100 << 20
	mostTarget     = 8 << 10
	mostParameters = 256
	mostFields     = 10_000
	mostBurst      = 1 << 30
)

func (l *Limits) check() error {
	if l == nil {
		return nil
	}
	for _, n := range []struct {
		name       string
		have, most int64
	}{
		{"body", l.Body, mostBody},
		{"upload", l.Upload, mostUpload},
		{"target", int64(l.Target), mostTarget},
		{"header_fields", int64(l.HeaderFields), mostFields},
		{"parameters", int64(l.Parameters), mostParameters},
		{"burst", int64(l.Burst), mostBurst},
		{"concurrent", int64(max(l.Concurrent, 0)), mostBurst},
	} {
		if n.have < 0 || n.have > n.most {
			return fmt.Errorf("limits %s: want a number from 1 to %d, not %d", n.name, n.most, n.have)
		}
	}
	if math.IsNaN(l.Rate) || math.IsInf(l.Rate, 0) {
		return errors.New("limits rate: want a number of requests a second")
	}
	if l.Rate < 0 && l.Burst > 0 {
		return errors.New("limits burst: means nothing while rate is off")
	}
	return nil
}

func (l *Limits) requests() guard.Limits {
	if l == nil {
		return guard.Limits{}
	}
	return guard.Limits{Target: l.Target, Body: l.Body, Fields: l.HeaderFields, Params: l.Parameters, Upload: l.Upload}
}

func (l *Limits) often() *limit.Config {
	if l == nil {
		return new(limit.Config)
	}
	return &limit.Config{Rate: l.Rate, Burst: l.Burst, Concurrent: l.Concurrent}
}

// clientAddress is the client's as Caddy knows it: the peer's, or what a proxy
// says that the server's trusted_proxies name.
func clientAddress(r *http.Request) string {
	if addr, ok := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string); ok {
		return addr
	}
	return r.RemoteAddr
}

// parse reads the block of the Caddyfile.
func (l *Limits) parse(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	seen := map[string]bool{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		if seen[name] {
			return d.Errf("limits %s stands here a second time", name)
		}
		seen[name] = true
		var s string
		if err := one(d, &s); err != nil {
			return err
		}
		var err error
		switch name {
		case "rate":
			l.Rate, err = parseRate(s)
		case "burst":
			l.Burst, err = parseCount(s)
		case "concurrent":
			if l.Concurrent = -1; s != "off" {
				l.Concurrent, err = parseCount(s)
			}
		case "body":
			l.Body, err = parseBytes(s)
		case "upload":
			l.Upload, err = parseBytes(s)
		case "target":
			var n int64
			n, err = parseBytes(s)
			l.Target = int(n)
		case "header_fields":
			l.HeaderFields, err = parseCount(s)
		case "parameters":
			l.Parameters, err = parseCount(s)
		default:
			return d.Errf("unknown option %q of limits; known: rate, burst, concurrent, body, upload, target, header_fields, parameters", name)
		}
		if err != nil {
			return d.Errf("limits %s: %v", name, err)
		}
	}
	if len(seen) == 0 {
		return d.Err("limits is empty")
	}
	return nil
}

var errRate = errors.New("want a rate such as 50/s or 600/m, or off")

// parseRate reads requests per second, minute or hour.
func parseRate(s string) (float64, error) {
	if s == "off" {
		return -1, nil
	}
	number, unit, ok := strings.Cut(s, "/")
	n, err := strconv.ParseFloat(number, 64)
	per, known := map[string]float64{"s": 1, "m": 60, "h": 3600}[unit]
	if !ok || err != nil || !known || !(n > 0) || n > mostBurst {
		return 0, errRate
	}
	return n / per, nil
}

func parseCount(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a number from 1 on", s)
	}
	return n, nil
}

func parseBytes(s string) (int64, error) {
	n, err := humanize.ParseBytes(s)
	if err != nil || n == 0 || n > 1<<30 {
		return 0, fmt.Errorf("%q is not a size such as 1MiB", s)
	}
	return int64(n), nil
}
