package rules

import (
	"html"
	"regexp"
)

// Profile is a wiki's dialect as data: what its URLs mean, how its answers name
// things, how to list what it holds. See profiles/README.md for the language.
// The struct is the YAML file; LoadProfile compiles it.
type Profile struct {
	Name string `yaml:"profile"`
	// Language is the version of the profile language; left out: 1.
	Language int    `yaml:"language"`
	Versions string `yaml:"versions"` // the wiki versions it was tested on: ">=7.19 <10"
	Extends  string `yaml:"extends"`  // a profile that this overlays: a shipped one's name, or a file's path

	Canon    Canon                `yaml:"canon"`
	Types    map[string]string    `yaml:"types"` // scalar types: name -> regular expression (anchored)
	Titles   *Titles              `yaml:"titles"`
	Routes   []RouteSpec          `yaml:"routes"`
	Specials map[string]RouteSpec `yaml:"specials"`

	// Fields says what a JSON member's value is, by the member's key, wherever
	// no shape or route says otherwise. See FieldSpec for the values.
	Fields map[string]FieldSpec `yaml:"fields"`
	Shapes []Shape              `yaml:"shapes"`

	HTML    []HTMLRule   `yaml:"html"`
	Scripts []ScriptRule `yaml:"scripts"`
	Feeds   []FeedRule   `yaml:"feeds"`

	// Prose lists selectors of the HTML zones that hold what people wrote;
	// all else is structure to the tripwire.
	Prose []string `yaml:"prose"`
	// Identities are what an identity looks like in text (the tripwire's
	// "shape"): a name and a regular expression whose first group is the value.
	Identities []IdentityPattern `yaml:"identities"`
	// TextPaths are how paths begin that are read as a URL of the wiki where
	// they are written in text, without a host before them.
	TextPaths []string `yaml:"text_paths"`
	// LinkNames say what links name beyond what their routes read, or where no
	// route takes them: a link to what is hidden goes with its text, whether or
	// not anybody can follow it.
	LinkNames []LinkName `yaml:"link_names"`
	// Macros are what people may call in source that they write, by codec and
	// name, with the types of the parameters; "" is the one without a name. A
	// macro or parameter that is not here is refused.
	Macros map[string]map[string]map[string]string `yaml:"macros"`

	// SpaceURL is where a space begins, as a path with {key}, {id} and {name}
	// in it: the gateway's own start page links there. Left out: no links.
	SpaceURL string `yaml:"space_url"`

	Show     Show       `yaml:"show"`
	Self     []HTMLRule `yaml:"self"` // where pages name the account that asks; applied as HTML rules, with $self_… texts
	Headers  Headers    `yaml:"headers"`
	Sync     *Sync      `yaml:"sync"`
	Lookup   []Lookup   `yaml:"lookup"`
	WhoAmI   *WhoAmI    `yaml:"who_am_i"`
	Login    *Login     `yaml:"login"`
	Examples []Example  `yaml:"examples"`

	table  *routeTable // made by LoadProfile and ParseProfile
	places placeIndex
}

// LinkName is one of these: parameters by name, "*" for all others, with their
// types; or a run of segments, as "/space/{key:space.key}", wherever in a path it
// stands. A type with "?" is a guess: what the directory does not know is then
// nothing.
type LinkName struct {
	Params map[string]string `yaml:"params"`
	Path   string            `yaml:"path"`
}

// Canon says how this wiki reads a request, so that Postern reads it the same.
type Canon struct {
	// Refuse lists what no path may contain, in raw form; "dot-segments" is a
	// word. Left out: ; // \ %2f %5c %3b %00 dot-segments.
	Refuse []string `yaml:"refuse"`
	Strip  []struct {
		Prefix string  `yaml:"prefix"` // {**}: shortest run of segments
		Then   []Class `yaml:"then"`   // the rest must route to these classes
	} `yaml:"strip"`
	Params struct {
		Sources    []string `yaml:"sources"`    // query, form
		Conflict   string   `yaml:"conflict"`   // refuse (the only value)
		Duplicate  string   `yaml:"duplicate"`  // refuse (default), or list: repeated names are the values of a list(...) parameter
		Separators string   `yaml:"separators"` // "&"
		// ListSeparator stands between the values of list(…) and words(…)
		// parameters that name no separator of their own; left out: "|".
		ListSeparator string `yaml:"list_separator"`
	} `yaml:"params"`
	// PlusIsSpace lists the path prefixes ("/display/") below which the wiki
	// reads "+" in the path as a space.
	PlusIsSpace []string `yaml:"plus_is_space"`
	DropParams  []string `yaml:"drop_params"`
	// LinkParams are taken off requests as DropParams are: they say only from
	// where a link was followed. A link keeps one whose value is of the type.
	LinkParams   map[string]string `yaml:"link_params"`
	RefuseParams []string          `yaml:"refuse_params"`
	// FoldPath: the wiki reads literal path segments without regard to case.
	FoldPath bool `yaml:"fold_path"`
}

