package rules

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// tableFacts is the plainest implementation of Facts: linear scans over the
// records. What serves is in package directory.
type tableFacts struct {
	d      Directory
	absent map[string]bool
}

func newTableFacts(data []byte) (Facts, error) {
	f := &tableFacts{}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f.d); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *tableFacts) Generation() uint64        { return 1 }
func (f *tableFacts) Users() []UserRecord       { return f.d.Users }
func (f *tableFacts) Groups() []GroupRecord     { return f.d.Groups }
func (f *tableFacts) Spaces() []SpaceRecord     { return f.d.Spaces }
func (f *tableFacts) Contents() []ContentRecord { return f.d.Content }

func index[T any](s []T, ok func(*T) bool) (ID, bool) {
	for i := range s {
		if ok(&s[i]) {
			return ID(i), true
		}
	}
	return NoID, false
}

func (f *tableFacts) FindUser(a Attr, v string) (ID, bool) {
	if v == "" {
		return NoID, false
	}
	return index(f.d.Users, func(u *UserRecord) bool {
		switch a {
		case UserName:
			return u.Username == v
		case UserKey:
			return u.Key == v
		case UserAccountID:
			return u.AccountID == v
		case UserEmail:
			return strings.EqualFold(u.Email, v)
		case UserAvatar:
			return slices.Contains(u.AvatarIDs, v)
		}
		return false
	})
}

func (f *tableFacts) FindUsersByDisplay(name string) (ids []ID) {
	for i := range f.d.Users {
		if f.d.Users[i].DisplayName == name {
			ids = append(ids, ID(i))
		}
	}
	return ids
}

func (f *tableFacts) FindGroup(source, name string) (ID, bool) {
	return index(f.d.Groups, func(g *GroupRecord) bool { return orDefault(g.Source, wikiSource) == source && g.Name == name })
}

func (f *tableFacts) FindSpace(a Attr, v string) (ID, bool) {
	return index(f.d.Spaces, func(s *SpaceRecord) bool {
		return v != "" && (a == SpaceKey && s.Key == v || a == SpaceID && s.ID == v || a == SpaceName && s.Name == v)
	})
}

func (f *tableFacts) FindSpaceByAnyName(v string) (ID, bool) {
	return index(f.d.Spaces, func(s *SpaceRecord) bool {
		return v != "" && (s.Key == v || s.ID == v || s.Name == v || slices.Contains(s.Aliases, v))
	})
}

func (f *tableFacts) FindContent(a Attr, v string, space ID) (ID, bool) {
	if a == ContentTitle {
		if space == NoID {
			return NoID, false
		}
		return index(f.d.Content, func(c *ContentRecord) bool { return c.Space == f.d.Spaces[space].Key && c.Title == v })
	}
	for _, al := range f.d.Aliases {
		if al.ID == v {
			v = al.Of
			break
		}
	}
	return index(f.d.Content, func(c *ContentRecord) bool { return c.ID == v && v != "" })
}

func (f *tableFacts) Absent(a Attr, v string, space ID) bool { return f.absent[v] }
