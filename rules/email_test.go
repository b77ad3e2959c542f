package rules

import "testing"

func TestCanonAddress(t *testing.T) {
	for _, tc := range []struct{ in, address, domain string }{
		{"bo@acme.example", "bo@acme.example", "acme.example"},
		{"Bo.Smith+x@ACME.Example", "bo.smith+x@acme.example", "acme.example"},
		{"bo@Bücher.example", "bo@xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"bo@XN--BCHER-KVA.example", "bo@xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"bo@bu\u0308cher.example", "bo@xn--bcher-kva.example", "xn--bcher-kva.example"},
		{"JOSÉ@acme.example", "josÉ@acme.example", "acme.example"}, // only A to Z are folded
		{in: "bo\u212a@acme.example"},                              // the Kelvin sign is no k
		{"bo@例え.example", "bo@xn--r8jz45g.example", "xn--r8jz45g.example"},
		{in: "bo"},
		{in: "@acme.example"},
		{in: "bo@"},
		{in: "a@b@acme.example"},
		{in: `"a@b"@acme.example`},
		{in: `"bo"@acme.example`},
		{in: "bo @acme.example"},
		{in: "bo@acme.example "},
		{in: "bo@acme.example."},
		{in: "bo@.acme.example"},
		{in: "bo@acme..example"},
		{in: "bo@ａcme.example"},
		{in: "bo@acme。example"},
		{in: "bo@аcme.example"},         // Cyrillic a
		{in: "bo@xn--cme-7cd.example"},  // the same, encoded
		{in: "bo@ac\u00adme.example"},   // a soft hyphen
		{in: "b\u200bo@acme.example"},   // a zero-width space
		{in: "bo\u202e@acme.example"},   // an override of direction
		{in: "jose\u0301@acme.example"}, // not in normal form C
		{in: "bo@[192.0.2.1]"},
		{in: "bo@acme.example\x00"},
		{in: "bo@xn--zzzzzz9999.example"},
	} {
		address, domain, ok := canonAddress(tc.in)
		if address != tc.address || domain != tc.domain || ok != (tc.domain != "") {
			t.Errorf("%q: %q, %q, %v; want %q", tc.in, address, domain, ok, tc.address)
		}
		if again, _, ok := canonAddress(address); ok && again != address {
			t.Errorf("%q is not canonical: %q", address, again)
		}
	}
}

// TestDomainsAreExact holds that trust in a domain is trust in that domain.
func TestDomainsAreExact(t *testing.T) {
	p, err := policyOf(t, "version: 1\nwiki: tables\nproviders: {corp: {domains: [acme.example, bücher.example]}}\n")
	if err != nil {
		t.Fatal(err)
	}
	for mail, want := range map[string]bool{
		"bo@acme.example": true, "BO@Acme.Example": true, "bo@xn--bcher-kva.example": true, "bo@BÜCHER.example": true,
		"bo@sub.acme.example": false, "bo@notacme.example": false, "bo@acme.example.evil.example": false, "bo@acme.example.": false,
		"bo@evil.example@acme.example": false, "bo@ａcme.example": false, "bo": false, "": false,
	} {
		v := Viewer{Provider: "corp", Email: mail, EmailVerified: true}
		if got := p.trustsEmail(&v); got != want {
			t.Errorf("%q: %v", mail, got)
		}
		v.EmailVerified = false
		if p.trustsEmail(&v) {
			t.Errorf("%q counts without being verified", mail)
		}
	}
}

func BenchmarkCanonAddress(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := canonAddress("bo.smith@acme.example"); !ok {
			b.Fatal("no address")
		}
	}
}