// Titles says how this wiki spells a page's name, where a title carries its
// space (namespace) in itself.
type Titles struct {
	Codec string `yaml:"codec"` // a codec's name, such as mediawiki-title
	None  string `yaml:"none"`  // the key of the space of titles without a prefix
	// Namespaces says where the names of the spaces come from: sync (the
	// directory, the default), or sync.STEP to name the step for the reader.
	Namespaces string `yaml:"namespaces"`
	// Talk "subject": odd-numbered namespaces follow the even one before them.
	Talk string `yaml:"talk"`
	// URL is where the wiki shows a title, as a path with {title} in it. With it
	// the titles of special pages that stand in source are judged as links;
	// without it they are hidden.
	URL string `yaml:"url"`
	// Follow: shared kinds that live in nobody's space, by space id or
	// canonical key: user, usage, members, deny; or name: every wiki has the
	// space, so that its name (not what is in it) is no secret.
	Follow map[string]string `yaml:"follow"`
}

// RouteSpec is one row of the route table as written. Variants, parts and
// specials are RouteSpecs that add to their parent.
type RouteSpec struct {
	Match   string   `yaml:"match"` // "GET,POST /path/{name:type}/{rest...}"
	Also    []string `yaml:"also"`
	Class   Class    `yaml:"class"`
	Action  Action   `yaml:"action"`  // left out: search for class search and picker, write for class write, else view
	Methods []string `yaml:"methods"` // a variant's own; left out: the parent's
	Read    bool     `yaml:"read"`    // a POST that only reads
	// Params: parameter name -> type. Path captures may be typed here too.
	// See ParamType for the grammar. "*": refuse (default) or drop.
	Params  map[string]string `yaml:"params"`
	Need    [][]string        `yaml:"need"`
	NeedAny []string          `yaml:"need_any"`
	Agree   string            `yaml:"agree"` // content: all selectors resolve to one page
	By      *struct {
		Param   string `yaml:"param"`
		Default string `yaml:"default"`
	} `yaml:"by"`
	Variants map[string]RouteSpec `yaml:"variants"`
	// Parts: parameters with several values at once, each naming a sub-route
	// under Part as "param=value". The value is the separator: "|" or one.
	Parts map[string]string    `yaml:"parts"`
	Part  map[string]RouteSpec `yaml:"part"`
	// Prefix is put before the names of this part's Params.
	Prefix string `yaml:"prefix"`
	// A part's short forms: Items and Total are those of its page, Drop and
	// Dict those of its response. Cursor is where the answer says how the list
	// goes on, as continue.rccontinue: an object, and the parameter in it.
	Items    string            `yaml:"items"`
	Cursor   string            `yaml:"cursor"`
	Total    *TotalSpec        `yaml:"total"`
	Drop     []string          `yaml:"drop"`
	Dict     map[string]string `yaml:"dict"`
	Specials string            `yaml:"specials"` // the title parameter whose special pages dispatch under Profile.Specials
	// Subpage types the part of a special page's title after the first slash.
	Subpage string                `yaml:"subpage"`
	Force   ForceSpec             `yaml:"force"`
	Narrow  map[string]NarrowSpec `yaml:"narrow"` // parameter -> how the query is narrowed to what is visible
	Page    *PageSpec             `yaml:"page"`
	Deny    []DenySpec            `yaml:"deny"`
	// Evidence: what the answer must say of itself, by subject kind ("content",
	// "space", "user"): places such as 'meta[name="ajs-page-id"]@content',
	// 'json:RLCONF.wgArticleId' (a script island) or 'body:id' (JSON path).
	// Several places: any one present suffices, all present must be visible.
	// Under "also" stand further places that must not be hidden if they are
	// there: of content, or a URL (…@href).
	// Under "includes" stand the places where the answer lists what it shows of
	// other pages; on requests for a version by its number they must be there.
	Evidence map[string]EvidenceSpec `yaml:"evidence"`
	Mixed    string                  `yaml:"mixed"` // missing or refuse, for list(content…) parameters
	Response *ResponseSpec           `yaml:"response"`
	// Leads says that the URL is Postern's own business: signin or signout. A
	// link to it leads to Postern's page, and so does a request.
	Leads string `yaml:"leads"`
	// Context "global" judges people in the global context although the route
	// has a space among its subjects.
	Context string `yaml:"context"`
	// Body says what a write carries; a route of class write without one is
	// closed to everybody.
	Body *BodySpec `yaml:"body"`
	// PartAction is the action where the content that is asked for is none of its
	// own but hangs on a page, as a comment does: who may comment may delete a
	// comment, where the wiki lets him, and not the page.
	PartAction Action `yaml:"part_action"`
	// Source says, on a route of class write, where the wiki gives the source of
	// what is changed. If it names anything that the viewer may not see, the
	// change is refused with 403, since he would write away what he can't see.
	Source *SourceSpec `yaml:"source"`
	// Closed takes a route out: in an overlay, the shipped route of the same
	// pattern.
	Closed bool `yaml:"closed"`
}

