package rewrite

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	onePart = regexp.MustCompile(`^bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)$`)
	noPart  = regexp.MustCompile(`^bytes \*/[0-9]{1,18}$`)
)

// part is a Content-Range of one part (RFC 9110, section 14.4).
type part struct{ first, last, size int64 } // size -1: not known

// readPart reads the field; there must be one, of one part.
func readPart(fields []string) (part, bool) {
	if len(fields) != 1 {
		return part{}, false
	}
	m := onePart.FindStringSubmatch(fields[0])
	if m == nil {
		return part{}, false
	}
	p := part{size: -1}
	p.first, _ = strconv.ParseInt(m[1], 10, 64) // digits, and few enough
	p.last, _ = strconv.ParseInt(m[2], 10, 64)
	if m[3] != "*" {
		p.size, _ = strconv.ParseInt(m[3], 10, 64)
	}
	return p, p.first <= p.last && (p.size < 0 || p.last < p.size)
}

// String spells the field.
func (p part) String() string {
	size := "*"
	if p.size >= 0 {
		size = strconv.FormatInt(p.size, 10)
	}
	return "bytes " + strconv.FormatInt(p.first, 10) + "-" + strconv.FormatInt(p.last, 10) + "/" + size
}

// answers reports whether the part is what a Range field of one range asked
// for, or its beginning: a server may send less.
func (p part) answers(asked string) bool {
	spec, ok := strings.CutPrefix(asked, "bytes=")
	first, last, dash := strings.Cut(spec, "-")
	if !ok || !dash {
		return false
	}
	if first == "" { // the last so many bytes
		n, err := strconv.ParseInt(last, 10, 64)
		return err == nil && p.size >= 0 && p.last == p.size-1 && p.last-p.first+1 == min(n, p.size)
	}
	from, err := strconv.ParseInt(first, 10, 64)
	if err != nil || p.first != from {
		return false
	}
	if last == "" {
		return true
	}
	to, err := strconv.ParseInt(last, 10, 64)
	return err == nil && p.last <= to
}
