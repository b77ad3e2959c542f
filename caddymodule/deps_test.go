package caddymodule_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/postern-gateway/postern/"

// allowed is the design's package table: which of our packages each may
// import. A package that is not here may import none of ours.
var allowed = map[string][]string{
	"rules":                           {"rules/codec/*"},
	"caddymodule/cursor":              {},
	"caddymodule/capture":             {},
	"caddymodule/store":               {},
	"caddymodule/limit":               {},
	"caddymodule/pages":               {},
	"caddymodule/watch":               {},
	"caddymodule/upstream":            {"rules"},
	"caddymodule/wikisession":         {"rules", "caddymodule/upstream"},
	"caddymodule/directory":           {"rules", "rules/codec/*", "caddymodule/upstream", "caddymodule/store"},
	"caddymodule/guard":               {"caddymodule/cursor", "rules", "rules/codec/*"},
	"caddymodule/rewrite/edit":        {"rules"},
	"caddymodule/rewrite/textscan":    {"rules", "caddymodule/rewrite/edit"},
	"caddymodule/rewrite/jsonrewrite": {"rules", "rules/codec/*", "caddymodule/rewrite/edit"},
	"caddymodule/rewrite/htmlrewrite": {"rules", "rules/codec/*", "caddymodule/rewrite/edit"},
	"caddymodule/rewrite/xmlrewrite":  {"rules", "rules/codec/*", "caddymodule/rewrite/edit"},
	"caddymodule/rewrite":             {"rules", "rules/codec/*", "caddymodule/rewrite/*"},
	"caddymodule/signin":              {"caddymodule/pages", "rules"},
	"caddymodule/gateway":             {"caddymodule/cursor", "rules", "caddymodule/capture", "caddymodule/directory", "caddymodule/guard", "caddymodule/limit", "caddymodule/pages", "caddymodule/rewrite", "caddymodule/rewrite/edit", "caddymodule/signin", "caddymodule/wikisession"},
	"caddymodule/replay":              {"rules", "caddymodule/directory", "caddymodule/gateway"},
	"caddymodule/wikitest":            {"rules", "rules/codec/*", "rules/examples"},
	"caddymodule/idptest":             {},
	"caddymodule/e2e/mwtest":          {},
	"caddymodule":                     {"rules", "caddymodule/*"},
	"cmd/postern":                     {"caddymodule"},
}

// hostOnly are the modules that only the glue may import, directly.
var hostOnly = []string{"github.com/caddyserver/", "go.uber.org/zap", "github.com/prometheus/", "github.com/spf13/cobra"}

// TestDependencies holds the arrows of the design's package table.
func TestDependencies(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{join .Imports ","}}`, module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		path, imports, _ := strings.Cut(strings.TrimSpace(line), ":")
		pkg := strings.TrimPrefix(path, module)
		may := allowed[pkg]
		if strings.HasPrefix(pkg, "rules/codec/") {
			may = []string{}
		}
		seen++
		for imp := range strings.SplitSeq(imports, ",") {
			if ours, ok := strings.CutPrefix(imp, module); ok && !permitted(may, ours) {
				t.Errorf("%s must not import %s", pkg, ours)
			}
			if pkg == "rules" && (imp == "net/http" || imp == "os/exec") {
				t.Errorf("rules must not import %s", imp)
			}
			if pkg == "caddymodule" || strings.HasPrefix(pkg, "cmd/") {
				continue
			}
			for _, h := range hostOnly {
				if strings.HasPrefix(imp, h) {
					t.Errorf("%s imports %s; only the glue may", pkg, imp)
				}
			}
		}
	}
	if seen < len(allowed) {
		t.Errorf("go list showed %d packages, the table has %d", seen, len(allowed))
	}
}

func permitted(may []string, imp string) bool {
	return slices.ContainsFunc(may, func(m string) bool {
		prefix, wild := strings.CutSuffix(m, "*")
		return m == imp || wild && strings.HasPrefix(imp, prefix)
	})
}
