package rules

import (
	"cmp"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	celcheck "cel.dev/cel-go/checker"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// Bounds on conditions. What an evaluation may cost holds for each; what it is
// estimated to cost, with names of 256 bytes and 200 groups or labels, is
// refused when the policy is loaded if it could be far over that.
const (
	conditionCost  = 50_000
	conditionEst   = 2_000_000
	maxCondition   = 4096
	maxRegexp      = 2000 // instructions
	maxCELFaults   = 5
	estimatedText  = 256
	estimatedWords = 200
)

// celVars are the variables of each kind of filter. They are qualified names,
// so that a misspelt one is found when the policy is loaded.
var celVars = map[string]map[string]*cel.Type{
	"users": {
		"user.username": cel.StringType, "user.email": cel.StringType, "user.display_name": cel.StringType,
		"user.active": cel.BoolType, "user.groups": cel.ListType(cel.StringType),
		"user.attributes": cel.MapType(cel.StringType, cel.StringType),
	},
	"content": {
		"content.id": cel.StringType, "content.type": cel.StringType, "content.space": cel.StringType,
		"content.title": cel.StringType, "content.status": cel.StringType, "content.date": cel.StringType,
		"content.parent": cel.StringType, "content.labels": cel.ListType(cel.StringType),
		"content.attributes": cel.MapType(cel.StringType, cel.StringType),
	},
	"spaces": {
		"space.key": cel.StringType, "space.id": cel.StringType, "space.name": cel.StringType,
		"space.type": cel.StringType, "space.status": cel.StringType, "space.owner": cel.StringType,
	},
}

// condition is a compiled CEL expression. It hides where it is true and where
// it fails.
type condition struct {
	prg cel.Program
	// constant is the answer of a condition that asks for nothing of what it is
	// about; nil: it asks.
	constant *bool
}

// celFault is a fault in a condition, with its place in it: lines from 1,
// columns from 0; line 0 is the condition as a whole.
type celFault struct {
	line, col int
	msg       string
}

func whole(format string, args ...any) []celFault {
	return []celFault{{msg: fmt.Sprintf(format, args...)}}
}

func compileCondition(over, expr string) (*condition, []celFault) {
	vars, ok := celVars[over]
	if !ok {
		return nil, whole("nothing to filter is called %q", over)
	}
	if len(expr) > maxCondition {
		return nil, whole("the condition is longer than %d bytes", maxCondition)
	}
	opts := []cel.EnvOption{cel.ParserRecursionLimit(64), cel.ParserExpressionSizeLimit(maxCondition)}
	for name, t := range vars {
		opts = append(opts, cel.Variable(name, t))
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, whole("preparing CEL: %v", err)
	}
	ast, iss := env.Compile(expr)
	if iss.Err() != nil {
		return nil, celFaults(over, expr, iss.Errors())
	}
	if ast.OutputType() != cel.BoolType {
		return nil, whole("the condition gives %s, not true or false", ast.OutputType())
	}
	if why := heavyPattern(ast); why != "" {
		return nil, whole("%s", why)
	}
	est, err := env.EstimateCost(ast, sizes{})
	if err != nil {
		return nil, whole("%v", err)
	}
	if est.Max > conditionEst {
		return nil, whole("the condition may cost too much to evaluate; ask for less at once")
	}
	prg, err := env.Program(ast, cel.CostLimit(conditionCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, whole("the condition: %v", err)
	}
	c := &condition{prg: prg}
	if !asks(over, expr) {
		if out, _, err := prg.Eval(interpreter.EmptyActivation()); err == nil {
			v := out == types.True
			c.constant = &v
		}
	}
	return c, nil
}

// heavyPattern says what is wrong with the regular expressions of a condition.
// They are of RE2 and take time in proportion to the text, and to their own
// size once repetitions are written out, which is what CEL does not count.
func heavyPattern(ast *cel.Ast) (why string) {
	celast.PreOrderVisit(ast.NativeRep().Expr(), celast.NewExprVisitor(func(e celast.Expr) {
		if e.Kind() != celast.CallKind || e.AsCall().FunctionName() != "matches" || why != "" {
			return
		}
		args := e.AsCall().Args()
		pattern := args[len(args)-1]
		if pattern.Kind() != celast.LiteralKind {
			why = "matches() wants its pattern written out"
			return
		}
		re, err := syntax.Parse(fmt.Sprint(pattern.AsLiteral().Value()), syntax.Perl)
		if err != nil {
			why = err.Error()
			return
		}
		if prog, err := syntax.Compile(re.Simplify()); err != nil || len(prog.Inst) > maxRegexp {
			why = "the pattern of matches() is too large"
		}
	}))
	return why
}

// asks reports whether a condition may name what it is about. A name within a
// text counts as well: the answer decides about a warning only.
func asks(over, expr string) bool {
	for name := range celVars[over] {
		root, _, _ := strings.Cut(name, ".")
		return strings.Contains(expr, root)
	}
	return true
}

// sizes tells the estimator how long names and lists are.
type sizes struct{}

func (sizes) EstimateSize(n celcheck.AstNode) *celcheck.SizeEstimate {
	switch n.Type().Kind() {
	case types.StringKind:
		return &celcheck.SizeEstimate{Min: 0, Max: estimatedText}
	case types.ListKind, types.MapKind:
		return &celcheck.SizeEstimate{Min: 0, Max: estimatedWords}
	}
	return nil
}

func (sizes) EstimateCallCost(string, string, *celcheck.AstNode, []celcheck.AstNode) *celcheck.CallEstimate {
	return nil
}

var (
	celUndeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	celName       = regexp.MustCompile(`^[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*`)
	celFunctions  = []string{"all", "contains", "endsWith", "exists", "exists_one", "filter", "has", "map", "matches", "size", "startsWith", "string"}
)

// celFaults puts the compiler's errors into our words, each once.
func celFaults(over, expr string, errs []*cel.Error) []celFault {
	var out []celFault
	for _, e := range errs {
		f := celFault{line: e.Location.Line(), col: e.Location.Column(), msg: e.Message}
		if f.line < 1 || f.col < 0 {
			f.line, f.col = 0, 0
		}
		if m := celUndeclared.FindStringSubmatch(e.Message); m != nil {
			f.msg = unknownName(over, m[1], textFrom(expr, f.line, f.col))
		}
		f.msg, _, _ = strings.Cut(strings.TrimPrefix(f.msg, "Syntax error: "), " expecting ")
		if strings.Contains(f.msg, "'<EOF>'") {
			f.msg = "the condition ends too early"
		}
		if !slices.Contains(out, f) && len(out) < maxCELFaults {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b celFault) int { return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.col, b.col)) })
	return out
}

