// Package htmlrewrite cuts out of an HTML page what a viewer may not see.
//
// A page is read once into a flat tape: a tokenizer that follows the states of
// the HTML standard byte for byte, and a tree builder that knows implied end
// tags, scopes, the adoption agency and foreign content, so that every element
// has an exact span. All selectors of the profile are run over the tape in one
// pass. Then, in this order:
//
//   - what no browser reads goes: comments, second attributes of a name, what
//     stands in end tags; so do event handlers and scripts that no rule of the
//     profile takes;
//   - the profile's rules are applied: elements whose subject is hidden are
//     removed or replaced, menus lose closed items, texts of the account that
//     asks are set;
//   - every attribute that carries a URL is judged by the route table: a link to
//     a hidden thing becomes its placeholder, a link to a closed one is unwrapped;
//   - scripts' data, templates, srcdoc and style sheets are read by their own
//     rules.
//
// All of it becomes one list of edits on the original bytes. If nothing is to be
// cut, output equals input. Markup that a browser might read in another way than
// this package, in a place where that matters, is refused with
// edit.ErrAmbiguous.
//
// The page is read in place, and nothing of it is copied that need not be: the
// names of tags and attributes become numbers as they are read (names.go),
// selectors are looked up by what an element bears (index.go), and only what a
// report holds on to is given memory of its own.
//
// What one document needed of memory the next one of its size uses again
// (pool.go).
//
// Reading path: [Program.Rewrite], tokenize.go, attrs.go, tree.go, close.go,
// match.go, rules.go, links.go, urls.go, cuts.go.
package htmlrewrite
