package caddymodule

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/rules"
)

// TestAdmit: policy cases G23 and G27. The second identity that says to be a
// user of the wiki is refused, and logged, unless its provider is trusted.
func TestAdmit(t *testing.T) {
	t.Parallel()
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(`
version: 1
wiki: confluence-dc
providers:
  corp: {internal: true, domains: [corp.example]}
  acme: {domains: [acme.example]}
internal: {groups: [corp/staff]}
`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	no := false
	dir, err := directory.New(directory.Config{Profile: policy.Profile, Seed: rules.Directory{Users: []rules.UserRecord{
		{Username: "zq", Email: "zq@corp.example", Identities: []string{"corp/z"}},
		{Username: "ida", Email: "ida@corp.example"},
		{Username: "bo", Email: "bo@acme.example"},
		{Username: "old", Active: &no},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		taken string
		who   rules.Viewer
		fault string
		log   string
	}{
		"nobody in the wiki":              {who: rules.Viewer{Provider: "acme", Subject: "x", Email: "x@acme.example", EmailVerified: true}},
		"deactivated":                     {who: rules.Viewer{Provider: "corp", Subject: "o", WikiUser: "old"}, fault: "deactivated"},
		"both trusted":                    {taken: "bo", who: rules.Viewer{Provider: "acme", Subject: "b2", WikiUser: "bo", Email: "bo@acme.example", EmailVerified: true}},
		"the record bears another":        {who: rules.Viewer{Provider: "acme", Subject: "m", Email: "zq@corp.example", EmailVerified: true}, fault: "another identity", log: "wiki_user=zq"},
		"the same in another spelling":    {who: rules.Viewer{Provider: "acme", Subject: "m", Email: "ZQ@CORP.example", EmailVerified: true}, fault: "another identity", log: "provider=acme"},
		"another has signed in":           {taken: "ida", who: rules.Viewer{Provider: "acme", Subject: "m", Email: "ida@corp.example", EmailVerified: true}, fault: "another identity", log: "subject=m"},
		"nobody has signed in":            {taken: "bo", who: rules.Viewer{Provider: "acme", Subject: "m", Email: "ida@corp.example", EmailVerified: true}},
		"an address that is not verified": {taken: "ida", who: rules.Viewer{Provider: "acme", Subject: "m", Email: "ida@corp.example"}},
		"the trusted one of the two":      {taken: "bo", who: rules.Viewer{Provider: "corp", Subject: "z", WikiUser: "zq", Email: "zq@corp.example", EmailVerified: true}},
	} {
		var log bytes.Buffer
		a := &App{policy: policy, links: new(links), ready: make(chan struct{}), log: slog.New(slog.NewTextHandler(&log, nil))}
		if tt.taken != "" {
			a.links.taken.Store(&map[string]struct{}{tt.taken: {}})
		}
		err := a.admit(dir)(tt.who)
		if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
			t.Errorf("%s: %v, want %q in it", name, err, tt.fault)
		}
		if got := log.String(); (tt.log == "") != (got == "") || !strings.Contains(got, tt.log) {
			t.Errorf("%s: logged %q, want %q in it", name, got, tt.log)
		}
	}
}
