package upstream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/postern-gateway/postern/rules"
	"github.com/tidwall/gjson"
	"golang.org/x/sync/errgroup"
)

// LookupResult is what the wiki knows of the keys that it was asked about.
type LookupResult struct {
	// Absent are the asked-for keys of which the wiki said that there is no
	// such thing.
	Absent []rules.Key
	// Asked counts the keys that a look-up of the profile covers.
	Asked int
	// Partial is set when the wiki knows something of which a look-up does not
	// tell all that judging it needs: it was left out, and needs a sync.
	Partial bool

	found *builder
}

// Directory gives the records that were found. What they say by title is
// resolved by what is known already; known may be nil.
func (r LookupResult) Directory(known Known) rules.Directory {
	if r.found == nil {
		return rules.Directory{}
	}
	return r.found.finish(known)
}

// concurrency bounds the requests of one Lookup that run at once.
const concurrency = 4

// Lookup asks about keys. Titles come with the name by which their space is
// known in URLs (its key, or the prefix before the colon) in Space. Keys of
// attributes for which the profile has no look-up are passed over. The result
// holds what was answered even if an error is returned beside it.
func (c *Client) Lookup(ctx context.Context, p *rules.Profile, keys []rules.Key) (LookupResult, error) {
	res := LookupResult{found: newBuilder(c.limits.Records)}
	if p == nil {
		return res, nil
	}
	seen := make(map[rules.Key]bool, len(keys))
	byAttr := map[rules.Attr][]rules.Key{}
	for _, k := range keys {
		if k.Value == "" || seen[k] {
			continue
		}
		if len(seen) >= c.limits.Values {
			break
		}
		seen[k] = true
		byAttr[k.Attr] = append(byAttr[k.Attr], k)
	}
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(concurrency)
	var errs []error
	requests := 0
	for i := range p.Lookup {
		l := &p.Lookup[i]
		q, err := compileLookup(l, p.Sync)
		if err != nil {
			return res, fmt.Errorf("lookup %d: %w", i+1, err)
		}
		q.partial = &res.Partial
		for _, name := range l.Attr {
			attr, ok := rules.ParseAttr(name)
			if !ok {
				return res, fmt.Errorf("lookup %d: %w: attribute %q", i+1, ErrMalformed, name)
			}
			asked := byAttr[attr]
			delete(byAttr, attr) // the first look-up of an attribute answers for it
			for batch := range slices.Chunk(asked, q.batch()) {
				if requests++; requests > c.limits.Requests {
					errs = append(errs, fmt.Errorf("lookup %d: %w: more than %d requests", i+1, ErrLimit, c.limits.Requests))
					break
				}
				res.Asked += len(batch)
				g.Go(func() error {
					absent, err := c.ask(ctx, q, batch, res.found, &mu)
					mu.Lock()
					defer mu.Unlock()
					res.Absent = append(res.Absent, absent...)
					if err != nil {
						errs = append(errs, fmt.Errorf("lookup %d (%s): %w", i+1, name, err))
					}
					return nil
				})
			}
		}
	}
	_ = g.Wait() // the goroutines report through errs
	return res, errors.Join(errs...)
}

// query is a compiled rules.Lookup.
type query struct {
	*rules.Lookup
	into          string // of records
	record, alias mapping
	// lacks is set when sync tells more of such records than this look-up.
	lacks   bool
	partial *bool
}

// judging are the fields that verdicts hang on, by kind of record: who belongs
// to a group may be somebody else's business, what bears a label may be hidden.
var judging = map[string][][]string{
	"users": {{"groups"}},
	"content": {
		{"labels"},
		{"restricted_to.users"},
		{"restricted_to.groups"},
		{"parent", "parent.title", "parent.path"},
		{"includes", "includes.title"},
		{"status"},
	},
}

// tells says whether a mapping gives any of the fields.
func tells(m map[string]string, fields []string) bool {
	return slices.ContainsFunc(fields, func(f string) bool { _, ok := m[f]; return ok })
}

