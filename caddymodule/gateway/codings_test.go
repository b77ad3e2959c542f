package gateway_test

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
)

// codedPage is a page that names something hidden, with one word to find.
const codedPage = `<!DOCTYPE html><html><head><title>Plan</title>META<meta name="ajs-page-id" content="70001002"><meta name="ajs-space-key" content="ACME"></head><body><p>WORD <a href="/display/HR/Salaryx+Bands">Salaryx Bands</a></p></body></html>`

func coded(meta, word string) string {
	return strings.NewReplacer("META", meta, "WORD", word).Replace(codedPage)
}

// gz makes one gzip member with the flags of RFC 1952, section 2.3.1, whose
// optional fields stand in extra.
func gz(flags byte, extra, data string) string {
	head := []byte{0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255}
	head = append(head, extra...)
	if flags&2 != 0 { // FHCRC
		head = binary.LittleEndian.AppendUint16(head, uint16(crc32.ChecksumIEEE(head)))
	}
	var b bytes.Buffer
	b.Write(head)
	zw, _ := flate.NewWriter(&b, 6)
	_, _ = io.WriteString(zw, data)
	_ = zw.Close()
	tail := binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(data)))
	return b.String() + string(binary.LittleEndian.AppendUint32(tail, uint32(len(data))))
}

func deflated(s string, raw bool) string {
	var b bytes.Buffer
	var zw io.WriteCloser = zlib.NewWriter(&b)
	if raw {
		zw, _ = flate.NewWriter(&b, 6)
	}
	_, _ = io.WriteString(zw, s)
	_ = zw.Close()
	return b.String()
}

// TestCodings is the list of what is read and what is refused of codings, for
// every format alike: a case that is read gives the page without what is
// hidden, any other the one 502.
func TestCodings(t *testing.T) {
	t.Parallel()
	page := coded("", "osprey")
	one := gz(0, "", page)
	wrong := func(from int, b byte) string {
		x := []byte(one)
		x[len(x)+from] ^= b
		return string(x)
	}
	cases := []struct {
		name   string
		coding []string
		body   string
		read   bool
	}{
		{"none", nil, page, true},
		{"identity", []string{"identity"}, page, true},
		{"identity in upper case", []string{" Identity "}, page, true},
		{"empty field", []string{""}, page, true},
		{"gzip", []string{"gzip"}, one, true},
		{"gzip in upper case", []string{"GZIP"}, one, true},
		{"text flag", []string{"gzip"}, gz(1, "", page), true},
		{"name", []string{"gzip"}, gz(8, "page.html\x00", page), true},
		{"comment", []string{"gzip"}, gz(16, "Salaryx\x00", page), true},
		{"extra field", []string{"gzip"}, gz(4, "\x08\x00AB\x04\x00abcd", page), true},
		{"header checksum", []string{"gzip"}, gz(2, "", page), true},
		{"everything", []string{"gzip"}, gz(1|2|4|8|16, "\x04\x00AB\x00\x00name\x00comment\x00", page), true},
		{"many members", []string{"gzip"}, gz(0, "", page[:50]) + gz(8, "x\x00", page[50:60]) + gz(0, "", "") + gz(2, "", page[60:]), true},
		{"wrong header checksum", []string{"gzip"}, strings.Replace(gz(2, "", page), "\xff", "\x03", 1), false},
		{"unclosed name", []string{"gzip"}, gz(8, strings.Repeat("n", 4096), page), false},
		{"wrong checksum", []string{"gzip"}, wrong(-8, 1), false},
		{"wrong length", []string{"gzip"}, wrong(-4, 1), false},
		{"wrong bits", []string{"gzip"}, wrong(-40, 0x55), false},
		{"other method", []string{"gzip"}, "\x1f\x8b\x07" + one[3:], false},
		{"no trailer", []string{"gzip"}, one[:len(one)-8], false},
		{"cut", []string{"gzip"}, one[:len(one)/2], false},
		{"header alone", []string{"gzip"}, one[:10], false},
		{"second member cut", []string{"gzip"}, one + one[:30], false},
		{"second member wrong", []string{"gzip"}, gz(0, "", page[:50]) + func() string {
			x := []byte(gz(0, "", page[50:]))
			x[len(x)-8] ^= 1
			return string(x)
		}(), false},
		{"zeros behind", []string{"gzip"}, one + "\x00\x00\x00\x00", false},
		{"text behind", []string{"gzip"}, one + "Salaryx", false},
		{"nothing", []string{"gzip"}, "", false},
		{"empty member", []string{"gzip"}, gz(0, "", ""), false},
		{"not coded", []string{"gzip"}, page, false},
		{"coded, not labelled", nil, one, false},
		{"coded, labelled identity", []string{"identity"}, one, false},
		{"coded twice, labelled once", []string{"gzip"}, gz(0, "", one), false},
		{"bomb by ratio", []string{"gzip"}, gz(0, "", page+strings.Repeat(" ", 3<<20)), false},
		{"bomb by size", []string{"gzip"}, gz(0, "", page+strings.Repeat(" ", 64<<20)), false},
		{"bomb of many members", []string{"gzip"}, strings.Repeat(gz(0, "", strings.Repeat(" ", 1<<20)), 40), false},
		{"deflate", []string{"deflate"}, deflated(page, false), false},
		{"deflate, bare", []string{"deflate"}, deflated(page, true), false},
		{"br", []string{"br"}, page, false},
		{"zstd", []string{"zstd"}, "\x28\xb5\x2f\xfd" + page, false},
		{"compress", []string{"compress"}, "\x1f\x9d" + page, false},
		{"x-gzip", []string{"x-gzip"}, one, false},
		{"unknown", []string{"aes128gcm"}, page, false},
		{"identity and gzip", []string{"identity, gzip"}, one, false},
		{"gzip and identity", []string{"gzip, identity"}, one, false},
		{"gzip twice", []string{"gzip, gzip"}, gz(0, "", one), false},
		{"two fields", []string{"gzip", "gzip"}, gz(0, "", one), false},
		{"two fields of nothing", []string{"identity", "identity"}, page, false},
		{"a comma", []string{"gzip,"}, one, false},
		{"a parameter", []string{"gzip;q=1"}, one, false},
		{"a control character", []string{"gzip\x0b"}, one, false},
	}
	gw := corpusGateway(t, "eva", "", "", nil)
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			w := serve(t, gw, "GET", "/display/ACME/Plan", func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", "text/html;charset=UTF-8")
				w.Header()["Content-Encoding"] = tt.coding
				_, err := io.WriteString(w, tt.body)
				return err
			}, "Accept", "*/*")
			checkCoded(t, w.Code, w.Header(), w.Body.String(), tt.read, "osprey")
		})
	}
}

