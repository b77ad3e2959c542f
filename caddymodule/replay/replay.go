// Package replay runs recorded traffic through the code that serves. An admin
// records his own browser's session as a HAR file, replays it as a partner, and
// sees what that partner would have got. There are no look-ups: what the
// directory file does not know is hidden.
//
// Start reading at Run.
package replay

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/rules"
)

// MaxHAR is the size of the largest HAR file that is read, in bytes.
const MaxHAR = 512 << 20

// Config says as whom, and under what, to replay.
type Config struct {
	Policy    *rules.Policy
	Directory *directory.Directory
	Viewer    rules.Viewer
	// Base is the wiki's address in the recording; nil: the origin of the
	// first entry.
	Base     *url.URL
	Identity map[rules.ViewerKind]gateway.Identity
}

// entry is the part of a HAR 1.2 entry that is read.
type entry struct {
	Request struct {
		Method   string
		URL      string
		Headers  []pair
		PostData *struct {
			MimeType, Text string
			Params         []pair
		}
	}
	Response struct {
		Status  int
		Headers []pair
		Content struct {
			MimeType, Text, Encoding string
		}
	}
}

type pair struct{ Name, Value string }

// outcome is what is added to each entry as _postern.
type outcome struct {
	Route    string         `json:"route"`
	Verdict  string         `json:"verdict"`
	Reason   string         `json:"reason"`
	Edits    map[string]int `json:"edits"`
	Tripwire int            `json:"tripwire"`
}

// Run reads a HAR file and writes it with every response as the viewer would
// have got it.
func Run(in io.Reader, out io.Writer, conf Config) error {
	har, err := io.ReadAll(io.LimitReader(in, MaxHAR+1))
	if err != nil {
		return fmt.Errorf("reading the HAR file: %w", err)
	}
	if len(har) > MaxHAR {
		return fmt.Errorf("the HAR file is over %d bytes", MaxHAR)
	}
	har = bytes.TrimPrefix(har, []byte("\xef\xbb\xbf"))
	if !gjson.ValidBytes(har) {
		return errors.New("the file is not JSON")
	}
	entries := gjson.GetBytes(har, "log.entries")
	if !entries.IsArray() {
		return errors.New("the file has no log.entries: not a HAR file")
	}
	list := entries.Array()
	if conf.Base == nil && len(list) > 0 {
		u, err := url.Parse(list[0].Get("request.url").String())
		if err != nil || u.Host == "" {
			return errors.New("the first entry has no absolute URL; give the wiki's address with --base")
		}
		conf.Base = &url.URL{Scheme: u.Scheme, Host: u.Host}
	}
	var event gateway.Event
	gw, err := gateway.New(gateway.Config{
		Site: conf.Base, Wiki: conf.Base, Policy: conf.Policy, Directory: conf.Directory, Identity: conf.Identity,
		As: &conf.Viewer, Observe: func(e gateway.Event) { event = e },
	})
	if err != nil {
		return fmt.Errorf("setting up the gateway: %w", err)
	}
	parts := make([]json.RawMessage, len(list))
	for i, raw := range list {
		event = gateway.Event{}
		if parts[i], err = one(gw, raw.Raw, &event); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
	}
	joined, err := json.Marshal(parts)
	if err != nil {
		return fmt.Errorf("joining the entries: %w", err)
	}
	har, err = sjson.SetRawBytes(har, "log.entries", joined)
	if err != nil {
		return fmt.Errorf("writing the entries: %w", err)
	}
	_, err = out.Write(append(har, '\n'))
	return err //nolint:wrapcheck // the writer is the caller's
}

func one(gw *gateway.Gateway, raw string, event *gateway.Event) (json.RawMessage, error) {
	var e entry
	if err := json.Unmarshal([]byte(raw), &e); err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	rec := httptest.NewRecorder()
	req, err := request(e)
	if err != nil {
		// What net/http can't read has no single reading.
		rec.WriteHeader(http.StatusBadRequest)
		event.Verdict, event.Reason = "denied", err.Error()
	} else {
		body, err := content(e)
		if err != nil {
			return nil, err
		}
		if err := gw.ServeHTTP(rec, req, respond(e, body)); err != nil {
			return nil, fmt.Errorf("replaying: %w", err)
		}
		if req.Method == http.MethodHead {
			rec.Body.Reset() // which net/http leaves out
		}
	}
	if event.Verdict == "" {
		event.Verdict = "own"
	}
	return rebuild(raw, rec, event)
}

