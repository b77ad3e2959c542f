package gateway_test

import "regexp"

// recordedOut says why some recorded answers are not run.
type recordedOut struct {
	files *regexp.Regexp
	why   string
}

var recordedElsewhere = []recordedOut{
	{regexp.MustCompile(`^mock-v2-|-v2-|webhook|permission-v2|audit|propert|archive|long-task|label-details`), "of interfaces that are closed, or that no data center has"},
	{regexp.MustCompile(`permission|restriction-|restrictions?\.json|restriction-users|versions`), "of routes that are closed"},
	{regexp.MustCompile(`error|bad-request`), "of failures, whose bodies never leave"},
	{regexp.MustCompile(`^cloud-v1-(create-content|get-content-(attachments|history|labels|version)|get-space|search-content|label-details)\.json$|quicknav-vendor`), "skeletons: every value is a word for its type"},
}

var recordedCases = []recordedCase{
	{name: "atom-cloud-blog-entry-no-id.xml", target: "/createrssfeed.action?types=page&spaces=$home", differ: map[string]int{"closes what opened": 1, "cloud": 1}},
	{name: "atom-cloud-label-feed.xml", target: "/createrssfeed.action?types=page&spaces=$home", differ: map[string]int{"closed routes": 1, "closes what opened": 1}},
	{name: "atom-cloud-whatsnew-blogposts.xml", target: "/createrssfeed.action?types=page&spaces=$home", differ: map[string]int{"closes what opened": 13, "cloud": 13}},
	{name: "atom-dc-page-added.xml", target: "/createrssfeed.action?types=page&spaces=$home"},
	{name: "cloud-v1-comments-footer-with-email.json", target: "/rest/api/content/77770001/child/comment", differ: map[string]int{"cloud": 2, "rights": 1, "unknown fields": 1}},
	{name: "cloud-v1-comments-inline-with-email.json", target: "/rest/api/content/77770001/child/comment", differ: map[string]int{"cloud": 2, "rights": 1, "unknown fields": 1}},
	{name: "cloud-v1-content-search-cursor-ancestors.json", target: "/rest/api/content/search?cql=type=page", differ: map[string]int{"closed routes": 8, "cloud": 4, "drafts": 2, "positions": 2, "rights": 3, "sizes": 1, "unknown fields": 3}},
	{name: "cloud-v1-get-content-children.json", target: "/rest/api/content/77770001/child", differ: map[string]int{"drafts": 1, "positions": 1, "rights": 6, "unknown fields": 11}},
	{name: "cloud-v1-get-content-comments.json", target: "/rest/api/content/77770001/child/comment", differ: map[string]int{"closed routes": 1, "rights": 4}},
	{name: "cloud-v1-get-content.json", target: "/rest/api/content/64290828", differ: map[string]int{"drafts": 1, "positions": 1, "rights": 1, "unknown fields": 1}},
	{name: "cloud-v1-get-contents.json", target: "/rest/api/content?spaceKey=$home", differ: map[string]int{"closed routes": 1, "drafts": 4, "positions": 4, "rights": 8}},
	{name: "cloud-v1-get-spaces.json", target: "/rest/api/space", differ: map[string]int{"closed routes": 6}},
	{name: "dc-attachment-with-container-nomagic-faq.json", target: "/rest/api/content/90379564", differ: map[string]int{"closed routes": 1, "drafts": 1, "positions": 3, "rights": 4}},
	{name: "dc-attachment-with-container-nomagic-md2024.json", target: "/rest/api/content/169673794", differ: map[string]int{"closed routes": 1, "drafts": 1, "positions": 3, "rights": 4}},
	{name: "dc-content-personal-space-body-editor.json", target: "/rest/api/content/130913238", differ: map[string]int{"closed routes": 1, "drafts": 3, "positions": 1, "rights": 1}},
	{name: "dc-search-ui-sitesearch-highlight.json", target: "/rest/api/search?cql=text~a", differ: map[string]int{"rights": 1, "sizes": 1, "totals": 1}},
	{name: "dc-user-known.json", target: "/rest/api/user?username=candacestark"},
	{name: "dc7-content-by-title-empty.json", target: "/rest/api/content?spaceKey=$home"},
	{name: "dc7-content-by-title-expand-ancestors.json", target: "/rest/api/content?spaceKey=$home", differ: map[string]int{"drafts": 6, "positions": 6, "rights": 6}},
	{name: "dc7-content-by-title-expand-version.json", target: "/rest/api/content?spaceKey=$home", differ: map[string]int{"closed routes": 1, "drafts": 1, "positions": 1, "rights": 1}},
	{name: "dc7-content-create.json", target: "/rest/api/content/388386403", differ: map[string]int{"closed routes": 1, "drafts": 6, "positions": 6, "rights": 6}},
	{name: "dc7-content-update.json", target: "/rest/api/content/1234", differ: map[string]int{"closed routes": 1, "drafts": 6, "positions": 6, "rights": 6}},
	{name: "dc8-search-hit-content-page.json", target: "/rest/api/search?cql=text~a", wrap: "hit", differ: map[string]int{"drafts": 1, "positions": 1, "rights": 1}},
	{name: "html-bodyview-cloud-embedded-file.html", target: "/rest/api/content/77770001?expand=body.view", wrap: "view"},
	{name: "html-bodyview-cloud-profile-macro.html", target: "/rest/api/content/77770001?expand=body.view", wrap: "view", differ: map[string]int{"closes what opened": 2, "cloud": 4}},
	{name: "html-bodyview-cloud-recently-updated-blogposts.html", base: "http://wiki.example/wiki", target: "/rest/api/content/77770001?expand=body.view", wrap: "view", differ: map[string]int{"closes what opened": 1, "cloud": 1}},
	{name: "html-bodyview-cloud-user-mention.html", target: "/rest/api/content/77770001?expand=body.view", wrap: "view", differ: map[string]int{"closes what opened": 1, "cloud": 1}},
	{name: "html-bodyview-dc-recently-updated-profile-picture.html", target: "/rest/api/content/77770001?expand=body.view", wrap: "view", differ: map[string]int{"closed routes": 2, "closes what opened": 2, "notes": 1}},
	{name: "html-bodyview-dc-user-mention.html", target: "/rest/api/content/77770001?expand=body.view", wrap: "view"},
	{name: "html-bodyview-jenkins-wiki-cron_column.html", target: "/rest/api/content/77770001?expand=body.view", wrap: "view"},
	{name: "html-bodyview-jenkins-wiki-html5-notifier-plugin.html", target: "/rest/api/content/77770001?expand=body.view", wrap: "view"},
	{name: "html-bodyview-jenkins-wiki-macros.html", target: "/rest/api/content/77770001?expand=body.view", wrap: "view"},
	{name: "html-naturalchildren-child-modx.html", target: "/plugins/pagetree/naturalchildren.action?treeId=0"},
	{name: "html-naturalchildren-child2-modx.html", target: "/plugins/pagetree/naturalchildren.action?treeId=0"},
	{name: "html-naturalchildren-root-modx.html", target: "/plugins/pagetree/naturalchildren.action?treeId=0"},
	{name: "html-pagetree-full-evo1.html", target: "/plugins/pagetree/naturalchildren.action?treeId=0", differ: map[string]int{"closed routes": 1, "sign-in": 1}},
	{name: "html-pagetree-full-modx096.html", target: "/plugins/pagetree/naturalchildren.action?treeId=0", differ: map[string]int{"closed routes": 1, "sign-in": 1}},
	{name: "html-pagetree-macro-container-modx.html", target: "/plugins/pagetree/naturalchildren.action?treeId=0", differ: map[string]int{"sign-in": 1}},
	{name: "html-pagetree-search-and-children-modx.html", target: "/plugins/pagetree/naturalchildren.action?treeId=0", differ: map[string]int{"closed routes": 1, "sign-in": 1}},
	{name: "html-scrollbar-macro-prev-next-modx.html", target: "/rest/api/content/77770001?expand=body.view", wrap: "view"},
	{name: "html-userinfopopup-vendor-example.html", target: "/users/userinfopopup.action?username=dtaylor", differ: map[string]int{"closed routes": 2, "closes what opened": 1}},
	{name: "html-viewpage-5.1.2-loggedin-trimmed.html", target: "/pages/viewpage.action?pageId=58582949", differ: map[string]int{"closed routes": 2, "comments": 1, "handlers": 1, "self": 2, "tokens": 2, "totals": 1}},
	{name: "html-viewpage-5.5.1-anonymous-head-trimmed.html", target: "/pages/viewpage.action?pageId=1015810", differ: map[string]int{"closed routes": 3, "closes what opened": 1, "handlers": 1, "notes": 1, "rights": 1, "self": 3, "tokens": 1}},
	{name: "html-viewpage-6.13.4-anonymous-betfair-trimmed.html", target: "/pages/viewpage.action?pageId=1212443", differ: map[string]int{"closed routes": 5, "closes what opened": 2, "notes": 3, "self": 3, "sign-in": 2, "tokens": 2, "unknown fields": 1}},
	{name: "html-viewpage-metadata-restricted-modx.html", target: "/rest/api/content/77770001?expand=body.view", wrap: "view", differ: map[string]int{"closed routes": 1, "closes what opened": 1, "rights": 1, "site": 1}},
	{name: "mock-cloud-comments.json", target: "/rest/api/content/77770001/child/comment", differ: map[string]int{"closed routes": 1, "cloud": 2, "rights": 1, "unknown fields": 1}},
	{name: "mock-cloud-content-page.json", target: "/rest/api/content/987654321", differ: map[string]int{"closed routes": 4, "cloud": 2, "drafts": 2, "mocks": 1, "positions": 1, "rights": 1, "unknown fields": 2}},
	{name: "mock-cloud-cql-search.json", target: "/rest/api/search?cql=text~a", differ: map[string]int{"rights": 1, "totals": 2}},
	{name: "mock-cloud-labels.json", target: "/rest/api/content/77770001/label", differ: map[string]int{"mocks": 3, "sizes": 1}},
	{name: "mock-cloud-pages-from-space.json", target: "/rest/api/content?spaceKey=$home", wrap: "list", differ: map[string]int{"drafts": 2, "positions": 2, "rights": 1, "unknown fields": 2}},
	{name: "mock-cloud-spaces.json", target: "/rest/api/space", differ: map[string]int{"closed routes": 6, "cloud": 1}},
	{name: "mock-elastic-attachment.json", target: "/rest/api/content/1113/child/attachment", differ: map[string]int{"mocks": 1}},
	{name: "mock-elastic-page-ancestors.json", target: "/rest/api/content?spaceKey=$home", differ: map[string]int{"mocks": 2}},
	{name: "mock-elastic-search-page-attachment-space.json", target: "/rest/api/search?cql=text~a", differ: map[string]int{"mocks": 1}},
	{name: "storage-cwiki-27821303.xhtml", target: "/rest/api/content/77770001?expand=body.storage", wrap: "storage"},
	{name: "storage-cwiki-27822128.xhtml", target: "/rest/api/content/77770001?expand=body.storage", wrap: "storage"},
	{name: "storage-cwiki-27835336.xhtml", target: "/rest/api/content/77770001?expand=body.storage", wrap: "storage"},
	{name: "storage-cwiki-27849051.xhtml", target: "/rest/api/content/77770001?expand=body.storage", wrap: "storage"},
	{name: "storage-cwiki-29130755.xhtml", target: "/rest/api/content/77770001?expand=body.storage", wrap: "storage"},
	{name: "storage-cwiki-29130800.xhtml", target: "/rest/api/content/77770001?expand=body.storage", wrap: "storage"},
	{name: "storage-cwiki-90000006.xhtml", target: "/rest/api/content/77770001?expand=body.storage", wrap: "storage"},
}

