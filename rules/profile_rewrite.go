package rules

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
//	walk      an object or array: go into it; also spelt user, group, space or
//	          content, for the reader: an object of a shape of that entity
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
	// Prose lists members that are prose: a short form of Fields.
	Prose []string `yaml:"prose"`
	// Hidden: remove (default: the element leaves its array, the member its
	// object), or placeholder: the object is replaced by Placeholder.
	Hidden      string `yaml:"hidden"`
	Placeholder string `yaml:"placeholder"` // JSON text; $hidden_user and other texts of Show are filled in
	// InList: for placeholders in arrays: each (default), once, remove.
	InList      string `yaml:"in_list"`
	DropIfEmpty string `yaml:"drop_if_empty"` // a member whose array is left empty takes the object with it
	// Join names the member that makes a group of what DropIfEmpty lists: the wiki
	// never puts two groups side by side in which it is the same, so neither may
	// an answer out of which groups were cut. They become one.
	Join    string   `yaml:"join"`
	Marks   []string `yaml:"marks"`   // highlight marks inside prose of this shape, ignored in comparing
	Context string   `yaml:"context"` // global, or space: <path of the space's key>: people inside are judged there
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
// content, space, user and group are short for content.title, space.key,
// user.name and group.name.
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
	// Childless names pages: the element says of one that it has children below
	// it, and Hidden is done where the viewer may see none of them.
	Childless []Place `yaml:"childless"`
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
	// Identity limits the rule to viewers whom the wiki knows in these ways, such
	// as service; left out, all.
	Identity []UpstreamIdentity `yaml:"identity"`
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
	// Markup is put there in place of With, as it stands: what the wiki itself
	// writes where there is nothing. It is a run of whole elements with
	// no attributes but class, title, role and aria-….
	Markup string `yaml:"markup"`
	// Set sets attributes; a value of "" empties, "-" removes the attribute.
	Set map[string]string `yaml:"set"`
	// Empties: ancestors-or-preceding headings to remove when nothing that
	// this rule's Select matches is left in them.
	Empties []string `yaml:"empties"`
	// Once names what lists are: in each the first hidden element alone is
	// replaced, the others go, with the comma before them.
	Once string `yaml:"once"`
	// None is markup, as of Markup, that stands where none is left of the elements
	// of one parent that the rule selects: the wiki's own "nothing found".
	None string `yaml:"none"`
	// Refuse: the whole answer is the 404.
	Refuse bool `yaml:"refuse"`
}

// ScriptRule says how an inline script is read. A script that no rule takes is
// removed.
type ScriptRule struct {
	Select string `yaml:"select"` // left out: script
	Has    string `yaml:"has"`    // text that the script contains
	// Match is a pattern that is all of the script, but for blanks around it.
	Match string `yaml:"match"`
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
	// Channel is the long form of what the feed says beside its entries.
	Channel *FeedChannel `yaml:"channel"`
}

// FeedChannel says what becomes of what stands around a feed's entries.
type FeedChannel struct {
	Newest []string `yaml:"newest"` // as FeedRule.Newest
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
	Cookies  []string `yaml:"cookies"`  // the wiki's session cookies (globs), which Postern holds for the viewer under passthrough
}
