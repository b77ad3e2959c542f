package jsonrewrite_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/rules"
)

// TestNext: what says where a list goes on is sealed if it goes into a
// parameter for that; a URL is judged; what can't be sealed ends the list.
func TestNext(t *testing.T) {
	t.Parallel()
	p := compiled(t)
	page := &rules.PageSpec{Items: "results", Start: "from", Next: "next"}
	tests := []struct{ name, in, want string }{
		{name: "token", in: `{"next":"Hid page"}`, want: `{"next":"[from]"}`},
		{name: "token with the marks of a URL", in: `{"next":"Hid/page?"}`, want: `{"next":"[from]"}`},
		{name: "number", in: `{"next":40}`, want: `{"next":"[from]"}`},
		{name: "empty token", in: `{"next":""}`, want: `{"next":""}`},
		{name: "URL", in: `{"next":"/ok?start=2"}`, want: `{"next":"/ok?start=2"}`},
		{name: "hidden URL", in: `{"next":"/hid?start=2"}`, want: `{}`},
		{name: "token too long", in: `{"next":"huge"}`, want: `{}`},
		{name: "object", in: `{"next":{"from":"Hid page","go":"-||"}}`, want: `{"next":{"from":"[from]","go":"[go]"}}`},
		{name: "object with an escape", in: `{"next":{ "from" : "H\u0069d page" } }`, want: `{"next":{ "from" : "[from]" } }`},
		{name: "object with another parameter", in: `{"next":{"from":"Hid page","page":"2"}}`, want: `{"next":{"from":"[from]","page":"2"}}`},
		{name: "object with another parameter that names", in: `{"next":{"from":"Hid page","title":"Hid"}}`, want: `{}`},
		{name: "object with a token too long", in: `{"next":{"go":"x","from":"huge"}}`, want: `{}`},
		{name: "object within", in: `{"next":{"from":{"a":"Hid"}}}`, want: `{}`},
		{name: "array", in: `{"next":["Hid"]}`, want: `{}`},
		{name: "null", in: `{"next":null}`, want: `{"next":null}`},
	}
	for _, tt := range tests {
		in := input(false)
		in.Page = page
		in.Seal = func(param, value string) (string, bool) {
			switch {
			case param != "from" && param != "go":
				return "", false
			case value == "huge":
				return "", true
			}
			return "[" + param + "]", true
		}
		got, _, err := p.Rewrite(nil, []byte(tt.in), in)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(tt.want, string(got)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}
