package caddymodule

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestZZR2(t *testing.T) {
	s := newRawSite(t)
	ck := s.cookie(t, "ana", "acme-demo")
	show := func(a answered) {
		fmt.Println("    ->", a.status, a.failed, a.interim, len(a.body), strings.Join(strings.Fields(a.body), " ")[:min(120, len(strings.Join(strings.Fields(a.body), " ")))])
		for _, g := range s.tap.take() {
			fmt.Printf("    UP %q\n", g.lines())
			if g.body != "" {
				fmt.Printf("    BODY %q\n", g.body)
			}
		}
	}
	b, _ := os.ReadFile("/tmp/r2.txt")
	for _, line := range strings.Split(string(b), "\n") {
		if line == "" {
			continue
		}
		fmt.Println(line)
		line = strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(line, `\r`, "\r"), `\n`, "\n"), "HOST", s.host), "COOKIE", ck)
		parts := strings.Split(line, " || ")
		body := ""
		if n := len(parts) - 1; strings.HasPrefix(parts[n], "BODY=") {
			body = parts[n][5:]
			parts = parts[:n]
		}
		show(s.send(t, s.request(parts[0], "", parts[1:]...)+body))
	}
}
