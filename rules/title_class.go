package rules

import (
	"iter"
	"strings"

	"github.com/postern-gateway/postern/rules/codec/mwtitle"
)

// maxClassReadings bounds in how many ways a class is read as a title.
const maxClassReadings = 64

// TitleClass decides about a title as a class of the answer spells it
// ({content.title:css} in a profile), in a space or, if that is empty, with its
// own prefix. A class can't be read back: several titles share one form, and
// one of them that is visible, or was asked for and let in, is enough, since
// the class then says nothing that the viewer does not know. Such titles are
// what the request is about, the pages above it, and the simple readings of the
// class. Every other class is of unknown meaning.
func (j *Judge) TitleClass(space, class string) Decision {
	if space == "" {
		if j.classOfRequest(class) || j.classOfSubject(class) {
			return visible(reasonTitleClass)
		}
	} else if _, ok := j.facts.FindSpaceByAnyName(space); !ok {
		return unknown(reasonUnknown)
	}
	seen := unknown(reasonUnknown)
	classReadings(class, space == "", func(title string) bool {
		if mwtitle.CSS(title) != class {
			return true
		}
		ref := Ref{Kind: Content, Keys: []Key{{Attr: ContentTitle, Value: title, Space: space}}}
		if space == "" {
			key, ok := j.profile.TitleKey(j.facts, title)
			if !ok {
				return true
			}
			ref.Keys[0] = key
		}
		d := j.view.entity(&ref, j.ctx, false)
		if d.Verdict == Visible {
			seen = d
		}
		return d.Verdict != Visible
	})
	return seen
}

// classOf reports whether class is that of a title, or of the page above all
// those that the title stands below.
func classOf(title, class string, same func(a, b string) bool) bool {
	root, _, _ := strings.Cut(title, "/")
	return same(mwtitle.CSS(title), class) || same(mwtitle.CSS(root), class)
}

// classOfRequest reports whether class is that of a title in the request as it
// was asked. The names of special pages are spelled in any case.
func (j *Judge) classOfRequest(class string) bool {
	for t := range j.askedTitles() {
		same := func(a, b string) bool { return a == b }
		if t.ns == mwtitle.NSSpecial {
			same = strings.EqualFold
		}
		if classOf(t.raw, class, same) {
			return true
		}
	}
	return false
}

// asksFor reports whether the request, which was let in, asked for the special
// page of this title: the viewer knows it then, and whom or what it is about was
// judged with the request.
func (j *Judge) asksFor(raw string) bool {
	name, sub, ok := j.titles().read(raw).special()
	if !ok {
		return false
	}
	for t := range j.askedTitles() {
		if n, s, ok := t.special(); ok && n == name && s == sub {
			return true
		}
	}
	return false
}

func (j *Judge) titles() *namespaces {
	return j.profile.routes().names.of(j.facts, j.profile.routes().none)
}

// askedTitles are the titles in the request as it was asked: the values of
// parameters, and what ends the path.
func (j *Judge) askedTitles() iter.Seq[title] {
	return func(yield func(title) bool) {
		if j.Asked == nil || !j.profile.routes().titles {
			return
		}
		names := j.titles()
		for _, p := range j.Asked.Params {
			if t := names.read(p.Value); t.ok && !yield(t) {
				return
			}
		}
		for i := range j.Asked.Segments {
			if t := names.read(strings.Join(j.Asked.Segments[i:], "/")); t.ok && !yield(t) {
				return
			}
		}
	}
}

// classOfSubject reports whether class is that of a page that the request is
// about, by whatever it was named there.
func (j *Judge) classOfSubject(class string) bool {
	if j.Asked == nil {
		return false
	}
	for i := range j.Asked.Subjects {
		ref := j.Asked.Subjects[i].Ref
		if ref.Kind != Content {
			continue
		}
		r := j.view.resolve(&ref, j.ctx)
		if r.id == NoID || r.doubt != nil || j.view.Content(r.id).Verdict != Visible {
			continue
		}
		c := &j.facts.Contents()[r.id]
		title := c.Title
		if space, ok := j.facts.FindSpaceByAnyName(c.Space); ok && j.facts.Spaces()[space].Name != "" {
			title = j.facts.Spaces()[space].Name + ":" + title
		}
		if classOf(title, class, func(a, b string) bool { return a == b }) {
			return true
		}
	}
	return false
}

// classReadings calls each with simple readings of a class, until it has enough:
// a space for every underscore, a colon for one of them where a prefix may
// stand in front, and a slash for one more.
func classReadings(class string, prefixed bool, each func(title string) bool) {
	words := []byte(strings.ReplaceAll(class, "_", " "))
	left := maxClassReadings
	try := func() bool {
		left--
		return left >= 0 && each(string(words))
	}
	slashes := func(from int) bool {
		for i := from; i < len(words); i++ {
			if words[i] == ' ' {
				words[i] = '/'
				more := try()
				words[i] = ' '
				if !more {
					return false
				}
			}
		}
		return true
	}
	if !try() {
		return
	}
	for i := 0; prefixed && i < len(words); i++ {
		if words[i] == ' ' {
			words[i] = ':'
			more := try()
			words[i] = ' '
			if !more {
				return
			}
		}
	}
	for i := 0; prefixed && i < len(words); i++ {
		if words[i] == ' ' {
			words[i] = ':'
			more := slashes(i + 1)
			words[i] = ' '
			if !more {
				return
			}
		}
	}
	slashes(0)
}
