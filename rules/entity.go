package rules

// EntityKind says which of the four kinds of thing a reference is about.
type EntityKind uint8

// The kinds of entity. The zero value is no kind and never visible.
const (
	NoEntity EntityKind = iota
	User
	Group
	Space
	Content // a page, blog post, comment, attachment, template, file, category
)

// String gives the word used in rule files, reasons and metric labels.
func (k EntityKind) String() string {
	switch k {
	case User:
		return "user"
	case Group:
		return "group"
	case Space:
		return "space"
	case Content:
		return "content"
	}
	return "none"
}

// Attr names one of the ways in which a wiki spells an entity on the wire.
type Attr uint8

// The attributes by which entities are named, as profiles write them
// ("user.key", "content.title", …).
const (
	NoAttr        Attr = iota
	UserName           // user.name: the wiki's sign-in name
	UserKey            // user.key: an opaque stable key
	UserAccountID      // user.account_id
	UserEmail          // user.email
	UserAvatar         // user.avatar: the id in an avatar's URL
	UserDisplay        // user.display: the full name; ambiguous, so a match hides if any bearer is hidden
	GroupName          // group.name
	SpaceKey           // space.key
	SpaceID            // space.id
	SpaceName          // space.name
	ContentID          // content.id: a content id, or an alias of one (comment, attachment, draft)
	ContentTitle       // content.title, in a space
	RevisionID         // revision.id: an old version, resolved to its page
)

var attrNames = map[Attr]string{
	UserName: "user.name", UserKey: "user.key", UserAccountID: "user.account_id",
	UserEmail: "user.email", UserAvatar: "user.avatar", UserDisplay: "user.display",
	GroupName: "group.name", SpaceKey: "space.key", SpaceID: "space.id", SpaceName: "space.name",
	ContentID: "content.id", ContentTitle: "content.title", RevisionID: "revision.id",
}

var attrsByName = func() map[string]Attr {
	m := make(map[string]Attr, len(attrNames))
	for a, n := range attrNames {
		m[n] = a
	}
	return m
}()

// String gives the profile's spelling, such as "user.key".
func (a Attr) String() string { return attrNames[a] }

// ParseAttr reads the profile's spelling of an attribute.
func ParseAttr(s string) (Attr, bool) {
	a, ok := attrsByName[s]
	return a, ok
}

// Kind says which kind of entity the attribute names.
func (a Attr) Kind() EntityKind {
	switch {
	case a >= UserName && a <= UserDisplay:
		return User
	case a == GroupName:
		return Group
	case a >= SpaceKey && a <= SpaceName:
		return Space
	case a >= ContentID && a <= RevisionID:
		return Content
	}
	return NoEntity
}

// Key is one spelling of an entity: an attribute and its value as it stood on
// the wire, decoded but not folded.
type Key struct {
	Attr  Attr
	Value string
	// Space qualifies a ContentTitle: any of the space's names, or empty when
	// the title itself carries its namespace (see Titles) or none was given.
	Space string
}

// Ref is an occurrence of an entity in a request or response, with whatever
// keys it carries there. All keys must resolve to the same entity: a Ref whose
// keys disagree is Hidden, one of which no key resolves is Unknown.
type Ref struct {
	Kind EntityKind
	Keys []Key
}

// Verdict is the answer to "may this viewer see this". The zero value is
// Unknown, which is enforced as Hidden.
type Verdict uint8

// The verdicts, from least to most.
const (
	Unknown   Verdict = iota // the directory does not know it (yet); enforced as hidden
	Hidden                   // not there, as far as this viewer is concerned
	Forbidden                // visible, but the role lacks the action
	Visible
)

// String gives the word of the design: visible, hidden, forbidden, unknown.
func (v Verdict) String() string {
	switch v {
	case Hidden:
		return "hidden"
	case Forbidden:
		return "forbidden"
	case Visible:
		return "visible"
	}
	return "unknown"
}

// Source is a place in a rule file, or the zero value where a built-in decided.
type Source struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Col  int    `json:"-"`
}

// Reason says why a verdict was given. Reasons are shared and immutable:
// deciding allocates none.
type Reason struct {
	Rule   string // a short closed-set id for metrics, such as "space.members" or "default"
	Text   string // one sentence for people; names no viewer, so that it can be shared
	Source Source // the rule's place
}

// Decision is a verdict with its reason.
type Decision struct {
	Verdict Verdict
	Reason  *Reason
	// Absent is set beside Unknown when the thing is known not to exist, in a
	// place that the viewer may see. Asked for, it is the 404 like any other;
	// as a link in a page it may stay, since it says nothing of what is hidden.
	Absent bool
	// Assignments lists the member rules that carried a Visible verdict, for
	// explain; nil on the hot path.
	Assignments []Source
}

// Class says what a URL is about; the engine's defaults per viewer kind and
// role hang on it. A route of no class is refused.
type Class string

// The classes of routes (design: one route table for both directions).
const (
	ClassStatic   Class = "static"
	ClassContent  Class = "content"
	ClassSpace    Class = "space"
	ClassUser     Class = "user"
	ClassGroup    Class = "group"
	ClassSearch   Class = "search"
	ClassPeople   Class = "people"
	ClassPicker   Class = "picker"
	ClassFeed     Class = "feed"
	ClassFile     Class = "file"
	ClassExport   Class = "export"
	ClassSession  Class = "session"
	ClassWrite    Class = "write"
	ClassPersonal Class = "personal"
	ClassAdmin    Class = "admin"
)

// Action is what a viewer wants to do with what he sees.
type Action string

// The actions of the design's action table.
const (
	ActView     Action = "view"
	ActSearch   Action = "search"
	ActComment  Action = "comment"
	ActMention  Action = "mention"
	ActWrite    Action = "write"
	ActRestrict Action = "restrict"
	ActAssign   Action = "assign"
)

// Role is a viewer's role in one space, ordered from none to manager.
type Role uint8

// The roles.
const (
	NoRole Role = iota
	Reader
	Commenter
	Writer // "user" in rule files
	Manager
)

// String gives the rule file's word for the role.
func (r Role) String() string {
	return [...]string{"none", "reader", "commenter", "user", "manager"}[r]
}

// ParseRole reads a rule file's word for a role.
func ParseRole(s string) (Role, bool) {
	for r := Reader; r <= Manager; r++ {
		if r.String() == s {
			return r, true
		}
	}
	return NoRole, false
}

// ViewerKind is what a viewer is to this site.
type ViewerKind uint8

// The kinds of viewer.
const (
	Anonymous ViewerKind = iota
	None                 // signed in, neither internal nor assigned to anything
	External
	Internal
)

// String gives the word of the design.
func (k ViewerKind) String() string {
	return [...]string{"anonymous", "none", "external", "internal"}[k]
}

// Context says where a user is looked at: the global tables, or one space's.
type Context struct {
	// Space is the space of the page or route in question, NoID for global.
	Space ID
	// Candidate asks the stricter question of pickers, mentions and
	// restrictions: may this user be chosen in Space?
	Candidate bool
}
