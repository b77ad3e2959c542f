// Package textscan is the tripwire: the last look at what is about to leave. It
// shares nothing with the rewriters' matching, so that what they miss is not
// missed twice.
//
// A [Dictionary] holds the names of everything that the directory knows: it is
// built once per generation and asked on behalf of each viewer. [Dictionary.Scan]
// reads the finished bytes with a light scanner of its own, undoes entities,
// JSON and script escapes, percent escapes, case, compatibility forms,
// zero-width and soft characters, reads across inline tags, and compares word by
// word. What a hit does depends on where it stands:
//
//   - Echo, a text that the viewer himself sent with this request: left alone.
//   - Shape, what looks like an identity by the profile's patterns: cut unless
//     it belongs to somebody visible. This asks nothing about who exists.
//   - Structure, such as attributes, scalars and chrome: as Options.Structure says.
//   - Prose, what people wrote: as Options.ProseMode says.
//
// In attributes for machines (data-…, id, class and the like) ids of hidden
// content are looked for as well, if they have six digits or more; letters may be
// glued to them. So they are in the fragments of links.
//
// # What is distinctive
//
// A name is looked for only if finding it says something. These count: e-mail
// addresses, user keys and account ids, always; user names and keys of spaces
// with a digit or several parts, or of eight letters or more; display names of
// two words or more; titles and names of two words or more with eight letters
// between them, a single word of eight letters, or of five with letters and
// digits mixed. A name all of whose words are ordinary (see words.go) or numbers
// never counts, however long. A policy tunes this ([Rule], tripwire: in rule
// files): the number of letters, words that are ordinary on its site, and words
// that make a name distinctive whatever else holds. A name of two words or more
// is looked for in one piece as well ("InterfaceSpec"). Where anything that bears
// the name is visible, or the hit lies within the name of something visible, it
// is no hit.
//
// Matches begin and end at the edges of words. A tag in the midst of letters both
// is such an edge and is none: a text is read with the words that touch at its
// inline tags joined, parted, and parted at the edges of links alone. It is not
// read with words joined at one tag and parted at another, nor parted where there
// is no tag: a name with letters before it is another word.
package textscan
