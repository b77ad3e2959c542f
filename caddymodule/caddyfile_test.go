package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/postern-gateway/postern/caddymodule"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestAdapt adapts each testdata/adapt/*.caddyfiletest: a Caddyfile, a line of
// dashes, and the JSON that it makes or the error that it gives.
func TestAdapt(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../testdata/adapt/*.caddyfiletest")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, ok := strings.Cut(string(data), "\n----------\n")
			if !ok {
				t.Fatal("no line of dashes")
			}
			got := adapt([]byte(input))
			if *update {
				if err := os.WriteFile(file, []byte(input+"\n----------\n"+got), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func adapt(input []byte) string {
	out, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt(input, map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return err.Error() + "\n"
	}
	var b bytes.Buffer
	if err := json.Indent(&b, out, "", "\t"); err != nil {
		return err.Error() + "\n"
	}
	for _, w := range warnings {
		b.WriteString("\nwarning: " + w.Message)
	}
	return b.String() + "\n"
}
