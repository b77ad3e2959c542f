package caddymodule

import (
	"bytes"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// send2 sends one HTTP/2 request of these fields, in this order, with trailers
// if there are some, and gives the status, or "reset".
func (s *rawSite) send2(tb testing.TB, fields, trailers [][2]string) string {
	tb.Helper()
	c, err := net.DialTimeout("tcp", s.host, 5*time.Second)
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		tb.Fatal(err)
	}
	fr := http2.NewFramer(c, c)
	if err := fr.WriteSettings(); err != nil {
		tb.Fatal(err)
	}
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	write := func(fields [][2]string, end bool) {
		block.Reset()
		for _, f := range fields {
			if err := enc.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}); err != nil {
				tb.Fatal(err)
			}
		}
		if err := fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: end}); err != nil {
			tb.Fatal(err)
		}
	}
	write(fields, len(trailers) == 0)
	if len(trailers) > 0 {
		write(trailers, true)
	}
	status := "reset"
	dec := hpack.NewDecoder(4096, func(f hpack.HeaderField) {
		if f.Name == ":status" {
			status = f.Value
		}
	})
	for {
		frame, err := fr.ReadFrame()
		if err != nil {
			return status
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				_ = fr.WriteSettingsAck()
			}
		case *http2.HeadersFrame:
			_, _ = dec.Write(f.HeaderBlockFragment())
			return status
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return status
		}
	}
}

// TestRequestsHTTP2 is TestRequests for what only HTTP/2 can say.
func TestRequestsHTTP2(t *testing.T) {
	s := newRawSite(t)
	ana := s.cookie(t, "ana", "acme-demo")
	const page = "/display/ACME/Project+Plan"
	s.send(t, s.request("GET "+page, ana))
	plain := s.tap.take()[0].lines()
	for i := range plain {
		plain[i] = strings.Replace(plain[i], "Via: 1.1", "Via: 2.0", 1)
	}
	get := func(path string, more ...[2]string) [][2]string {
		all := [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", s.host}, {":path", path}, {"cookie", ana}}
		return append(all, more...)
	}
	without := func(fields [][2]string, name string) [][2]string {
		return slices.DeleteFunc(fields, func(f [2]string) bool { return f[0] == name })
	}
	for _, tt := range []struct {
		name             string
		fields, trailers [][2]string
		status           string // "no": not 200, and the wiki sees nothing
	}{
		{name: "plain", fields: get(page), status: "200"},
		{name: "host beside authority", fields: get(page, [2]string{"host", s.host}), status: "200"},
		{name: "another host beside authority", fields: get(page, [2]string{"host", "evil.example"}), status: "no"},
		{name: "host in place of authority", fields: without(get(page, [2]string{"host", s.host}), ":authority"), status: "200"},
		{name: "no host at all", fields: without(get(page), ":authority"), status: "no"},
		{name: "two authorities", fields: append([][2]string{{":authority", "evil.example"}}, get(page)...), status: "no"},
		{name: "two paths", fields: append([][2]string{{":path", "/display/HR"}}, get(page)...), status: "no"},
		{name: "absolute path", fields: get("http://" + s.host + page), status: "no"},
		{name: "path without a slash", fields: get("display/ACME"), status: "no"},
		{name: "path with a fragment", fields: get(page + "#x"), status: "no"},
		{name: "path with a blank", fields: get("/display/ACME/Project Plan"), status: "no"},
		{name: "connection fields", fields: get(page, [2]string{"connection", "x-remote-user"}), status: "no"},
		{name: "transfer-encoding", fields: get(page, [2]string{"transfer-encoding", "chunked"}), status: "no"},
		{name: "upper-case name", fields: get(page, [2]string{"X-Remote-User", "ines"}), status: "no"},
		{name: "line feed in a value", fields: get(page, [2]string{"x-a", "b\r\nx-remote-user: ines"}), status: "no"},
		{name: "spoofed names", fields: get(page, [2]string{"x-remote-user", "ines"}, [2]string{"x_remote_user", "ines"}, [2]string{"x-forwarded-for", "1.2.3.4"}, [2]string{"forwarded", "for=x"}), status: "200"},
		{name: "cookies in pieces", fields: get(page, [2]string{"cookie", "JSESSIONID=1"}), status: "200"},
		{name: "session twice", fields: get(page, [2]string{"cookie", ana}), status: "no"},
		{name: "extended CONNECT", fields: append([][2]string{{":method", "CONNECT"}, {":protocol", "websocket"}}, get(page)[1:]...), status: "no"},
		{name: "CONNECT", fields: [][2]string{{":method", "CONNECT"}, {":authority", s.host}, {"cookie", ana}}, status: "no"},
		{name: "trailers on a GET", fields: get(page, [2]string{"trailer", "x-remote-user"}), trailers: [][2]string{{"x-remote-user", "ines"}}, status: "200"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := s.send2(t, tt.fields, tt.trailers)
			up := s.tap.take()
			if tt.status == "no" {
				if got == "200" || len(up) > 0 {
					t.Errorf("status %s, and the wiki sees %d requests", got, len(up))
				}
				return
			}
			if got != tt.status || len(up) != 1 {
				t.Fatalf("status %s, want %s; the wiki sees %d requests", got, tt.status, len(up))
			}
			if d := cmp.Diff(plain, up[0].lines()); d != "" {
				t.Errorf("what the wiki sees (-want +got):\n%s", d)
			}
		})
	}
}