func compileLookup(l *rules.Lookup, s *rules.Sync) (*query, error) {
	q := &query{Lookup: l, into: l.Into}
	var err error
	if q.into == "" || q.into == "aliases" {
		q.into = "content"
	}
	if s != nil {
		for _, fields := range judging[q.into] {
			synced := slices.ContainsFunc(s.Steps, func(st rules.SyncStep) bool { return st.Into == q.into && tells(st.Record, fields) })
			q.lacks = q.lacks || synced && !tells(l.Record, fields)
		}
	}
	if len(l.Record) > 0 {
		if q.record, err = compileRecord(q.into, l.Record); err != nil {
			return nil, err
		}
	}
	if len(l.Alias) > 0 {
		if q.alias, err = compileRecord("aliases", l.Alias); err != nil {
			return nil, err
		}
	}
	if !strings.Contains(l.URL, "{values}") {
		return nil, fmt.Errorf("%w: the URL has no {values}", ErrMalformed)
	}
	return q, nil
}

func (q *query) batch() int {
	switch {
	case q.Join == "" || strings.Contains(q.URL, "{space}"):
		return 1
	case q.Max <= 0:
		return 50
	}
	return q.Max
}

// spelling is how a key is asked for.
func (q *query) spelling(k rules.Key) string {
	if k.Attr == rules.ContentTitle && k.Space != "" && !strings.Contains(q.URL, "{space}") {
		return k.Space + ":" + k.Value
	}
	return k.Value
}

// ask makes one request, and returns the keys that are known to be absent.
func (c *Client) ask(ctx context.Context, q *query, keys []rules.Key, b *builder, mu *sync.Mutex) ([]rules.Key, error) {
	asked := make(map[string]rules.Key, len(keys))
	words := make([]string, 0, len(keys))
	for _, k := range keys {
		w := q.spelling(k)
		if q.Join != "" && strings.Contains(w, q.Join) {
			continue // can't be asked for, so it stays unknown
		}
		asked[w] = k
		words = append(words, w)
	}
	if len(words) == 0 {
		return nil, nil
	}
	rel, err := vars{"values": strings.Join(words, q.Join), "space": keys[0].Space}.expandURL(q.URL)
	if err != nil {
		return nil, err
	}
	var absent []rules.Key
	first := rel
	for page := 1; ; page++ {
		doc, _, err := c.getJSON(ctx, rel, nil)
		var se *statusError
		switch {
		case errors.As(err, &se) && (se.status == http.StatusNotFound || se.status == http.StatusGone) && len(keys) == 1 && q.Missing == "":
			return keys, nil
		case err != nil:
			return absent, err
		}
		if err := failed(doc, q.Failed); err != nil {
			return absent, err
		}
		gone, err := q.read(doc, keys, asked, b, mu)
		if err != nil {
			return absent, err
		}
		absent = append(absent, gone...)
		if q.Next == "" {
			return absent, nil
		}
		next, more, err := c.cursor(first, doc.Get(q.Next))
		if err != nil || !more {
			return absent, err
		}
		if next == rel || page >= maxLookupPages {
			return absent, fmt.Errorf("%w: more than %d pages", ErrLimit, maxLookupPages)
		}
		rel = next
	}
}

// maxLookupPages bounds the answers to one question.
const maxLookupPages = 20

// read makes records of an answer, and returns what it calls missing.
func (q *query) read(doc gjson.Result, keys []rules.Key, asked map[string]rules.Key, b *builder, mu *sync.Mutex) ([]rules.Key, error) {
	mu.Lock()
	defer mu.Unlock()
	if q.Items == "" {
		return nil, q.take(doc, b)
	}
	items := doc.Get(q.Items)
	if !items.Exists() {
		return nil, nil
	}
	if !items.IsArray() && !items.IsObject() {
		return nil, fmt.Errorf("%w: %q is no list", ErrMalformed, q.Items)
	}
	var absent []rules.Key
	var err error
	n := 0
	items.ForEach(func(_, item gjson.Result) bool {
		n++
		if isMissing(item, q.Missing) {
			if k, ok := asked[q.names(item)]; ok {
				absent = append(absent, k)
			}
			return true
		}
		err = q.take(item, b)
		return err == nil
	})
	if n == 0 && len(keys) == 1 && q.Missing == "" {
		absent = keys
	}
	return absent, err
}