func checkCoded(t *testing.T, code int, h http.Header, body string, read bool, word string) {
	t.Helper()
	switch {
	case strings.Contains(strings.ToLower(body), "salaryx"):
		t.Errorf("leak: %.200q", body)
	case h.Get("Content-Encoding") != "":
		t.Errorf("leaves coded: %v", h)
	case !read && code != 502:
		t.Errorf("status %d, want 502", code)
	case read && code != 200:
		t.Errorf("status %d, want 200", code)
	case read && !strings.Contains(body, word):
		t.Errorf("lost %q: %.300q", word, body)
	}
}

// TestCharsets is the same list for charsets.
func TestCharsets(t *testing.T) {
	t.Parallel()
	in := func(e encoding.Encoding, s string) string {
		out, err := e.NewEncoder().String(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	meta := func(c string) string { return `<meta charset="` + c + `">` }
	equiv := func(c string) string {
		return `<meta http-equiv="Content-Type" content="text/html; charset=` + c + `">`
	}
	u16 := func(e unicode.Endianness, b unicode.BOMPolicy) encoding.Encoding { return unicode.UTF16(e, b) }
	const fine, bad = true, false
	latin := charmap.ISO8859_1
	cases := []struct {
		name, typ, body string
		read            bool
		word            string
	}{
		{"utf-8 by header", "text/html;charset=UTF-8", coded("", "Café ☂"), fine, "Café ☂"},
		{"utf-8 without a dash", "text/html;charset=utf8", coded("", "Café"), fine, "Café"},
		{"utf-8 quoted", `text/html; charset="Utf-8"`, coded("", "Café"), fine, "Café"},
		{"upper case parameter", `TEXT/HTML; CHARSET=utf-8`, coded("", "Café"), fine, "Café"},
		{"spaces", `text/html ; charset=utf-8 ;`, coded("", "Café"), fine, "Café"},
		{"utf-8 by meta", "text/html", coded(meta("UTF-8"), "Café"), fine, "Café"},
		{"utf-8 by http-equiv", "text/html", coded(equiv("UTF-8"), "Café"), fine, "Café"},
		{"utf-8 undeclared", "text/html", coded("", "Café"), fine, "Café"},
		{"utf-8 with its mark", "text/html", "\xef\xbb\xbf" + coded("", "Café"), fine, "Café"},
		{"utf-8 everywhere", "text/html;charset=utf-8", "\xef\xbb\xbf" + coded(meta("utf-8")+equiv("UTF-8"), "Café"), fine, "Café"},
		{"ascii", "text/html;charset=us-ascii", coded("", "Cafe"), fine, "Cafe"},
		{"ascii by header, utf-8 by meta", "text/html;charset=us-ascii", coded(meta("utf-8"), "Cafe"), fine, "Cafe"},
		{"a description that speaks of charsets", "text/html;charset=utf-8", coded(`<meta name="description" content="charset=koi8-r">`, "Café"), fine, "Café"},
		{"latin-1 by header", "text/html;charset=ISO-8859-1", in(latin, coded("", "Café")), fine, "Café"},
		{"latin-1 by meta", "text/html", in(latin, coded(meta("iso-8859-1"), "Café")), fine, `<meta charset="utf-8">`},
		{"latin-1 by http-equiv", "text/html", in(latin, coded(equiv("iso-8859-1"), "Café")), fine, "charset=utf-8"},
		{"latin-1 that is windows-1252", "text/html;charset=iso-8859-1", in(charmap.Windows1252, coded(meta("windows-1252"), "“Café”")), fine, "“Café”"},
		{"latin-9", "text/html;charset=iso-8859-15", in(charmap.ISO8859_15, coded("", "5 €")), fine, "5 €"},
		{"latin-2", "text/html;charset=iso-8859-2", in(charmap.ISO8859_2, coded("", "žluť")), fine, "žluť"},
		{"windows-1251", "text/html;charset=windows-1251", in(charmap.Windows1251, coded("", "План")), fine, "План"},
		{"koi8-r", "text/html;charset=koi8-r", in(charmap.KOI8R, coded("", "План")), fine, "План"},
		{"shift_jis", "text/html;charset=Shift_JIS", in(japanese.ShiftJIS, coded(meta("shift_jis"), "計画ソ表")), fine, "計画ソ表"},
		{"euc-jp", "text/html;charset=euc-jp", in(japanese.EUCJP, coded("", "計画")), fine, "計画"},
		{"euc-kr", "text/html;charset=euc-kr", in(korean.EUCKR, coded("", "계획")), fine, "계획"},
		{"big5", "text/html;charset=big5", in(traditionalchinese.Big5, coded("", "計畫功")), fine, "計畫功"},
		{"gbk", "text/html;charset=gb2312", in(simplifiedchinese.GBK, coded("", "计划")), fine, "计划"},
		{"gb18030", "text/html;charset=gb18030", in(simplifiedchinese.GB18030, coded("", "计划 ☂")), fine, "计划 ☂"},

		{"iso-2022-jp", "text/html;charset=iso-2022-jp", in(japanese.ISO2022JP, coded("", "計画")), bad, ""},
		{"shift_jis with a bad character", "text/html;charset=shift_jis", coded("", "\x81\x20"), bad, ""},
		{"shift_jis cut", "text/html;charset=shift_jis", coded("", "x") + "\x81", bad, ""},
		{"utf-7 by header", "text/html;charset=utf-7", coded("", "+AFM-alaryx"), bad, ""},
		{"utf-7 by meta", "text/html", coded(meta("utf-7"), "+AFM-alaryx"), bad, ""},
		{"utf-7 by mark", "text/html", "+/v8-" + coded("", "x"), bad, ""},
		{"utf-16 by header", "text/html;charset=utf-16", in(u16(unicode.LittleEndian, unicode.IgnoreBOM), coded("", "x")), bad, ""},
		{"utf-16 by mark", "text/html", in(u16(unicode.LittleEndian, unicode.UseBOM), coded("", "x")), bad, ""},
		{"utf-16 big-endian by mark", "text/html;charset=utf-8", in(u16(unicode.BigEndian, unicode.UseBOM), coded("", "x")), bad, ""},
		{"utf-16 unmarked", "text/html", in(u16(unicode.LittleEndian, unicode.IgnoreBOM), coded("", "x")), bad, ""},
		{"utf-16 labelled utf-8", "text/html;charset=utf-8", in(u16(unicode.BigEndian, unicode.IgnoreBOM), coded("", "x")), bad, ""},
		{"utf-16 by meta", "text/html", coded(meta("utf-16"), "x"), bad, ""},
		{"utf-32 by mark", "text/html", "\x00\x00\xfe\xff" + coded("", "x"), bad, ""},
		{"ebcdic", "text/html;charset=cp037", coded("", "x"), bad, ""},
		{"x-user-defined", "text/html;charset=x-user-defined", coded("", "x"), bad, ""},
		{"unknown", "text/html;charset=klingon", coded("", "x"), bad, ""},
		{"unknown by meta", "text/html;charset=utf-8", coded(meta("klingon"), "x"), bad, ""},
		{"header and meta disagree", "text/html;charset=utf-8", coded(meta("iso-8859-1"), "Café"), bad, ""},
		{"header and http-equiv disagree", "text/html;charset=utf-8", coded(equiv("windows-1252"), "Café"), bad, ""},
		{"metas disagree", "text/html", coded(meta("utf-8")+equiv("iso-8859-1"), "Café"), bad, ""},
		{"mark and header disagree", "text/html;charset=iso-8859-1", "\xef\xbb\xbf" + coded("", "x"), bad, ""},
		{"mark and meta disagree", "text/html", "\xef\xbb\xbf" + coded(meta("iso-8859-1"), "x"), bad, ""},
		{"xml declaration and header disagree", "text/html;charset=utf-8", `<?xml version="1.0" encoding="iso-8859-1"?>` + coded("", "Café"), bad, ""},
		{"odd attribute order", "text/html;charset=utf-8", coded(`<META CONTENT='text/html;CHARSET=koi8-r' HTTP-EQUIV=content-type>`, "Café"), bad, ""},
		{"unquoted", "text/html;charset=utf-8", coded(`<meta charset=koi8-r>`, "Café"), bad, ""},
		{"solidus", "text/html;charset=utf-8", coded(`<meta/charset=koi8-r/>`, "Café"), bad, ""},
		{"charset twice", "text/html;charset=utf-8;charset=iso-8859-1", coded("", "x"), bad, ""},
		{"charset empty", "text/html;charset=", coded("", "x"), bad, ""},
		{"two types in one", "text/html;charset=utf-8, text/plain", coded("", "x"), bad, ""},
		{"ascii that is not", "text/html;charset=us-ascii", coded("", "Café"), bad, ""},
		{"overlong", "text/html;charset=utf-8", coded("", "\xc1\x93alaryx"), bad, ""},
		{"overlong slash", "text/html;charset=utf-8", coded("", "\xc0\xaf"), bad, ""},
		{"surrogates", "text/html;charset=utf-8", coded("", "\xed\xa0\x80\xed\xb0\x80"), bad, ""},
		{"too large a character", "text/html;charset=utf-8", coded("", "\xf5\x80\x80\x80"), bad, ""},
		{"a cut character", "text/html;charset=utf-8", coded("", "\xe2\x82"), bad, ""},
		{"latin-1 labelled utf-8", "text/html;charset=utf-8", in(latin, coded("", "Café")), bad, ""},

		{"no type", "", coded("", "x"), bad, ""},
		{"no type at all", "-", coded("", "x"), bad, ""},
		{"not a type", "html", coded("", "x"), bad, ""},
		{"xhtml", "application/xhtml+xml;charset=utf-8", coded("", "Café"), fine, "Café"},
		{"plain", "text/plain;charset=utf-8", coded("", "x"), bad, ""},
		{"parts", "multipart/mixed;boundary=x", "--x\r\n\r\n" + coded("", "x") + "\r\n--x--", bad, ""},
		{"replacing parts", "multipart/x-mixed-replace;boundary=x", coded("", "x"), bad, ""},
		{"json", "application/json", coded("", "x"), bad, ""},
		{"problem", "application/problem+json", `{"title":"Salaryx"}`, bad, ""},
		{"script", "text/javascript", `var a="Salaryx"`, bad, ""},
		{"style sheet", "text/css", `a{content:"Salaryx"}`, bad, ""},
		{"pdf labelled html", "text/html", "%PDF-1.4 Salaryx", bad, ""},
		{"json labelled html", "text/html", `{"a":"Salaryx"}`, bad, ""},
		{"feed labelled html", "text/html", `<?xml version="1.0"?><rss><channel><title>Salaryx</title></channel></rss>`, bad, ""},
		{"wildcard", "*/*", coded("", "x"), bad, ""},
		{"octets", "application/octet-stream", coded("", "x"), bad, ""},
		{"unknown type", "application/x-unknown", coded("", "x"), bad, ""},
	}
	gw := corpusGateway(t, "eva", "", "", nil)
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			w := serve(t, gw, "GET", "/display/ACME/Plan", func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", tt.typ)
				if tt.typ == "-" {
					w.Header()["Content-Type"] = nil
				}
				_, err := io.WriteString(w, tt.body)
				return err
			}, "Accept", "*/*")
			checkCoded(t, w.Code, w.Header(), w.Body.String(), tt.read, tt.word)
			if ct := w.Header().Get("Content-Type"); tt.read && ct != "text/html; charset=utf-8" {
				t.Errorf("leaves as %q", ct)
			}
		})
	}
}
