package rules

import (
	"regexp"
	"slices"
	"strings"
)

// Login says how somebody signs in with the wiki itself, and out again, for
// viewers whom it is to know by a session of its own (passthrough). The steps
// are made one after the other, with the cookies that the wiki has set so far.
// Whether they led to anything is for WhoAmI to say.
type Login struct {
	In  []LoginStep `yaml:"in"`
	Out []LoginStep `yaml:"out"`
}

// LoginStep is one request: a get, or a post with a form.
type LoginStep struct {
	Get  string `yaml:"get"`
	Post string `yaml:"post"`
	// Form: field -> value, in which {user} and {password} are what the viewer
	// signs in with, {site} is Postern's own address, and other names are what
	// steps before have taken.
	Form map[string]string `yaml:"form"`
	// Take: name -> gjson path in the answer, of what later steps need.
	Take map[string]string `yaml:"take"`
}

var loginName = regexp.MustCompile(`\{([a-z_]+)\}`)

// login checks both ways.
func (c *profileCheck) login(p *Profile) {
	if p.Login == nil {
		return
	}
	at := []any{"login"}
	if p.WhoAmI == nil || len(p.Headers.Cookies) == 0 {
		c.fail(at, "login: wants who_am_i:, to see whom the wiki signed in, and headers: cookies:, to keep him signed in")
	}
	if len(p.Login.In) == 0 || len(p.Login.Out) == 0 {
		c.fail(at, "login: wants the steps in: and out:")
	}
	c.loginSteps(sub(at, "in"), p.Login.In, "site", "user", "password")
	c.loginSteps(sub(at, "out"), p.Login.Out, "site")
}

func (c *profileCheck) loginSteps(at []any, steps []LoginStep, known ...string) {
	for i := range steps {
		s, at := &steps[i], sub(at, i)
		target := s.Get + s.Post
		if (s.Get == "") == (s.Post == "") || !strings.HasPrefix(target, "/") || strings.HasPrefix(target, "//") || strings.ContainsAny(target, "{}#") {
			c.fail(at, "a step is a get: or a post:, of a path below the wiki's with nothing in braces")
		}
		if s.Get != "" && len(s.Form) > 0 {
			c.fail(sub(at, "form"), "form: goes with post:")
		}
		for _, field := range sortedKeys(s.Form) {
			for _, m := range loginName.FindAllStringSubmatch(s.Form[field], -1) {
				if !slices.Contains(known, m[1]) {
					c.fail(sub(at, "form", field), "{%s}: no step before takes it%s", m[1], suggest(m[1], known))
				}
			}
		}
		for _, name := range sortedKeys(s.Take) {
			if !loginName.MatchString("{"+name+"}") || slices.Contains(known, name) || s.Take[name] == "" {
				c.fail(sub(at, "take", name), "%q is no new name of small letters with a JSON path behind it", name)
			}
			known = append(known, name)
		}
	}
}

// Fill gives a form's value with the names in braces filled in.
func (s *LoginStep) Fill(field string, values map[string]string) string {
	return loginName.ReplaceAllStringFunc(s.Form[field], func(m string) string { return values[m[1:len(m)-1]] })
}
