package jsonrewrite_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// refused is the list of what no JSON answer may be: what RFC 8259 and I-JSON
// (RFC 7493) forbid, and what some readers take all the same, each in its way.
var refused = []struct {
	name, src string
	err       error
}{
	{"nothing", "", edit.ErrMalformed},
	{"space alone", " ", edit.ErrMalformed},
	{"an object that does not end", "{", edit.ErrMalformed},
	{"an array that does not end", "[1", edit.ErrMalformed},
	{"an array that ends as an object", "[1}", edit.ErrMalformed},
	{"an object that ends as an array", `{"a":1]`, edit.ErrMalformed},
	{"a bracket too many", "[]]", edit.ErrMalformed},
	{"a name without a value", `{"a"}`, edit.ErrMalformed},
	{"a colon without a value", `{"a":}`, edit.ErrMalformed},
	{"a comma before the end of an object", `{"a":1,}`, edit.ErrMalformed},
	{"a comma before the end of an array", "[1,]", edit.ErrMalformed},
	{"two commas", "[1,,2]", edit.ErrMalformed},
	{"no comma", "[1 2]", edit.ErrMalformed},
	{"a semicolon", `{"a":1;"b":2}`, edit.ErrMalformed},
	{"a name without quotes", "{a:1}", edit.ErrMalformed},
	{"single quotes", "{'a':1}", edit.ErrMalformed},
	{"a number for a name", "{1:1}", edit.ErrMalformed},
	{"something behind the value", `{"a":1}x`, edit.ErrMalformed},
	{"two values", "{}{}", edit.ErrMalformed},
	{"two values on two lines", "{}\n{}", edit.ErrMalformed},
	{"NUL behind the value", "{}\x00", edit.ErrMalformed},
	{"a record separator (RFC 7464)", "\x1e{}", edit.ErrMalformed},
	{"a call around it", `callback({"a":1})`, edit.ErrMalformed},
	{"a call behind a comment", `/**/callback({})`, edit.ErrMalformed},
	{"an assignment", `var a = {}`, edit.ErrMalformed},
	{"brackets around it", "({})", edit.ErrMalformed},
	{"a guard against scripts", ")]}'\n{}", edit.ErrMalformed},
	{"an endless loop before it", "while(1);[]", edit.ErrMalformed},
	{"for(;;) before it", "for(;;);{}", edit.ErrMalformed},
	{"a comment before it", "/**/{}", edit.ErrMalformed},
	{"a comment within", `{"a":1/**/}`, edit.ErrMalformed},
	{"a comment to the end of the line", "[1]// a", edit.ErrMalformed},
	{"a comment with #", "# a\n[]", edit.ErrMalformed},
	{"a zero in front", "[01]", edit.ErrMalformed},
	{"a zero in front of a negative number", "[-01]", edit.ErrMalformed},
	{"a point at the end", "[1.]", edit.ErrMalformed},
	{"a point in front", "[.5]", edit.ErrMalformed},
	{"a plus sign", "[+1]", edit.ErrMalformed},
	{"a minus sign alone", "[-]", edit.ErrMalformed},
	{"an exponent without a number", "[1e]", edit.ErrMalformed},
	{"an exponent's sign alone", "[1e+]", edit.ErrMalformed},
	{"a hexadecimal number", "[0x1]", edit.ErrMalformed},
	{"a number with underscores", "[1_0]", edit.ErrMalformed},
	{"digits that are not ASCII", "[\u0661]", edit.ErrMalformed},
	{"NaN", "[NaN]", edit.ErrMalformed},
	{"Infinity", "[Infinity]", edit.ErrMalformed},
	{"minus Infinity", "[-Infinity]", edit.ErrMalformed},
	{"undefined", "[undefined]", edit.ErrMalformed},
	{"True", "[True]", edit.ErrMalformed},
	{"a literal with more behind it", "[truex]", edit.ErrMalformed},
	{"a literal cut off", "[tru", edit.ErrMalformed},
	{"an escape that is none", `["\x41"]`, edit.ErrMalformed},
	{"an escaped single quote", `["\'"]`, edit.ErrMalformed},
	{"an escaped line end", "[\"\\\n\"]", edit.ErrMalformed},
	{"an escape of three digits", `["\u123"]`, edit.ErrMalformed},
	{"an escape that is not hexadecimal", `["\u12g4"]`, edit.ErrMalformed},
	{"an escape with U", `["\U0041"]`, edit.ErrMalformed},
	{"an escape with braces", `["\u{41}"]`, edit.ErrMalformed},
	{"a string that does not end", `["a`, edit.ErrMalformed},
	{"a string that ends in a backslash", `["a\`, edit.ErrMalformed},
	{"a line end in a string", "[\"\n\"]", edit.ErrMalformed},
	{"a tab in a string", "[\"\t\"]", edit.ErrMalformed},
	{"NUL in a string", "[\"\x00\"]", edit.ErrMalformed},
	{"NUL between values", "[1,\x002]", edit.ErrMalformed},
	{"a control character in a name", "{\"a\x01\":1}", edit.ErrMalformed},
	{"the first half of a pair", `["\ud800"]`, edit.ErrMalformed},
	{"the second half of a pair", `["\udc00"]`, edit.ErrMalformed},
	{"a pair the wrong way round", `["\udc00\ud800"]`, edit.ErrMalformed},
	{"half a pair before another escape", `["\ud800\u0041"]`, edit.ErrMalformed},
	{"half a pair in a name", `{"\ud800":1}`, edit.ErrMalformed},
	{"not UTF-8", "[\"\xff\"]", edit.ErrMalformed},
	{"not UTF-8 far into a string", "[\"aaaaaaaaaaaaaaaaaaaaa\xff\"]", edit.ErrMalformed},
	{"not UTF-8 behind an escape", "[\"\\naaaaaaaa\xffaaaaaaaaa\"]", edit.ErrMalformed},
	{"not UTF-8 in a name", "{\"\xff\":1}", edit.ErrMalformed},
	{"half a pair in UTF-8", "[\"\xed\xa0\x80\"]", edit.ErrMalformed},
	{"an overlong form", "[\"\xc0\xa2\"]", edit.ErrMalformed},
	{"UTF-16", "[\x00]\x00", edit.ErrMalformed},
	{"a space that is not ASCII", "[\u00a01]", edit.ErrMalformed},
	{"a form feed", "[\f1]", edit.ErrMalformed},
	{"a byte order mark", "\xef\xbb\xbf{}", edit.ErrAmbiguous},
	{"a byte order mark behind space", " \xef\xbb\xbf{}", edit.ErrMalformed},
	{"a name twice", `{"a":1,"a":2}`, edit.ErrAmbiguous},
	{"a name twice, once escaped", `{"a":1,"\u0061":2}`, edit.ErrAmbiguous},
	{"a known name twice, once escaped", `{"start":1,"\u0073tart":2}`, edit.ErrAmbiguous},
	{"a name twice, once null", `{"start":null,"start":2}`, edit.ErrAmbiguous},
	{"an empty name twice", `{"":1,"":2}`, edit.ErrAmbiguous},
	{"a name twice around another object", `{"start":{"start":1},"start":2}`, edit.ErrAmbiguous},
	{"a name twice among many", "{" + strings.Repeat(`"a":1,`, 20) + `"b":2}`, edit.ErrAmbiguous},
	{"a name twice in what goes", `{"secret":{"a":1,"a":2}}`, edit.ErrAmbiguous},
	{"deeper than can be read", strings.Repeat("[", 129) + strings.Repeat("]", 129), edit.ErrTooLarge},
	{"more values than can be read", "[" + strings.Repeat("0,", 1<<20) + "0]", edit.ErrTooLarge},
	{"a name twice in a string's JSON", `{"data":"{\"a\":1,\"a\":2}"}`, edit.ErrAmbiguous},
	{"JSON cut off in a string", `{"data":"{"}`, edit.ErrMalformed},
	{"JSON in a string with a byte order mark", `{"data":"\ufeff{}"}`, edit.ErrAmbiguous},
}

func TestRefused(t *testing.T) {
	t.Parallel()
	p := compiled(t)
	for _, tt := range refused {
		got, _, err := p.Rewrite([]byte("dst"), []byte(tt.src), input(false))
		if !errors.Is(err, tt.err) || string(got) != "dst" {
			t.Errorf("%s: err = %v, want %v; got %.40q", tt.name, err, tt.err, got)
		}
	}
}

// TestTaken: what looks like the above and has one reading alone.
func TestTaken(t *testing.T) {
	t.Parallel()
	p := compiled(t)
	for name, src := range map[string]string{
		"names that differ in case":  `{"start":1,"Start":true}`, // no wiki that we know folds them
		"a name again, further down": `{"limit":1,"body":{"limit":1}}`,
		"numbers as they are":        `{"start":-0,"limit":1E400,"number":0.10e-7}`,
		"a huge number":              `{"start":` + strings.Repeat("9", 5000) + `}`,
		"a pair":                     `{"excerpt":"\ud83d\ude00"}`,
		"DEL and line separators":    "{\"excerpt\":\"\x7f\u2028\"}",
		"an escaped NUL":             `{"excerpt":"\u0000"}`,
		"every escape":               `{"excerpt":"\"\\\/\b\f\n\r\t"}`,
		"as deep as can be":          strings.Repeat("[", 128) + strings.Repeat("]", 128),
		"a literal":                  "null",
	} {
		got, _, err := p.Rewrite(nil, []byte(src), input(true))
		if err != nil || string(got) != src {
			t.Errorf("%s: %v, %.80q", name, err, got)
		}
	}
}
