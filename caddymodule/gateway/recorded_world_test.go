package gateway_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"

	"github.com/postern-gateway/postern/rules"
)

var (
	recordedTitle  = regexp.MustCompile(`/display/([A-Za-z0-9]+|~[A-Za-z0-9._@-]+)/(?:[0-9]{4}/[0-9]{2}/[0-9]{2}/)?([^"?#&\s\\<>]+)`)
	recordedSpace  = regexp.MustCompile(`(?:/display/|/spaces/|/rest/api/space/|[kK]ey=|space-key="|spaceKey" value="|space-key" content="|"key":\s*")([A-Za-z0-9]+|~[A-Za-z0-9._@-]+)\b`)
	recordedUser   = regexp.MustCompile(`(?:/(?:display|spaces)/~|data-username="|[?&]username=|User icon: |ajs-remote-user" content=")([A-Za-z0-9._@-]+)`)
	recordedAuthor = regexp.MustCompile(`<(?:name|dc:creator)>([^<]+)<`)
	recordedKey    = regexp.MustCompile(`(?:user\?key=|userkey="|user-key="|userKey=)([0-9a-z]+)`)
	recordedMail   = regexp.MustCompile(`mailto:([A-Za-z0-9._-]+@[A-Za-z0-9.-]+)`)
	recordedAvatar = regexp.MustCompile(`/attachments/([0-9]+)/user-avatar`)
	recordedID     = regexp.MustCompile(`(?:[pP]ageId=|draftId=|-id" content="|ontent/|ancestorId" value="|rootPageId" value="|ancestors=|childrenspan|/pages/|/blog/[0-9]{4}/[0-9]{2}/[0-9]{2}/|/attachments/|tag:[^:]*:page-|/thumbnails/|-id="|openId=|[pP]ageId" value=")(?:att)?([0-9]{2,})`)
	recordedShown  = regexp.MustCompile(`preview=(?:/|%2F)([0-9]+)(?:/|%2F)([0-9]+)`)
	recordedParent = regexp.MustCompile(`parent-page-title" content="([^"]+)"`)
	recordedPlus   = regexp.MustCompile(`id="plusminus([0-9]+)-`)
	recordedTiny   = regexp.MustCompile(`/x/([A-Za-z0-9_-]+)`)
	recordedAsked  = regexp.MustCompile(`spaceKey=([A-Za-z0-9]+)&(?:expand=[^&]*&)?title=([^"&]+)`)
	recordedBase   = regexp.MustCompile(`(?:confluence-base-url" content="|data-base-url="|"base":\s*"|<link rel="alternate" href="|"self":\s*")(https?://[^/"]+(?:/confluence|/wiki/cf|/wiki)?)\b`)
	recordedOwner  = regexp.MustCompile(`(?:/pages/|pageId=)([0-9]+)`)
	recordedRef    = regexp.MustCompile(`<ri:page[^>]*ri:content-title="([^"]+)"[^>]*>`)
	recordedRefKey = regexp.MustCompile(`ri:space-key="([^"]+)"`)
	recordedIn     = regexp.MustCompile(`(?:space-key" content="|"space":\s*"/rest/api/space/|"spaceKey" value=")([^"]+)"`)
)

// recordedWorld gathers a directory in which all that an answer names is there,
// and shared.
type recordedWorld struct {
	rules.Directory
	home  string
	names map[string]bool // what is there already, by kind and name
}

func worldOf(body string) *recordedWorld {
	w := &recordedWorld{names: map[string]bool{"user eva": true}}
	w.Users = []rules.UserRecord{{Username: "eva", Email: "eva@acme.example", DisplayName: "Eva Acme"}}
	if m := recordedIn.FindStringSubmatch(body); m != nil {
		w.home = m[1]
	} else if m := recordedSpace.FindStringSubmatch(body); m != nil {
		w.home = m[1]
	} else {
		w.home = "ACME"
	}
	w.space(rules.SpaceRecord{Key: w.home})
	var doc any
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if d.Decode(&doc) == nil {
		w.walk(doc)
	}
	body = html.UnescapeString(strings.NewReplacer(`\"`, `"`, `\/`, "/").Replace(body))
	each := func(re *regexp.Regexp, add func(m []string)) {
		for _, m := range re.FindAllStringSubmatch(body, -1) {
			add(m)
		}
	}
	each(recordedUser, func(m []string) { w.user(rules.UserRecord{Username: m[1]}) })
	each(recordedKey, func(m []string) { w.user(rules.UserRecord{Username: "by-key-" + m[1], Key: m[1]}) })
	each(recordedMail, func(m []string) { w.user(rules.UserRecord{Username: "mail-" + m[1], Email: m[1]}) })
	each(recordedAuthor, func(m []string) { w.user(rules.UserRecord{Username: "author-" + m[1], DisplayName: m[1]}) })
	each(recordedAvatar, func(m []string) {
		w.names["content "+m[1]] = true
		w.user(rules.UserRecord{Username: "face-" + m[1], AvatarIDs: []string{m[1]}})
	})
	each(recordedSpace, func(m []string) { w.space(rules.SpaceRecord{Key: m[1]}) })
	each(recordedTitle, func(m []string) { w.title(m[1], m[2]) })
	each(recordedAsked, func(m []string) { w.title(m[1], m[2]) })
	each(recordedRef, func(m []string) {
		key := w.home
		if k := recordedRefKey.FindStringSubmatch(m[0]); k != nil {
			key = k[1]
			w.space(rules.SpaceRecord{Key: key})
		}
		w.page("", key, m[1])
	})
	each(recordedParent, func(m []string) { w.page("", w.home, m[1]) })
	each(recordedShown, func(m []string) {
		w.page(m[1], w.home, "Number "+m[1])
		w.belongs(m[2], m[1])
	})
	each(recordedID, func(m []string) { w.page(m[1], w.home, "Number "+m[1]) })
	each(recordedPlus, func(m []string) {
		kid := fmt.Sprint(800000000 + len(w.Content))
		w.page(m[1], w.home, "Number "+m[1])
		w.Content = append(w.Content, rules.ContentRecord{ID: kid, Type: "page", Space: w.home, Title: "Below " + m[1], Parent: m[1]})
	})
	each(recordedTiny, func(m []string) {
		b, err := base64.StdEncoding.DecodeString((strings.NewReplacer("-", "/", "_", "+").Replace(m[1]) + "AAAAAAAAAAA")[:11] + "=")
		if err == nil {
			id := fmt.Sprint(binary.LittleEndian.Uint64(b))
			w.page(id, w.home, "Number "+id)
		}
	})
	return w
}

