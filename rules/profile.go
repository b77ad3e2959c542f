package rules

import (
	"html"
	"regexp"
)

// Profile is a wiki's dialect as data: what its URLs mean, how its answers name
// things, how to list what it holds. See profiles/README.md for the language.
// The struct is the YAML file; LoadProfile compiles it.
type Profile struct {
	Name     string `yaml:"profile"`
	Versions string `yaml:"versions"` // the wiki versions it was tested on, semver range
	Extends  string `yaml:"extends"`  // a shipped profile that this overlays

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

	Show     Show       `yaml:"show"`
	Self     []HTMLRule `yaml:"self"` // where pages name the account that asks; applied as HTML rules, with $self_… texts
	Headers  Headers    `yaml:"headers"`
	Sync     *Sync      `yaml:"sync"`
	Lookup   []Lookup   `yaml:"lookup"`
	WhoAmI   *WhoAmI    `yaml:"who_am_i"`
	Examples []Example  `yaml:"examples"`

	table *routeTable // made by LoadProfile and ParseProfile
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
	PlusIsSpace  []string `yaml:"plus_is_space"`
	DropParams   []string `yaml:"drop_params"`
	RefuseParams []string `yaml:"refuse_params"`
	// FoldPath: the wiki reads literal path segments without regard to case.
	FoldPath bool `yaml:"fold_path"`
}

// Titles says how this wiki spells a page's name, where a title carries its
// space (namespace) in itself.
type Titles struct {
	Codec string `yaml:"codec"` // a codec's name, such as mediawiki-title
	None  string `yaml:"none"`  // the key of the space of titles without a prefix
	// Talk "subject": odd-numbered namespaces follow the even one before them.
	Talk string `yaml:"talk"`
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
	Prefix   string `yaml:"prefix"`
	Specials string `yaml:"specials"` // the title parameter whose special pages dispatch under Profile.Specials
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
	// Body describes what a write carries; routes with a body are refused
	// until writing is built.
	Body map[string]any `yaml:"body"`
	// Closed takes a route out: in an overlay, the shipped route of the same
	// pattern.
	Closed bool `yaml:"closed"`
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
	// None is a query without hits, for one that names something hidden.
	None      string `yaml:"none"`
	Separator string `yaml:"separator"` // of the list: "|" default
}

