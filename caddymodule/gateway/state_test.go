package gateway

import (
	"reflect"
	"testing"

	"github.com/postern-gateway/postern/rules"
)

// TestSameViewer: a change of any claim makes another viewer, whose view must
// be made anew.
func TestSameViewer(t *testing.T) {
	t.Parallel()
	base := func() rules.Viewer { return rules.Viewer{Provider: "p", Subject: "s", Groups: []string{"a"}} }
	if !sameViewer(base(), base()) {
		t.Error("the same claims make another viewer")
	}
	for i := range reflect.TypeFor[rules.Viewer]().NumField() {
		v := base()
		switch f := reflect.ValueOf(&v).Elem().Field(i); f.Kind() {
		case reflect.Bool:
			f.SetBool(!f.Bool())
		case reflect.String:
			f.SetString(f.String() + "x")
		case reflect.Slice:
			f.Set(reflect.ValueOf([]string{"a", "b"}))
		default:
			t.Fatalf("a claim of kind %s: compare it too", f.Kind())
		}
		if sameViewer(base(), v) {
			t.Errorf("another %s goes unnoticed", reflect.TypeFor[rules.Viewer]().Field(i).Name)
		}
	}
}
