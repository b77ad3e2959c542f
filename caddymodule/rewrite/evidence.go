package rewrite

import (
	"fmt"
	"slices"

	"github.com/postern-gateway/postern/rules"
)

// probes are the places in which the answer must say what it is.
func (w *work) probes() []string {
	var out []string
	for _, spec := range w.ex.Match.Evidence {
		for _, p := range spec {
			out = append(out, p.At)
		}
	}
	slices.Sort(out)
	return out
}

var kinds = map[string]rules.EntityKind{"content": rules.Content, "space": rules.Space, "user": rules.User, "group": rules.Group}

// evidenceOrder is the order in which evidence is held against what was asked
// for: of two faults, it is always the same one that an answer is refused for.
var evidenceOrder = []string{"content", "space", "user", "group"}

var evidenceAttr = map[rules.EntityKind]rules.Attr{
	rules.Content: rules.ContentID, rules.Space: rules.SpaceKey, rules.User: rules.UserName, rules.Group: rules.GroupName,
}

// evidence holds what the answer says of itself against what was asked for and
// against the viewer's view: the second judgement. An answer that says nothing
// where the route names places is refused.
func (w *work) evidence() error {
	for _, word := range evidenceOrder {
		kind, spec := kinds[word], w.ex.Match.Evidence[word]
		if len(spec) == 0 {
			continue
		}
		found := false
		for _, p := range spec {
			attr := evidenceAttr[kind]
			if p.Attr != "" {
				a, ok := rules.ParseAttr(p.Attr)
				if !ok {
					return fail(ReasonInternal, fmt.Errorf("evidence attribute %q", p.Attr))
				}
				attr = a
			}
			for _, v := range w.report.Evidence[p.At] {
				if v = p.Value(v); v == "" {
					continue
				}
				found = true
				if err := w.witness(attr, v); err != nil {
					return err
				}
			}
		}
		if !found && w.mustSay(kind) {
			if len(w.ex.Match.Subjects) == 0 {
				return ErrNotFound // nothing was asked for: a form, or a mistake
			}
			return fail(ReasonEvidence, fmt.Errorf("no evidence of the %s", word))
		}
	}
	if err := w.evidenceBeside(); err != nil {
		return err
	}
	return w.includes()
}

// evidenceBeside judges what the answer says of itself in further places, where
// it need not say anything.
func (w *work) evidenceBeside() error {
	for _, p := range w.ex.Match.Evidence["also"] {
		for _, v := range w.report.Evidence[p.At] {
			if v = p.Value(v); v == "" {
				continue
			}
			if d, ok := w.judgeBeside(&p, v); ok && d.Verdict != rules.Visible {
				return ErrNotFound
			}
		}
	}
	return nil
}

// judgeBeside judges one such value: a URL, or an entity's attribute.
func (w *work) judgeBeside(p *rules.EvidencePlace, v string) (rules.Decision, bool) {
	if p.Attr == "url" {
		u := w.j.URL(v)
		return u.Decision, true
	}
	attr, ok := rules.ParseAttr(p.Attr)
	if !ok {
		return rules.Decision{}, false
	}
	return w.j.Entity(w.evidenceRef(attr, v)), true
}