func (w *recordedWorld) have(kind, name string) bool {
	name = kind + " " + strings.ToLower(name)
	was := w.names[name]
	w.names[name] = true
	return was
}

func (w *recordedWorld) user(u rules.UserRecord) {
	if u.Key != "" && w.have("key", u.Key) || w.have("user", u.Username) {
		return
	}
	w.Users = append(w.Users, u)
}

func (w *recordedWorld) space(s rules.SpaceRecord) {
	if !w.have("space", s.Key) {
		w.Spaces = append(w.Spaces, s)
	}
}

func (w *recordedWorld) title(key, spelled string) {
	if t, err := url.PathUnescape(strings.ReplaceAll(spelled, "+", " ")); err == nil && t != "" && !strings.Contains(t, "/") {
		w.page("", key, t)
	}
}

// page adds a page; one of a title alone gets an id.
func (w *recordedWorld) page(id, key, title string) {
	if id != "" && w.have("content", id) || w.have("title "+key, title) {
		return
	}
	if id == "" {
		id = fmt.Sprint(900000000 + len(w.Content))
	}
	w.Content = append(w.Content, rules.ContentRecord{ID: id, Type: "page", Space: key, Title: title})
}

// belongs adds what has its page's place: an attachment or a comment.
func (w *recordedWorld) belongs(id, page string) {
	if !w.have("content", id) {
		w.Aliases = append(w.Aliases, rules.AliasRecord{ID: id, Of: page, Kind: "attachment"})
	}
}

// walk takes what JSON objects say of themselves: it is more than their URLs do.
func (w *recordedWorld) walk(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			w.walk(e)
		}
	case map[string]any:
		text := func(name string) string {
			if s, ok := v[name].(string); ok {
				return s
			}
			if n, ok := v[name].(json.Number); ok {
				return n.String()
			}
			return ""
		}
		u := rules.UserRecord{Username: text("username"), Key: text("userKey"), AccountID: text("accountId"), DisplayName: text("displayName"), Email: text("email")}
		if u.DisplayName == "" {
			u.DisplayName = text("publicName")
		}
		if u.Username+u.Key+u.AccountID != "" {
			if u.Username == "" {
				u.Username = "u-" + u.Key + u.AccountID
			}
			w.user(u)
		} else if t := text("publicName"); t != "" {
			w.user(rules.UserRecord{Username: "named-" + t, DisplayName: t})
		}
		switch key, id := text("key"), strings.TrimPrefix(text("id"), "att"); {
		case key != "" && (text("name") != "" || id != ""):
			w.space(rules.SpaceRecord{Key: key, ID: id, Name: text("name")})
		case id != "" && (text("type") == "attachment" || text("type") == "comment"):
			links, _ := v["_links"].(map[string]any)
			if m := recordedOwner.FindStringSubmatch(fmt.Sprint(links["webui"])); m != nil {
				w.page(m[1], w.home, "Number "+m[1])
				w.belongs(text("id"), m[1])
				w.belongs(id, m[1])
			}
		case id != "" && text("title") != "":
			home := w.home
			if s, ok := v["space"].(map[string]any); ok {
				if k, ok := s["key"].(string); ok {
					home = k
					w.space(rules.SpaceRecord{Key: k})
				}
			}
			w.page(id, home, text("title"))
		}
		if s, ok := v["space"].(map[string]any); ok && s["key"] == nil && s["name"] != nil {
			if n := fmt.Sprint(s["name"]); !w.have("space name", n) {
				w.space(rules.SpaceRecord{Key: fmt.Sprint("N", len(w.Spaces)), Name: n})
			}
		}
		for _, e := range v {
			w.walk(e)
		}
	}
}
