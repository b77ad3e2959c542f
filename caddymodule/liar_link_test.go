package caddymodule

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/idptest"
)

// linkDirectory knows addresses, which a synced one does not.
const linkDirectory = `{"spaces": [{"key": "ACME"}, {"key": "GLOBEX"}, {"key": "HANDBOOK"}], "groups": [{"name": "staff"}, {"name": "acme"}, {"name": "globex"}],
	"users": [{"username": "ines", "email": "ines@corp.example"}, {"username": "ana"}, {"username": "mia"}]}`

// TestHostileNames: which claims make somebody the wiki's user ines, told by
// what the wiki is told. Whoever is not made her, but is one of the staff, has
// no name that could be sent, and is refused.
func TestHostileNames(t *testing.T) {
	const trusted = "internal: true, domains: [corp.example]"
	named := func(name any) map[string]any { return map[string]any{"preferred_username": name, "email": nil} }
	mailed := func(address any, verified any) map[string]any {
		return map[string]any{"preferred_username": "visitor", "email": address, "email_verified": verified}
	}
	type who struct {
		claims map[string]any
		ines   bool
	}
	all := map[string]who{
		"name":                        {claims: named("ines"), ines: true},
		"name in upper case":          {claims: named("INES"), ines: true},
		"name with dotless i":         {claims: named("ınes")},
		"name with dotted I":          {claims: named("İnes")},
		"name with long s":            {claims: named("ineſ")},
		"name with a Cyrillic letter": {claims: named("inеs")},
		"name in full width":          {claims: named("ｉｎｅｓ")},
		"name with a mark":            {claims: named("ine\u0307s")},
		"name with zero width":        {claims: named("ines\u200b")},
		"name with a soft hyphen":     {claims: named("in\u00ades")},
		"name with a direction mark":  {claims: named("\u202eines")},
		"name with a blank before":    {claims: named(" ines")},
		"name with a blank behind":    {claims: named("ines ")},
		"name with a hard blank":      {claims: named("ines\u00a0")},
		"name with a NUL":             {claims: named("ines\x00")},
		"name with a break":           {claims: named("ines\r\nX-Remote-User: ines")},
		"name with a domain":          {claims: named("ines@corp.example")},
		"name with another domain":    {claims: named("CORP\\ines")},
		"name with a dot behind":      {claims: named("ines.")},
		"name in a list":              {claims: named([]string{"ines"})},
		"name an object":              {claims: named(map[string]any{"name": "ines"})},
		"name null":                   {claims: named(nil)},
		"name twice, in two cases":    {claims: map[string]any{"preferred_username": "visitor", "Preferred_Username": "ines", "email": nil}},
		"name of the wiki's own":      {claims: map[string]any{"preferred_username": "visitor", "username": "ines", "wiki_user": "ines", "email": nil}},

		"address":                                 {claims: mailed("ines@corp.example", true), ines: true},
		"address in upper case":                   {claims: mailed("INES@Corp.Example", true), ines: true},
		"address, verified a string":              {claims: mailed("ines@corp.example", "true")},
		"address, verified a number":              {claims: mailed("ines@corp.example", 1)},
		"address, verified null":                  {claims: mailed("ines@corp.example", json.RawMessage("null"))},
		"address, verified a list":                {claims: mailed("ines@corp.example", []bool{true})},
		"address, verified missing":               {claims: mailed("ines@corp.example", nil)},
		"address, verified false":                 {claims: mailed("ines@corp.example", false)},
		"address, verified in another case":       {claims: map[string]any{"preferred_username": "visitor", "email": "ines@corp.example", "email_verified": false, "EMAIL_VERIFIED": true}},
		"address with dotless i":                  {claims: mailed("ınes@corp.example", true)},
		"address with dotted I":                   {claims: mailed("İnes@corp.example", true)},
		"address with long s":                     {claims: mailed("ineſ@corp.example", true)},
		"address in full width":                   {claims: mailed("ｉｎｅｓ@corp.example", true)},
		"address with a dot behind":               {claims: mailed("ines@corp.example.", true)},
		"address with an ideographic stop":        {claims: mailed("ines@corp。example", true)},
		"address with a plus":                     {claims: mailed("ines+x@corp.example", true)},
		"address with a dot within":               {claims: mailed("i.nes@corp.example", true)},
		"address quoted":                          {claims: mailed(`"ines"@corp.example`, true)},
		"address with a comment":                  {claims: mailed("ines(x)@corp.example", true)},
		"address escaped":                         {claims: mailed(`in\es@corp.example`, true)},
		"address with two at signs":               {claims: mailed("ines@evil.example@corp.example", true)},
		"address with two at signs, other way":    {claims: mailed("ines@corp.example@evil.example", true)},
		"address with another behind":             {claims: mailed("ines@corp.example,x@evil.example", true)},
		"address with another's name":             {claims: mailed("Ines <ines@corp.example>", true)},
		"address with a blank":                    {claims: mailed("ines @corp.example", true)},
		"address with a blank behind":             {claims: mailed("ines@corp.example ", true)},
		"address with a NUL":                      {claims: mailed("ines@corp.example\x00@evil.example", true)},
		"address with a break":                    {claims: mailed("ines@corp.example\n", true)},
		"address of a domain below":               {claims: mailed("ines@x.corp.example", true)},
		"address of a domain that ends alike":     {claims: mailed("ines@evilcorp.example", true)},
		"address of a domain of Cyrillic letters": {claims: mailed("ines@cоrp.example", true)},
		"the same in punycode":                    {claims: mailed("ines@xn--crp-hdd.example", true)},
		"address of a domain in full width":       {claims: mailed("ines@ｃｏｒｐ.example", true)},
		"address of a number":                     {claims: mailed("ines@[127.0.0.1]", true)},
		"address in a list":                       {claims: mailed([]string{"ines@corp.example"}, true)},
		"address with percent":                    {claims: mailed("ines%corp.example@evil.example", true)},
		"address with a bang":                     {claims: mailed("corp.example!ines@evil.example", true)},
	}
	providers, names, tries := map[string]func(*idptest.Hostile) lie{}, map[string]string{}, map[string]attempt{}
	for i, name := range slices.Sorted(maps.Keys(all)) {
		id, w := fmt.Sprintf("p%d", i), all[name]
		names[id] = name
		w.claims["groups"] = []string{"staff"}
		a := attempt{lie: lie{lies: idptest.Lies{Claims: claims(w.claims)}, trust: trusted}, page: 403}
		if w.ines {
			a.wiki, a.page = "ines", 404 // which the directory file does not know
		}
		tries[id] = a
		providers[id] = func(*idptest.Hostile) lie { return a.lie }
	}
	file := filepath.Join(t.TempDir(), "directory.json")
	if err := os.WriteFile(file, []byte(linkDirectory), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newLying(t, providers, func(app map[string]any) {
		wiki := app["wiki"].(map[string]any)
		delete(wiki, "sync_token")
		wiki["directory"] = file
	})
	s.page = "/display/ACME"
	for id, name := range names {
		t.Run(name, func(t *testing.T) { s.attempt(t, id, tries[id]) })
	}
	t.Log(len(all), "names")
}
