package rewrite

import (
	"mime"
	"net/http"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/postern-gateway/postern/rules"
)

// disposition keeps a file's name, and makes a download of what a browser
// would run (RFC 6266). The name leaves in one spelling, made here.
func (w *work) disposition(h http.Header, mimeType string) {
	d, name := "", ""
	switch v := w.ex.Response.Header.Values("Content-Disposition"); len(v) {
	case 0:
	case 1:
		typ, params, err := mime.ParseMediaType(v[0])
		if d = typ; err != nil {
			d, params = "attachment", nil
		}
		name = w.fileName(params["filename"])
	default:
		d = "attachment" // which name is it?
	}
	if d != "inline" && d != "" || w.ex.Match.Class == rules.ClassFile && active(mimeType) {
		d = "attachment"
	}
	if d == "" {
		return
	}
	out := map[string]string{}
	if name != "" {
		out["filename"] = name
	}
	h.Set("Content-Disposition", mime.FormatMediaType(d, out))
}

// fileName gives the name to leave, or "" where it has no single reading or
// tells of what is hidden. The reader of parameters has put filename* (RFC
// 8187) before filename, and has joined what was continued.
func (w *work) fileName(name string) string {
	if strings.Contains(name, "=?") { // RFC 2047 has no place here; browsers read it all the same
		dec, err := new(mime.WordDecoder).DecodeHeader(name)
		if err != nil || strings.Contains(dec, "=?") {
			return ""
		}
		name = dec
	}
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || strings.ContainsRune(name, utf8.RuneError) {
		return ""
	}
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	if name == "." || name == ".." || name == "/" || !w.silent(name) {
		return ""
	}
	return name
}
