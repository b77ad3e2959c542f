package jsonrewrite_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// hostile are documents made to cost more than their size, n bytes or so each.
var hostile = []struct {
	name string
	make func(n int) string
	err  error
}{
	{"deep", func(n int) string {
		return repeated(n, "[", strings.Repeat("[", 120)+strings.Repeat("]", 120), "]")
	}, nil},
	{"empty arrays", func(n int) string { return repeated(n, "[", "[]", "]") }, nil},
	{"empty arrays where objects are", func(n int) string { return repeated(n, `{"results":[`, "[]", "]}") }, nil},
	{"objects", func(n int) string { return repeated(n, `{"results":[`, `{"id":"1","type":"page"}`, "]}") }, nil},
	{"members", func(n int) string { return numbered(n, `"member%d":1`) }, nil},
	{"members that end alike", func(n int) string { return numbered(n, `"%d_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":1`) }, nil},
	{"members with escapes", func(n int) string { return numbered(n, `"\u0061\n%d":1`) }, nil},
	{"every other member goes", func(n int) string { return numbered(n, `"x%[1]d":1,"y%[1]d":true`) }, nil},
	{"numbers in lists of their own", func(n int) string { return repeated(n, `{"userKeys":[`, `"hid","b"`, "]}") }, nil},
	{"a name twice, at the end", func(n int) string {
		return strings.TrimSuffix(numbered(n, `"member%d":1`), "}") + `,"memb\u0065r0":1}`
	}, edit.ErrAmbiguous},
	{"quotes", func(n int) string { return `{"excerpt":"` + strings.Repeat(`\"`, n/2) + `"}` }, nil},
	{"backslashes", func(n int) string { return `{"value":"` + strings.Repeat(`\\`, n/2) + `HID"}` }, nil},
	{"surrogates", func(n int) string { return `{"value":"` + strings.Repeat(`\ud83d\ude00`, n/12) + `HID"}` }, nil},
	{"digits", func(n int) string { return `{"start":` + strings.Repeat("9", n) + "}" }, nil},
	{"cyrillic", func(n int) string { return `{"excerpt":"` + strings.Repeat("Ж", n/2) + `"}` }, nil},
	{"space", func(n int) string { return strings.Repeat(" \n", n/2) + "{}" }, nil},
	{"a string that does not end", func(n int) string { return `["` + strings.Repeat("a", n) }, edit.ErrMalformed},
	{"placeholders", func(n int) string {
		return repeated(n, `{"users":[`, `{"type":"known","username":"hid"}`, "]}")
	}, nil},
	{"counts", func(n int) string { return repeated(n, `{"results":[`, `{"size":1,"results":[1]}`, "]}") }, nil},
}

func repeated(n int, before, what, after string) string {
	return before + what + strings.Repeat(","+what, n/(len(what)+1)) + after
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		b.WriteByte("{,"[min(i, 1)])
		fmt.Fprintf(&b, format, i)
	}
	return b.String() + "}"
}

// TestLinear: what is made to cost more than its size needs no more pieces of
// memory when it is larger, but for those that double. Steps are counted in
// TestManyNames.
func TestLinear(t *testing.T) {
	p, in := compiled(t), input(false)
	for _, h := range hostile {
		allocs := func(n int) float64 {
			src := []byte(h.make(n))
			dst := make([]byte, 0, 2*len(src)+1024)
			return testing.AllocsPerRun(2, func() {
				if _, _, err := p.Rewrite(dst, src, in); !errors.Is(err, h.err) {
					t.Fatalf("%s: err = %v", h.name, err)
				}
			})
		}
		if small, large := allocs(8<<10), allocs(512<<10); large > small+64 {
			t.Errorf("%s: %v allocations for 8 KB, %v for 512 KB", h.name, small, large)
		}
	}
}

// TestAllocations: an answer of any size costs the same few.
func TestAllocations(t *testing.T) {
	s := newShipped(t)
	in := s.input(quick{})
	for _, n := range [...]int{10 << 10, 100 << 10, 1 << 20, 10 << 20} {
		src := shippedSearch(n)
		dst := make([]byte, 0, len(src)+1024)
		allocs := testing.AllocsPerRun(10, func() {
			if _, _, err := s.prog.Rewrite(dst, src, in); err != nil {
				t.Fatal(err)
			}
		})
		if allocs > 20 {
			t.Errorf("%d bytes: %v allocations", n, allocs)
		}
	}
}

// BenchmarkHostile shows by its bytes per second that time grows as the size.
func BenchmarkHostile(b *testing.B) {
	p, in := compiled(b), input(false)
	for _, h := range hostile {
		for _, n := range []int{10 << 10, 100 << 10, 1 << 20, 10 << 20} {
			src := []byte(h.make(n))
			dst := make([]byte, 0, 2*len(src)+1024)
			b.Run(fmt.Sprintf("%s/%dKB", strings.ReplaceAll(h.name, " ", "-"), n>>10), func(b *testing.B) {
				b.SetBytes(int64(len(src)))
				for b.Loop() {
					if _, _, err := p.Rewrite(dst, src, in); !errors.Is(err, h.err) && !errors.Is(err, edit.ErrTooLarge) {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