// request makes the recorded request. Conditionals and ranges stay out: the
// recorded body is what is replayed.
func request(e entry) (*http.Request, error) {
	u, err := url.Parse(e.Request.URL)
	if err != nil {
		return nil, fmt.Errorf("reading the URL: %w", err)
	}
	u.Fragment, u.RawFragment = "", ""
	var body io.Reader
	contentType := ""
	if p := e.Request.PostData; p != nil {
		text := p.Text
		if text == "" && len(p.Params) > 0 {
			form := make([]string, len(p.Params))
			for i, kv := range p.Params {
				form[i] = url.QueryEscape(kv.Name) + "=" + url.QueryEscape(kv.Value)
			}
			text = strings.Join(form, "&")
		}
		body, contentType = strings.NewReader(text), p.MimeType
	}
	req, err := http.NewRequest(e.Request.Method, u.String(), body) //nolint:noctx // nothing is sent
	if err != nil {
		return nil, fmt.Errorf("making the request: %w", err)
	}
	for _, h := range e.Request.Headers {
		switch name := http.CanonicalHeaderKey(h.Name); {
		case strings.HasPrefix(h.Name, ":"), name == "Host", name == "Content-Length", name == "If-None-Match", name == "If-Modified-Since", name == "Range":
		default:
			req.Header.Add(name, h.Value)
		}
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return req, nil
}

func content(e entry) ([]byte, error) {
	if e.Response.Content.Encoding != "base64" {
		return []byte(e.Response.Content.Text), nil
	}
	body, err := base64.StdEncoding.DecodeString(e.Response.Content.Text)
	if err != nil {
		return nil, fmt.Errorf("decoding the body: %w", err)
	}
	return body, nil
}

// respond plays the wiki's part. HAR bodies are decoded already, so the coding
// and the length of the wire are left out.
func respond(e entry, body []byte) gateway.Next {
	return func(w http.ResponseWriter, _ *http.Request) error {
		for _, h := range e.Response.Headers {
			switch name := http.CanonicalHeaderKey(h.Name); {
			case strings.HasPrefix(h.Name, ":"), name == "Content-Encoding", name == "Content-Length", name == "Transfer-Encoding":
			default:
				w.Header().Add(name, h.Value)
			}
		}
		if w.Header().Get("Content-Type") == "" && e.Response.Content.MimeType != "" {
			w.Header().Set("Content-Type", e.Response.Content.MimeType)
		}
		status := e.Response.Status
		if status < 200 || status > 599 {
			status = http.StatusBadGateway // blocked or never answered in the recording
		}
		w.WriteHeader(status)
		_, err := w.Write(body)
		return err //nolint:wrapcheck // an http.Handler's convention
	}
}

// rebuild puts the answer into the entry in place of the recorded one.
func rebuild(raw string, rec *httptest.ResponseRecorder, event *gateway.Event) (json.RawMessage, error) {
	res := rec.Result()
	defer res.Body.Close()
	headers := []pair{}
	for name, values := range res.Header {
		for _, v := range values {
			headers = append(headers, pair{name, v})
		}
	}
	body := rec.Body.Bytes()
	content := map[string]any{"size": len(body), "mimeType": res.Header.Get("Content-Type")}
	if utf8.Valid(body) {
		content["text"] = string(body)
	} else {
		content["text"], content["encoding"] = base64.StdEncoding.EncodeToString(body), "base64"
	}
	edits := event.Edits()
	out := raw
	var err error
	for _, set := range []struct {
		path  string
		value any
	}{
		{"response.status", rec.Code},
		{"response.statusText", http.StatusText(rec.Code)},
		{"response.headers", lowerPairs(headers)},
		{"response.cookies", []any{}},
		{"response.redirectURL", res.Header.Get("Location")},
		{"response.bodySize", len(body)},
		{"response.content", content},
		{"_postern", outcome{event.Route, event.Verdict, event.Reason, edits, event.Tripwire}},
	} {
		if out, err = sjson.Set(out, set.path, set.value); err != nil {
			return nil, fmt.Errorf("writing %s: %w", set.path, err)
		}
	}
	return json.RawMessage(out), nil
}

// lowerPairs gives header pairs in HAR's spelling, sorted by name.
func lowerPairs(in []pair) []map[string]string {
	out := make([]map[string]string, len(in))
	for i, p := range in {
		out[i] = map[string]string{"name": p.Name, "value": p.Value}
	}
	sortPairs(out)
	return out
}

func sortPairs(p []map[string]string) {
	slices.SortFunc(p, func(a, b map[string]string) int { return strings.Compare(a["name"], b["name"]) })
}
