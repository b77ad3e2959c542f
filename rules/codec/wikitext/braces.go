package wikitext

import (
	"bytes"
	"strings"
)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// plainTags show what stands in them, and nothing else.
var plainTags = set(`a abbr b bdi bdo big blockquote br caption center cite code col colgroup data dd del dfn div dl dt em font
	h1 h2 h3 h4 h5 h6 hr i img ins kbd li link mark meta ol p q rb rp rt rtc ruby s samp small span strike strong sub sup
	table tbody td tfoot th thead time tr tt u ul var wbr
	nowiki pre gallery ref references includeonly noinclude onlyinclude math chem syntaxhighlight source poem translate tvar languages indicator section`)

// tagged are plain tags whose text names things only as text does.
var tagged = set("ref nowiki pre poem math chem syntaxhighlight source")

// variables are words in braces that stand for nothing but themselves, the time,
// the site, or the page itself.
var variables = set(`! = CURRENTYEAR CURRENTMONTH CURRENTMONTH1 CURRENTMONTH2 CURRENTMONTHNAME CURRENTMONTHNAMEGEN CURRENTMONTHABBREV CURRENTDAY
	CURRENTDAY2 CURRENTDOW CURRENTDAYNAME CURRENTTIME CURRENTHOUR CURRENTWEEK CURRENTTIMESTAMP LOCALYEAR LOCALMONTH LOCALMONTH1
	LOCALMONTH2 LOCALMONTHNAME LOCALMONTHNAMEGEN LOCALMONTHABBREV LOCALDAY LOCALDAY2 LOCALDOW LOCALDAYNAME LOCALTIME LOCALHOUR LOCALWEEK
	LOCALTIMESTAMP SITENAME SERVER SERVERNAME SCRIPTPATH STYLEPATH DIRMARK DIRECTIONMARK CONTENTLANGUAGE CONTENTLANG PAGELANGUAGE
	CURRENTVERSION FULLPAGENAME PAGENAME BASEPAGENAME ROOTPAGENAME SUBPAGENAME SUBJECTPAGENAME ARTICLEPAGENAME TALKPAGENAME
	FULLPAGENAMEE PAGENAMEE BASEPAGENAMEE ROOTPAGENAMEE SUBPAGENAMEE SUBJECTPAGENAMEE TALKPAGENAMEE NAMESPACE NAMESPACEE NAMESPACENUMBER
	SUBJECTSPACE SUBJECTSPACEE ARTICLESPACE TALKSPACE TALKSPACEE PAGEID`)

// texts are functions of text alone; what stands in their arguments is found on
// its own.
var texts = set(`lc uc lcfirst ucfirst formatnum padleft padright urlencode anchorencode plural grammar gender bidi ns nse
	displaytitle defaultsort defaultsortkey defaultcategorysort #if #ifeq #ifexpr #iferror #expr #switch #time #timel #titleparts #len #pos #rpos
	#sub #count #replace #explode #urlencode #urldecode #formatdate #dateformat #language #dir #bcp47`)

// titled are functions whose first argument is a title.
var titled = set(`#ifexist #rel2abs pagesize pageid revisionid revisionday revisionday2 revisionmonth revisionmonth1 revisionyear revisiontimestamp
	revisionuser protectionlevel protectionexpiry cascadingsources fullurl fullurle localurl localurle canonicalurl canonicalurle
	fullpagename fullpagenamee pagename pagenamee basepagename basepagenamee rootpagename rootpagenamee subpagename subpagenamee
	subjectpagename subjectpagenamee articlepagename talkpagename talkpagenamee namespace namespacee namespacenumber subjectspace subjectspacee
	articlespace talkspace talkspacee`)

// prefixes change how a template is included, not which.
var prefixes = []string{"subst:", "safesubst:", "msg:", "msgnw:", "raw:"}

// braces finds {{…}}. Every pair of opening braces counts, however deep, so
// that nesting needs no following; what {{{three}}} braces hold is a parameter
// if it looks like one, and else may be a template beside a brace.
func (s *scan) braces(src []byte) {
	for i := 0; i+1 < len(src); {
		at := bytes.Index(src[i:], []byte("{{"))
		if at < 0 {
			return
		}
		i += at
		run := 0
		for i < len(src) && src[i] == '{' {
			run++
			i++
		}
		rest := src[i:min(len(src), i+2*maxTarget)]
		end := bytes.IndexAny(rest, "|{}\n")
		name, more := rest, []byte(nil)
		if end >= 0 {
			name, more = rest[:end], rest[end:]
		}
		if bytes.HasPrefix(more, []byte("\n")) {
			// The name may stand on a line of its own.
			lines := bytes.TrimLeft(rest, " \t\n")
			if e := bytes.IndexAny(lines, "|{}"); e >= 0 {
				name, more = lines[:e], lines[e:]
			} else {
				name, more = lines, nil
			}
		}
		if run == 3 && isParameter(name, more) {
			continue
		}
		s.call(strings.TrimSpace(string(name)), more)
	}
}

// isParameter says whether {{{name…}}} is a template's parameter.
func isParameter(name, more []byte) bool {
	return len(name) <= 64 && !bytes.ContainsAny(name, ":#/") && (bytes.HasPrefix(more, []byte("|")) || bytes.HasPrefix(more, []byte("}}}")))
}

// call files one {{name…}} by its name.
func (s *scan) call(name string, more []byte) {
	computed := bytes.HasPrefix(more, []byte("{"))
	for again := true; again; {
		again = false
		for _, p := range prefixes {
			if len(name) >= len(p) && strings.EqualFold(name[:len(p)], p) {
				name, again = strings.TrimSpace(name[len(p):]), true
			}
		}
	}
	fn, arg, isCall := strings.Cut(name, ":")
	key := strings.ToLower(strings.TrimSpace(fn))
	switch {
	case name == "":
		if computed {
			s.add(Unknown, "computed template")
		}
	case strings.HasPrefix(name, ":"):
		s.titleOr(Link, name[1:], computed)
	case isCall && texts[key]:
	case key == "#tag" && isCall && tagged[strings.ToLower(strings.TrimSpace(arg))]:
		// The tag by another spelling; what stands in it is found on its own.
	case isCall && titled[key]:
		s.titleOr(Link, arg, computed)
	case isCall && key == "filepath":
		s.titleOr(File, arg, computed)
	case isCall && (key == "pagesincategory" || key == "pagesincat"):
		s.titleOr(Category, arg, computed)
	case strings.HasPrefix(name, "#"):
		s.add(Unknown, key)
	case isCall && key == "int":
		s.add(Unknown, "int:")
	case !isCall && variables[strings.ToUpper(key)] && name == strings.ToUpper(name):
		// A template of that name can't be reached: the variable wins.
	case strings.HasPrefix(name, "/") || strings.HasPrefix(name, "../"):
		s.titleOr(Relative, name, computed)
	default:
		s.titleOr(Template, name, computed)
	}
}

func (s *scan) titleOr(k Kind, t string, computed bool) {
	if computed {
		s.add(Unknown, "computed title")
		return
	}
	s.add(k, t)
}
