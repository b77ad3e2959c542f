// Package rewrite turns the wiki's answer into the one that a viewer may have.
//
// [Rewriter.Rewrite] takes one whole exchange and goes through these steps,
// each able to stop it: the status (what the wiki refuses is the one 404),
// coding and charset, the type against the route's expectation, the leaf for
// that format (jsonrewrite, htmlrewrite, xmlrewrite, or this package's own for
// style sheets, scripts and plain text), a second pass if a look-up taught
// something, the evidence that the answer is about what was asked for, the
// tripwire, and the headers, which are built from an empty map.
//
// It fails closed: an error is either [ErrNotFound], for which the one 404 is
// sent, or a [*FailClosed], for which Postern's own 502 is sent. No byte of the
// wiki's body may leave in either case. The package decides nothing: it asks
// the view through rules.Judge.
//
// # What is refused
//
// Edits on bytes are safe only where a body has one reading. What could have
// two, or none, is refused, whatever it holds: the list is the same for every
// answer of a format. testdata/refused.txt has at least one case for each line,
// and a test holds both lists together.
//
// Of every answer:
//   - coding: a Content-Encoding that is not gzip or identity, more than one,
//     and gzip that is cut off, fails its checksums or has something behind it
//   - charset: a Content-Type, a byte order mark and a document's own declaration
//     that disagree; UTF-7, UTF-16, charsets that shift, unknown ones, and bytes
//     that the charset does not have
//   - type: another type than the route has, or a body that is plainly of another
//   - size: more than [DefaultMaxBytes] (16 MiB, see [Options]), before decoding or
//     behind it; gzip that grows to more than 200 times its size beyond 1 MiB
//
// Of JSON (RFC 8259, and I-JSON, RFC 7493), also in strings, scripts and
// attributes:
//   - grammar: brackets, commas, colons or quotes missing, too many, or of other
//     kinds; nothing at all
//   - trailing data: anything but white space behind the value
//   - wrappers: calls, assignments, guards against scripts, comments
//   - numbers and words: spellings that JavaScript or C know and JSON does not
//   - characters: NUL and control characters, byte order marks, other white space,
//     what is not UTF-8
//   - escapes: those that JSON does not have, cut off, and half of a surrogate pair
//   - names twice: a member's name twice in one object, however it is escaped
//   - depth and counts: more than 128 deep, more than 1<<20 values; JSON in strings
//     of JSON more than 8 deep
//
// Of XML (XML 1.0, fifth edition), which is feeds and descriptions of searches:
//   - grammar: tags and attributes not well formed or not well nested
//   - trailing data: text, references or a second root behind the root
//   - names twice: an attribute twice in one element
//   - document types: every one, with or without entities, and other <! forms
//   - references: entities other than XML's own five, characters that XML does
//     not have, ampersands that stand for themselves
//   - sections and comments: those that do not end, -- in comments, ]]> in text,
//     instructions without a name
//   - declarations: one that is not the first thing, or twice, of another version,
//     of another charset than the document is in, or with something unknown
//   - characters: NUL and control characters, two byte order marks, what is not
//     UTF-8 or no XML character
//   - formats: a root that no rule of the profile takes
//   - depth and counts: more than 128 deep, 256 attributes in a tag, 1,000,000 nodes
//
// Of HTML, which browsers read whatever it is, only what could be read in two ways
// in a place that matters (see htmlrewrite):
//   - characters: NUL, and what is not UTF-8
//   - forms of reading: framesets, raw text in a select, plaintext in a table or with
//     more than words behind it, noscript that ends elsewhere when scripts run
//   - foreign content: SVG in MathML or the other way round, markup in a foreign
//     element of raw text, sections that can be read as comments
//   - depth and counts: more than 512 deep, 1,000,000 attributes, 2,000,000 nodes
//   - charset: a meta element further down that names another charset
package rewrite
