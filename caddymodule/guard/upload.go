package guard

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/postern-gateway/postern/rules"
)

const multipartForm = "multipart/form-data"

// announced notes that a multipart body follows, and how long it says it is.
// Whoever uploads knows how much: a body without a length would have to be read
// before anybody knew whether there is room for it.
func announced(r *http.Request, req *rules.Request, limits Limits) *Refusal {
	if r.ContentLength < 0 || r.ContentLength > limits.Upload {
		return refuse(http.StatusRequestEntityTooLarge, "limit", "upload is over %d bytes, or does not say how long it is", limits.Upload)
	}
	req.Multipart, req.Unread = true, true
	return nil
}

// ReadUpload reads the multipart body of a request (RFC 7578, RFC 2046 section
// 5.1) into its fields and files. What has no single reading is refused with
// 400: text before the first boundary and behind the last, transfer encodings,
// charsets other than UTF-8, parts without a name, header fields that a form
// has none of. The wiki gets a body made anew of what was read.
func (g *Guard) ReadUpload(r *http.Request, req *rules.Request) *Refusal {
	limits := g.Limits.withDefaults()
	body, err := io.ReadAll(io.LimitReader(r.Body, limits.Upload+1))
	switch {
	case err != nil:
		return refuse(http.StatusBadRequest, "body", "upload can't be read")
	case int64(len(body)) > limits.Upload:
		return refuse(http.StatusRequestEntityTooLarge, "limit", "upload is over %d bytes", limits.Upload)
	}
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return refuse(http.StatusBadRequest, "body", "content type of the request can't be read")
	}
	if err := g.readParts(req, body, params["boundary"], limits.Params); err != nil {
		var ref *rules.Refusal
		if errors.As(err, &ref) {
			return fromRules(ref)
		}
		if errors.Is(err, errTooManyParts) {
			return refuse(http.StatusRequestEntityTooLarge, "limit", "%v", err)
		}
		return refuse(http.StatusBadRequest, "body", "upload has no single reading: %v", err)
	}
	req.Unread = false
	return nil
}

var errTooManyParts = errors.New("form has too many parts")

func (g *Guard) readParts(req *rules.Request, body []byte, boundary string, most int) error {
	if boundary == "" || len(boundary) > 70 { // RFC 2046, section 5.1.1
		return errors.New("no boundary")
	}
	mark := "--" + boundary
	// Lines end with CR and LF there, or some readers see no boundary.
	if !bytes.HasPrefix(body, []byte(mark+"\r\n")) || !bytes.HasSuffix(bytes.TrimSuffix(body, []byte("\r\n")), []byte("\r\n"+mark+"--")) {
		return errors.New("something stands before the first boundary, or behind the last")
	}
	if bytes.Count(body, []byte(mark)) > most+1 {
		return fmt.Errorf("%w: over %d", errTooManyParts, most)
	}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	read := 0
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		read++
		if err := g.readPart(req, p); err != nil {
			return err
		}
	}
	// A boundary that one reader takes for text, another may take for a part.
	if n := bytes.Count(body, []byte(mark)); n != read+1 {
		return errors.New("the boundary stands inside a part")
	}
	return nil
}

// readPart reads one part as a field, or as a file where it has a file's name.
func (g *Guard) readPart(req *rules.Request, p *multipart.Part) error {
	for name, values := range p.Header {
		if len(values) != 1 {
			return fmt.Errorf("part has several fields %q", name)
		}
		switch name {
		case "Content-Disposition", "Content-Type", "Content-Length":
		case "Content-Transfer-Encoding":
			if v := strings.ToLower(values[0]); v != "binary" && v != "8bit" && v != "7bit" {
				return errors.New("part has a transfer encoding")
			}
		default:
			return errors.New("part has a header field that forms have none of")
		}
	}
	kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
	if err != nil || kind != "form-data" || params["name"] == "" {
		return errors.New("part has no name")
	}
	for name := range params {
		if name != "name" && name != "filename" {
			return errors.New("part has a parameter that forms have none of")
		}
	}
	data, err := io.ReadAll(p)
	if err != nil {
		return err
	}
	mediaType, typeParams := "", map[string]string(nil)
	if t := p.Header.Get("Content-Type"); t != "" {
		if mediaType, typeParams, err = mime.ParseMediaType(t); err != nil {
			return errors.New("part has a content type that can't be read")
		}
	}
	name, isFile := params["filename"]
	if !isFile {
		if cs := typeParams["charset"]; cs != "" && !strings.EqualFold(cs, "utf-8") || mediaType != "" && mediaType != "text/plain" {
			return errors.New("field is not text in UTF-8")
		}
		return g.Profile.AddPart(req, params["name"], string(data))
	}
	if mediaType == "" || strings.HasPrefix(mediaType, "multipart/") {
		mediaType = "application/octet-stream"
	}
	req.Files = append(req.Files, rules.File{Field: params["name"], Name: name, Type: mediaType, Data: data})
	return nil
}

// formBody writes the multipart form that was judged, and gives its content
// type: fields in order of their names, then files.
func formBody(m *rules.Match) ([]byte, string) {
	var out bytes.Buffer
	w := multipart.NewWriter(&out) // its boundary is random: no file can hold it
	for _, p := range m.Fields() {
		_ = w.WriteField(p.Name, p.Value) // a Buffer takes everything
	}
	for _, f := range m.Body.Files {
		h := textproto.MIMEHeader{}
		h.Set("Content-Disposition", multipart.FileContentDisposition(f.Field, f.Name))
		h.Set("Content-Type", f.Type)
		if part, err := w.CreatePart(h); err == nil {
			_, _ = part.Write(f.Data)
		}
	}
	_ = w.Close()
	return out.Bytes(), w.FormDataContentType()
}
