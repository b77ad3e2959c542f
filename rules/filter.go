package rules

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// conditionCost bounds what one evaluation may do.
const conditionCost = 50_000

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
type condition struct{ prg cel.Program }

func compileCondition(over, expr string) (*condition, error) {
	vars, ok := celVars[over]
	if !ok {
		return nil, fmt.Errorf("nothing to filter is called %q", over)
	}
	if len(expr) > 4096 {
		return nil, fmt.Errorf("the condition is longer than 4096 bytes")
	}
	opts := make([]cel.EnvOption, 0, len(vars))
	for name, t := range vars {
		opts = append(opts, cel.Variable(name, t))
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, fmt.Errorf("preparing CEL: %w", err)
	}
	ast, iss := env.Compile(expr)
	if iss.Err() != nil {
		e := iss.Errors()[0]
		return nil, fmt.Errorf("the condition, at its column %d: %s", e.Location.Column()+1, e.Message)
	}
	if ast.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("the condition gives %s, not true or false", ast.OutputType())
	}
	prg, err := env.Program(ast, cel.CostLimit(conditionCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, fmt.Errorf("the condition: %w", err)
	}
	return &condition{prg}, nil
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
