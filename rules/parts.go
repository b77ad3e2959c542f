package rules

import (
	"maps"
	"slices"
	"strings"
)

// findParts takes apart the parameters that ask for several things at once.
func (x *matcher) findParts() {
	for _, name := range x.rt.partNames {
		v, ok := x.m.Value(name)
		if !ok || v == "" {
			continue
		}
		values := []string{v}
		if sep := x.rt.parts[name]; sep != "" {
			values = splitList(v, sep)
		}
		for _, value := range values {
			part := x.rt.part[name+"="+value]
			if part == nil || part.closed {
				x.refuse(name, "a value that the route does not name")
				continue
			}
			if !slices.Contains(x.parts, part) {
				x.parts = append(x.parts, part)
			}
		}
	}
}

// strictness orders classes: of several in one request the last one counts.
var strictness = func() map[Class]int {
	m := map[Class]int{}
	for i, c := range []Class{
		ClassStatic, ClassSession, ClassFile, ClassContent, ClassSpace, ClassFeed, ClassSearch, ClassUser,
		ClassGroup, ClassPicker, ClassPeople, ClassPersonal, ClassExport, ClassWrite, ClassAdmin,
	} {
		m[c] = i
	}
	return m
}()

// joinParts gives the match the strictest class of its parts.
func (x *matcher) joinParts() {
	m := x.m
	for _, p := range x.parts {
		if p.class != "" && strictness[p.class] > strictness[m.Class] {
			m.Class = p.class
			m.Action = defaultAction(p.class)
		}
	}
}

// mergeParts adds to the match what its parts bring.
func (x *matcher) mergeParts() {
	m := x.m
	if len(x.parts) == 0 {
		return
	}
	var pattern strings.Builder
	pattern.WriteString(m.Pattern)
	m.Narrow, m.Evidence = maps.Clone(m.Narrow), maps.Clone(m.Evidence)
	m.Force = ForceSpec{maps.Clone(m.Force.Params), maps.Clone(m.Force.Headers)}
	for _, p := range x.parts {
		pattern.WriteString(" " + p.pattern)
		m.Parts = append(m.Parts, p.pattern)
		copyInto(&m.Narrow, p.narrow)
		copyInto(&m.Evidence, p.evidence)
		copyInto(&m.Force.Params, p.force.Params)
		copyInto(&m.Force.Headers, p.force.Headers)
		m.Agree = m.Agree || p.agree
		if p.mixed != "" {
			m.Mixed = p.mixed
		}
		if p.page != nil {
			if m.Page == nil {
				m.Page = p.page
			}
			m.Pages = append(m.Pages, p.page)
		}
		m.Response = mergeResponse(m.Response, p.response)
	}
	m.Pattern = pattern.String()
}

func copyInto[V any](dst *map[string]V, src map[string]V) {
	if len(src) == 0 {
		return
	}
	if *dst == nil {
		*dst = make(map[string]V, len(src))
	}
	maps.Copy(*dst, src)
}

// mergeResponse adds a part's answer to the whole's.
func mergeResponse(base, part *ResponseSpec) *ResponseSpec {
	if part == nil {
		return base
	}
	if base == nil {
		return part
	}
	r := *base
	r.Drop = append(slices.Clone(r.Drop), part.Drop...)
	r.Parallel = append(slices.Clone(r.Parallel), part.Parallel...)
	r.Dict = merged(r.Dict, part.Dict)
	r.Subject = merged(r.Subject, part.Subject)
	r.Fields = merged(r.Fields, part.Fields)
	r.JSJSON = merged(r.JSJSON, part.JSJSON)
	if part.Unknown == "drop" || r.Unknown == "" {
		r.Unknown = part.Unknown
	}
	if r.Renumber == "" {
		r.Renumber = part.Renumber
	}
	if len(r.Types) == 0 {
		r.Types = part.Types
	}
	return &r
}
