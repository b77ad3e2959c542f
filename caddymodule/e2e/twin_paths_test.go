package e2e

import (
	"fmt"
	"net/url"
	"strings"
)

// twinPaths are the addresses that both twins are asked for: lists, feeds,
// searches, modules of the API, every visible page in many forms, and whatever
// is hidden in either, by its names and its numbers.
func twinPaths(twins [2]*twin) []string {
	q := url.QueryEscape
	api := "/w/api.php?action=query&format=json&"
	home := "ACME_Portal:Home"
	var out []string
	for _, l := range []string{
		"recentchanges&rclimit=500&rcprop=title|ids|user|comment", "recentchanges&rclimit=3", "recentchanges&rctype=log&rclimit=50&formatversion=2", "allpages&aplimit=500&apnamespace=3000", "allpages&aplimit=3&apnamespace=3000", "allpages&apnamespace=3002&apfilterredir=redirects",
		"allpages&apnamespace=3000&apdir=descending&aplimit=5&apfrom=P", "allpages&apnamespace=3000&apminsize=50&apmaxsize=400", "allusers&aulimit=500&auprop=groups|editcount|registration", "allusers&aulimit=2", "allusers&auactiveusers=1", "allusers&auwitheditsonly=1&audir=descending",
		"logevents&lelimit=500", "logevents&lelimit=2&formatversion=2", "logevents&letype=move", "logevents&letype=delete", "logevents&letype=upload", "logevents&letype=protect", "logevents&letype=create&lelimit=20", "logevents&lenamespace=3000", "allimages&ailimit=500&aiprop=timestamp|user|userid|comment|url|size|mime",
		"allimages&aisort=timestamp&ailimit=1", "backlinks&bllimit=500&bltitle=" + home, "embeddedin&eilimit=500&eititle=" + home, "usercontribs&uclimit=500&ucuser=" + twins[0].world.People[0].Name, "usercontribs&uclimit=2&ucprop=title|comment|sizediff|size&ucuser=" + twins[0].world.People[1].Name,
	} {
		out = append(out, api+"list="+strings.ReplaceAll(l, "|", "%7C"))
	}
	for _, x := range []string{
		"generator=allpages&gapnamespace=3000&gaplimit=5&prop=info", "generator=allpages&gapnamespace=3000&gaplimit=500&prop=info%7Crevisions%7Clinks%7Ccategories%7Ctemplates%7Cimages&rvprop=ids%7Cuser%7Ccomment%7Ccontent%7Csize&rvslots=main&pllimit=500&cllimit=500&tllimit=500&imlimit=500&inprop=url%7Cdisplaytitle", "generator=links&gpllimit=500&prop=info&titles=" + home,
		"generator=backlinks&gbltitle=" + home, "generator=search&gsrsearch=Opening&gsrlimit=50", "generator=prefixsearch&gpssearch=A&gpsnamespace=*", "meta=siteinfo&siprop=general%7Cnamespaces%7Cnamespacealiases", "meta=siteinfo&formatversion=2", "meta=userinfo&uiprop=rights%7Cgroups%7Chasmsg%7Coptions",
	} {
		out = append(out, api+x)
	}
	out = append(
		out, "/", "/wiki/", "/w/index.php", "/w/api.php", "/wiki/No_such", "/wiki/ACME_Portal:No_such", "/wiki/Main_Page", "/favicon.ico", "/w/load.php?modules=site%7Csite.styles&lang=en&skin=vector",
		"/wiki/Special:RecentChanges?limit=500&days=30", "/wiki/Special:RecentChanges?limit=5", "/wiki/Special:RecentChanges?namespace=3000&limit=50&hideminor=1", "/wiki/Special:RecentChangesLinked/"+home, "/wiki/Special:RecentChangesLinked/"+home+"?showlinkedto=1&days=30",
		"/wiki/Special:AllPages", "/wiki/Special:AllPages?namespace=3000", "/wiki/Special:AllPages?namespace=3000&from=F", "/wiki/Special:PrefixIndex?namespace=3000", "/wiki/Special:PrefixIndex/ACME_Portal:I", "/wiki/Special:ListRedirects", "/wiki/Special:ListFiles", "/wiki/Special:ListFiles?limit=1", "/wiki/Special:ListUsers?limit=500",
		"/wiki/Special:ListUsers?limit=2", "/wiki/Special:ListUsers?editsOnly=1&creationSort=1", "/wiki/Special:ListUsers?group=sysop", "/wiki/Special:NewPages?limit=500&namespace=all", "/wiki/Special:NewPages?namespace=3000&limit=5", "/wiki/Special:NewPages?namespace=3000&size-mode=max&size=200", "/wiki/Special:Log?limit=500", "/wiki/Special:Log?limit=2", "/wiki/Special:Log/move", "/wiki/Special:Log/delete", "/wiki/Special:Log/upload",
		"/wiki/Special:Log/protect", "/wiki/Special:Log/create", "/wiki/Special:Log/block", "/wiki/Special:SpecialPages", "/wiki/Special:Statistics", "/wiki/Special:Categories", "/wiki/Special:Version", "/wiki/Special:UserLogin", "/w/rest.php/v1/page/"+home, "/w/rest.php/v1/page/"+home+"/bare",
		"/w/api.php?action=feedrecentchanges&feedformat=atom&limit=50&days=30", "/w/api.php?action=feedrecentchanges&feedformat=rss&limit=5", "/wiki/Special:NewPages?feed=rss&namespace=3000", "/w/index.php?title="+home+"&action=history&feed=atom", "/w/api.php?action=feedcontributions&feedformat=atom&user="+twins[0].world.People[0].Name,
	)
	words := []string{"Opening", "thing", "guide", "Version", "business", "written", "a*", "-Opening", `"What of it"`, "intitle:guide", "him OR Opening"}
	for _, tw := range twins {
		// Names that stand in the source of visible pages find those (README).
		p := tw.world.Private[2]
		words = append(words, p, p[:4]+"*", "Opening -"+p, "intitle:"+p, "incategory:"+p, p+" OR guide")
	}
	for _, w := range words {
		w = q(w)
		out = append(out, api+"list=search&srwhat=text&srnamespace=*&srlimit=50&srsearch="+w, api+"list=search&srlimit=3&srinfo=totalhits%7Csuggestion&srsearch="+w, api+"list=prefixsearch&psnamespace=*&pssearch="+w, "/wiki/Special:Search?search="+w, "/wiki/Special:Search?go=Go&search="+w,
			"/wiki/Special:Search?ns3000=1&limit=3&fulltext=1&search="+w, "/w/api.php?action=opensearch&format=json&namespace=*&search="+w, "/w/rest.php/v1/search/page?q="+w, "/w/rest.php/v1/search/title?q="+w)
	}
	for i, p := range twins[0].world.Seen {
		out = append(out, twinForms(p, i%4 == 0)...)
	}
	for i := range twins[0].world.Unseen {
		for _, tw := range twins {
			out = append(out, twinForms(tw.world.Unseen[i], i%8 == 0)...)
		}
	}
	for _, tw := range twins {
		for _, n := range tw.world.UnseenPeople[:3] {
			out = append(out, "/wiki/User:"+n, "/wiki/User_talk:"+n, "/wiki/Special:Contributions/"+n, "/wiki/Special:Log/"+n, "/wiki/Special:Log?user="+n, "/wiki/Special:ListUsers?username="+n, api+"list=users&ususers="+n+"&usprop=registration%7Cgender",
				api+"list=usercontribs&ucuser="+n, api+"list=allusers&auprefix="+n[:4], api+"list=recentchanges&rcuser="+n, api+"list=recentchanges&rcexcludeuser="+n, api+"list=logevents&leuser="+n, api+"prop=revisions&rvlimit=9&rvuser="+n+"&titles="+home, "/wiki/Special:NewPages?username="+n)
		}
	}
	for id := 1; id < 130; id += 3 {
		out = append(out, fmt.Sprintf("/w/index.php?curid=%d", id), fmt.Sprintf("/w/index.php?oldid=%d", id), fmt.Sprintf("/w/index.php?diff=%d", id), fmt.Sprintf("%sprop=info&pageids=%d%%7C%d", api, id, id+1), fmt.Sprintf("%sprop=revisions&revids=%d%%7C%d", api, id, id+1), fmt.Sprintf("%slist=users&ususerids=%d", api, id))
	}
	return out
}

