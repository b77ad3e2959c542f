package wikitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// obj is a JSON object whose members keep their order, as the wiki writes
// them: name, value, name, value.
type obj []any

// list is a JSON array.
type list []any

func writeJSON(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case obj:
		b.WriteByte('{')
		for i := 0; i+1 < len(v); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, v[i])
			b.WriteByte(':')
			writeJSON(b, v[i+1])
		}
		b.WriteByte('}')
	case list:
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, e)
		}
		b.WriteByte(']')
	default:
		e := json.NewEncoder(b)
		e.SetEscapeHTML(false) // as the wiki's own writer
		if err := e.Encode(v); err != nil {
			fmt.Fprintf(b, "%q", err)
			return
		}
		b.Truncate(b.Len() - 1) // the encoder's line end
	}
}

func (c *call) json(status int, v any) {
	var b bytes.Buffer
	writeJSON(&b, v)
	c.send(status, "application/json", b.Bytes())
}

// jsonNotFound is the wiki's own answer for what is not there or not shown.
func (c *call) jsonNotFound(what string) {
	c.json(404, obj{
		"statusCode", 404, "data",
		obj{"authorized", false, "valid", true, "allowedInReadOnlyMode", true, "errors", list{}, "successful", false},
		"message", what, "reason", "Not Found",
	})
}

// expansion is the set of words of an expand parameter, with their prefixes.
type expansion map[string]bool

func parseExpand(words ...string) expansion {
	e := expansion{}
	for _, s := range words {
		for _, w := range strings.Split(s, ",") {
			parts := strings.Split(strings.TrimSpace(w), ".")
			for i := range parts {
				e[strings.Join(parts[:i+1], ".")] = true
			}
		}
	}
	return e
}

// under gives the expansion below a word.
func (e expansion) under(word string) expansion {
	out := expansion{}
	for w := range e {
		if rest, ok := strings.CutPrefix(w, word+"."); ok {
			out[rest] = true
		}
	}
	return out
}