func isMissing(item gjson.Result, path string) bool {
	if path == "" {
		return false
	}
	r := item.Get(path)
	return r.Exists() && r.Type != gjson.False && r.Type != gjson.Null
}

// take makes an alias or a record of an item, or both where nothing says which.
func (q *query) take(item gjson.Result, b *builder) error {
	if q.alias != nil {
		_, gated := q.alias["kind"]
		r := &row{m: q.alias, item: item}
		if kind := r.one("kind"); !gated || kind != "" {
			from := len(b.dir.Aliases)
			err := b.add("aliases", q.alias, item, nil, false)
			for i := from; i < len(b.dir.Aliases) && !gated && slices.Contains(q.Attr, rules.RevisionID.String()); i++ {
				b.dir.Aliases[i].Kind = "revision"
			}
			if gated || err != nil {
				return err
			}
		}
	}
	if q.record == nil {
		return nil
	}
	if q.lacks {
		*q.partial = true
		return nil
	}
	return b.add(q.into, q.record, item, nil, false)
}

// names gives the spelling by which an item says what it is about.
func (q *query) names(item gjson.Result) string {
	r := &row{m: q.record, item: item}
	for _, f := range q.Attr {
		var word string
		switch a, _ := rules.ParseAttr(f); a {
		case rules.UserName:
			word = r.one("username")
		case rules.UserKey:
			word = r.one("key")
		case rules.UserAccountID:
			word = r.one("account_id")
		case rules.UserEmail:
			word = r.one("email")
		case rules.GroupName:
			word = r.one("name")
		case rules.SpaceKey:
			word = r.one("key")
		case rules.SpaceID, rules.ContentID, rules.RevisionID:
			word = r.one("id")
		case rules.ContentTitle:
			if word = r.one("title.full"); word == "" {
				word = r.one("title")
			}
		}
		if word != "" && r.err == nil {
			return word
		}
	}
	return ""
}

// WhoAmI asks the wiki whom it takes a request with these cookies for. The
// empty name is nobody. The client's own token is not sent.
func (c *Client) WhoAmI(ctx context.Context, p *rules.Profile, cookies []*http.Cookie) (string, error) {
	if p == nil || p.WhoAmI == nil || p.WhoAmI.URL == "" {
		return "", fmt.Errorf("%w: the profile has no who_am_i", ErrMalformed)
	}
	if cookies == nil {
		cookies = []*http.Cookie{}
	}
	user, err := compileField(p.WhoAmI.User)
	if err != nil {
		return "", fmt.Errorf("who am I: %w", err)
	}
	nobody, err := compileField(p.WhoAmI.Anonymous)
	if err != nil {
		return "", fmt.Errorf("who am I: %w", err)
	}
	doc, _, err := c.getJSON(ctx, p.WhoAmI.URL, cookies)
	var se *statusError
	switch {
	case errors.As(err, &se) && (se.status == http.StatusUnauthorized || se.status == http.StatusForbidden):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("who am I: %w", err)
	}
	// An empty string is present: the older form of a flag.
	for _, a := range nobody {
		if a.re == nil && a.text != "" && doc.Get(a.text).Type == gjson.String && doc.Get(a.text).Str == "" {
			return "", nil
		}
	}
	if flag, err := nobody.one(doc, nil); err != nil || flag != "" && flag != "false" {
		return "", err
	}
	name, err := user.one(doc, nil)
	if err != nil {
		return "", fmt.Errorf("who am I: %w", err)
	}
	if name == "" {
		return "", fmt.Errorf("who am I: %w: it names nobody", ErrMalformed)
	}
	return name, nil
}