// BodySpec says what a write carries: every field that may be there, by its
// path, and what it holds. A body with any other field is refused. In YAML also
// the word none, or {markup: FIELD, codec: CODEC, text: FIELD, tokens: [FIELD]}
// for a form.
type BodySpec struct {
	Type string `yaml:"type"` // json, form, multipart, none
	// Fields: path -> type, as of parameters, and prose, markup(CODEC), token,
	// file (of a multipart form). In
	// a path, "#" stands for every element of an array.
	Fields map[string]string `yaml:"fields"`
	// Need: sets of paths, of which one must be complete.
	Need [][]string `yaml:"need"`
	// Targets are the paths of what is written to: judged like what the URL
	// names, and all of it must be in one space.
	Targets []string `yaml:"targets"`
	// Actions: path -> what else the viewer must be allowed to do if this field is
	// there, as moving a page by naming another parent.
	Actions map[string]Action `yaml:"actions"`

	Markup string   `yaml:"markup"` // short: this field is markup(Codec),
	Codec  string   `yaml:"codec"`
	Text   string   `yaml:"text"`   // this one too: it may hold links,
	Tokens []string `yaml:"tokens"` // and these are tokens
}

// SourceSpec is where the source of something stands in the wiki's answer to a
// request of Postern's own.
type SourceSpec struct {
	Get   string `yaml:"get"` // path and query, with {name} for a parameter's or capture's value
	At    string `yaml:"at"`  // JSON path
	Codec string `yaml:"codec"`
	// Revision is the JSON path of the number of the source's version, Is the
	// parameter, or "body:" and a path, in which the client names the one that he
	// changes; Ahead is how much more that is than the number.
	Revision string `yaml:"revision"`
	Is       string `yaml:"is"`
	Ahead    int    `yaml:"ahead"`
	// Missing is the JSON path of what is true where there is nothing yet; left
	// out, there must be something.
	Missing string `yaml:"missing"`
}

// ForceSpec is what Postern sets itself on the way to the wiki; a client's own
// value must be equal. In YAML {params: …, headers: …}, or the parameters alone.
type ForceSpec struct {
	Params  map[string]string `yaml:"params"`
	Headers map[string]string `yaml:"headers"`
}

// NarrowSpec says how one parameter is narrowed.
// "visible": a list(space.id|space.key) parameter is set to, or intersected
// with, the spaces visible to the viewer. "query": a query language parsed by
// Codec, allow-listed by the rest and printed anew with the visible spaces
// and-ed in.
type NarrowSpec struct {
	To        string            `yaml:"to"` // visible, or query
	Codec     string            `yaml:"codec"`
	And       map[string]string `yaml:"and"`
	Fields    map[string]string `yaml:"fields"`
	Functions []string          `yaml:"functions"`
	OrderBy   []string          `yaml:"order_by"`
	// Else is what happens where very many spaces are visible.
	Else *NarrowElse `yaml:"else"`
	// Other says what becomes of fields and functions that are not listed:
	// refuse, the only value.
	Other string `yaml:"other"`
	// None is a query without hits, for one that names something hidden; left
	// out: the query language's own.
	None      string `yaml:"none"`
	Separator string `yaml:"separator"` // of the list: "|" default
}

// NarrowElse bounds the list of spaces in a query: over so many, it is split
// into several that are or-ed, or the query has no hits.
type NarrowElse struct {
	Over  int  `yaml:"over"`
	Split bool `yaml:"split"`
}

// TotalSpec is where the wiki counts a list, and what becomes of the count.
type TotalSpec = struct {
	At   string `yaml:"at"`
	Rule string `yaml:"rule"` // drop, count, exact
}

