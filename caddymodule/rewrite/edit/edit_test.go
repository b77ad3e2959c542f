package edit_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

type op struct {
	start, end int
	with       string
}

func TestApply(t *testing.T) {
	t.Parallel()
	const src = "0123456789"
	tests := []struct {
		name string
		ops  []op
		want string
		err  error
	}{
		{"nothing", nil, src, nil},
		{"delete", []op{{2, 4, ""}}, "01456789", nil},
		{"any order", []op{{8, 9, "x"}, {0, 1, "a"}}, "a1234567x9", nil},
		{"insert", []op{{0, 0, "<"}, {10, 10, ">"}}, "<0123456789>", nil},
		{"inserts keep their order", []op{{5, 5, "a"}, {5, 5, "b"}}, "01234ab56789", nil},
		{"inside a deletion", []op{{3, 4, "x"}, {2, 6, ""}, {5, 5, "y"}}, "016789", nil},
		{"insert at the ends of a range", []op{{2, 6, "-"}, {2, 2, "<"}, {6, 6, ">"}}, "01<->6789", nil},
		{"same range, deletion wins", []op{{2, 4, ""}, {2, 4, "x"}}, "01456789", nil},
		{"same range, later wins", []op{{2, 4, "x"}, {2, 4, "y"}}, "01y456789", nil},
		{"adjacent", []op{{2, 4, "a"}, {4, 6, "b"}}, "01ab6789", nil},
		{"prefix of a range", []op{{2, 4, "a"}, {2, 6, "b"}}, "01b6789", nil},
		{"suffix of a range", []op{{4, 6, "a"}, {2, 6, "b"}}, "01b6789", nil},
		{"all", []op{{0, 10, ""}}, "", nil},
		{"partial overlap", []op{{2, 5, ""}, {4, 7, ""}}, "", edit.ErrOverlap},
		{"past the end", []op{{9, 11, ""}}, "", edit.ErrRange},
		{"backwards", []op{{5, 4, "x"}}, "", edit.ErrRange},
		{"negative", []op{{-1, 4, "x"}}, "", edit.ErrRange},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := edit.Get()
			defer edit.Put(l)
			for _, o := range tt.ops {
				l.Replace(o.start, o.end, o.with)
			}
			got, err := l.Apply([]byte("dst:"), []byte(src))
			if !errors.Is(err, tt.err) {
				t.Fatalf("err = %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff("dst:"+tt.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMapPos(t *testing.T) {
	t.Parallel()
	var l edit.List
	l.Replace(2, 4, "abc") // 01abc456>789
	l.Insert(7, ">")
	if _, err := l.Apply(nil, []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	for pos, want := range map[int]int{0: 0, 1: 1, 2: 2, 3: 5, 4: 5, 5: 6, 7: 9, 8: 10, 10: 12} {
		if got := l.MapPos(pos); got != want {
			t.Errorf("MapPos(%d) = %d, want %d", pos, got, want)
		}
	}
}

// naive applies edits one byte position at a time: slow and obvious.
func naive(src string, ops []op) (string, bool) {
	drop := make([]bool, len(ops))
	inside := func(a, b op) bool { // a strictly inside b, or an insertion between its ends
		if a.start == a.end {
			return b.start < a.start && a.start < b.end
		}
		return b.start <= a.start && a.end <= b.end && (a.start != b.start || a.end != b.end)
	}
	for i, a := range ops {
		for j, b := range ops {
			if i == j || b.start == b.end {
				continue
			}
			same := a.start == b.start && a.end == b.end
			switch {
			case inside(a, b):
				drop[i] = true
			case same && (b.with == "" && a.with != ""):
				drop[i] = true
			case same && (a.with == "") == (b.with == "") && j > i:
				drop[i] = true
			}
		}
	}
	for i, a := range ops {
		for j, b := range ops {
			if i != j && !drop[i] && !drop[j] && a.start < b.start && b.start < a.end && a.end < b.end {
				return "", false
			}
		}
	}
	var sb strings.Builder
	for p := 0; p <= len(src); p++ {
		for i, o := range ops {
			if !drop[i] && o.start == p && o.end == p {
				sb.WriteString(o.with)
			}
		}
		covered := false
		for i, o := range ops {
			if !drop[i] && o.start == p && o.end > p {
				sb.WriteString(o.with)
			}
			covered = covered || !drop[i] && o.start <= p && p < o.end
		}
		if p < len(src) && !covered {
			sb.WriteByte(src[p])
		}
	}
	return sb.String(), true
}

func FuzzApply(f *testing.F) {
	f.Add("0123456789", []byte{2, 2, 1, 4, 3, 0, 4, 0, 2})
	f.Add("abc", []byte{0, 3, 0, 1, 1, 1})
	f.Fuzz(func(t *testing.T, src string, prog []byte) {
		if len(src) > 64 || len(prog) > 36 {
			return
		}
		var ops []op
		var l edit.List
		for ; len(prog) >= 3; prog = prog[3:] {
			s := int(prog[0]) % (len(src) + 1)
			e := s + int(prog[1])%(len(src)-s+1)
			w := strings.Repeat(string(rune('A'+len(ops))), int(prog[2])%3)
			if s == e && w == "" {
				continue
			}
			ops = append(ops, op{s, e, w})
			l.Replace(s, e, w)
		}
		got, err := l.Apply(nil, []byte(src))
		want, ok := naive(src, ops)
		if ok != (err == nil) {
			t.Fatalf("%q %v: err = %v, naive ok = %v", src, ops, err, ok)
		}
		if !ok {
			return
		}
		if string(got) != want {
			t.Fatalf("%q %v: got %q, want %q", src, ops, got, want)
		}
		prev := 0
		for p := 0; p <= len(src); p++ {
			m := l.MapPos(p)
			if m < prev || m > len(got) {
				t.Fatalf("MapPos(%d) = %d after %d of %d", p, m, prev, len(got))
			}
			prev = m
		}
	})
}

func BenchmarkApply(b *testing.B) {
	src := []byte(strings.Repeat("lorem ipsum dolor ", 6000))
	dst := make([]byte, 0, 2*len(src))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		l := edit.Get()
		for i := 0; i+10 < len(src); i += 500 {
			l.Replace(i, i+10, "replaced text")
		}
		if _, err := l.Apply(dst, src); err != nil {
			b.Fatal(err)
		}
		edit.Put(l)
	}
}
