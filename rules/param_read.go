package rules

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/postern-gateway/postern/rules/codec/tiny"
)

// Bounds on parameter values.
const (
	maxText       = 2048
	maxEntityText = 1024
	maxQueryText  = 8192
	maxListValues = 500
)

// read reads a value by its type: the canonical spelling to send, whether to
// send it at all, or why it is refused. Entities that it names are added to the
// match's subjects.
func (x *matcher) read(t *paramType, name, v string, list bool) (out string, send bool, why string) {
	switch t.kind {
	case tText, tCursor:
		if !goodText(v) {
			return "", false, "not plain text"
		}
		return v, true, ""
	case tPlain:
		if !goodText(v) {
			return "", false, "not plain text"
		}
		return plainWords(v), true, ""
	case tStart:
		return v, true, x.readStart(name, v, list)
	case tDrop:
		x.m.unread = true
		return "", false, ""
	case tRefuse:
		return "", false, "refused"
	case tFlag:
		if !flagWord(v) {
			return "", false, "not a flag"
		}
		return v, true, ""
	case tEnum:
		if _, ok := slices.BinarySearch(t.words, v); !ok {
			return emptyOr(v, "a value that the route does not name")
		}
		return v, true, ""
	case tQuery:
		if len(v) > maxQueryText || !goodLines(v) {
			return "", false, "not a query"
		}
		return v, true, ""
	case tPattern:
		if len(v) > maxText || !t.text.match(v) {
			return emptyOr(v, "not of its type")
		}
		return v, true, ""
	case tAttr, tTiny:
		return x.readEntity(t, name, v, list)
	case tProse, tMarkup, tToken:
		return x.readWritten(t, name, v)
	case tFile:
		return "", false, "not a file"
	}
	if v == "" {
		return "", false, "" // as if it were not there
	}
	switch t.kind {
	case tInt:
		return readInt(t, v)
	case tDate:
		return v, true, whyNot(isDate(v), "not a date")
	case tTime:
		return v, true, whyNot(isTime(v), "not a time")
	case tDigits:
		return v, true, whyNot(len(v) <= 20 && allDigits(v), "not digits")
	case tList:
		return x.readList(t, name, v)
	case tWords:
		return readWords(t, v)
	case tPath:
		return x.readPath(t, name, v)
	case tJSON:
		return x.readJSON(t, name, v)
	case tUnion:
		return x.readUnion(t, name, v, list)
	case tAll:
		for _, e := range t.elems {
			if _, _, why := x.read(e, name, v, list); why != "" {
				return "", false, why
			}
		}
		return v, true, ""
	case tModules:
		return v, true, whyNot(goodModules(v), "not a list of modules")
	}
	return "", false, "of no known type"
}

func emptyOr(v, why string) (string, bool, string) {
	if v == "" {
		return "", false, ""
	}
	return "", false, why
}

func whyNot(ok bool, why string) string {
	if ok {
		return ""
	}
	return why
}

// readEntity adds the subject that v names.
func (x *matcher) readEntity(t *paramType, name, v string, list bool) (string, bool, string) {
	if v == "" {
		return "", false, ""
	}
	if len(v) > maxEntityText || !goodText(v) {
		return "", false, "not a name or id"
	}
	k := Key{Attr: t.attr, Value: v}
	switch {
	case t.kind == tTiny:
		short := v
		if x.light { // for what it names: a wiki reads it with its zeros too
			short = strings.TrimRight(v, "A")
		}
		id, err := tiny.Decode(short)
		if err != nil {
			return "", false, "not a short id"
		}
		k.Value = strconv.FormatUint(id, 10)
	case t.attr != ContentTitle:
	case t.in != "":
		k.Space = x.valueBeside(t.in)
		if k.Space != "" {
			k.Space = t.inPrefix + k.Space
		}
	case x.t.titles:
		var ok bool
		if k, ok = x.title(t.before + v).key(x.namespaces()); !ok {
			return "", false, "not the title of a page"
		}
	}
	x.subject(name, k, list)
	x.m.Subjects[len(x.m.Subjects)-1].Loose = t.loose
	if t.kind == tTiny && x.light && strings.HasSuffix(v, "A") {
		return "", false, "not a short id"
	}
	return v, true, ""
}

// readStart reads the beginning of a title. A space that it names is a subject:
// the wiki lists what begins so, wherever else it was told to look.
func (x *matcher) readStart(name, v string, list bool) (why string) {
	const bad = "not how a title begins"
	switch {
	case !goodText(v) || len(v) > maxEntityText:
		return bad
	case v == "" || x.t == nil || !x.t.titles:
		return ""
	}
	t := x.title(v + "x") // the name of a space alone is no title
	if !t.ok || t.ns < 0 || strings.HasPrefix(strings.TrimLeft(v, " _"), ":") {
		return bad
	}
	if t.ns != 0 {
		x.subject(name, Key{Attr: SpaceID, Value: strconv.Itoa(t.ns)}, list)
	}
	return ""
}

func (x *matcher) subject(name string, k Key, list bool) {
	m := x.m
	if m.keys == nil {
		m.keys = make([]Key, 0, 2)
	}
	m.keys = append(m.keys, k)
	n := len(m.keys)
	m.Subjects = append(m.Subjects, Subject{Param: name, Ref: Ref{Kind: k.Attr.Kind(), Keys: m.keys[n-1 : n : n]}, List: list})
}

