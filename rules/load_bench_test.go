package rules

import "testing"

func BenchmarkLoadProfile(b *testing.B) {
	for _, name := range ShippedProfiles() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := LoadProfile(name); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMatch finds routes in a shipped table.
func BenchmarkMatch(b *testing.B) {
	for _, c := range []struct{ profile, req string }{
		{"confluence-dc", "GET /pages/viewpage.action?pageId=12"},
		{"confluence-dc", "GET /rest/api/content/12?expand=body.view,version"},
		{"mediawiki", "GET /wiki/Help:Contents"},
		{"mediawiki", "GET /w/index.php?title=Help:Contents&action=history"},
		{"mediawiki", "GET /w/api.php?action=query&list=allpages&format=json"},
	} {
		b.Run(c.profile+"/"+c.req, func(b *testing.B) {
			p, err := LoadProfile(c.profile)
			if err != nil {
				b.Fatal(err)
			}
			req, err := readRequest(p, c.req)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, r := p.Match(req, nil); r != nil {
					b.Fatal(r)
				}
			}
		})
	}
}
