package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/rules"
)

// The corpus: answers as the wiki sends them, or as somebody might make it send
// them, through the whole gateway with the profile that ships. Each section of
// testdata/corpus/*.txtar is a case: lines "key: value", an empty line, the
// body. Keys:
//
//	url      what is asked for
//	as       who asks: eva (reader of ACME), kim (of GLOBEX), ida (internal), mo (may write in ACME); default eva
//	type     the answer's type; default by the first byte
//	wrap     the name of a section of wrap.txtar that the body is put into
//	header   a header field of the answer, "Name: value"
//	upstream the answer's status; default 200
//	status   the status that is wanted; default 200
//	same     the body is to come through untouched
//	keep     a text that is to be there after decoding; gone: one that is not
//	raw      a text that is to be in the bytes
//	prose    the tripwire alone can find it, and where a partner may write it only counts
//	todo     a known gap, with its reason
//
// A section NAME.want holds the body that is wanted, byte for byte. Whatever a
// case says, no canary may be there in any decoded form.

// canaries are words that stand in hidden things alone.
var canaries = []string{
	"zelda", "quimbly", "2c9d83a16f68e1e6016f6d26ed06beef", "1114999", "salaryx", "layoffx", "payrollx", "70002001", "70002002", "70002003", "humancanary", "secretx", "70001004", "70001005", "70001006",
	"zqx", "wiki.corp.example", "hr-insiders", "fileleakx", "tokenx",
}

var globexCanaries = []string{"globexonly", "kimberx", "70003001"}

const corpusPolicy = `
version: 1
wiki: confluence-dc
providers: {idp: {internal: true, domains: [corp.example, acme.example, globex.example]}}
internal: {groups: [staff], mode: unrestricted}
extranet: {users_see: shared-space}
spaces:
  ACME:
    members:
      - {user: eva}
      - {user: ida}
      - {user: bo}
      MO
    hide: {labels: [internal-only], titles: ["Internal *"]}
  GLOBEX:
    members: [{user: kim}]
  HANDBOOK: {open_to: externals}
TRIPWIRE`

