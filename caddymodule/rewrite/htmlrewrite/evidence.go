package htmlrewrite

import (
	"strings"

	"github.com/postern-gateway/postern/rules/codec/jsjson"
	"github.com/tidwall/gjson"
)

// probe is a compiled place of evidence.
type probe struct {
	group     int
	attr      attrID // aNone is the text
	name      string // json: the name before the object
	path      string // json: the path inside it
	inScripts bool
}

// maxEvidence bounds the values of one probe.
const maxEvidence = 16

func (pr *Program) compileProbe(at string) (probe, error) {
	if rest, ok := strings.CutPrefix(at, "json:"); ok {
		name, path, _ := strings.Cut(rest, ".")
		return probe{inScripts: true, name: name, path: path}, nil
	}
	sel, name := splitAttr(at)
	g, err := pr.set.add(sel)
	return probe{group: g, attr: pr.voc.attr(name)}, err
}

// evidence records what the document says of itself, as it came.
func (r *run) evidence() {
	for _, at := range r.in.Evidence {
		pb, ok := r.p.probes[at]
		if !ok {
			continue // not a place in HTML
		}
		if pb.inScripts {
			r.jsonEvidence(at, pb)
			continue
		}
		for k, i := range r.m.groups[pb.group] {
			if k >= maxEvidence {
				break
			}
			if pb.attr == aNone {
				r.rep.Found(at, strings.Clone(strings.TrimSpace(r.t.textOf(i))))
			} else if v, ok := r.t.attrValue(&r.t.nodes[i], pb.attr); ok {
				r.rep.Found(at, strings.Clone(v))
			}
		}
	}
}

func (r *run) jsonEvidence(at string, pb probe) {
	t := r.t
	found := 0
	for _, i := range t.scripts {
		n := &t.nodes[i]
		if n.flags&nForeign != 0 || t.attribute(n, aSrc) != nil {
			continue
		}
		text := t.s[n.open:n.close]
		if !strings.Contains(text, pb.name) {
			continue
		}
		lits, err := jsjson.FindAll([]byte(text), pb.name)
		if err != nil {
			continue // without evidence the answer is refused
		}
		for _, l := range lits {
			v := gjson.Parse(text[l.Start:l.End])
			if pb.path != "" {
				v = v.Get(pb.path)
			}
			if v.IsArray() {
				r.rep.Found(at, "") // is there, whatever it holds
				for _, e := range v.Array() {
					if found < maxEvidence {
						r.rep.Found(at, strings.Clone(e.String()))
						found++
					}
				}
				continue
			}
			if v.Exists() && found < maxEvidence {
				r.rep.Found(at, strings.Clone(v.String()))
				found++
			}
		}
	}
}
