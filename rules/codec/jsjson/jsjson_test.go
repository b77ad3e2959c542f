package jsjson

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFindAll(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, script, key string
		want              []string
	}{
		{"assignment", `A=1;CONF={"a":[1,{"b":"}"}]};STATE={"x":1};`, "CONF", []string{`{"a":[1,{"b":"}"}]}`}},
		{"spaces and comments", "var CONF /*x*/ = // y\n {\"a\" : null }\n;", "CONF", []string{`{"a" : null }`}},
		{"window", `window.CONF={"a":1}`, "CONF", []string{`{"a":1}`}},
		{"call", `a.b.set({"t":"+\\"});`, "a.b.set", []string{`{"t":"+\\"}`}},
		{"member", `{"files":{"config.json":{"names":{"0":"","1":"Talk"}}}}`, "names", []string{`{"0":"","1":"Talk"}`}},
		{"bare member", `{names:["a"],x:1}`, "names", []string{`["a"]`}},
		{"index", `D["p:q"]="{\"a\":1}";D["r"]=["b"];`, "D", []string{`"{\"a\":1}"`, `["b"]`}},
		{"by index", `D["names"]={"a":1};`, "names", []string{`{"a":1}`}},
		{"several", `x({"a":1});x({"a":2})`, "x", []string{`{"a":1}`, `{"a":2}`}},
		{"nested once", `x={"x":{"x":1}}`, "x", []string{`{"x":{"x":1}}`}},
		{"no data", `CONF=f;CONF.a=1;if(CONF==={}){};CONF=>{};g(CONF);`, "CONF", nil},
		{"other names", `XCONF={"a":1};CONFIG={"a":1};o.CONF={"a":1};`, "CONF", nil},
		{"newline ends", "CONF={\"a\":1}\nSTATE={}", "CONF", []string{`{"a":1}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			lits, err := FindAll([]byte(tt.script), tt.key)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range lits {
				got = append(got, tt.script[l.Start:l.End])
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
			start, end, ok := Find([]byte(tt.script), tt.key)
			if ok != (len(tt.want) == 1) || ok && tt.script[start:end] != tt.want[0] {
				t.Errorf("Find = %d, %d, %v", start, end, ok)
			}
		})
	}
}

func TestFindAllRefuses(t *testing.T) {
	t.Parallel()
	for _, script := range []string{
		`CONF={a:1}`, `CONF={'a':1}`, `CONF={"a":1,}`, `CONF='a'`, "CONF=`a`", `CONF={"a":1`, `CONF="a"+b`, `CONF={"a":x}`,
		`CONF=JSON.parse("{}")`, `CONF=({"a":1})`, `x="\"CONF\":{\"a\":1}"`, `CONF={"a":"\x41"}`, `CONF={"a":01}`,
		`CONF=/*`, `CONF={"a":1}.a`, `CONF={"a":1}||b`, "CONF={\"a\":\"\xff\"}", "CONF={\"a\":\"\n\"}",
		`CONF=` + strings.Repeat("[", 600) + strings.Repeat("]", 600),
	} {
		if got, err := FindAll([]byte(script), "CONF"); !errors.Is(err, ErrAmbiguous) {
			t.Errorf("FindAll(%q) = %v, %v, want ErrAmbiguous", script, got, err)
		}
		if _, _, ok := Find([]byte(script), "CONF"); ok {
			t.Errorf("Find(%q) is ok", script)
		}
	}
}

func FuzzFindAll(f *testing.F) {
	f.Add([]byte(`CONF={"a":1};`), "CONF")
	f.Add([]byte(`x.y({"a":[true,null,-1.5e3]})`), "x.y")
	f.Add([]byte(`"k":"v",'k':"w"`), "k")
	f.Fuzz(func(t *testing.T, script []byte, key string) {
		lits, err := FindAll(script, key)
		if err != nil {
			if !errors.Is(err, ErrAmbiguous) {
				t.Fatal(err)
			}
			return
		}
		last := 0
		for _, l := range lits {
			if l.Start < last || l.End <= l.Start || l.End > len(script) {
				t.Fatalf("literal %v after %d in %d bytes", l, last, len(script))
			}
			last = l.End
			if !json.Valid(script[l.Start:l.End]) {
				t.Fatalf("not JSON: %q", script[l.Start:l.End])
			}
		}
	})
}

func BenchmarkFindAll(b *testing.B) {
	script := []byte(strings.Repeat(`function f(a){return a["x"]+CONFIG.y};`, 2000) + `CONF={"a":[1,2,3]};`)
	b.SetBytes(int64(len(script)))
	for b.Loop() {
		if _, err := FindAll(script, "CONF"); err != nil {
			b.Fatal(err)
		}
	}
}
