package rules

import (
	"slices"
	"strings"
)

// RouteInfo describes one row of the compiled route table, for people.
type RouteInfo struct {
	Pattern  string   `json:"pattern"` // with the variant, special page or part behind it
	Also     []string `json:"also,omitempty"`
	Methods  []string `json:"methods"`
	Class    Class    `json:"class"`
	Action   Action   `json:"action"`
	Subjects []string `json:"subjects,omitempty"` // "title: content.title"
	Params   []string `json:"params,omitempty"`   // "limit: int<=500"
	File     string   `json:"file"`
	Line     int      `json:"line"`
}

// RouteTable lists the routes in the profile's order, each variant, special
// page and part as a row of its own.
func (p *Profile) RouteTable() []RouteInfo {
	var out []RouteInfo
	for _, rt := range p.routes().routes {
		out = appendInfo(out, rt, rt)
	}
	return out
}

func appendInfo(out []RouteInfo, rt, top *route) []RouteInfo {
	if rt.by != nil {
		seen := map[*route]bool{}
		for _, v := range sortedKeys(rt.by.variants) {
			if to := rt.by.variants[v]; !seen[to] {
				seen[to] = true
				out = appendInfo(out, to, top)
			}
		}
	} else if !rt.closed {
		out = append(out, rt.info(top))
		for _, key := range sortedKeys(rt.part) {
			part := rt.part[key]
			info := part.info(top)
			info.Pattern, info.Methods = rt.pattern+" "+key, rt.methods
			if info.Class == "" {
				info.Class = rt.class
			}
			info.Action = defaultAction(info.Class)
			out = append(out, info)
		}
	}
	if rt == top {
		seen := map[*route]bool{}
		for _, name := range sortedKeys(rt.specialRoutes) {
			if to := rt.specialRoutes[name]; !seen[to] {
				seen[to] = true
				out = appendInfo(out, to, top)
			}
		}
	}
	return out
}

func (rt *route) info(top *route) RouteInfo {
	info := RouteInfo{Pattern: rt.pattern, Methods: rt.methods, Class: rt.class, Action: rt.action, File: rt.file, Line: rt.line}
	for _, p := range top.patterns[1:] {
		info.Also = append(info.Also, p.src)
	}
	add := func(name string, t *paramType) {
		if t.entity() {
			info.Subjects = append(info.Subjects, name+": "+t.src)
		} else if t.kind != tRefuse {
			info.Params = append(info.Params, name+": "+t.src)
		}
	}
	for _, name := range sortedKeys(rt.params) {
		add(name, rt.params[name])
	}
	if rt.subpage != nil {
		add("subpage", rt.subpage)
	}
	info.Params = append(info.Params, sortedKeys(rt.control)...)
	slices.Sort(info.Params)
	return info
}

// subjectText spells a key as the examples of profiles do: "content.id=12",
// "content.title=Plan in ACME".
func subjectText(k Key) string {
	var b strings.Builder
	b.WriteString(k.Attr.String() + "=" + k.Value)
	if k.Attr == ContentTitle && k.Space != "" {
		b.WriteString(" in " + k.Space)
	}
	return b.String()
}

// CheckExample runs one of the profile's own examples and says in what it goes
// wrong; empty: in nothing.
func (p *Profile) CheckExample(e *Example) string {
	req, err := p.readExample(e.Request)
	var m *Match
	if err == nil {
		var r *Refusal
		if m, r = p.Match(req, nil); r != nil {
			err = r
		} else if m.Body != nil && m.Body.Fault != "" {
			err = notFound(m.Body.Param + ": " + m.Body.Fault)
		}
	}
	if err != nil {
		switch {
		case e.Refused != "" && strings.Contains(err.Error(), e.Refused), e.Refused == "" && e.Route == "none":
			return ""
		}
		return "refused: " + err.Error()
	}
	named := slices.Clone(m.Subjects)
	if m.Body != nil {
		named = append(named, m.Body.Subjects...)
	}
	subjects := make([]string, len(named))
	for i, s := range named {
		subjects[i] = subjectText(s.Ref.Keys[0])
	}
	switch {
	case e.Refused != "" || e.Route == "none":
		return "taken by " + m.Pattern
	case e.Route != "" && m.Pattern != e.Route && !strings.HasPrefix(m.Pattern, e.Route+" "):
		return "taken by " + m.Pattern
	case e.Class != "" && m.Class != e.Class:
		return "of class " + string(m.Class)
	case e.Subjects != nil && !sameSubjects(subjects, e.Subjects):
		return "subjects " + strings.Join(subjects, ", ")
	}
	return ""
}

// readExample reads "METHOD /path?query", and behind another space a form, or a
// JSON body, which begins with a bracket.
func (p *Profile) readExample(line string) (*Request, error) {
	fields := strings.SplitN(line, " ", 3)
	if len(fields) < 2 {
		return nil, badRequest("request: want METHOD /path?query, and the body behind another space")
	}
	path, query, _ := strings.Cut(fields[1], "?")
	req, err := p.ReadTarget(path, query)
	if err != nil {
		return nil, err
	}
	req.Method = fields[0]
	switch {
	case len(fields) < 3:
	case strings.HasPrefix(fields[2], "{") || strings.HasPrefix(fields[2], "["):
		req.JSON = []byte(fields[2])
	case strings.HasPrefix(fields[2], "multipart:"):
		err = p.addParts(req, strings.TrimPrefix(fields[2], "multipart:"))
	default:
		err = p.AddForm(req, fields[2])
	}
	return req, err
}

// addParts reads an example's multipart form, written as field=value&file=@name.
func (p *Profile) addParts(req *Request, parts string) error {
	req.Multipart = true
	for part := range strings.SplitSeq(parts, "&") {
		name, value, _ := strings.Cut(part, "=")
		if file, ok := strings.CutPrefix(value, "@"); ok {
			req.Files = append(req.Files, File{Field: name, Name: file})
		} else if err := p.AddPart(req, name, value); err != nil {
			return err
		}
	}
	return nil
}

// sameSubjects compares subjects in any order; " in SPACE" may be left out of
// what is wanted.
func sameSubjects(got, want []string) bool {
	left := slices.Clone(got)
	for _, w := range want {
		i := slices.IndexFunc(left, func(g string) bool {
			bare, _, _ := strings.Cut(g, " in ")
			return g == w || bare == w
		})
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return len(left) == 0
}