func (x *matcher) readUnion(t *paramType, name, v string, list bool) (string, bool, string) {
	n, l := len(x.m.Subjects), len(x.m.Lists)
	for _, e := range t.elems {
		out, send, why := x.read(e, name, v, list)
		if why == "" {
			return out, send, ""
		}
		x.m.Subjects, x.m.Lists = x.m.Subjects[:n], x.m.Lists[:l]
	}
	return "", false, "a value that the route does not name"
}

// splitList splits the values of a list. With "|" the form that begins with
// U+001F, and is separated by it, is read too.
func splitList(v, sep string) []string {
	if sep == "|" && strings.HasPrefix(v, "\x1f") {
		v, sep = v[1:], "\x1f"
	}
	out := strings.Split(v, sep)
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

func (x *matcher) readList(t *paramType, name, v string) (string, bool, string) {
	values := splitList(v, t.sep)
	if len(values) > maxListValues {
		return "", false, "too many values"
	}
	var spans []span
	if !x.light {
		spans = make([]span, len(values))
	}
	same := len(values) == 1+strings.Count(v, t.sep) // nothing was left out, or is spelt anew
	for i, s := range values {
		start := len(x.m.Subjects)
		out, send, why := x.read(t.elems[0], name, s, true)
		if why != "" {
			return "", false, why
		}
		if !send {
			out = s
		}
		same = same && out == s
		values[i] = out
		if !x.light {
			spans[i] = span{start, len(x.m.Subjects)}
		}
	}
	if len(values) == 0 {
		return "", false, ""
	}
	if !x.light {
		x.list(t, name, values, spans)
	}
	if same {
		return v, true, ""
	}
	if t.sep == "|" && strings.HasPrefix(v, "\x1f") {
		return "\x1f" + strings.Join(values, "\x1f"), true, ""
	}
	return strings.Join(values, t.sep), true, ""
}

func (x *matcher) list(t *paramType, name string, values []string, spans []span) {
	for i := range x.m.Lists {
		if l := &x.m.Lists[i]; l.Param == name {
			l.Repeated = true
			l.Values = append(l.Values, values...)
			l.subjects = append(l.subjects, spans...)
			return
		}
	}
	l := ListParam{Param: name, Sep: t.sep, Values: values, subjects: spans}
	if as := t.elems[0].attrs(); len(as) == 1 {
		l.Attr = as[0]
	}
	x.m.Lists = append(x.m.Lists, l)
}

func readWords(t *paramType, v string) (string, bool, string) {
	words := splitList(v, t.sep)
	for _, w := range words {
		if _, ok := slices.BinarySearch(t.words, w); !ok {
			return "", false, "a word that the route does not name"
		}
	}
	return strings.Join(words, t.sep), len(words) > 0, ""
}

// readInt clamps what is over the largest value, as wikis do.
func readInt(t *paramType, v string) (string, bool, string) {
	digits := strings.TrimPrefix(v, "-")
	if digits == "" || len(digits) > 18 || !allDigits(digits) || t.max > 0 && digits != v {
		return "", false, "not a number"
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return "", false, "not a number"
	}
	if t.max > 0 {
		n = min(n, t.max)
	}
	var buf [20]byte
	if out := strconv.AppendInt(buf[:0], n, 10); string(out) != v {
		return string(out), true, ""
	}
	return v, true, ""
}

// readPath reads "/123/456/rest": one value for each type, the last takes what
// is left; values may be left out from the end.
func (x *matcher) readPath(t *paramType, name, v string) (string, bool, string) {
	if dotSegment("/" + v) {
		return "", false, "a dot segment"
	}
	parts := strings.SplitN(strings.TrimPrefix(v, "/"), "/", len(t.elems))
	for i, s := range parts {
		if _, send, why := x.read(t.elems[i], name, s, false); why != "" {
			return "", false, why
		} else if !send {
			return "", false, "a part is empty"
		}
	}
	return v, true, ""
}

// readJSON reads an object whose members are texts or numbers of the named
// types.
func (x *matcher) readJSON(t *paramType, name, v string) (string, bool, string) {
	const bad = "not the JSON object that the route names"
	if len(v) > maxText {
		return "", false, bad
	}
	dec := json.NewDecoder(strings.NewReader(v))
	dec.UseNumber()
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return "", false, bad
	}
	values, seen := make([]any, len(t.names)), make([]bool, len(t.names))
	for dec.More() {
		tok, err := dec.Token()
		key, _ := tok.(string)
		i := slices.Index(t.names, key)
		if err != nil || i < 0 || seen[i] {
			return "", false, bad
		}
		seen[i] = true
		if values[i], err = dec.Token(); err != nil {
			return "", false, bad
		}
	}
	if _, err := dec.Token(); err != nil || len(bytes.TrimSpace([]byte(v[dec.InputOffset():]))) > 0 {
		return "", false, bad
	}
	out := []byte{'{'}
	for i, val := range values {
		var s string
		switch val := val.(type) {
		case nil:
			continue
		case string:
			s = val
		case json.Number:
			s = val.String()
		default:
			return "", false, bad
		}
		canonical, send, why := x.read(t.elems[i], name, s, false)
		if why != "" {
			return "", false, why
		}
		if !send {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		k, _ := json.Marshal(t.names[i])
		c, _ := json.Marshal(canonical)
		if _, number := val.(json.Number); number && canonical == s {
			c = []byte(s)
		}
		out = append(append(append(out, k...), ':'), c...)
	}
	return string(append(out, '}')), true, ""
}
