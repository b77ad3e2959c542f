package wikitest

import "strconv"

// Paths is one request of every kind that the stand-in answers, for tests
// that go through all of them.
func Paths(w *World) []string {
	x := newIndex(w)
	out := []string{
		"/", "/dashboard.action", "/spacedirectory/view.action", "/browsepeople.action", "/dosearchsite.action?queryString=plan",
		"/rest/api/space?expand=homepage,icon,description.plain,metadata.labels", "/rest/api/content?expand=space,version,ancestors", "/rest/api/user/current",
		"/rest/api/search?cql=text+~+%22plan%22&expand=content.space,content.version", "/rest/api/content/search?cql=type%3Dpage+and+title+~+%22plan%22",
		"/rest/quicknav/1/search?query=plan", "/rest/prototype/1/search.json?query=plan", "/rest/dashboardmacros/1.0/updates.json", "/rest/recentlyviewed/1.0/recent", "/rest/spacedirectory/1/search.json",
		"/createrssfeed.action?types=page&spaces=conf_all&maxResults=50&showContent=true", "/plugins/recently-updated/changes.action?theme=concise&pageSize=10",
	}
	for i := range w.Users {
		u := &w.Users[i]
		out = append(out, "/display/~"+u.Name, "/users/viewuserprofile.action?username="+u.Name, "/users/userinfopopup.action?username="+u.Name, "/rest/api/user?key="+u.Key, x.avatar(u))
	}
	for i := range w.Spaces {
		k := escapePath(w.Spaces[i].Key)
		out = append(out, "/display/"+k, "/collector/pages.action?key="+k, "/pages/viewrecentblogposts.action?key="+k, "/rest/api/space/"+k, "/rest/api/space/"+k+"/content")
	}
	for i := range w.Pages {
		p := &w.Pages[i]
		id := strconv.FormatInt(p.ID, 10)
		out = append(out, x.webui(p), "/pages/viewpage.action?pageId="+id, "/x/"+tiny(p.ID), "/pages/viewpreviousversions.action?pageId="+id, "/pages/viewpageattachments.action?pageId="+id,
			"/rest/api/content/"+id+"?expand=space,history.lastUpdated,history.contributors.publishers.users,version,ancestors,children.page,children.comment,children.attachment,body.view,body.storage,metadata.labels,restrictions.read.restrictions.user",
			"/rest/api/content/"+id+"/history", "/rest/api/content/"+id+"/child/comment?expand=body.view,version", "/rest/api/content/"+id+"/child/attachment?expand=version,container", "/rest/api/content/"+id+"/label",
			"/rest/likes/1.0/content/"+id+"/likes?commentLikes=true", "/rest/inlinecomments/1.0/comments?containerId="+id, "/plugins/pagetree/naturalchildren.action?decorator=none&pageId="+id+"&treeId=0")
		for j := range p.Attachments {
			out = append(out, x.download(p, &p.Attachments[j]))
		}
	}
	return out
}
