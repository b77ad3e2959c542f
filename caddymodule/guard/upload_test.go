package guard_test

import (
	"bytes"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/rules"
)

// FuzzUpload: what is read of a multipart body, net/http reads of it as well,
// and no file or field more.
func FuzzUpload(f *testing.F) {
	p, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		f.Fatal(err)
	}
	g := &guard.Guard{Profile: p, Site: &rules.Site{Base: &url.URL{Scheme: "https", Host: "site.example"}}, Wiki: &url.URL{Scheme: "http", Host: "wiki.internal"}}
	const typ = "multipart/form-data; boundary=b"
	f.Add(typ, "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\ny\r\n--b--\r\n")
	f.Add(typ, "--b\r\ncontent-disposition: form-data; name=file; filename*=UTF-8''%61\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\r\n--b--")
	f.Add(typ, "--b\nContent-Disposition: form-data; name=\"x\"\n\ny\n--b--\n")
	f.Add(typ, "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n--b \r\n\r\n--b--")
	f.Add("multipart/form-data; boundary=\"--b\"", "----b\r\n\r\n----b--")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		r := httptest.NewRequest(http.MethodPost, "https://site.example/rest/api/content/1/child/attachment", bytes.NewReader([]byte(body)))
		r.Header.Set("Content-Type", contentType)
		req, ref := g.Canon(r)
		if ref != nil || !req.Multipart {
			return
		}
		if ref := g.ReadUpload(r, req); ref != nil {
			if ref.Status != http.StatusBadRequest && ref.Status != http.StatusRequestEntityTooLarge {
				t.Fatalf("refused with %d", ref.Status)
			}
			return
		}
		_, params, err := mime.ParseMediaType(contentType)
		if err != nil {
			t.Fatalf("read in spite of its type: %v", err)
		}
		form, err := multipart.NewReader(bytes.NewReader([]byte(body)), params["boundary"]).ReadForm(1 << 20)
		if err != nil {
			t.Fatalf("read, and net/http does not: %v", err)
		}
		defer func() { _ = form.RemoveAll() }()
		files, fields := map[string]int{}, map[string][]string{}
		for _, file := range req.Files {
			files[file.Field]++
		}
		for _, field := range req.Form {
			fields[field.Name] = append(fields[field.Name], field.Value)
		}
		theirs := map[string]int{}
		for name, fs := range form.File {
			theirs[name] = len(fs)
		}
		for name := range fields {
			if d := cmp.Diff(form.Value[name], fields[name]); d != "" {
				t.Fatalf("field %q (-net/http +guard):\n%s", name, d)
			}
		}
		for name, n := range theirs {
			if files[name] != n {
				t.Fatalf("%d files in %q, net/http sees %d", files[name], name, n)
			}
		}
	})
}