// recordedReason is why an answer may differ from the wiki's although all that
// it names may be seen.
type recordedReason struct {
	name  string
	match *regexp.Regexp // of a hunk, as hunk.String spells it
}

var recordedReasons = []recordedReason{
	{"notes", regexp.MustCompile(`<!-- fixture note`)}, // whoever recorded it put them there
	{"comments", regexp.MustCompile(`^-<!--`)},         // text that nobody sees, read by nobody
	{"self", regexp.MustCompile(`ajs-(remote-user|current-user-fullname|user-display-name|is-space-admin)`)},
	{"tokens", regexp.MustCompile(`atl-token|atlassian-token`)},
	{"handlers", regexp.MustCompile(` onload=`)},
	{"sign-in", regexp.MustCompile(`name="loginUrl"|login-link`)},
	{"site", regexp.MustCompile(`id="domainName"`)},
	{"drafts", regexp.MustCompile(`^-[\s,]*"(edit|editui|edituiv2|editor)"\s*:\s*["{]|^-"webresource"`)}, // a secret, or what only who edits asks for
	{"positions", regexp.MustCompile(`^-[\s,{]*"position"`)},                                             // gaps tell of siblings
	{"totals", regexp.MustCompile(`^-[\s,]*"(totalSize|score|searchDuration|cqlQuery)"|ajs-num-attachments`)},
	{"sizes", regexp.MustCompile(`^-\d+\+\d+$`)}, // of lists that were cut when they were recorded
	{"rights", regexp.MustCompile(`^-[\s,]*"(operations|restrictions|relevantViewRestrictions|childTypes)"\s*:|content-metadata-page-restrictions`)},
	{"unknown fields", regexp.MustCompile(`"(macroRenderedOutput|ncsStepVersion|syncRev|fileId|mediaToken)|daysBeforeLicenseExpiry`)},
	{"closed routes", regexp.MustCompile(`"(settings|theme|lookAndFeel)"|/rest/(api|experimental)/content/\d+/version/|childTypes|expand=operations|viewinfo|viewpagesrc|pagetreesearch|diffpages|configurerssfeed|createpage|favourite|opensearch|movePageDialog`)},
	{"mocks", regexp.MustCompile(`preview=demo.py|^-"size": 2\+|"prefix": "my"|"id": "456789125"|"https://company.atlassian.net"|"att105348"|"title": "(?:parent_title|page1)"`)}, // no wiki says it so
	{"cloud", regexp.MustCompile(`aa-avatar|accountId=|next=true|/wiki/people/`)}, // another dialect
	{"closes what opened", regexp.MustCompile(`^-[^\s<]*(</a>|&lt;/a&gt;)\S*\+`)},
}
