package rewrite

import (
	"fmt"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/caddymodule/rewrite/htmlrewrite"
	"github.com/postern-gateway/postern/caddymodule/rewrite/xmlrewrite"
	"github.com/postern-gateway/postern/rules"
)

// compileMarkup wires the leaves for HTML and XML.
func compileMarkup(p *rules.Profile) (html, xml leaf, err error) {
	h, err := htmlrewrite.Compile(p)
	if err != nil {
		return nil, nil, fmt.Errorf("compiling the profile's html: %w", err)
	}
	html = func(dst, src []byte, w *work, fragment bool) ([]byte, edit.Report, error) {
		in := htmlrewrite.Input{
			Judge: w.j, Title: w.title, Class: w.ex.Match.Class, Fragment: fragment, Texts: w.texts,
			InnerJSON: w.innerJSON, Source: w.hidesSource, Identity: w.view.Identity(),
			CSSTitle: w.j.TitleClass,
		}
		if !fragment {
			in.Evidence = w.probes()
			in.Page, in.Window = w.ex.Match.Page, w.ex.Window
			in.Fragment = w.ex.Match.Response != nil && w.ex.Match.Response.Fragment
		}
		return h.Rewrite(dst, src, in)
	}
	x, err := xmlrewrite.Compile(p)
	if err != nil {
		return nil, nil, fmt.Errorf("compiling the profile's feeds: %w", err)
	}
	xml = func(dst, src []byte, w *work, _ bool) ([]byte, edit.Report, error) {
		return x.Rewrite(dst, src, xmlrewrite.Input{
			Judge: w.j, Title: w.title, Texts: w.texts, Evidence: w.probes(), Inner: w.inner, Window: w.ex.Window,
		})
	}
	return html, xml, nil
}
