package signin

import "fmt"

// The results of a sign-in, as metrics count them.
const (
	resultOK      = "ok"
	badRequest    = "bad_request"  // the callback itself can't be read
	badFlow       = "bad_flow"     // no such sign-in under way in this browser
	idpRefused    = "idp_refused"  // the provider says no
	idpError      = "idp_error"    // the provider can't be reached, or answers nonsense
	badToken      = "bad_token"    //nolint:gosec // a word, no credential
	overageResult = "overage"      // groups are unknown
	notAdmitted   = "not_admitted" // revoked or deactivated
	storeFailed   = "store_error"
)

// failure is why a sign-in did not come about: what is counted (result), what
// is logged (reason, a word of a closed set, and the cause), never what is
// shown.
type failure struct {
	result, reason string
	err            error
}

func fail(result, reason string, err error) *failure { return &failure{result, reason, err} }

func (f *failure) Error() string { return fmt.Sprintf("%s: %s: %v", f.result, f.reason, f.err) }
func (f *failure) Unwrap() error { return f.err }
