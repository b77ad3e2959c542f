package directory

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/postern-gateway/postern/rules"
)

func TestSnapshotRoundTrip(t *testing.T) {
	t.Parallel()
	no := false
	want := sample()
	want.Users[0].Active = &no
	want.Users[0].Attributes = map[string]string{"department": "R&D <x>"}
	want.Content[1].RestrictedTo = &rules.Restriction{Users: []string{"bo"}, Groups: []string{"hr"}}
	var b bytes.Buffer
	if err := WriteSnapshot(&b, want); err != nil {
		t.Fatal(err)
	}
	got, err := ReadSnapshot(&b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	b.Reset()
	if err := WriteSnapshot(&b, rules.Directory{}); err != nil {
		t.Fatal(err)
	}
	if got, err = ReadSnapshot(&b); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(rules.Directory{}, got); d != "" {
		t.Error(d)
	}
}

func TestReadSnapshotRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{``, "EOF"},
		{`[]`, "expected"},
		{`{"user": []}`, `unknown member "user"`},
		{`{"Users": []}`, `unknown member "Users"`},
		{`{"users": [], "users": []}`, `"users" is there twice`},
		{`{"users": {}}`, "users is no list"},
		{`{"users": [1]}`, "users[0]: no object"},
		{`{"users": [{"username": "a"}, {"name": "a"}]}`, `users[1]: unknown member "name"`},
		{`{"users": [{"Username": "a"}]}`, `users[0]: unknown member "Username"`},
		{`{"users": [{"username": "a", "username": "b"}]}`, `"username" is there twice`},
		{`{"users": [{"username": "a", "attributes": {"x": "1", "x": "2"}}]}`, `"attributes.x" is there twice`},
		{`{"users": [{"username": 1}]}`, "username is a number"},
		{`{"users": [{"groups": "staff"}]}`, "groups is a string"},
		{`{"content": [{"restricted_to": {"people": []}}]}`, `unknown member "restricted_to.people"`},
		{`{"content": [{"labels": [{"name": "x"}]}]}`, "labels is or holds an object"},
		{`{"users": []} x`, "text after the end"},
		{`{"users": [`, "unexpected"},
		{"{\"users\": [{\"username\": \"a\xff\"}]}", "invalid UTF-8"},
	} {
		_, err := ReadSnapshot(strings.NewReader(tt.in))
		if !errors.Is(err, ErrSnapshot) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ReadSnapshot(%s) = %v, want %q", tt.in, err, tt.want)
		}
	}
}

func FuzzReadSnapshot(f *testing.F) {
	f.Add([]byte(`{"users":[{"username":"a","attributes":{"x":"y"}}],"content":[{"id":"1","space":"A","title":"t","restricted_to":{"users":["a"]}}]}`))
	f.Add([]byte(`{"spaces":null,"aliases":[{"id":"1","of":"2"}]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		d, err := ReadSnapshot(bytes.NewReader(in))
		if err != nil {
			return
		}
		var first, second bytes.Buffer
		if err := WriteSnapshot(&first, d); err != nil {
			t.Fatal(err)
		}
		again, err := ReadSnapshot(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatalf("own snapshot refused: %v\n%s", err, first.Bytes())
		}
		if err := WriteSnapshot(&second, again); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatalf("not stable:\n%s\n%s", first.Bytes(), second.Bytes())
		}
		if g, err := NewGeneration(d, Options{Titles: FoldFirst, Users: FoldCase, Spaces: FoldName}); err == nil {
			for i, u := range d.Users {
				if id, ok := g.FindUser(rules.UserName, u.Username); ok && id != rules.ID(i) && normal(d.Users[id].Username) != normal(u.Username) {
					t.Fatalf("user %q resolves to %q", u.Username, d.Users[id].Username)
				}
			}
		}
	})
}