func corpusDirectory() rules.Directory {
	key := func(s string) string { return "2c9d83a16f68e1e6016f6d26ed06" + s }
	return rules.Directory{
		Users: []rules.UserRecord{
			{Username: "eva", Key: key("0001"), DisplayName: "Eva Acme", Email: "eva@acme.example", AvatarIDs: []string{"1114001"}, Active: yes},
			{Username: "bo", Key: key("0002"), DisplayName: "Bo Bright", Email: "bo@acme.example", AvatarIDs: []string{"1114002"}, Active: yes},
			{Username: "ida", Key: key("0003"), DisplayName: "Ida Inside", Email: "ida@corp.example", AvatarIDs: []string{"1114003"}, Active: yes, Groups: []string{"staff"}},
			{Username: "mo", Key: key("0004"), DisplayName: "Mo Writer", Email: "mo@acme.example", Active: yes},
			{Username: "kim", Key: key("0005"), DisplayName: "Kim Kimberx", Email: "kim@globex.example", AvatarIDs: []string{"1114005"}, Active: yes},
			{Username: "zqx", Key: key("beef"), DisplayName: "Zelda Quimbly", Email: "zelda.quimbly@corp.example", AvatarIDs: []string{"1114999"}, Active: yes, Groups: []string{"staff"}},
			{Username: "svc", Key: key("0099"), DisplayName: "Wiki Service", Email: "svc@corp.example", Active: yes},
		},
		Groups: []rules.GroupRecord{{Name: "staff", Source: "wiki"}, {Name: "hr-insiders", Source: "wiki"}},
		Spaces: []rules.SpaceRecord{
			{Key: "ACME", ID: "98305", Name: "Acme Project", Type: "global", Status: "current", Home: "70001001"},
			{Key: "HANDBOOK", ID: "98306", Name: "Partner Handbook", Type: "global", Status: "current", Home: "70004001"},
			{Key: "GLOBEX", ID: "98307", Name: "Globexonly Venture", Type: "global", Status: "current", Home: "70003001"},
			{Key: "HR", ID: "98308", Name: "Humancanary Resources", Type: "global", Status: "current", Home: "70002001"},
			{Key: "~zqx", ID: "98309", Name: "Zelda Quimbly", Type: "personal", Status: "current", Owner: "zqx", Home: "70002003"},
		},
		Content: []rules.ContentRecord{
			{ID: "70001001", Type: "page", Space: "ACME", Title: "Acme Project Home", Status: "current"},
			{ID: "70001002", Type: "page", Space: "ACME", Title: "Plan", Parent: "70001001", Status: "current"},
			{ID: "70001003", Type: "page", Space: "ACME", Title: "Meeting notes", Parent: "70001002", Status: "current"},
			{ID: "70001004", Type: "page", Space: "ACME", Title: "Internal Secretx", Parent: "70001002", Status: "current"},
			{ID: "70001005", Type: "page", Space: "ACME", Title: "Secretx Labelled", Parent: "70001002", Labels: []string{"internal-only"}, Status: "current"},
			{ID: "70001006", Type: "page", Space: "ACME", Title: "Secretx Child", Parent: "70001005", Status: "current", RestrictedTo: &rules.Restriction{Users: []string{"zqx"}}},
			{ID: "70001007", Type: "blogpost", Space: "ACME", Title: "Kick-off done", Date: "2026-03-02", Status: "current"},
			{ID: "70002001", Type: "page", Space: "HR", Title: "Humancanary Home", Status: "current"},
			{ID: "70002002", Type: "page", Space: "HR", Title: "Salaryx Bands", Parent: "70002001", Status: "current"},
			{ID: "70002003", Type: "page", Space: "~zqx", Title: "Zelda Quimbly's Home", Status: "current"},
			{ID: "70003001", Type: "page", Space: "GLOBEX", Title: "Globexonly Home", Status: "current"},
			{ID: "70004001", Type: "page", Space: "HANDBOOK", Title: "House Rules", Status: "current"},
		},
		Aliases: []rules.AliasRecord{
			{ID: "70005001", Of: "70001002", Kind: "comment"},
			{ID: "70005002", Of: "70001002", Kind: "attachment"},
			{ID: "70005003", Of: "70002002", Kind: "comment"},
			{ID: "70005004", Of: "70002002", Kind: "attachment"},
		},
	}
}

var isActive = true

// yes is for records that say they are active.
var yes = &isActive

func corpusGateway(t testing.TB, as, tripwire string, context string, observe func(gateway.Event)) *gateway.Gateway {
	t.Helper()
	profile, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	gw, err := corpusGatewayOf(profile, as, tripwire, context, observe)
	if err != nil {
		t.Fatal(err)
	}
	return gw
}

// corpusCase is one section.
type corpusCase struct {
	file, name               string
	url, as, typ, wrap, todo string
	header                   [][2]string
	upstream, status         int
	same, prose              bool
	keep, gone, raw          []string
	body, want               string
	hasWant                  bool
}

// readWrap gives a page of wrap.txtar.
func readWrap(t testing.TB, name string) string {
	t.Helper()
	a, err := txtar.ParseFile("testdata/corpus/wrap.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range a.Files {
		if s.Name == name {
			return string(s.Data)
		}
	}
	t.Fatalf("no wrap %q", name)
	return ""
}

