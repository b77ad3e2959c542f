package rules

import "strings"

// goodText says that s is one line of text of bearable length.
func goodText(s string) bool {
	if len(s) > maxText {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] == 0x7f {
			return false
		}
	}
	return true
}

func goodLines(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 && c != '\n' && c != '\r' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// plainWords takes the operators of query languages out of a text, so that it
// is words and nothing else.
func plainWords(s string) string {
	if strings.IndexFunc(s, isOperator) < 0 && !strings.ContainsAny(s, "-+") && !hasOperatorWord(s) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		if isOperator(r) {
			return ' '
		}
		return r
	}, s)
	words := strings.Fields(s)
	out := words[:0]
	for _, w := range words {
		w = strings.TrimLeft(w, "-+")
		switch w {
		case "":
			continue
		case "AND", "OR", "NOT", "NEAR", "TO":
			w = strings.ToLower(w)
		}
		out = append(out, w)
	}
	return strings.Join(out, " ")
}

func isOperator(r rune) bool { return strings.ContainsRune(`"*?~^:()[]{}\|&!<>=/`, r) }

func hasOperatorWord(s string) bool {
	for w := range strings.FieldsSeq(s) {
		switch w {
		case "AND", "OR", "NOT", "NEAR", "TO":
			return true
		}
	}
	return false
}

func flagWord(s string) bool {
	switch strings.ToLower(s) {
	case "", "0", "1", "true", "false", "on", "off", "yes", "no":
		return true
	}
	return false
}

func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func isDate(s string) bool {
	return len(s) == 10 && allDigits(s[:4]) && allDigits(s[5:7]) && allDigits(s[8:]) && s[4] == s[7] && (s[4] == '-' || s[4] == '/')
}

// isTime takes seconds, 14 digits, "now", and ISO 8601 with what may be left
// out of it.
func isTime(s string) bool {
	if s == "now" || len(s) <= 14 && allDigits(s) {
		return true
	}
	if len(s) < 10 || len(s) > 35 || !isDate(s[:10]) {
		return false
	}
	for i := 10; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && strings.IndexByte("TZ:.+- ", c) < 0 {
			return false
		}
	}
	return true
}

// goodModules checks the characters of MediaWiki's packed list of modules.
func goodModules(s string) bool {
	if len(s) > maxQueryText {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isWordByte(c) && strings.IndexByte("|,@/!:", c) < 0 {
			return false
		}
	}
	return true
}

// unpackModules gives the modules of a packed list: "a.b,c|d" is a.b, a.c, d.
func unpackModules(s string) []string {
	var out []string
	for group := range strings.SplitSeq(s, "|") {
		first, rest, packed := strings.Cut(group, ",")
		out = append(out, first)
		if !packed {
			continue
		}
		prefix := ""
		if i := strings.LastIndexByte(first, '.'); i >= 0 {
			prefix = first[:i+1]
		}
		for name := range strings.SplitSeq(rest, ",") {
			out = append(out, prefix+name)
		}
	}
	return out
}
