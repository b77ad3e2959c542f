package htmlrewrite

import "strings"

// flags are what the tree rules of the HTML standard say of a tag name.
type flags uint32

const (
	fVoid       flags = 1 << iota // has no end tag
	fSpecial                      // the standard's "special" category
	fFormatting                   // closed by the adoption agency
	fScope                        // ends the default scope
	fListScope                    // ends list item scope as well
	fBtnScope                     // ends button scope as well
	fMarker                       // ends the list of active formatting elements
	fClosesP                      // its start tag closes an open p
	fBlockEnd                     // its end tag closes what is open in scope
	fImplied                      // its end may be left out
	fHeading
	fRaw     // raw text
	fRCDATA  // text with character references
	fTable   // a part of a table
	fOddOpen // its start tag is more than an element's
	fJudged  // judged even without attributes, see elements
)

// tagID numbers the tag names of one document; the known ones come first.
type tagID uint16

const maxTags = 1 << 14 // distinct names in one document

// The tags that the code names. The order is that of knownTags.
const (
	tNone tagID = iota
	tA
	tHTML
	tHead
	tBody
	tP
	tLi
	tDd
	tDt
	tOption
	tOptgroup
	tSelect
	tDatalist
	tTable
	tCaption
	tColgroup
	tTbody
	tThead
	tTfoot
	tTr
	tTd
	tTh
	tForm
	tButton
	tTemplate
	tScript
	tStyle
	tTitle
	tNoscript
	tPlaintext
	tSvg
	tMath
	tImg
	tImage
	tBr
	tNobr
	tRuby
	tRb
	tRt
	tRp
	tRtc
	tBase
	tLink
	tMeta
	tInput
	tIframe
	tNoembed
	tNoframes
	tSource
	tTrack
	tEmbed
	tObject
	tApplet
	tFrame
	tArea
	tVideo
	tAudio
	tAnimate
	tSet
	tUse
	tFont
	tTextarea
	tXmp
	tFrameset
	tDiv
	tAddress
	tMglyph
	tMalignmark
	tForeignObject
	tDesc
	tMi
	tMo
	tMn
	tMs
	tMtext
	tAnnotationXML
	numKnown
)

var tagNames = [numKnown]string{
	"", "a", "html", "head", "body", "p", "li", "dd", "dt", "option", "optgroup", "select", "datalist",
	"table", "caption", "colgroup", "tbody", "thead", "tfoot", "tr", "td", "th", "form", "button",
	"template", "script", "style", "title", "noscript", "plaintext", "svg", "math", "img", "image", "br",
	"nobr", "ruby", "rb", "rt", "rp", "rtc", "base", "link", "meta", "input", "iframe", "noembed",
	"noframes", "source", "track", "embed", "object", "applet", "frame", "area", "video", "audio",
	"animate", "set", "use", "font", "textarea", "xmp",
	"frameset", "div", "address", "mglyph", "malignmark", "foreignobject", "desc", "mi", "mo", "mn", "ms", "mtext",
	"annotation-xml",
}

// flagWords lists, for each flag, the tags that bear it.
var flagWords = map[flags][]string{
	fVoid: {
		"area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "image", "input",
		"keygen", "link", "meta", "param", "source", "track", "wbr",
	},
	fSpecial: {
		"address", "applet", "area", "article", "aside", "base", "basefont", "bgsound", "blockquote", "body",
		"br", "button", "caption", "center", "col", "colgroup", "dd", "details", "dir", "div", "dl", "dt", "embed",
		"fieldset", "figcaption", "figure", "footer", "form", "frame", "frameset", "h1", "h2", "h3", "h4", "h5",
		"h6", "head", "header", "hgroup", "hr", "html", "iframe", "img", "input", "keygen", "li", "link",
		"listing", "main", "marquee", "menu", "meta", "nav", "noembed", "noframes", "noscript", "object", "ol",
		"p", "param", "plaintext", "pre", "script", "search", "section", "select", "source", "style", "summary",
		"table", "tbody", "td", "template", "textarea", "tfoot", "th", "thead", "title", "tr", "track", "ul",
		"wbr", "xmp",
	},
	fFormatting: {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"},
	fScope:      {"applet", "caption", "html", "table", "td", "th", "marquee", "object", "template"},
	fListScope:  {"ol", "ul"},
	fBtnScope:   {"button"},
	fMarker:     {"applet", "object", "marquee", "template", "td", "th", "caption"},
	fClosesP: {
		"address", "article", "aside", "blockquote", "center", "details", "dialog", "dir", "div", "dl",
		"fieldset", "figcaption", "figure", "footer", "header", "hgroup", "main", "menu", "nav", "ol", "p",
		"search", "section", "summary", "ul", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "listing", "form",
		"li", "dd", "dt", "plaintext", "hr", "xmp", "table",
	},
	fBlockEnd: {
		"address", "applet", "article", "aside", "blockquote", "button", "center", "details", "dialog",
		"dir", "div", "dl", "fieldset", "figcaption", "figure", "footer", "header", "hgroup", "listing", "main",
		"marquee", "menu", "nav", "object", "ol", "pre", "search", "section", "select", "summary", "ul",
	},
	fImplied: {"dd", "dt", "li", "optgroup", "option", "p", "rb", "rp", "rt", "rtc"},
	fHeading: {"h1", "h2", "h3", "h4", "h5", "h6"},
	fRaw:     {"style", "xmp", "iframe", "noembed", "noframes", "script"},
	fRCDATA:  {"title", "textarea"},
	fOddOpen: {"plaintext", "frameset", "noscript", "svg", "math"},
	fJudged: {
		"script", "base", "meta", "style", "iframe", "noembed", "noframes", "xmp", "form", "select", "input", "button",
		"option", "animate", "set",
	},
	fTable: {"caption", "colgroup", "tbody", "thead", "tfoot", "tr", "td", "th", "table"},
}

// plainTags are common and have no flag.
var plainTags = strings.Fields("span label time abbr cite sub sup kbd samp var q del ins mark picture canvas path g")

// knownFlags and knownNames hold every name that has a flag or a constant, by
// its number.
var knownFlags, knownNames = func() ([]flags, []string) {
	ids := make(map[string]tagID, 160)
	fl := make([]flags, numKnown, 160)
	names := append([]string(nil), tagNames[:]...)
	for i := tagID(1); i < numKnown; i++ {
		ids[tagNames[i]] = i
	}
	for f, words := range flagWords {
		for _, w := range words {
			id, ok := ids[w]
			if !ok {
				id = tagID(len(fl))
				ids[w] = id
				fl = append(fl, 0)
				names = append(names, w)
			}
			fl[id] |= f
		}
	}
	return append(fl, make([]flags, len(plainTags))...), append(names, plainTags...)
}()

// breakouts are the HTML tags that end foreign content.
var breakouts = words("b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li " +
	"listing menu meta nobr ol p pre ruby s small span strong strike sub sup table tt u ul var")

// ambiguousForeign are the tags that a tokenizer treats one way in HTML and
// another in SVG or MathML.
var ambiguousForeign = words("script style title textarea xmp iframe noembed noframes noscript plaintext")
