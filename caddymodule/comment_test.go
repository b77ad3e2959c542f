package caddymodule

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/wikitest"
)

// TestCommentThroughCaddy: a comment goes all the way to the wiki and back,
// under the name of who writes it; whom the wiki does not know writes nothing.
func TestCommentThroughCaddy(t *testing.T) {
	site, _ := demoServer(t)
	page := ""
	for _, p := range wikitest.DemoWorld().Pages {
		if p.Space == "HANDBOOK" && page == "" {
			page = fmt.Sprint(p.ID)
		}
	}
	post := func(user, password string) (int, string) {
		c := signIn(t, site, user, password)
		body := `{"type":"comment","container":{"id":"` + page + `"},"body":{"storage":{"value":"<p>Seen and read</p>","representation":"storage"}}}`
		req, err := http.NewRequest(http.MethodPost, site+"/rest/api/content", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	if code, body := post("ines", "internal-demo"); code != 200 || !strings.Contains(body, "Seen and read") {
		t.Errorf("an internal: %d %s", code, body)
	}
	if code, body := post("ana", "acme-demo"); code != 403 {
		t.Errorf("a partner whom the wiki does not know: %d %s", code, body)
	}
}
