package rules

import (
	"reflect"
	"slices"
	"strings"
	"sync"
)

var posType = reflect.TypeFor[Pos]()

// structInfo says how a struct's fields are spelt in YAML.
type structInfo struct {
	fields map[string][]int
	names  []string
	pos    []int // the Pos field
	rest   []int // the inline map
}

var structInfos sync.Map // reflect.Type -> *structInfo

func structInfoOf(t reflect.Type) *structInfo {
	if i, ok := structInfos.Load(t); ok {
		return i.(*structInfo)
	}
	info := &structInfo{fields: map[string][]int{}}
	info.addFields(t, nil)
	slices.Sort(info.names)
	i, _ := structInfos.LoadOrStore(t, info)
	return i.(*structInfo)
}

func (info *structInfo) addFields(t reflect.Type, at []int) {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clone(at), i)
		if f.Name == "Pos" && f.Type == posType {
			if info.pos == nil {
				info.pos = index
			}
			continue
		}
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name == "-" || !f.IsExported():
			continue
		case strings.Contains(opts, "inline") && f.Type.Kind() == reflect.Struct:
			info.addFields(f.Type, index)
			continue
		case strings.Contains(opts, "inline") && f.Type.Kind() == reflect.Map:
			info.rest = index
			continue
		case name == "":
			name = strings.ToLower(f.Name)
		}
		info.fields[name] = index
		info.names = append(info.names, name)
	}
}
