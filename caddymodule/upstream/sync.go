package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/postern-gateway/postern/rules"
	"github.com/tidwall/gjson"
)

// Snapshot lists everything that the profile's sync section names. Progress,
// one line a step, goes to the writer, which may be nil. An error names the
// step; there is no half a snapshot.
func (c *Client) Snapshot(ctx context.Context, p *rules.Profile, progress io.Writer) (rules.Directory, error) {
	if p == nil || p.Sync == nil || len(p.Sync.Steps) == 0 {
		return rules.Directory{}, fmt.Errorf("%w: the profile has no sync section", ErrMalformed)
	}
	if progress == nil {
		progress = io.Discard
	}
	b := newBuilder(c.limits.Records)
	var total int64
	for i := range p.Sync.Steps {
		s := &p.Sync.Steps[i]
		name := fmt.Sprintf("step %d of %d (%s)", i+1, len(p.Sync.Steps), s.Into)
		st, err := compileStep(s)
		if err != nil {
			return rules.Directory{}, fmt.Errorf("sync %s: %w", name, err)
		}
		before := b.records
		scopes, err := st.scopes(&b.dir)
		if err != nil {
			return rules.Directory{}, fmt.Errorf("sync %s: %w", name, err)
		}
		for _, v := range scopes {
			if err := c.walk(ctx, st, v, b, &total); err != nil {
				return rules.Directory{}, fmt.Errorf("sync %s: %w", name, err)
			}
		}
		if _, err := fmt.Fprintf(progress, "%s: %d new\n", name, b.records-before); err != nil {
			return rules.Directory{}, fmt.Errorf("writing progress: %w", err)
		}
	}
	return b.finish(nil), nil
}

// Check says whether the profile's sync, look-ups and who-am-I can be read,
// without asking anybody.
func Check(p *rules.Profile) error {
	var errs []error
	if p.Sync != nil {
		for i := range p.Sync.Steps {
			s, err := compileStep(&p.Sync.Steps[i])
			if err == nil {
				_, err = s.scopes(&rules.Directory{Spaces: []rules.SpaceRecord{{}}, Groups: []rules.GroupRecord{{}}})
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("sync step %d (%s): %w", i+1, p.Sync.Steps[i].Into, err))
			}
		}
	}
	for i := range p.Lookup {
		q, err := compileLookup(&p.Lookup[i], p.Sync)
		if err == nil && q.record == nil && q.alias == nil {
			err = fmt.Errorf("%w: it makes neither record nor alias", ErrMalformed)
		}
		for _, name := range p.Lookup[i].Attr {
			if _, ok := rules.ParseAttr(name); !ok {
				err = errors.Join(err, fmt.Errorf("%w: attribute %q", ErrMalformed, name))
			}
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("lookup %d: %w", i+1, err))
		}
	}
	if p.WhoAmI != nil {
		for _, spec := range []string{p.WhoAmI.User, p.WhoAmI.Anonymous} {
			if _, err := compileField(spec); err != nil {
				errs = append(errs, fmt.Errorf("who_am_i: %w", err))
			}
		}
	}
	return errors.Join(errs...)
}

// step is a compiled rules.SyncStep.
type step struct {
	*rules.SyncStep
	record mapping
	skip   map[string]*regexp.Regexp
	if_    map[string]*regexp.Regexp
}

func compileStep(s *rules.SyncStep) (*step, error) {
	st := &step{SyncStep: s, skip: map[string]*regexp.Regexp{}, if_: map[string]*regexp.Regexp{}}
	var err error
	if st.record, err = compileRecord(s.Into, s.Record); err != nil {
		return nil, err
	}
	for path, expr := range s.Skip {
		if st.skip[path], err = regexp.Compile(expr); err != nil {
			return nil, fmt.Errorf("%w: skip: %w", ErrMalformed, err)
		}
	}
	for name, expr := range s.EachIf {
		if st.if_[name], err = regexp.Compile(`\A(?:` + expr + `)\z`); err != nil {
			return nil, fmt.Errorf("%w: each_if: %w", ErrMalformed, err)
		}
	}
	switch s.Page.Kind {
	case "", "none":
	case "offset":
		if s.Page.Start == "" || s.Page.Size <= 0 {
			return nil, fmt.Errorf("%w: offset paging needs start and size", ErrMalformed)
		}
	case "cursor":
		if s.Page.Next == "" {
			return nil, fmt.Errorf("%w: cursor paging needs next", ErrMalformed)
		}
	default:
		return nil, fmt.Errorf("%w: page kind %q", ErrMalformed, s.Page.Kind)
	}
	return st, nil
}