// twinForms are the forms of one page, visible or not, by its name.
func twinForms(title string, all bool) []string {
	e := url.QueryEscape(title)
	under := strings.TrimPrefix(path(title), "/wiki/")
	out := []string{path(title), index(title, "&action=history"), "/w/api.php?action=query&format=json&prop=info%7Crevisions%7Clinks%7Ccategories%7Ctemplates%7Cimages%7Clinkshere%7Cextlinks%7Ccontributors&rvprop=ids%7Cuser%7Ccomment%7Ccontent&rvslots=main&rvlimit=9&pllimit=500&titles=" + e}
	if !all {
		return out
	}
	return append(
		out, index(title, "&action=raw"), index(title, "&action=info"), index(title, "&diff=prev"), index(title, "&diff=cur&oldid=prev"), index(title, "&action=edit"), index(title, "&action=history&limit=2"), index(title, "&redirect=no"),
		"/wiki/Special:WhatLinksHere/"+under, "/wiki/Special:WhatLinksHere/"+under+"?limit=2", "/wiki/Special:RecentChangesLinked/"+under, "/wiki/Special:Log?page="+under, "/wiki/Special:PrefixIndex/"+under, "/wiki/Special:AllPages/"+under, "/wiki/Talk:"+under, "/wiki/"+under+"/Sub",
		"/w/api.php?action=parse&format=json&page="+e, "/w/api.php?action=parse&format=json&formatversion=2&prop=text%7Csections%7Clinks%7Ctemplates%7Cwikitext%7Cdisplaytitle&page="+e, "/w/api.php?action=query&list=backlinks&format=json&bllimit=2&bltitle="+e, "/w/api.php?action=query&list=logevents&format=json&letitle="+e,
		"/w/api.php?action=query&format=json&prop=redirects%7Cfileusage%7Ctranscludedin%7Cimageinfo%7Cpageimages&iiprop=user%7Ccomment%7Csha1%7Csize%7Curl&titles="+e, "/w/api.php?action=query&list=categorymembers&cmlimit=500&format=json&cmtitle="+e, "/w/api.php?action=query&list=recentchanges&format=json&rctitle="+e,
		"/w/rest.php/v1/page/"+url.PathEscape(strings.ReplaceAll(title, " ", "_")), "/w/thumb.php?width=100&f="+url.QueryEscape(strings.TrimPrefix(title, "File:")), "/w/api.php?action=feedrecentchanges&feedformat=atom&target="+e,
	)
}
