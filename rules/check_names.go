package rules

import "strings"

// entityNames are names of parameters and members that say in every wiki that
// the value names an entity, folded: without case, hyphens and underscores. A
// profile that calls such a value harmless is mistaken until it says why: it
// can call the value by an entity's attribute, drop it, or (of members) title.
var entityNames = map[string]Attr{
	"userkey": UserKey, "userkeys": UserKey, "username": UserName, "usernames": UserName, "loginname": UserName,
	"accountid": UserAccountID, "authorid": UserAccountID, "ownerid": UserAccountID, "creatorid": UserAccountID,
	"email": UserEmail, "emailaddress": UserEmail, "useremail": UserEmail, "mail": UserEmail,
	"displayname": UserDisplay, "fullname": UserDisplay, "realname": UserDisplay,
	"spacekey": SpaceKey, "spacekeys": SpaceKey, "spaceid": SpaceID, "spacename": SpaceName,
	"pageid": ContentID, "pageids": ContentID, "contentid": ContentID, "parentpageid": ContentID, "attachmentid": ContentID,
	"pagetitle": ContentTitle, "parentpagetitle": ContentTitle, "revisionid": RevisionID, "revid": RevisionID, "oldid": RevisionID,
	"groupname": GroupName, "groupnames": GroupName,
}

// namedAttr gives the attribute that a name tells of.
func namedAttr(name string) (Attr, bool) {
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		name = name[i+1:]
	}
	name = strings.ToLower(strings.NewReplacer("_", "", "-", "", "[]", "").Replace(name))
	a, ok := entityNames[name]
	return a, ok
}
