package rules_test

import (
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/rules"
)

// shippedJudge judges for a partner who is a member of one space of a small
// world, by a shipped profile.
func shippedJudge(t *testing.T, profile string, world rules.Directory, page string) *rules.Judge {
	t.Helper()
	p, err := rules.LoadProfile(profile)
	if err != nil {
		t.Fatal(err)
	}
	policy := "version: 1\nwiki: " + p.Name + "\ninternal: {groups: [wiki/staff]}\nspaces: {ACME: {members: [{user: wiki/Eva}]}}\n"
	pol, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(policy)}, p)
	if err != nil {
		t.Fatal(err)
	}
	g, err := directory.NewGeneration(world, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := rules.NewView(pol, g, rules.Viewer{Provider: "corp", Subject: "1", WikiUser: "Eva"}, time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return rules.NewJudge(v, linkSite(t), mustURL(t, page), rules.Context{Space: rules.NoID})
}

func TestJudgeMediaWiki(t *testing.T) {
	j := shippedJudge(t, "mediawiki", rules.Directory{
		Users:  []rules.UserRecord{{Username: "Eva"}, {Username: "Zelda"}},
		Groups: []rules.GroupRecord{{Name: "staff"}},
		Spaces: []rules.SpaceRecord{
			{Key: "(Main)", ID: "0"},
			{Key: "User", ID: "2"},
			{Key: "ACME", ID: "3000", Name: "ACME", Aliases: []string{"Acme Inc"}},
			{Key: "HR", ID: "3002", Name: "HR", Aliases: []string{"Personnel"}},
		},
		Content: []rules.ContentRecord{{ID: "11", Space: "ACME", Title: "Plan"}, {ID: "12", Space: "HR", Title: "Salaries"}, {ID: "13", Space: "(Main)", Title: "Main Page"}},
		Aliases: []rules.AliasRecord{{ID: "501", Of: "11", Kind: "revision"}, {ID: "502", Of: "12", Kind: "revision"}},
	}, "https://extranet.example/wiki/ACME:Plan")
	for raw, want := range map[string]rules.Fate{
		"/wiki/ACME:Plan":                                          rules.FateKeep,
		"/wiki/acme_inc:plan":                                      rules.FateKeep,
		"/wiki/ACME:Plan#History":                                  rules.FateKeep,
		"/w/index.php?title=ACME:Plan&action=history":              rules.FateKeep,
		"/w/index.php?title=ACME:Plan&oldid=501":                   rules.FateKeep,
		"/w/index.php?title=ACME:Plan&oldid=502":                   rules.FateHide,
		"/wiki/HR:Salaries":                                        rules.FateHide,
		"/wiki/hr:_salaries":                                       rules.FateHide,
		"/wiki/Personnel%3ASalaries":                               rules.FateHide,
		"/wiki/HR:No_such_page":                                    rules.FateHide,
		"/wiki/Main_Page":                                          rules.FateHide,
		"/w/index.php?curid=12":                                    rules.FateHide,
		"/w/index.php?oldid=502":                                   rules.FateHide,
		"/w/index.php?title=HR:Salaries&action=edit&redlink=1":     rules.FateHide,
		"/w/index.php?title=ACME:Plan&action=edit":                 rules.FateUnwrap,
		"/w/index.php?title=HR:Salaries&nonsense=1":                rules.FateHide,
		"/wiki/Special:WhatLinksHere/HR:Salaries":                  rules.FateHide,
		"/wiki/Special:Nonsense/HR:Salaries":                       rules.FateUnwrap,
		"/wiki/User:Zelda":                                         rules.FateHide,
		"/wiki/Special:Contributions/Zelda":                        rules.FateHide,
		"/w/api.php?action=query&titles=HR:Salaries&format=json":   rules.FateHide,
		"/w/api.php?action=parse&text=%7B%7BHR:Salaries%7D%7D":     rules.FateUnwrap,
		"/w/load.php?modules=startup&only=scripts":                 rules.FateKeep,
		"https://oldwiki.corp.example/wiki/HR:Salaries":            rules.FateHide,
		"//extranet.example/w/index.php?title=%48R%3ASalaries":     rules.FateHide,
		"/w/index.php?title=HR%253ASalaries":                       rules.FateUnwrap,
		"/w/index.php/HR:Salaries":                                 rules.FateHide,
		"/w/../wiki/HR:Salaries":                                   rules.FateHide,
		"/w/images/archive/a/ab/20260101000000!Salaries-chart.png": rules.FateUnwrap,
	} {
		if l := j.URL(raw); l.Fate != want {
			t.Errorf("%s: %s (%v), want %s", raw, l.Fate, l.Decision.Reason, want)
		}
	}
}

func TestJudgeConfluence(t *testing.T) {
	j := shippedJudge(t, "confluence-dc", rules.Directory{
		Users:  []rules.UserRecord{{Username: "Eva"}, {Username: "zelda", Key: "2c9dccb16f68e1e6016f6d26ed060000"}},
		Groups: []rules.GroupRecord{{Name: "staff"}},
		Spaces: []rules.SpaceRecord{{Key: "ACME", ID: "1", Name: "Acme"}, {Key: "HR", ID: "2", Name: "Personnel"}},
		Content: []rules.ContentRecord{
			{ID: "1381025", Space: "ACME", Title: "Plan"},
			{ID: "7798799", Space: "HR", Title: "Salaries"},
			{ID: "15", Space: "ACME", Title: "C++ notes"},
		},
		Aliases: []rules.AliasRecord{{ID: "77", Of: "7798799", Kind: "comment"}},
	}, "https://extranet.example/display/ACME/Plan")
	for raw, want := range map[string]rules.Fate{
		"/display/ACME/Plan":                    rules.FateKeep,
		"/display/ACME/C%2B%2B+notes":           rules.FateKeep,
		"/display/ACME":                         rules.FateKeep,
		"/display/HR":                           rules.FateHide,
		"/display/HR/Salaries":                  rules.FateHide,
		"/x/oRIV":                               rules.FateKeep,
		"/x/DwB3":                               rules.FateHide,
		"/pages/viewpage.action?pageId=1381025": rules.FateKeep,
		"/pages/viewpage.action?pageId=7798799": rules.FateHide,
		"/pages/viewpage.action?pageId=1381025&focusedCommentId=77":     rules.FateHide,
		"/pages/viewpage.action?pageId=1381025&preview=/7798799/77/a.b": rules.FateHide,
		"/display/~zelda":                                 rules.FateHide,
		"/spaces/ACME/pages/7798799/Plan":                 rules.FateHide,
		"http://wiki.corp.example:8090/confluence/x/DwB3": rules.FateHide,
		"/exportword?pageId=1381025":                      rules.FateUnwrap,
		"/admin/console.action":                           rules.FateUnwrap,
	} {
		if l := j.URL(raw); l.Fate != want {
			t.Errorf("%s: %s (%v), want %s", raw, l.Fate, l.Decision.Reason, want)
		}
	}
}
