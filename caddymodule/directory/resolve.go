package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/postern-gateway/postern/caddymodule/upstream"
	"github.com/postern-gateway/postern/rules"
)

// wanted is a key to ask about, with the name that remembers it.
type wanted struct {
	key  rules.Key // as the wiki is asked
	name absence
}

// Resolve asks the wiki, in one bounded call, about those of the references
// that the newest generation does not know, and reports whether the facts
// changed: then what was unknown should be judged again. Spellings that were
// asked about lately are not asked about again. Whatever goes wrong, the
// references stay unknown, and so hidden; the error is for the log.
func (d *Directory) Resolve(ctx context.Context, refs []rules.Ref) (changed bool, err error) {
	if d.c.Upstream == nil || d.c.Profile == nil || len(d.c.Profile.Lookup) == 0 || len(refs) == 0 {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, d.c.LookupTimeout)
	defer cancel()
	before := d.current.Load()
	ask, wait := d.want(before, refs)
	var errs []error
	if len(ask) > 0 {
		errs = append(errs, d.lookup(ctx, ask))
	}
	for _, done := range wait {
		select {
		case <-done:
		case <-ctx.Done():
			errs = append(errs, ctx.Err())
		}
	}
	if err := errors.Join(errs...); err != nil {
		return d.current.Load() != before, fmt.Errorf("directory: %w", err)
	}
	return d.current.Load() != before, nil
}

// want chooses what to ask about, and what others are asking about already.
func (d *Directory) want(g *Generation, refs []rules.Ref) (ask []wanted, wait []chan struct{}) {
	now := d.c.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if g.added > maxAdded {
		d.SyncSoon()
		return nil, nil
	}
	mine := map[absence]bool{}
	for _, ref := range refs {
		for _, k := range ref.Keys {
			w, ok := d.spell(g, k)
			if !ok || mine[w.name] || now.Before(d.misses[w.name]) {
				continue
			}
			if done, ok := d.inflight[w.name]; ok {
				if !slices.Contains(wait, done) {
					wait = append(wait, done)
				}
				continue
			}
			if len(ask) >= d.c.MaxLookup {
				return d.claim(ask), wait
			}
			mine[w.name] = true
			ask = append(ask, w)
		}
	}
	return d.claim(ask), wait
}

// claim notes that these are being asked about; d.mu is held.
func (d *Directory) claim(ask []wanted) []wanted {
	if len(ask) > 0 {
		done := make(chan struct{})
		for _, w := range ask {
			d.inflight[w.name] = done
		}
	}
	return ask
}

// spell makes the question of a key, if there is one to ask.
func (d *Directory) spell(g *Generation, k rules.Key) (wanted, bool) {
	if k.Value == "" || len(k.Value) > 1024 || k.Attr == rules.UserDisplay || !d.covered(k.Attr) {
		return wanted{}, false
	}
	space := rules.NoID
	if k.Attr == rules.ContentTitle {
		var ok bool
		if k, space, ok = d.spellTitle(g, k); !ok {
			return wanted{}, false
		}
	}
	if _, ok := g.find(k, space); ok {
		return wanted{}, false
	}
	return wanted{k, g.absence(k.Attr, k.Value, space)}, true
}

// spellTitle gives a title and its space as the wiki itself writes them: where
// titles carry their space, with the space's name, and else with its key.
func (d *Directory) spellTitle(g *Generation, k rules.Key) (rules.Key, rules.ID, bool) {
	p := d.c.Profile
	if p.Titles == nil || p.Titles.Codec == "" {
		space, ok := g.FindSpaceByAnyName(k.Space)
		if ok {
			k.Space = g.spaces[space].Key
		}
		return k, space, ok
	}
	full := k.Value
	if k.Space != "" {
		space, ok := g.FindSpaceByAnyName(k.Space)
		if !ok {
			return k, rules.NoID, false
		}
		full = g.spaces[space].Name + ":" + k.Value
	}
	k, ok := p.TitleKey(g, full)
	if !ok {
		return k, rules.NoID, false
	}
	space, ok := g.FindSpaceByAnyName(k.Space)
	if ok {
		k.Space = g.spaces[space].Name
	}
	return k, space, ok
}

