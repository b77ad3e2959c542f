// Package xmlrewrite cuts out of feeds and small XML documents what a viewer
// may not see: RSS, Atom, OpenSearch descriptions, and other XML for which the
// profile has a feed rule.
//
// A document is read once, by a strict reader: one root, well nested, no
// document type and no entities but XML's own five. Entries are judged by their
// subjects (links, ids) and go whole, if one is hidden or none decides. In what
// is left every element is what the profile, or the feed formats, say that it
// is: a URL, a name, markup in a string, prose, plain. An element that nobody
// names goes. The dates of the newest entry are computed anew, always, so that
// they tell nothing of entries that went.
//
// Reading path: [Program.Rewrite], tape.go, feed.go, elements.go.
package xmlrewrite
