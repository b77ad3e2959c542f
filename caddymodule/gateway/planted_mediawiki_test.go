package gateway_test

import (
	"bytes"
	"net/url"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/rules"
)

// plantedTitles are the worlds of a wiki whose spaces are namespaces and whose
// people are known by their names.
var plantedTitles = []planted{
	{
		name: "first", known: true, user: "Zelda Quimbly", key: "901", who: "Zelda Quimbly",
		space: "Humancanary Board", spaceID: "3006", home: "90001", page: "90002", title: "Salaryx bands", label: "90003", labelTitle: "Secretx labelled", comment: "990001",
	},
	{
		name: "other letters", known: true, user: "Bartholomäus Ng-O'Özdemir", key: "7", who: "Bartholomäus Ng-O'Özdemir",
		space: "Überrat & Größenwahn", spaceID: "3998", home: "81", page: "8123456", title: "Q3/Q4 R&D 100% \"Mergerx+\" für Überläufer", label: "5500", labelTitle: "Überx Größe/Teil 1", comment: "17",
	},
	{
		name: "ordinary words", known: true, common: true, user: "Will Page", key: "3456", who: "Will Page",
		space: "Notes", spaceID: "3100", home: "77001", page: "77002", title: "Budget", label: "77003", labelTitle: "Minutes", comment: "770009",
	},
}

// plantedTitle is what a template of that wiki must come through with.
var plantedTitle = planted{
	name: "visible", user: "Bo Bright", key: "11", who: "Bo Bright",
	space: "ACME Portal", spaceID: "3000", home: "39", page: "40", title: "Interface", label: "40", labelTitle: "Interface", comment: "217",
}

const plantedTitlesPolicy = `
version: 1
wiki: mediawiki
providers: {idp: {domains: [acme.example]}}
internal: {groups: []}
spaces:
  ACME Portal: {members: [{email_domain: acme.example}, {user: Bo Bright}], hide: {labels: [Internal only]}}
`

// titles serves the worlds of plantedTitles.
func (p *planted) titles(t testing.TB, observe func(gateway.Event)) *gateway.Gateway {
	t.Helper()
	profile, err := rules.LoadProfile("mediawiki")
	if err != nil {
		t.Fatal(err)
	}
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(plantedTitlesPolicy)}, profile)
	if err != nil {
		t.Fatal(err)
	}
	space := func(key, id string) rules.SpaceRecord {
		return rules.SpaceRecord{Key: key, ID: id, Name: key, Type: "namespace", Aliases: []string{key}}
	}
	page := func(id, in, title string, labels ...string) rules.ContentRecord {
		return rules.ContentRecord{ID: id, Type: "page", Space: in, Title: title, Labels: labels}
	}
	dir, err := directory.New(directory.Config{Profile: profile, Seed: rules.Directory{
		Users: []rules.UserRecord{{Username: "Eva", Key: "10", Email: "eva@acme.example"}, {Username: "Bo Bright", Key: "11"}, {Username: p.user, Key: p.key}},
		Spaces: []rules.SpaceRecord{
			{Key: "Special", ID: "-1", Name: "Special", Type: "namespace"},
			{Key: "(Main)", ID: "0", Type: "namespace"},
			space("User", "2"), space("User talk", "3"),
			space("Category", "14"), space("ACME Portal", "3000"), space("ACME Portal talk", "3001"), space(p.space, p.spaceID),
		},
		Content: []rules.ContentRecord{
			page("39", "ACME Portal", "Home"), page("40", "ACME Portal", "Interface"), page(p.label, "ACME Portal", p.labelTitle, "Internal only"),
			page(p.home, p.space, "Home"), page(p.page, p.space, p.title),
		},
		Aliases: []rules.AliasRecord{{ID: "215", Of: "39", Kind: "revision"}, {ID: p.comment, Of: p.page, Kind: "revision"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	gw, err := gateway.New(gateway.Config{
		Site: &url.URL{Scheme: "https", Host: "site.example"}, Wiki: &url.URL{Scheme: "http", Host: "wiki.example"},
		Policy: policy, Directory: dir, Observe: observe, HeldLimit: 4 << 20, Key: bytes.Repeat([]byte("k"), 32),
		As: &rules.Viewer{Provider: "idp", Subject: "eva", Email: "eva@acme.example", EmailVerified: true, WikiUser: "Eva"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return gw
}