func readCorpus(t testing.TB) []corpusCase {
	t.Helper()
	files, err := filepath.Glob("testdata/corpus/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no corpus: ", err)
	}
	var out []corpusCase
	wraps := map[string]string{}
	for _, f := range files {
		a, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(f) == "wrap.txtar" {
			for _, s := range a.Files {
				wraps[s.Name] = string(s.Data)
			}
		}
	}
	for _, f := range files {
		if filepath.Base(f) == "wrap.txtar" {
			continue
		}
		a, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range a.Files {
			if n, ok := strings.CutSuffix(s.Name, ".want"); ok {
				for i := range out {
					if out[i].name == n && out[i].file == filepath.Base(f) {
						out[i].want, out[i].hasWant = strings.TrimSuffix(string(s.Data), "\n"), true
					}
				}
				continue
			}
			c := corpusCase{file: filepath.Base(f), name: s.Name, as: "eva", upstream: 200, status: 200, url: "/display/ACME/Plan"}
			head, body, _ := strings.Cut(string(s.Data), "\n\n")
			for line := range strings.SplitSeq(head, "\n") {
				k, v, _ := strings.Cut(line, ":")
				v = strings.TrimSpace(v)
				switch k {
				case "url":
					c.url = v
				case "as":
					c.as = v
				case "type":
					c.typ = v
				case "wrap":
					c.wrap = v
				case "todo":
					c.todo = v
				case "header":
					n, val, _ := strings.Cut(v, ":")
					c.header = append(c.header, [2]string{n, strings.TrimSpace(val)})
				case "upstream":
					c.upstream, _ = strconv.Atoi(v)
				case "status":
					c.status, _ = strconv.Atoi(v)
				case "same":
					c.same = true
				case "prose":
					c.prose = true
				case "keep":
					c.keep = append(c.keep, v)
				case "gone":
					c.gone = append(c.gone, v)
				case "raw":
					c.raw = append(c.raw, v)
				case "#", "":
				default:
					t.Fatalf("%s: %s: unknown key %q", f, s.Name, k)
				}
			}
			c.body = strings.TrimSuffix(body, "\n")
			if c.wrap != "" {
				w, ok := wraps[c.wrap]
				if !ok {
					t.Fatalf("%s: %s: no wrap %q", f, s.Name, c.wrap)
				}
				before, after, _ := strings.Cut(w, "{{body}}")
				c.body = before + c.body + after
			}
			if c.typ == "" {
				switch b := strings.TrimSpace(c.body); {
				case strings.HasPrefix(b, "{") || strings.HasPrefix(b, "["):
					c.typ = "application/json"
				case strings.HasPrefix(b, "<?xml") || strings.HasPrefix(b, "<feed"):
					c.typ = "application/atom+xml;charset=UTF-8"
				default:
					c.typ = "text/html;charset=UTF-8"
				}
			}
			out = append(out, c)
		}
	}
	return out
}

// middle is what stands inside the wrap.
func middle(s string) string {
	if _, rest, ok := strings.Cut(s, `<a id="corpus-begin"></a>`); ok {
		s, _, _ = strings.Cut(rest, `<a id="corpus-end"></a>`)
	}
	return s
}

func (c *corpusCase) next() gateway.Next {
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", c.typ)
		for _, h := range c.header {
			w.Header().Add(h[0], h[1])
		}
		if c.typ == "-" {
			w.Header().Del("Content-Type")
		}
		w.WriteHeader(c.upstream)
		_, err := io.WriteString(w, c.body)
		return err
	}
}

func TestCorpus(t *testing.T) {
	tripwire := ""
	if os.Getenv("POSTERN_CORPUS_NO_TRIPWIRE") != "" { // to see what the tripwire alone finds
		tripwire = "tripwire: {structure: report, prose: report}"
	}
	cases := readCorpus(t)
	for _, c := range cases[:len(cases):len(cases)] {
		if c.same && c.as == "eva" { // and for who sees more, and who may write
			for _, as := range []string{"ida", "mo"} {
				c.as = as
				cases = append(cases, c)
			}
		}
	}
	for _, c := range cases {
		t.Run(c.file+"/"+c.name+"/"+c.as, func(t *testing.T) {
			var event gateway.Event
			gw := corpusGateway(t, c.as, tripwire, "", func(e gateway.Event) { event = e })
			w := serve(t, gw, "GET", c.url, c.next(), "Accept", "*/*")
			faults := c.faults(w, event)
			switch {
			case c.todo == "":
				for _, f := range faults {
					t.Error(f)
				}
			case len(faults) == 0:
				t.Errorf("passes although it is marked as a gap: %s", c.todo)
			}
			body := w.Body.String()
			if testing.Verbose() {
				t.Logf("body:\n%s", middle(body))
			}
		})
	}
}

// diff shows where two texts part.
func diff(want, got string) string {
	i := 0
	for i < len(want) && i < len(got) && want[i] == got[i] {
		i++
	}
	from := max(0, i-60)
	return fmt.Sprintf("want …%.200s\ngot  …%.200s", want[from:], got[from:])
}