// PageSpec says how a list is paged and where its size and totals stand.
type PageSpec struct {
	Kind  string `yaml:"kind"`  // offset, cursor, grow, none (the list is never paged)
	Start string `yaml:"start"` // parameter; of cursors: where a token at Next goes
	Limit string `yaml:"limit"` // parameter
	Items string `yaml:"items"` // JSON path, or selector on HTML routes
	Size  string `yaml:"size"`  // JSON path of the number of items here
	Total *struct {
		At   string `yaml:"at"`
		Rule string `yaml:"rule"` // drop, count, exact
	} `yaml:"total"`
	Next string `yaml:"next"` // JSON path of the next-page URL or token
	Prev string `yaml:"prev"`
	Scan int    `yaml:"scan"` // the list is filled up, looking through so many of the wiki's items
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
	Attr string `yaml:"attr"` // content.id, space.key, …; left out: <kind>.id for content, space.key, user.name
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

// FieldSpec says what a JSON member is:
//
//	an attribute (user.key …)   the scalar names an entity
//	[attribute]  e.g. "[user.key]"  an array of such scalars
//	plain     harmless: kept as it is
//	prose     what people wrote: kept, scanned as prose
//	html      markup in a string: rewritten
//	xhtml     storage format in a string: any hidden reference empties it
//	wikitext  wiki markup in a string: any hidden reference empties it
//	title     text that may name hidden things (structure to the tripwire)
//	url       a URL: hidden or closed, the member goes
//	base_url  a URL relative to the wiki's base, the context path left out
//	json      JSON in a string: rewritten
//	walk      an object or array: go into it
//	dict(attr)        an object whose member names name entities
//	dict_value(attr)  an object whose scalar values name entities
//	drop      goes
//	self      names the account that asks: the viewer's own value or ""
//	$name     replaced by a text of Show, or of the viewer ($self_name, …)
//	count(path)   a number: recount of the array at path in the same object
type FieldSpec string

// Shape recognises a JSON object and says which entity it is.
type Shape struct {
	Entity string `yaml:"entity"` // user, group, space, content, or any other word: then decided_by decides
	Where  Where  `yaml:"where"`
	// Keys: attribute's last part -> path inside the object, e.g. {id: id,
	// name: username, key: userKey}; {title: title, space: space.key} makes a
	// title in a space; url: a member whose link's subjects count as keys.
	Keys map[string]string `yaml:"keys"`
	// DecidedBy: the members (objects of other shapes, or {url: member}) that
	// decide; all present must be visible; none present: undecided, hidden.
	DecidedBy []Place `yaml:"decided_by"`
	// Also: further places that must not be hidden, if present.
	Also   []Place              `yaml:"also"`
	Fields map[string]FieldSpec `yaml:"fields"`
	// Hidden: remove (default: the element leaves its array, the member its
	// object), or placeholder: the object is replaced by Placeholder.
	Hidden      string `yaml:"hidden"`
	Placeholder string `yaml:"placeholder"` // JSON text; $hidden_user and other texts of Show are filled in
	// InList: for placeholders in arrays: each (default), once, remove.
	InList      string   `yaml:"in_list"`
	DropIfEmpty string   `yaml:"drop_if_empty"` // a member whose array is left empty takes the object with it
	Marks       []string `yaml:"marks"`         // highlight marks inside prose of this shape, ignored in comparing
	Context     string   `yaml:"context"`       // global, or space: <path of the space's key>: people inside are judged there
}

// Where recognises an object; all given conditions hold.
type Where struct {
	Has   []string          `yaml:"has"`   // all members present
	Any   []string          `yaml:"any"`   // at least one present
	Lacks []string          `yaml:"lacks"` // none present
	Is    map[string]string `yaml:"is"`    // member equals one of "a|b"
	Under []string          `yaml:"under"` // the member name it stands under (arrays: that of the array)
}

// Place is a reference's place in an object or element. In YAML a bare string
// (a member, or a selector) or a one-pair map {url: where}, {content.id: where}.
// {wikitext: where} and {xhtml: where} read an element's text as source, which
// names every thing that it refers to, and is broken if it was cut out of one.
type Place struct {
	As string // "", "url", "wikitext", "xhtml", or an attribute
	At string
}

// HTMLRule selects elements and says what happens to them.
type HTMLRule struct {
	// Select is a CSS selector list (type, #id, .class, [attr op "v"], descendant,
	// child, adjacent sibling, :not(simple), :has(simple)), or "@name": every
	// attribute of that name.
	Select string `yaml:"select"`
	// Subject: who the element is about. Places are selectors relative to the
	// element: "@data-id" its own attribute, "a.t@href" the first descendant's,
	// "all a@href" every descendant's, "bdi" a descendant's text, "." its text.
	Subject []Place `yaml:"subject"`
	// Undecided: keep (default when no subject was found) or hide.
	Undecided string `yaml:"undecided"`
	// Menu: any URL inside whose route is closed or hidden removes the element.
	Menu bool `yaml:"menu"`
	// Always applies Hidden without asking (with no Subject).
	Always bool       `yaml:"always"`
	Hidden HTMLAction `yaml:"hidden"`
	// Tokens: for "@class": the pattern of tokens that name entities, such as
	// "page-{content.title:css}".
	Tokens string `yaml:"tokens"`
	// Only limits the rule to these classes of route; left out, all.
	Only []Class `yaml:"only"`
	// Context "candidate" judges people as candidates.
	Context string `yaml:"context"`
}

// HTMLAction is what happens to an element; fields combine.
type HTMLAction struct {
	// Remove: self, token, attr (with Attr), text, or a sibling range
	// "self..+.mw-usertoollinks" (the element and what follows up to and with
	// the next sibling that matches), or "closest:SELECTOR" (an ancestor).
	Remove string `yaml:"remove"`
	// Replace: self, content, or a range as above; With is the text put there,
	// escaped, inside the element's own tag if Replace is content.
	Replace string `yaml:"replace"`
	With    string `yaml:"with"`
	// Set sets attributes; a value of "" empties, "-" removes the attribute.
	Set map[string]string `yaml:"set"`
	// Empties: ancestors-or-preceding headings to remove when nothing that
	// this rule's Select matches is left in them.
	Empties []string `yaml:"empties"`
	// Refuse: the whole answer is the 404.
	Refuse bool `yaml:"refuse"`
}

// ScriptRule says how an inline script is read. A script that no rule takes is
// removed.
type ScriptRule struct {
	Select string `yaml:"select"` // left out: script
	Has    string `yaml:"has"`    // text that the script contains
	// Keep: leave it alone (it is scanned as structure).
	Keep bool `yaml:"keep"`
	// JSON: assignment or call name -> fields of the object literal behind it;
	// `RLCONF: {wgPageName: content.title}`. Keys not named: dropped if
	// they hold strings, numbers or containers. "*": keep says otherwise.
	JSON map[string]map[string]FieldSpec `yaml:"json"`
	// Template: the script holds HTML (type=text/x-template): rewritten.
	Template bool `yaml:"template"`
	Remove   bool `yaml:"remove"`
	// Strict: beside the values of JSON, and names in brackets before them, the
	// script has no string of its own.
	Strict bool `yaml:"strict"`
}

// FeedRule says how a feed's entries name things.
type FeedRule struct {
	Entry    string   `yaml:"entry"` // "item, entry"
	Subject  []Place  `yaml:"subject"`
	User     []string `yaml:"user"`      // elements holding a name: placeholder if hidden
	UserAttr string   `yaml:"user_attr"` // attribute those names are: user.name (default), user.display
	// Titles are elements that hold the title of a page, or else something
	// that is not passed on: "…", unless it is that of a visible page.
	Titles    []string `yaml:"titles"`
	HTML      []string `yaml:"html"`
	URL       []string `yaml:"url"`
	Plain     []string `yaml:"plain"`
	Prose     []string `yaml:"prose"`
	Drop      []string `yaml:"drop"`
	Undecided string   `yaml:"undecided"` // drop (default) or keep
	Newest    []string `yaml:"newest"`    // channel elements recomputed from the entries left
}

// IdentityPattern is a form that identities take in text.
type IdentityPattern struct {
	Name  string `yaml:"name"`
	Match string `yaml:"match"` // regular expression (RE2); group 1 is the value
	Attr  string `yaml:"attr"`  // user.key, user.account_id, user.email, user.name
}

// Show holds the texts put where something was.
type Show struct {
	HiddenUser  string `yaml:"hidden_user"`
	HiddenPage  string `yaml:"hidden_page"`
	HiddenSpace string `yaml:"hidden_space"`
	Avatar      string `yaml:"avatar"` // path of the wiki's own neutral picture
	Image       string `yaml:"image"`  // what stands for a hidden image: a path or data: URL
}

// Headers says which of the wiki's own headers and cookies pass.
type Headers struct {
	Response []string `yaml:"response"` // beyond the engine's list
	Cookies  []string `yaml:"cookies"`  // the wiki's session cookies (globs), for passthrough
}

// Sync lists everything that the directory needs, in a few paged requests.
type Sync struct {
	Steps []SyncStep `yaml:"steps"`
}

// SyncStep is one paged listing: GET URL, walk Items, make a record of each.
type SyncStep struct {
	Into string `yaml:"into"` // users, groups, spaces, content, aliases
	URL  string `yaml:"url"`  // path and query below the wiki's base; {space.key}, {space.id} with Each: spaces
	Each string `yaml:"each"` // spaces, or groups: repeat for every space (group) found so far; {group.name}
	// EachIf: field of the space or group (key, id, name, type, status) ->
	// anchored regexp: repeat for these only.
	EachIf map[string]string `yaml:"each_if"`
	Items  string            `yaml:"items"` // gjson path of the array, or of an object (its values)
	// Record: record field -> gjson path within the item; "=text" is a literal,
	// "{space.id}" the current space's. List fields take paths that give arrays.
	// "a || b" takes the first that is not empty; "path ~ regexp" takes group 1
	// of the match (of each element, in lists) and is empty without one.
	// Beside the record's own fields: title.full (a title with its space's name
	// and a colon before it), includes.title, used_by.title, redirect.title,
	// parent.title (full titles instead of ids), parent.path (the full title of
	// the page itself: its parent is the page of the title up to a slash),
	// redirected_from (ids of redirects that lead here), restricted_to.users,
	// restricted_to.groups, attributes.NAME.
	Record map[string]string `yaml:"record"`
	Skip   map[string]string `yaml:"skip"` // gjson path -> regexp: leave such items out
	Page   struct {
		Kind  string `yaml:"kind"`  // offset, cursor, none
		Start string `yaml:"start"` // offset: parameter
		Limit string `yaml:"limit"` // offset: parameter
		Size  int    `yaml:"size"`
		Next  string `yaml:"next"` // cursor: gjson path of an object of parameters to add, or of a URL
	} `yaml:"page"`
	// Merge: the record adds to one with the same id that an earlier step made;
	// where there is none, it is left out. (Within a step, records of the same
	// id always add up.)
	Merge bool `yaml:"merge"`
	// Failed: gjson path whose presence in the answer means that it failed.
	Failed string `yaml:"failed"`
	// Optional: an answer without Items is an empty list, not an error.
	Optional bool `yaml:"optional"`
}

// Lookup asks the wiki about unknown spellings: one batched request.
type Lookup struct {
	Attr   []string          `yaml:"attr"` // attributes it resolves, such as [content.id, revision.id]
	URL    string            `yaml:"url"`  // {values} is replaced by the joined, escaped values; {space} by a title's space (no join then)
	Join   string            `yaml:"join"` // separator between values; left out: one request a value
	Max    int               `yaml:"max"`  // values in one request
	Items  string            `yaml:"items"`
	Into   string            `yaml:"into"`
	Record map[string]string `yaml:"record"`
	// Alias: gjson paths within the item: the asked-for id (or a list of them),
	// and the content it belongs to (of). With a kind, the item is an alias only
	// if kind is not empty, and else a record.
	Alias map[string]string `yaml:"alias"`
	// Next: gjson path of an object of parameters to add, or of a URL, as in
	// SyncStep.Page: the rest of the answer. Records add up.
	Next string `yaml:"next"`
	// Missing: gjson path in an item that marks "there is no such thing". Left
	// out: an empty list, or status 404, means so, if one value was asked for.
	Missing string `yaml:"missing"`
	// Failed: gjson path whose presence in the answer means that it failed.
	Failed string `yaml:"failed"`
}

// WhoAmI asks the wiki whom it takes a request for.
type WhoAmI struct {
	URL       string `yaml:"url"`
	User      string `yaml:"user"`      // gjson path of the username
	Anonymous string `yaml:"anonymous"` // gjson path that is true, or present, for nobody
}

// Example is a request with the verdict that the profile's author expects; a
// test of the profile runs them all.
type Example struct {
	Request  string   `yaml:"request"` // "GET /x/abc"
	Route    string   `yaml:"route"`   // pattern that takes it, or "none"
	Class    Class    `yaml:"class"`
	Subjects []string `yaml:"subjects"` // "content.id=123"
	Refused  string   `yaml:"refused"`  // a part of the reason
}
