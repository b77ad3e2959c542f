package xmlrewrite

import (
	"strings"
	"time"
)

// layouts are the ways in which feeds write dates.
var layouts = []string{
	time.RFC3339, time.RFC3339Nano, time.RFC1123, time.RFC1123Z, "Mon, 2 Jan 2006 15:04:05 MST",
	"Mon, 2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 MST", "2 Jan 2006 15:04:05 -0700",
	time.RFC822, time.RFC822Z, "Mon, 2 Jan 06 15:04:05 -0700",
}

// parseDate reads a date. A feed writes all of its dates alike: the form of the
// last one is tried first.
func (r *run) parseDate(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if utc, ok := strings.CutSuffix(s, " GMT"); ok { // what most write, without a zone to be made up
		if t, err := time.Parse("Mon, 02 Jan 2006 15:04:05", utc); err == nil {
			return t, true
		}
	}
	if t, err := time.Parse(layouts[r.layout], s); err == nil {
		return t, true
	}
	for i, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			r.layout = i
			return t, true
		}
	}
	return time.Time{}, false
}

func isRFC3339(s string) bool {
	_, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(s))
	return err == nil
}

var dateElements = map[string]bool{
	"pubDate": true, "updated": true, "published": true, "dc:date": true, "atom:updated": true, "dcterms:modified": true,
}

// noteDate remembers the newest date of the entries that stay.
func (r *run) noteDate(i int32) {
	t := r.t
	for j := i + 1; j < t.nodes[i].last; j = t.nodes[j].last {
		if n := &t.nodes[j]; n.kind == kElement && t.p.known[n.known].dates {
			v := strings.TrimSpace(t.value(j))
			if d, ok := r.parseDate(v); ok && d.After(r.newest) {
				r.newest, r.stamp = d, v
			}
		}
	}
}

// dates sets the feed's own dates to the newest entry's, or takes them out.
// They are set whether or not anything was cut: else they would tell.
func (r *run) dates() {
	t := r.t
	for i := int32(0); int(i) < len(t.nodes); i++ {
		n := &t.nodes[i]
		if n.kind != kElement {
			continue
		}
		if r.f.isEntry(t, i) {
			i = n.last - 1
			continue
		}
		if !t.p.known[n.known].newest {
			continue
		}
		for _, p := range r.f.newest {
			if !p.matches(t, i) || n.close == n.open {
				continue
			}
			v := strings.TrimSpace(t.value(i))
			with := r.stamp
			switch {
			case with == "":
				r.always++
				r.remove(i)
			case v == with:
			default:
				if rfc := isRFC3339(v); rfc != isRFC3339(with) {
					with = r.newest.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
					if rfc {
						with = r.newest.UTC().Format("2006-01-02T15:04:05Z")
					}
				}
				if with != v {
					r.always++
					r.list.Replace(int(n.open), int(n.close), t.escape(textEscaper, with))
				}
			}
			break
		}
	}
}