// textFrom gives the rest of a line of the condition.
func textFrom(expr string, line, col int) string {
	lines := strings.Split(expr, "\n")
	if line < 1 || line > len(lines) {
		return ""
	}
	r := []rune(lines[line-1])
	return string(r[min(col, len(r)):])
}

// unknownName says what is known in place of a name that is not.
func unknownName(over, name, text string) string {
	full := strings.Join(strings.Fields(celName.FindString(text)), "")
	names := sortedKeys(celVars[over])
	root, _, _ := strings.Cut(names[0], ".")
	if !strings.HasPrefix(full, name) {
		full = name
	}
	first, rest, dotted := strings.Cut(full, ".")
	field, _, _ := strings.Cut(rest, ".")
	fields := make([]string, len(names))
	for i, n := range names {
		_, fields[i], _ = strings.Cut(n, ".")
	}
	switch {
	case first == root && dotted:
		return fmt.Sprintf("undeclared reference: a %s has no %q, but %s%s", root, field, strings.Join(fields, ", "), suggest(field, fields))
	case first == root:
		return fmt.Sprintf("undeclared reference: %s wants a field: %s", root, strings.Join(fields, ", "))
	case slices.Contains([]string{"user", "content", "space", "viewer", "now", "request", "timestamp"}, first):
		return fmt.Sprintf("undeclared reference to %q: a filter that hides %s asks about %s.… only", first, over, root)
	}
	return fmt.Sprintf("undeclared reference to %q%s", name, suggest(name, append([]string{root}, celFunctions...)))
}

// hides evaluates the condition; failed says that it did so for want of an
// answer.
func (c *condition) hides(a interpreter.Activation) (hide, failed bool) {
	out, _, err := c.prg.Eval(a)
	if err != nil {
		return true, true
	}
	b, ok := out.(types.Bool)
	if !ok {
		return true, true
	}
	return bool(b), false
}

// The activations give a record's fields by qualified name, without a map.

type userVars struct{ r *UserRecord }

func (a userVars) Parent() interpreter.Activation { return nil }
func (a userVars) ResolveName(name string) (any, bool) {
	switch name {
	case "user.username":
		return types.String(a.r.Username), true
	case "user.email":
		return types.String(a.r.Email), true
	case "user.display_name":
		return types.String(a.r.DisplayName), true
	case "user.active":
		return types.Bool(isActive(a.r)), true
	case "user.groups":
		return stringList(a.r.Groups), true
	case "user.attributes":
		return stringMap(a.r.Attributes), true
	}
	return nil, false
}

type contentVars struct{ r *ContentRecord }

func (a contentVars) Parent() interpreter.Activation { return nil }
func (a contentVars) ResolveName(name string) (any, bool) {
	switch name {
	case "content.id":
		return types.String(a.r.ID), true
	case "content.type":
		return types.String(orDefault(a.r.Type, "page")), true
	case "content.space":
		return types.String(a.r.Space), true
	case "content.title":
		return types.String(a.r.Title), true
	case "content.status":
		return types.String(orDefault(a.r.Status, "current")), true
	case "content.date":
		return types.String(a.r.Date), true
	case "content.parent":
		return types.String(a.r.Parent), true
	case "content.labels":
		return stringList(a.r.Labels), true
	case "content.attributes":
		return stringMap(a.r.Attributes), true
	}
	return nil, false
}

type spaceVars struct{ r *SpaceRecord }

func (a spaceVars) Parent() interpreter.Activation { return nil }
func (a spaceVars) ResolveName(name string) (any, bool) {
	switch name {
	case "space.key":
		return types.String(a.r.Key), true
	case "space.id":
		return types.String(a.r.ID), true
	case "space.name":
		return types.String(a.r.Name), true
	case "space.type":
		return types.String(orDefault(a.r.Type, "global")), true
	case "space.status":
		return types.String(orDefault(a.r.Status, "current")), true
	case "space.owner":
		return types.String(a.r.Owner), true
	}
	return nil, false
}

func stringList(s []string) ref.Val { return types.NewStringList(types.DefaultTypeAdapter, s) }
func stringMap(m map[string]string) ref.Val {
	return types.NewStringStringMap(types.DefaultTypeAdapter, m)
}

func orDefault(s, d string) string {
	if s == "" {
		return d
	}
	return s
}

func isActive(u *UserRecord) bool { return u.Active == nil || *u.Active }
