package xmlrewrite

import (
	"errors"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// refused is the list of what no XML answer may be: what readers take in more
// than one way, or not at all. Charsets are settled before (package rewrite).
var refused = []struct {
	name, src string
	err       error
}{
	{"nothing", "", edit.ErrMalformed},
	{"text alone", "x", edit.ErrMalformed},
	{"text behind the root", "<rss/>x", edit.ErrMalformed},
	{"a reference behind the root", "<rss/>&#32;", edit.ErrMalformed},
	{"two roots", "<rss/><rss/>", edit.ErrMalformed},
	{"no end tag", "<rss>", edit.ErrMalformed},
	{"another's end tag", "<rss></x>", edit.ErrMalformed},
	{"an end tag in another case", "<rss></RSS>", edit.ErrMalformed},
	{"an end tag with an attribute", "<rss></rss a='1'>", edit.ErrMalformed},
	{"tags that overlap", "<rss><item><title></item></title></rss>", edit.ErrMalformed},
	{"a tag that does not end", "<rss ", edit.ErrMalformed},
	{"a tag within a tag", "<rss <item>", edit.ErrMalformed},
	{"a name that begins with a digit", "<rss><1/></rss>", edit.ErrMalformed},
	{"a space before a name", "<rss>< a/></rss>", edit.ErrMalformed},
	{"an attribute twice", "<rss a='1' a='2'/>", edit.ErrMalformed},
	{"an attribute without quotes", "<rss a=1/>", edit.ErrMalformed},
	{"an attribute without a value", "<rss a/>", edit.ErrMalformed},
	{"attributes without space", "<rss a='1'b='2'/>", edit.ErrMalformed},
	{"< in an attribute", "<rss a='<'/>", edit.ErrMalformed},
	{"an attribute's quote of the other kind", `<rss a='1"/>`, edit.ErrMalformed},
	{"a document type", "<!DOCTYPE rss><rss/>", edit.ErrMalformed},
	{"a document type with entities", `<!DOCTYPE rss [<!ENTITY a "b">]><rss>&a;</rss>`, edit.ErrMalformed},
	{"an external entity", `<!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/hostname">]><rss>&a;</rss>`, edit.ErrMalformed},
	{"a document type in lower case", "<!doctype rss><rss/>", edit.ErrMalformed},
	{"a declaration within", "<rss><!ENTITY a 'b'></rss>", edit.ErrMalformed},
	{"an entity of HTML", "<rss>&nbsp;</rss>", edit.ErrMalformed},
	{"an entity in another case", "<rss>&AMP;</rss>", edit.ErrMalformed},
	{"an entity without a semicolon", "<rss>&amp </rss>", edit.ErrMalformed},
	{"an ampersand alone", "<rss>a & b</rss>", edit.ErrMalformed},
	{"an ampersand in an attribute", "<rss a='?b=1&c=2'/>", edit.ErrMalformed},
	{"a reference to NUL", "<rss>&#0;</rss>", edit.ErrMalformed},
	{"a reference to a control character", "<rss>&#1;</rss>", edit.ErrMalformed},
	{"a reference to half a pair", "<rss>&#xD800;</rss>", edit.ErrMalformed},
	{"a reference past the last character", "<rss>&#x110000;</rss>", edit.ErrMalformed},
	{"a reference with a sign", "<rss>&#+65;</rss>", edit.ErrMalformed},
	{"a reference with X", "<rss>&#X41;</rss>", edit.ErrMalformed},
	{"a reference without a number", "<rss>&#;</rss>", edit.ErrMalformed},
	{"]]> in text", "<rss>]]></rss>", edit.ErrMalformed},
	{"a section that does not end", "<rss><![CDATA[a]]</rss>", edit.ErrMalformed},
	{"a section in lower case", "<rss><![cdata[a]]></rss>", edit.ErrMalformed},
	{"a section outside the root", "<rss/><![CDATA[a]]>", edit.ErrMalformed},
	{"-- in a comment", "<rss><!-- a -- b --></rss>", edit.ErrMalformed},
	{"a comment that ends in --->", "<rss><!-- a ---></rss>", edit.ErrMalformed},
	{"a comment that does not end", "<rss><!-- a </rss>", edit.ErrMalformed},
	{"a declaration behind something else", " <?xml version='1.0'?><rss/>", edit.ErrMalformed},
	{"two declarations", "<?xml version='1.0'?><?xml version='1.0'?><rss/>", edit.ErrMalformed},
	{"a declaration of another version", "<?xml version='2.0'?><rss/>", edit.ErrMalformed},
	{"a declaration of another charset", "<?xml version='1.0' encoding='latin1'?><rss/>", edit.ErrAmbiguous},
	{"a declaration of two charsets", "<?xml version='1.0' encoding='utf-8' encoding='latin1'?><rss/>", edit.ErrMalformed},
	{"a declaration of something unknown", "<?xml version='1.0' a='b'?><rss/>", edit.ErrMalformed},
	{"an instruction without a name", "<rss><? a?></rss>", edit.ErrMalformed},
	{"an instruction that does not end", "<rss><?a ></rss>", edit.ErrMalformed},
	{"NUL", "<rss>\x00</rss>", edit.ErrMalformed},
	{"a control character", "<rss>\x01</rss>", edit.ErrMalformed},
	{"a form feed for space", "<rss\fa='1'/>", edit.ErrMalformed},
	{"not UTF-8", "<rss>\xff</rss>", edit.ErrMalformed},
	{"half a pair in UTF-8", "<rss>\xed\xa0\x80</rss>", edit.ErrMalformed},
	{"an overlong form", "<rss>\xc0\xbcitem></rss>", edit.ErrMalformed},
	{"no character", "<rss>\uffff</rss>", edit.ErrMalformed},
	{"UTF-16", "\xff\xfe<\x00r\x00s\x00s\x00/\x00>\x00", edit.ErrMalformed},
	{"a byte order mark twice", "\ufeff\ufeff<rss/>", edit.ErrMalformed},
	{"a base below the root", "<feed><entry xml:base='/x'><link href='/a'/></entry></feed>", edit.ErrAmbiguous},
	{"a format that no rule takes", "<unknown/>", edit.ErrMalformed},
	{"a format that hides behind a prefix", "<a:rss xmlns:a='x'><item/></a:rss>", edit.ErrMalformed},
	{"deeper than can be read", strings.Repeat("<rss>", 200), edit.ErrTooLarge},
	{"more attributes than can be read", "<rss" + manyAttributes() + "/>", edit.ErrTooLarge},
}

func manyAttributes() string {
	var b strings.Builder
	for i := range 300 {
		b.WriteString(" a" + strings.Repeat("b", i) + "='c'")
	}
	return b.String()
}

func TestRefused(t *testing.T) {
	t.Parallel()
	p := fakeProgram(t)
	for _, tt := range refused {
		out, _, err := p.Rewrite([]byte("dst"), []byte(tt.src), fakeInput(true))
		if !errors.Is(err, tt.err) || string(out) != "dst" {
			t.Errorf("%s: err = %v, want %v; got %.40q", tt.name, err, tt.err, out)
		}
	}
}