// scopes gives the variables of each repetition of a step.
func (s *step) scopes(d *rules.Directory) ([]vars, error) {
	var all []vars
	prefix := ""
	switch s.Each {
	case "":
		return []vars{nil}, nil
	case "spaces":
		prefix = "space."
		for _, r := range d.Spaces {
			status := r.Status
			if status == "" {
				status = "current"
			}
			all = append(all, vars{"space.key": r.Key, "space.id": r.ID, "space.name": r.Name, "space.type": r.Type, "space.status": status})
		}
	case "groups":
		prefix = "group."
		for _, r := range d.Groups {
			all = append(all, vars{"group.name": r.Name})
		}
	default:
		return nil, fmt.Errorf("%w: each: %q", ErrMalformed, s.Each)
	}
	out := all[:0]
next:
	for _, v := range all {
		for name, re := range s.if_ {
			val, ok := v[prefix+name]
			if !ok {
				return nil, fmt.Errorf("%w: each_if: there is no field %q", ErrMalformed, name)
			}
			if !re.MatchString(val) {
				continue next
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// walk fetches all pages of one listing.
func (c *Client) walk(ctx context.Context, s *step, v vars, b *builder, total *int64) error {
	first, err := v.expandURL(s.URL)
	if err != nil {
		return err
	}
	rel, start := first, 0
	if s.Page.Kind == "offset" {
		if rel, err = setParams(first, s.offset(0)); err != nil {
			return err
		}
	}
	seen := map[string]bool{rel: true}
	for page := 1; ; page++ {
		if page > c.limits.Pages {
			return fmt.Errorf("%w: more than %d pages", ErrLimit, c.limits.Pages)
		}
		doc, size, err := c.getJSON(ctx, rel, nil)
		if err != nil {
			return fmt.Errorf("page %d: %w", page, err)
		}
		if *total += int64(size); *total > c.limits.Total {
			return fmt.Errorf("%w: more than %d bytes in all", ErrLimit, c.limits.Total)
		}
		n, err := s.take(doc, v, b)
		if err != nil {
			return fmt.Errorf("page %d: %w", page, err)
		}
		more := false
		switch s.Page.Kind {
		case "offset":
			start += n
			more = n >= s.Page.Size
			if s.Page.Next != "" {
				more = n > 0 && doc.Get(s.Page.Next).String() != ""
			}
			if more {
				rel, err = setParams(first, s.offset(start))
			}
		case "cursor":
			rel, more, err = c.cursor(first, doc.Get(s.Page.Next))
		}
		if err != nil {
			return fmt.Errorf("page %d: %w", page, err)
		}
		if !more {
			return nil
		}
		if seen[rel] {
			return fmt.Errorf("page %d: %w: the listing goes in circles", page, ErrMalformed)
		}
		seen[rel] = true
	}
}

func (s *step) offset(start int) map[string]string {
	m := map[string]string{s.Page.Start: strconv.Itoa(start)}
	if s.Page.Limit != "" {
		m[s.Page.Limit] = strconv.Itoa(s.Page.Size)
	}
	return m
}

// take makes records of the items of one answer, and counts them.
func (s *step) take(doc gjson.Result, v vars, b *builder) (int, error) {
	if err := failed(doc, s.Failed); err != nil {
		return 0, err
	}
	items := doc
	if s.Items != "" {
		items = doc.Get(s.Items)
	}
	switch {
	case !items.Exists() || items.Type == gjson.Null:
		if s.Optional {
			return 0, nil
		}
		return 0, fmt.Errorf("%w: no %q in it", ErrMalformed, s.Items)
	case !items.IsArray() && !items.IsObject():
		return 0, fmt.Errorf("%w: %q is no list", ErrMalformed, s.Items)
	}
	n := 0
	var err error
	items.ForEach(func(_, item gjson.Result) bool {
		n++
		for path, re := range s.skip {
			if r := item.Get(path); r.Exists() && re.MatchString(r.String()) {
				return true
			}
		}
		err = b.add(s.Into, s.record, item, v, s.Merge)
		return err == nil
	})
	return n, err
}

// failed reads the answer's own word that it failed. The word itself may name
// things: only short plain codes are repeated.
func failed(doc gjson.Result, path string) error {
	if path == "" {
		return nil
	}
	r := doc.Get(path)
	if !r.Exists() || r.Type == gjson.Null || r.Type == gjson.False {
		return nil
	}
	code := r.String()
	if len(code) > 40 || strings.ContainsFunc(code, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_')
	}) {
		code = path
	}
	return fmt.Errorf("%w: the wiki reports %q", ErrMalformed, code)
}

// cursor makes the next page's address of what the answer says: an object of
// parameters to add, or a URL.
func (c *Client) cursor(first string, next gjson.Result) (string, bool, error) {
	switch {
	case !next.Exists(), next.Type == gjson.Null, next.Type == gjson.False:
		return "", false, nil
	case next.IsObject():
		add := map[string]string{}
		next.ForEach(func(k, v gjson.Result) bool {
			add[k.String()] = v.String()
			return true
		})
		if len(add) == 0 {
			return "", false, nil
		}
		rel, err := setParams(first, add)
		return rel, true, err
	case next.Type == gjson.String && next.Str != "":
		rel, err := c.next(first, next.Str)
		return rel, true, err
	case next.Type == gjson.String:
		return "", false, nil
	}
	return "", false, fmt.Errorf("%w: the next page is neither parameters nor a URL", ErrMalformed)
}

// setParams sets query parameters of a relative URL.
func setParams(rel string, set map[string]string) (string, error) {
	path, query, _ := strings.Cut(rel, "?")
	q, err := url.ParseQuery(query)
	if err != nil {
		return "", fmt.Errorf("%w: the profile's query: %w", ErrMalformed, err)
	}
	for k, v := range set {
		q.Set(k, v)
	}
	return path + "?" + q.Encode(), nil
}
