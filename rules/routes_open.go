package rules

import (
	"fmt"
	"strings"
)

// accessText says what an entry of the table of classes means.
var accessText = map[access]string{ifPublic: "where spaces are public", ifPeople: "with people: filtered", ifOwn: "under their own identity"}

// OpenTo says to which kinds of viewer URLs of the class are open before the
// policy's urls:, as far as what they name is visible.
func (c Class) OpenTo() string {
	row, ok := classTable[c]
	if !ok {
		return "nobody"
	}
	var out []string
	last := ""
	for k := int(Internal); k >= int(Anonymous); k-- {
		if row[k] == closed {
			continue
		}
		text, cond := ViewerKind(k).String(), accessText[row[k]]
		if cond != "" && cond == last {
			out[len(out)-1] = strings.TrimSuffix(out[len(out)-1], " "+cond) + " and " + text + " " + cond
			continue
		}
		if last = cond; cond != "" {
			text += " " + cond
		}
		out = append(out, text)
	}
	if len(out) == 0 {
		return "nobody"
	}
	return strings.Join(out, ", ")
}

// ReadURL says what takes a request, written as its URL with perhaps a method
// before it, whoever makes it. The error says why nothing does.
func (p *Profile) ReadURL(raw string) (*URLReading, error) {
	method, target, _, err := splitTarget(raw, "")
	if err != nil {
		return nil, err
	}
	path, query, _ := strings.Cut(target, "?")
	req, err := p.ReadTarget(path, query)
	if err != nil {
		return nil, fmt.Errorf("the request has no single reading: %w", err)
	}
	req.Method = method
	m, refusal := p.Match(req, nil)
	switch {
	case refusal != nil:
		return nil, refusal
	case m == nil:
		return nil, notFound(reasonUnrouted.Text)
	}
	u := p.reading(m)
	for i := range m.Subjects {
		s := &m.Subjects[i]
		u.Subjects = append(u.Subjects, URLSubject{Param: s.Param, Kind: s.Ref.Kind.String(), Given: refText(&s.Ref)})
	}
	return u, nil
}