// includes judges what the answer says that it shows of other pages. The
// directory knows that of the newest version alone, as of the last sync: an
// answer about a version asked for by its number is refused if it does not say
// it, or not to the end, or if anything in it is not visible.
func (w *work) includes() error {
	spec := w.ex.Match.Evidence["includes"]
	if len(spec) == 0 {
		return nil
	}
	version := slices.ContainsFunc(w.ex.Match.Subjects, func(s rules.Subject) bool {
		return slices.ContainsFunc(s.Ref.Keys, func(k rules.Key) bool { return k.Attr == rules.RevisionID })
	})
	said := false
	for i := range spec {
		p := &spec[i]
		attr, ok := rules.ParseAttr(p.Attr)
		if !ok {
			attr = rules.ContentID
		}
		found := w.report.Evidence[p.At]
		said = said || len(found) > 0
		if version && p.Max > 0 && len(found) >= p.Max {
			return ErrNotFound
		}
		for _, v := range found {
			if v = p.Value(v); v == "" {
				continue
			}
			ref := w.evidenceRef(attr, v)
			d := w.j.Entity(ref)
			if d.Verdict == rules.Visible || d.Absent || attr == rules.ContentTitle && ref.Keys[0].Space == "" {
				continue // or no page: a list that the wiki makes, judged where it stands
			}
			if _, exists := w.view.Resolve(ref); version || exists {
				return ErrNotFound
			}
		}
	}
	if version && !said {
		return ErrNotFound
	}
	return nil
}

// judgeEvidence judges what was found before it is held against anything, so
// that what is unknown of it is looked up with the rest.
func (w *work) judgeEvidence() {
	for word, spec := range w.ex.Match.Evidence {
		for _, p := range spec {
			if word == "also" {
				for _, v := range w.report.Evidence[p.At] {
					if v = p.Value(v); v != "" {
						w.judgeBeside(&p, v)
					}
				}
				continue
			}
			attr := evidenceAttr[kinds[word]]
			if a, ok := rules.ParseAttr(p.Attr); ok {
				attr = a
			}
			for _, v := range w.report.Evidence[p.At] {
				if v = p.Value(v); v != "" {
					w.j.Entity(w.evidenceRef(attr, v))
				}
			}
		}
	}
}

func (w *work) evidenceRef(attr rules.Attr, value string) rules.Ref {
	key := rules.Key{Attr: attr, Value: value}
	if attr == rules.ContentTitle {
		if k, ok := w.title(value); ok {
			key = k
		}
	}
	return rules.Ref{Kind: attr.Kind(), Keys: []rules.Key{key}}
}

// mustSay: on routes about one thing the answer must say which.
func (w *work) mustSay(kind rules.EntityKind) bool {
	switch w.ex.Match.Class {
	case rules.ClassContent:
		return kind == rules.Content || len(w.asked(kind)) > 0
	case rules.ClassSpace, rules.ClassUser:
		return true
	}
	return len(w.asked(kind)) > 0
}

// witness judges one thing that the answer says it is about.
func (w *work) witness(attr rules.Attr, value string) error {
	ref := w.evidenceRef(attr, value)
	w.report.Check(ref.Kind)
	if w.j.Entity(ref).Verdict != rules.Visible {
		return ErrNotFound
	}
	asked := w.asked(ref.Kind)
	if len(asked) == 0 {
		return nil
	}
	id, ok := w.view.Resolve(ref)
	if !ok {
		return ErrNotFound
	}
	for _, a := range asked {
		if a == id || ref.Kind == rules.Content && w.redirects(a, id) {
			return nil
		}
	}
	return ErrNotFound
}

// asked are the things of a kind that the request named.
func (w *work) asked(kind rules.EntityKind) []rules.ID {
	var out []rules.ID
	for _, s := range w.ex.Match.Subjects {
		if s.Ref.Kind != kind {
			continue
		}
		if id, ok := w.view.Resolve(s.Ref); ok {
			out = append(out, id)
		}
	}
	return out
}

// redirects reports whether the wiki shows to where a redirect leads.
func (w *work) redirects(from, to rules.ID) bool {
	all := w.view.Facts().Contents()
	if int(from) >= len(all) || int(to) >= len(all) || from < 0 || to < 0 {
		return false
	}
	return all[from].Redirect != "" && all[from].Redirect == all[to].ID
}

// title makes a key of a title that carries its space in itself.
func (w *work) title(raw string) (rules.Key, bool) {
	if w.r.profile.Titles == nil {
		return rules.Key{}, false
	}
	return w.r.profile.TitleKey(w.view.Facts(), raw)
}