// Forget drops that the wiki has nothing of these references, so that it is
// asked again: somebody has just written there.
func (d *Directory) Forget(refs []rules.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.current.Load()
	stale := map[absence]bool{}
	for _, ref := range refs {
		for _, k := range ref.Keys {
			if w, ok := d.spell(g, k); ok {
				delete(d.misses, w.name)
				if _, ok := g.absent[w.name]; ok {
					stale[w.name] = true
				}
			}
		}
	}
	if len(stale) > 0 {
		d.swap(g.with(rules.Directory{}, nil, func(a absence) bool { return stale[a] }))
	}
}

// covered says whether the profile can ask about an attribute.
func (d *Directory) covered(a rules.Attr) bool {
	name := a.String()
	for i := range d.c.Profile.Lookup {
		if slices.Contains(d.c.Profile.Lookup[i].Attr, name) {
			return true
		}
	}
	return false
}

// lookup asks, and swaps in what was learnt.
func (d *Directory) lookup(ctx context.Context, ask []wanted) error {
	keys := make([]rules.Key, len(ask))
	names := make(map[rules.Key]absence, len(ask))
	for i, w := range ask {
		keys[i] = w.key
		names[w.key] = w.name
	}
	res, err := d.c.Upstream.Lookup(ctx, d.c.Profile, keys)

	d.mu.Lock()
	defer d.mu.Unlock()
	g := d.current.Load()
	now := d.c.Now()
	found := res.Directory(known{g})
	var absent []absence
	for _, k := range res.Absent {
		if n, ok := names[k]; ok {
			absent = append(absent, n)
		}
	}
	if res.Partial {
		d.SyncSoon()
	}
	if len(found.Users)+len(found.Content)+len(found.Aliases)+len(absent) > 0 {
		g = g.with(found, absent, func(a absence) bool { return now.After(d.misses[a]) })
		d.swap(g)
	}
	d.remember(g, ask, absent, err, now)
	return err
}

// remember notes what had no answer, and wakes who waits; d.mu is held.
func (d *Directory) remember(g *Generation, ask []wanted, absent []absence, err error, now time.Time) {
	if len(d.misses)+len(ask) > maxMisses {
		clear(d.misses)
	}
	gone := make(map[absence]bool, len(absent))
	for _, a := range absent {
		gone[a] = true
	}
	var done chan struct{}
	for _, w := range ask {
		kind := w.key.Attr.Kind()
		_, ok := g.find(rules.Key{Attr: w.name.attr, Value: w.key.Value}, w.name.space)
		switch {
		case ok:
			d.stats.Lookups[Lookup{kind, "found"}]++
		case gone[w.name]:
			d.stats.Lookups[Lookup{kind, "absent"}]++
		case err != nil:
			d.stats.Lookups[Lookup{kind, "error"}]++
		default:
			d.stats.Lookups[Lookup{kind, "unknown"}]++
		}
		if !ok {
			d.misses[w.name] = now.Add(d.c.Forget)
		}
		done = d.inflight[w.name]
		delete(d.inflight, w.name)
	}
	if done != nil {
		close(done)
	}
}

// known answers a look-up's questions about the rest of the directory.
type known struct{ g *Generation }

// Space finds a space by key or id.
func (k known) Space(word string) (rules.SpaceRecord, bool) {
	for _, a := range [...]rules.Attr{rules.SpaceKey, rules.SpaceID} {
		if id, ok := k.g.FindSpace(a, word); ok {
			return k.g.spaces[id], true
		}
	}
	return rules.SpaceRecord{}, false
}

// ContentByFullTitle finds content by its space's name, a colon and its title.
func (k known) ContentByFullTitle(full string) (string, bool) {
	for i := range len(full) {
		if full[i] != ':' {
			continue
		}
		if space, ok := k.g.spaceName.find(full[:i], rules.NoID); ok {
			return k.title(full[i+1:], space)
		}
		break
	}
	for i := range k.g.spaces {
		if k.g.spaces[i].Name == "" {
			if id, ok := k.title(full, rules.ID(i)); ok {
				return id, true
			}
		}
	}
	return "", false
}

func (k known) title(title string, space rules.ID) (string, bool) {
	id, ok := k.g.contentTitle.find(title, space)
	if !ok {
		return "", false
	}
	return k.g.contents[id].ID, true
}

var _ Upstream = (*upstream.Client)(nil)