// PageSpec says how a list is paged and where its size and totals stand.
type PageSpec struct {
	Kind  string `yaml:"kind"`  // offset, cursor, grow, none (the list is never paged)
	Start string `yaml:"start"` // parameter; of cursors: where a token at Next goes
	Limit string `yaml:"limit"` // parameter
	Items string `yaml:"items"` // JSON path, or selector on HTML routes
	// List is what holds the list with all that stands between its items, such
	// as headings or groups: a JSON path, or a selector. Left out, the items
	// stand side by side.
	List string `yaml:"list"`
	// Stripes are tokens of the items' class by turns, as odd and even.
	Stripes []string `yaml:"stripes"`
	// Of is what the items are: content, space, user, group. A total can be
	// exact only of spaces, which narrowing judges wholly.
	Of    string     `yaml:"of"`
	Size  string     `yaml:"size"` // JSON path of the number of items here
	Total *TotalSpec `yaml:"total"`
	// Why says, where kind is none, why the list is never paged.
	Why  string `yaml:"why"`
	Next string `yaml:"next"` // JSON path of the next-page URL or token, or selector of the links that lead on
	Prev string `yaml:"prev"`
	// Off is what a link on or back becomes where it would lead nowhere: an
	// element of this name, with its class and text. Left out, it goes.
	Off string `yaml:"off"`
	// Pager is a selector of what holds the links on and back, and goes with the
	// last of them.
	Pager string `yaml:"pager"`
	// Back is a parameter with which the list is read from its end.
	Back string `yaml:"back"`
	Scan int    `yaml:"scan"` // the list is filled up, looking through so many of the wiki's items; left out where it grows: 500
}

// DenySpec refuses a request although its route matches: all conditions hold.
type DenySpec struct {
	Param    string `yaml:"param"`    // present,
	Value    string `yaml:"value"`    // with this value (left out: any)
	Below    string `yaml:"below"`    // the viewer's role is below this one
	Identity string `yaml:"identity"` // the upstream identity is this one
	Answer   string `yaml:"answer"`   // empty: an empty 200 of the expected type
}

// EvidenceSpec is one place or several, see RouteSpec.Evidence. In YAML a bare
// string or a list of strings.
type EvidenceSpec []EvidencePlace

// EvidencePlace is where an answer says what it is, and in which attribute.
type EvidencePlace struct {
	At   string `yaml:"at"`
	Attr string `yaml:"attr"` // content.id, space.key, …, under also: url; left out: <kind>.id for content, space.key, user.name
	// Match is a regular expression; its first group is the value, with
	// character references read. Where it does not match there is no value.
	Match string `yaml:"match"`
	// Max is the length at which a list may have been cut off by the wiki.
	Max int `yaml:"max"`

	re *regexp.Regexp
}

// Value is what a place says, of what was found there.
func (e *EvidencePlace) Value(found string) string {
	if e.re == nil {
		return found
	}
	m := e.re.FindStringSubmatch(found)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

// ResponseSpec says what an answer may be and what particular about it to cut.
type ResponseSpec struct {
	Types []string `yaml:"types"` // html, json, xml, rss, atom, css, js, text, redirect, binary, png, …, or a full MIME type
	// Items: JSON paths of arrays whose elements may be removed; left out, any.
	Drop     []string             `yaml:"drop"`     // JSON paths
	Dict     map[string]string    `yaml:"dict"`     // JSON path -> attribute of its keys
	Parallel []string             `yaml:"parallel"` // JSON paths of arrays that lose the same elements
	Subject  map[string]string    `yaml:"subject"`  // for parallel arrays: {url: "3"}
	Fields   map[string]FieldSpec `yaml:"fields"`   // this route's own, before Profile.Fields
	Unknown  string               `yaml:"unknown"`  // drop (default) or keep
	Codec    string               `yaml:"codec"`    // text answers: wikitext, …: any hidden reference makes it the 404
	JSJSON   map[string]string    `yaml:"js_json"`  // JS answers: key -> dict(attr) | dict_value(attr)
	Empty    int                  `yaml:"empty"`    // status of an empty answer to a denied request
	// Also are statuses under which the wiki gives this answer with nothing in
	// its list. They become 200, as where all that was in it is hidden.
	Also     []int  `yaml:"also"`
	Fragment bool   `yaml:"fragment"` // HTML without a document around it
	Renumber string `yaml:"renumber"`
	Cache    string `yaml:"cache"` // private (static class default)
}

// Example is a request with the verdict that the profile's author expects; a
// test of the profile runs them all.
type Example struct {
	Request  string   `yaml:"request"` // "GET /x/abc"; behind another space a form, or a JSON body
	Route    string   `yaml:"route"`   // pattern that takes it, or "none"
	Class    Class    `yaml:"class"`
	Subjects []string `yaml:"subjects"` // "content.id=123"
	Refused  string   `yaml:"refused"`  // a part of the reason
}
