package rules

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// dice makes choices: the first eight bytes of data seed a stream, the others
// are the first choices, so that a fuzzer can turn each by itself.
type dice struct {
	data []byte
	rest *rand.Rand
}

func newDice(data []byte) *dice {
	var first [8]byte
	n := copy(first[:], data)
	return &dice{data[n:], rand.New(rand.NewPCG(binary.LittleEndian.Uint64(first[:]), 1))}
}

func (d *dice) n(sides int) int {
	if len(d.data) == 0 {
		return d.rest.IntN(sides)
	}
	b := d.data[0]
	d.data = d.data[1:]
	return int(b) % sides
}

func (d *dice) once(in int) bool { return d.n(in) == 0 }

func (d *dice) pick(words ...string) string { return words[d.n(len(words))] }

// some picks a few of the words, in their order.
func (d *dice) some(words ...string) []string {
	each, other := d.n(1<<len(words)), d.n(1<<len(words))
	return among(each&other, words...)
}

var (
	fuzzGroups = []string{"staff", "g1", "g2", "g3"}
	fuzzSpaces = []string{"A", "B", "C", "D", "E"}
	errNoWorld = errors.New("a policy that is refused")
)

const (
	fuzzUsers = 7
	fuzzPages = 14
)

func (d *dice) directory() *Directory {
	w := &Directory{}
	for i, g := range fuzzGroups {
		r := GroupRecord{Name: g}
		if i > 0 {
			r.Groups = d.some("g1", "g2", "g3")
		}
		w.Groups = append(w.Groups, r)
	}
	w.Groups = append(w.Groups, GroupRecord{Name: "g1", Source: "idp"}, GroupRecord{Name: "staff", Source: "corp"})
	for i := range fuzzUsers {
		u := UserRecord{
			Username: fmt.Sprint("u", i), Groups: d.some(append(fuzzGroups, "idp/g1", "corp/g1", "corp/staff", "idp/staff")...),
			Email: d.pick("", fmt.Sprintf("u%d@one.example", i), fmt.Sprintf("u%d@corp.example", i), fmt.Sprintf("U%d@two.example", i)),
		}
		if d.once(2) {
			u.Identities = []string{d.pick("idp", "corp") + "/" + u.Username}
		}
		if d.once(8) {
			u.Active = new(bool)
		}
		if !d.once(8) {
			u.Attributes = map[string]string{"f": d.pick("no", "no", "x", "y", "w")}
		}
		w.Users = append(w.Users, u)
	}
	for i, key := range fuzzSpaces {
		s := SpaceRecord{Key: key, ID: fmt.Sprint("1", i), Name: d.pick("Name "+key, "Name "+key, "z"+key), Status: d.pick("", "current", "current", "archived")}
		if key == "E" {
			s.Type, s.Owner = "personal", d.pick("u0", "u1", "u2", "ghost")
		}
		w.Spaces = append(w.Spaces, s)
	}
	page := func() string { return fmt.Sprint(100 + d.n(fuzzPages+1)) } // one of them is not known
	for i := range fuzzPages {
		c := ContentRecord{
			ID: fmt.Sprint(100 + i), Space: d.pick(fuzzSpaces...), Title: d.pick("Secret", "Plan", "plan b"),
			Labels: d.some("secret", "other"), Status: d.pick("", "", "", "", "current", "current", "draft", "archived"),
		}
		if i > 0 && d.n(3) > 0 {
			up := w.Content[d.n(i)]
			c.Parent, c.Space = up.ID, up.Space
		}
		switch d.n(12) {
		case 0:
			c.RestrictedTo = &Restriction{Users: d.some("u0", "u1", "u2"), Groups: d.some("g1", "g2"), Unknown: d.once(3)}
		case 1:
			c.Includes = append(d.some("100", "101", "105", "110"), page())
		case 2:
			c.Redirect = page()
		case 3: // of its own space, below it perhaps, or not known
			if c.Parent = page(); !slices.ContainsFunc(w.Content, func(up ContentRecord) bool { return up.ID == c.Parent && up.Space == c.Space }) {
				c.Parent = d.pick("199", c.ID)
			}
		}
		if !d.once(10) {
			c.Attributes = map[string]string{"f": d.pick("no", "no", "no", "c")}
		}
		w.Content = append(w.Content, c)
	}
	return w
}

func (d *dice) who() string {
	who := d.pick("user: wiki/u", "user: u", "user: idp/u", "user: corp/u")
	return d.pick(fmt.Sprint(who, d.n(fuzzUsers)), fmt.Sprintf("user: u%d@%s.example", d.n(fuzzUsers), d.pick("one", "corp", "two")),
		"email_domain: "+d.pick("one.example", "corp.example", "two.example"),
		"group: "+d.pick("wiki/g1", "wiki/g2", "wiki/g3", "wiki/none", "idp/g1", "corp/g1", "g1", "g2", "wiki/staff"))
}

func (d *dice) members(least, most int) string {
	var all []string
	for range least + d.n(most-least+1) {
		all = append(all, "{"+d.who()+d.pick("", "", ", role: commenter", ", role: user", ", role: manager", ", role: reader")+
			d.pick("", "", "", `, until: 2026-11-30`, `, until: 2026-12-01`, `, until: "2026-12-01T00:00:00Z"`, `, until: "2026-12-01T00:00:01Z"`)+"}")
	}
	return "[" + strings.Join(all, ", ") + "]"
}

