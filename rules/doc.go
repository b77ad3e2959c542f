// Package rules is Postern's language and judgement: policies (who sees what),
// profiles (how a wiki speaks), and the views that answer for one viewer.
//
// [LoadPolicy] reads a site's rule files and the [Profile] that they name.
// [Bind] compiles both against one generation of [Facts] into an [Engine], and
// [Engine.View] gives each viewer his [View]. A View decides and never
// enforces: about people ([View.User]), groups, spaces, content, references as
// they stand on the wire ([View.Entity]), and requests ([View.Admit]). The
// package does no I/O but reading rule files, has no clock, and knows no wiki.
//
// # Verdicts
//
// A [Decision] is a [Verdict] with its [Reason]. What nobody decided is
// [Unknown], and enforced as [Hidden]: a directory that does not know a thing,
// a condition that fails, a rule whose name does not resolve never show
// anything. Reasons are shared, so that a verdict costs no allocation.
//
// Take a partner of ACME who asks for a page. Admit first asks whether the
// route's class is open to externals (table below) and whether the policy's
// urls: block it. Then everything that the request names is judged: the page,
// by its space, its ancestors' restrictions and hidden subtrees, its labels,
// title and conditions, what it includes and where it redirects; the space, by
// the member rules that cover the viewer at this moment. One hidden subject
// hides the request; one unknown, and none hidden, makes it Unknown, which is
// the caller's chance to look it up. Last comes the role: what is visible but
// not allowed is [Forbidden].
//
// # Classes
//
// Which classes of URL are open, before the policy's urls:
//
//	class     anonymous, none   external          internal
//	static    public spaces     yes               yes
//	content   public spaces     yes               yes
//	space     public spaces     yes               yes
//	search    public spaces     yes               yes
//	feed      public spaces     yes               yes
//	file      public spaces     yes               yes
//	user      no                yes               yes
//	group     no                yes               yes
//	picker    no                yes               yes
//	people    no                people: filtered  yes
//	personal  no                own identity      own identity
//	write     no                refused (403)     refused (403)
//	export    no                no, never         no
//	admin     no                no, never         no
//	session   no                no, never         no, never
//
// "Public spaces" means: if the policy opens any space to the public. "Own
// identity" means that the wiki knows who looks ([UpstreamIdentity.Own]).
// "Never" is what urls: allow can't open. Open means open to asking: whatever
// the URL names is judged all the same. Roles do not widen classes; they
// decide about actions. What a write carries is judged once the role allows it
// ([Judge.Body]); nothing is written for whom the wiki does not know, nor over
// a route that does not say what it may carry.
//
// # What wins
//
//   - suspended wins over everything; so does an account that the wiki has
//     deactivated, for whoever is linked to it.
//   - A restriction that the wiki reports is never lifted by a rule.
//   - Labels, title patterns and conditions hide from everybody but internals,
//     page grants notwithstanding. A page grant wins over a hidden subtree
//     above the page, for the granted page alone.
//   - Of several member rules each lives and ends by itself; the highest live
//     role counts.
//   - Who was ever assigned, expired assignments included, is never again
//     "unassigned" (users_see: shared-space-or-unassigned).
//   - A page whose ancestors form a circle is hidden, and one whose ancestors
//     are not known: nobody can tell whom they are restricted to, or, where the
//     wiki itself keeps its restrictions, whether they are in a hidden subtree.
//   - A personal space, and what is in it, follows its owner: who does not see
//     him does not see it, whatever shares it; open_to does not open it.
//
// # Names
//
// A page grant shows its space's key and name, and nothing else of the space:
// [View.Space] says hidden, [View.SpaceLabel] visible. Entity takes the label's
// verdict in the context of that very space, so that a granted page may say
// where it stands; Admit takes it for a request that names a visible page too.
//
// Title patterns run over the folded title (case, normal form, underscores,
// runs of blanks): * is any run of characters, slashes included, ? is one,
// [a-z] one of a class, {a,b} either.
//
// # Presets
//
// A preset is what is meant by what a policy leaves out, and nothing else; each
// line may still say otherwise.
//
//	setting                    recommended    strict
//	internal.mode              unrestricted   shared-spaces
//	internal.unrouted          refuse         refuse
//	extranet.users_see         shared-space   shared-space
//	extranet.managers_assign   everyone       shared-space
//	extranet.people            none           none
//	extranet.default_role      reader         reader
//	extranet.archived          hidden         hidden
//	spaces.*.mentions          members        nobody
//	tripwire.structure         redact         refuse
//	tripwire.prose             auto           redact
//
// # Addresses
//
// E-mail addresses and domains are compared exactly, in one canonical form: a
// domain in lower case, its labels of other letters as IDNA encodes them; of
// the local part A to Z folded, and nothing else. A domain stands for itself
// alone. What only looks like a domain (full-width letters, mixed scripts,
// invisible characters, a dot at the end), two @, and quoted local parts are no
// address, and grant nothing.
//
// # Faults
//
// [LoadPolicy] gives all faults of all files at once, as [Errors], each with
// file, line and column. [Policy.Lint] finds rules that are valid and can't be
// meant so, and [Policy.Check] those that name what a directory does not have.
// What either calls an error should keep a policy from being put in force for
// the first time; a warning should be read.
package rules
