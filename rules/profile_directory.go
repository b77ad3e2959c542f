package rules

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