func (d *dice) policy() string {
	var b strings.Builder
	add := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	add("version: 1\nwiki: tables\nunsafe_service_identity: true\npreset: %s\nzone: %s", d.pick("recommended", "strict"), d.pick("UTC", "Europe/Berlin", "America/New_York"))
	add("%s", d.pick("", "providers: {idp: {internal: true, domains: [one.example, corp.example]}}", "providers: {corp: {internal: true, domains: [corp.example]}, idp: {domains: [one.example]}}\nsources: [idp, wiki]",
		"providers: {corp: {internal: true, domains: [corp.example]}, idp: {}}\nsources: [corp]"))
	add("internal: {groups: [%s], mode: %s}", d.pick("wiki/staff", "staff", "corp/staff", "corp/staff, wiki/staff"), d.pick(allModes...))
	add("extranet:\n  users_see: %s\n  default_role: %s\n  archived: %s", d.pick(allSees...), d.pick("reader", "commenter", "user"), d.pick("hidden", "visible"))
	if d.once(2) {
		add("  managers_assign: %s", d.pick("everyone", "shared-space"))
	}
	add("spaces:")
	for i, key := range fuzzSpaces {
		if d.once(4) {
			continue
		}
		add("  %q:\n    members: %s", d.pick(key, fmt.Sprint("1", i)), d.members(0, 3))
		if d.once(3) {
			add("    open_to: %s", d.pick("externals", "public"))
		}
		if d.once(3) {
			add("    mentions: %s", d.pick("members", "nobody"))
		}
		if d.once(2) {
			add("    hide: {labels: [%s], titles: [%s], subtrees: [%s]}", d.pick("secret", "none"), d.pick("secret", "none"), d.pick(`"100"`, `"101", "103"`, `"105"`, ""))
		}
	}
	add("pages:")
	for i := range d.n(4) {
		add("  - {content: %q, members: %s%s}", fmt.Sprint(100+i*4+d.n(4)), d.members(1, 2), d.pick("", ", with: subtree"))
	}
	add("filters:")
	for _, f := range []string{
		`{name: x, hide: users, when: 'user.attributes.f == "x"'`, `{name: y, hide: users, when: 'user.attributes.f == "y"'`, `{name: w, hide: users, when: 'user.attributes.f == "w"'`,
		`{name: c, hide: content, when: 'content.attributes.f == "c"'`, `{name: zA, hide: spaces, when: 'space.name == "zA"'`,
	} {
		if !d.once(3) {
			continue
		}
		if strings.Contains(f, "users") {
			f += d.pick("", ", contexts: [global]", ", contexts: [space]") + d.pick("", ", one_way: true")
		}
		add("  - %s}", f)
	}
	if d.once(2) {
		add("suspended: [{%s}]", d.who())
	}
	return b.String()
}

func (d *dice) viewers(w *Directory) []Viewer {
	out := []Viewer{{Anonymous: true}}
	for i := range w.Users {
		u := &w.Users[i]
		v := Viewer{Provider: d.pick("idp", "corp"), Subject: u.Username, Email: u.Email, EmailVerified: !d.once(5), Groups: d.some("g1", "staff", "g2"), WikiVouches: d.once(2)}
		if !d.once(3) {
			v.WikiUser = u.Username
		}
		out = append(out, v)
	}
	return append(out, Viewer{Provider: "idp", Subject: "stranger", Email: "New@ONE.example", EmailVerified: true})
}

// world makes a whole world; most choices make one that a policy may be.
func (d *dice) world(profile *Profile) (*world, string, error) {
	text := d.policy()
	p, err := ParsePolicy(map[string][]byte{"p.yaml": []byte(text)}, profile)
	if err != nil {
		return nil, text, fmt.Errorf("%w: %w", errNoWorld, err)
	}
	w := &world{p: p, d: d.directory(), actions: d.once(4), now: tableTime.Add(time.Duration(d.n(3)-1) * time.Second)}
	w.viewers, w.identity = d.viewers(w.d), map[ViewerKind]UpstreamIdentity{}
	for k := Anonymous; k <= Internal; k++ {
		if d.once(2) {
			w.identity[k] = UpstreamIdentity(d.pick("anonymous", "service", "header", "passthrough"))
		}
	}
	return w, text, nil
}

func seed(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

// TestEngineAgreesOnRandomWorlds compares on larger worlds, with everything in
// them at once.
func TestEngineAgreesOnRandomWorlds(t *testing.T) {
	t.Parallel()
	profile := referenceProfile(t)
	var n tally
	for i := range uint64(600) {
		w, text, err := newDice(seed(i)).world(profile)
		if err != nil {
			continue
		}
		n.policies.Add(1)
		if err := w.agree(&n); err != nil {
			t.Fatalf("seed %d: %v\n%s", i, err, text)
		}
	}
	if n.policies.Load() < 300 {
		t.Errorf("only %d seeds make a policy", n.policies.Load())
	}
	n.log(t)
}

func FuzzEngineAgreesWithReference(f *testing.F) {
	for i := range uint64(8) {
		f.Add(seed(i))
	}
	profile := referenceProfile(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		w, text, err := newDice(data).world(profile)
		if err != nil {
			t.Skip()
		}
		if err := w.agree(&tally{}); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	})
}
