package rules

// ID is an interned entity of one kind within one directory generation: an
// index into that generation's records. IDs of different generations or kinds
// do not compare.
type ID int32

// NoID is no entity.
const NoID ID = -1

// Facts is how the engine asks what the wiki holds. Implementations are
// immutable: one value is one generation. Look-ups fold as the wiki does
// (case, title normalisation) and must not allocate for values already in
// canonical form.
type Facts interface {
	// Generation numbers the snapshot; it never leaves the process.
	Generation() uint64

	// FindUser resolves a user by any attribute. UserDisplay is refused
	// (names are not unique): use FindUsersByDisplay.
	FindUser(attr Attr, value string) (ID, bool)
	FindUsersByDisplay(name string) []ID
	FindGroup(source, name string) (ID, bool)
	FindSpace(attr Attr, value string) (ID, bool)
	// FindSpaceByAnyName resolves a space by key, id, name or alias, as
	// policies name it.
	FindSpaceByAnyName(name string) (ID, bool)
	// FindContent resolves ContentID and RevisionID through aliases as well;
	// ContentTitle needs space.
	FindContent(attr Attr, value string, space ID) (ID, bool)
	// Absent reports that a look-up found nothing under this spelling, in this
	// generation.
	Absent(attr Attr, value string, space ID) bool

	Users() []UserRecord
	Groups() []GroupRecord
	Spaces() []SpaceRecord
	Contents() []ContentRecord
}

// Directory is the JSON form of all facts, as `postern snapshot` writes it and
// offline commands read it. Fields may be absent; unknown ones are an error.
type Directory struct {
	Users   []UserRecord    `json:"users,omitempty"`
	Groups  []GroupRecord   `json:"groups,omitempty"`
	Spaces  []SpaceRecord   `json:"spaces,omitempty"`
	Content []ContentRecord `json:"content,omitempty"`
	Aliases []AliasRecord   `json:"aliases,omitempty"`
}

// UserRecord is a person as the wiki knows him.
type UserRecord struct {
	Username    string            `json:"username"`
	Key         string            `json:"key,omitempty"`
	AccountID   string            `json:"account_id,omitempty"`
	Email       string            `json:"email,omitempty"`
	DisplayName string            `json:"display_name,omitempty"`
	Active      *bool             `json:"active,omitempty"` // absent: true
	AvatarIDs   []string          `json:"avatar_ids,omitempty"`
	Identities  []string          `json:"identities,omitempty"` // PROVIDER/SUB
	Groups      []string          `json:"groups,omitempty"`     // wiki groups, as bare names
	Attributes  map[string]string `json:"attributes,omitempty"`
}

// GroupRecord is a group of the wiki ("wiki") or of a provider.
type GroupRecord struct {
	Name   string   `json:"name"`
	Source string   `json:"source,omitempty"` // absent: wiki
	Groups []string `json:"groups,omitempty"` // groups that are members of this one
}

// SpaceRecord is a space (MediaWiki: a namespace).
type SpaceRecord struct {
	Key     string   `json:"key"`
	ID      string   `json:"id,omitempty"`
	Name    string   `json:"name,omitempty"`
	Type    string   `json:"type,omitempty"`   // global, personal, or the profile's own word
	Status  string   `json:"status,omitempty"` // current (default), archived
	Owner   string   `json:"owner,omitempty"`  // username, personal spaces
	Aliases []string `json:"aliases,omitempty"`
	Home    string   `json:"home,omitempty"` // content id
}

// ContentRecord is a page, blog post, file, template or category.
type ContentRecord struct {
	ID           string            `json:"id"`
	Type         string            `json:"type,omitempty"` // page (default), blogpost, file, template, category, redirect, …
	Space        string            `json:"space"`          // the space's key
	Title        string            `json:"title"`          // without namespace prefix
	Parent       string            `json:"parent,omitempty"`
	Labels       []string          `json:"labels,omitempty"`
	Status       string            `json:"status,omitempty"` // current (default), archived, trashed, draft, historical
	Date         string            `json:"date,omitempty"`   // blog posts: posting day
	RestrictedTo *Restriction      `json:"restricted_to,omitempty"`
	Includes     []string          `json:"includes,omitempty"` // content ids it transcludes
	UsedBy       []string          `json:"used_by,omitempty"`  // content ids that show it
	Redirect     string            `json:"redirect,omitempty"` // content id that it redirects to
	Attributes   map[string]string `json:"attributes,omitempty"`
}

// Restriction names who alone may view a piece of content: nobody in particular
// if it is empty.
type Restriction struct {
	Users  []string `json:"users,omitempty"`
	Groups []string `json:"groups,omitempty"`
	// Unknown says that the wiki did not tell: then nobody may whom the two
	// lists do not name.
	Unknown bool `json:"unknown,omitempty"`
}

// AliasRecord says that an id (of a comment, attachment, revision, draft)
// belongs to a piece of content.
type AliasRecord struct {
	ID   string `json:"id"`
	Of   string `json:"of"`
	Kind string `json:"kind,omitempty"` // comment, attachment, revision, draft
}

// Viewer is the person who looks, as sign-in established him.
type Viewer struct {
	// Anonymous viewers carry nothing else.
	Anonymous bool
	// Provider and Subject are the issuer's configured name and the token's
	// sub, byte-exact; together they are the viewer's identity.
	Provider, Subject string
	// WikiUser is the username of the wiki user he is linked to, or empty.
	WikiUser string
	// WikiVouches is set when the wiki itself authenticated him (passthrough)
	// or a trusted header named him, so that wiki groups count for "internal".
	WikiVouches bool
	DisplayName string
	Email       string
	// EmailVerified is the claim, a boolean true and nothing else.
	EmailVerified bool
	// Groups are the provider's, bare names as in the claim.
	Groups []string
}

// Request is the one canonical form of what is asked: plain values, made by
// guard from an HTTP request, or by a Judge from a URL found in a response.
type Request struct {
	Method string // upper case; HEAD is judged as GET
	// Segments are the path's, context path taken off, each percent-decoded.
	// "/" is no segment; a trailing slash is one last empty segment.
	Segments []string
	// Query and Form are decoded pairs in wire order.
	Query, Form []Param
	// JSON is a request body of type application/json, verified to have one
	// reading; nil otherwise.
	JSON []byte
	// Multipart says that the body is multipart/form-data (RFC 7578): its fields
	// are in Form then, its files in Files, and neither while Unread is set.
	// Nobody's upload is read before his role has been judged.
	Multipart, Unread bool
	Files             []File
}

// File is one file of a multipart form.
type File struct {
	Field string // the form's field
	Name  string // as the client calls it
	Type  string // its media type, without parameters
	Data  []byte
}

// Param is one decoded name-value pair.
type Param struct{ Name, Value string }
