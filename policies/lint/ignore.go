// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"thingpass/policies"
)

// An Ignore is a finding that is meant to be so. It needs a reason.
type Ignore struct {
	Rule      string
	File      string // "": all that are judged
	Statement string // its Sid; "": all
	Reason    string
	Until     time.Time // the day from which it counts again; zero: never

	source string            // where it stands: a file, or the flag
	pos    policies.Position // of it
	used   bool
}

// ParseIgnore reads the form of the command line: RULE[@SID]=REASON.
func ParseIgnore(s string) (Ignore, error) {
	what, reason, found := strings.Cut(s, "=")
	if !found || strings.TrimSpace(reason) == "" {
		return Ignore{}, fmt.Errorf("--ignore %q: there is no reason: write RULE@SID=REASON", s)
	}
	id, sid, _ := strings.Cut(what, "@")
	rule, err := FindRule(id)
	if err != nil {
		return Ignore{}, fmt.Errorf("--ignore %q: %w", s, err)
	}
	if rule.ID == "IGNORE" {
		return Ignore{}, fmt.Errorf("--ignore %q: IGNORE itself cannot be ignored", s)
	}
	return Ignore{Rule: rule.ID, Statement: sid, Reason: strings.TrimSpace(reason), source: "--ignore"}, nil
}

// ReadIgnores reads a file of ignores. The document is that which the file stands
// beside; "" for those of a folder, in which each entry names its own. The error
// is policies.Problems.
func ReadIgnores(file string, text []byte, document func(string) string) ([]Ignore, error) {
	r := ignoreReader{file: file, document: document}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, policies.Problems{{File: file, Text: err.Error(), Fix: "write a list below ignore:"}}
	}
	if len(root.Content) == 0 {
		return nil, nil
	}
	top := root.Content[0]
	if top.Kind != yaml.MappingNode || len(top.Content) != 2 || top.Content[0].Value != "ignore" || top.Content[1].Kind != yaml.SequenceNode {
		r.fail(top, "write a list below ignore:", "the file has one key, ignore, and that is a list")
		return nil, r.problems
	}
	for _, item := range top.Content[1].Content {
		r.entry(item)
	}
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	return r.out, nil
}

type ignoreReader struct {
	file     string
	document func(string) string
	out      []Ignore
	problems policies.Problems
}

func (r *ignoreReader) fail(n *yaml.Node, fix, format string, args ...any) {
	r.problems = append(r.problems, policies.Problem{File: r.file, Pos: policies.Position{Line: n.Line, Column: n.Column}, Text: fmt.Sprintf(format, args...), Fix: fix})
}

func (r *ignoreReader) entry(n *yaml.Node) {
	const form = "write {rule: IOT008, file: broker.json, statement: Join, reason: …, until: 2027-01-31}"
	if n.Kind != yaml.MappingNode {
		r.fail(n, form, "an ignore has rule, file, statement, reason and until")
		return
	}
	before := len(r.problems)
	g := Ignore{source: r.file, pos: policies.Position{Line: n.Line, Column: n.Column}}
	for i := 0; i+1 < len(n.Content); i += 2 {
		r.field(&g, n.Content[i], n.Content[i+1])
	}
	if strings.TrimSpace(g.Reason) == "" {
		r.fail(n, "add reason: why this may be so", "the ignore has no reason")
	}
	if g.Rule == "" {
		r.fail(n, form, "the ignore has no rule")
	}
	if g.File = r.document(g.File); g.File == "" {
		r.fail(n, "add file: the name of the document", "the ignore does not say in which document")
	}
	if len(r.problems) == before {
		r.out = append(r.out, g)
	}
}

func (r *ignoreReader) field(g *Ignore, key, value *yaml.Node) {
	if value.Kind != yaml.ScalarNode {
		r.fail(value, "", "%s is one value", key.Value)
		return
	}
	switch key.Value {
	case "rule":
		rule, err := FindRule(value.Value)
		if err == nil && rule.ID == "IGNORE" {
			err = errors.New("IGNORE itself cannot be ignored")
		}
		if err != nil {
			r.fail(value, "thingpass policy lint --rules shows them", "%v", err)
		}
		g.Rule = rule.ID
		if err != nil {
			g.Rule = "?"
		}
	case "file":
		g.File = value.Value
	case "statement":
		g.Statement = value.Value
	case "reason":
		g.Reason = value.Value
	case "until":
		until, err := time.Parse(time.DateOnly, value.Value)
		if err != nil {
			r.fail(value, "write it as 2027-01-31", "until is a day")
		}
		g.Until = until
	default:
		r.fail(key, "known are rule, file, statement, reason and until", "an ignore has no %q", key.Value)
	}
}

// ignore suppresses findings, and notes ignores that do nothing.
func (r *run) ignore() {
	ignores := append([]Ignore{}, r.opt.Ignores...)
	for i := range r.report.Findings {
		f := &r.report.Findings[i]
		for j := range ignores {
			g := &ignores[j]
			if !g.matches(f) {
				continue
			}
			g.used = true
			if !g.over(r.opt.Now) && f.Suppressed == nil {
				f.Suppressed = &Suppression{Reason: g.Reason, Source: g.where()}
			}
		}
	}
	for i := range ignores {
		r.judgeIgnore(&ignores[i])
	}
}

func (g *Ignore) matches(f *Finding) bool {
	return g.Rule == f.Rule && (g.File == "" || g.File == f.File) && (g.Statement == "" || g.Statement == f.Statement)
}

func (g *Ignore) over(now time.Time) bool { return !g.Until.IsZero() && now.After(g.Until) }

func (g *Ignore) where() string {
	if g.pos.Line == 0 {
		return g.source
	}
	return g.source + ":" + g.pos.String()
}

func (r *run) judgeIgnore(g *Ignore) {
	f := Finding{File: g.source, Line: at(g.pos).Line, Column: at(g.pos).Column, Rule: "IGNORE", Severity: Warning, about: g.Rule + "@" + g.Statement}
	f.runes = f.Column
	switch {
	case g.over(r.opt.Now):
		f.Text, f.Fix = fmt.Sprintf("the ignore of %s ended on %s", g.Rule, g.Until.Format(time.DateOnly)), "mend what it hid, or remove it"
	case !g.used && r.ran(g):
		f.Text, f.Fix = fmt.Sprintf("nothing is found by %s%s: the ignore has no effect", g.Rule, g.inside()), "remove it"
	default:
		return
	}
	r.report.Findings = append(r.report.Findings, f)
}

func (g *Ignore) inside() string {
	s := ""
	if g.Statement != "" {
		s += " in statement " + g.Statement
	}
	if g.File != "" {
		s += " of " + g.File
	}
	return s
}

// ran is true if the rule was tried on the document: else nobody knows what the
// ignore would do.
func (r *run) ran(g *Ignore) bool {
	for _, p := range r.passes {
		if p.broken && (g.File == "" || g.File == p.Name) {
			return g.Rule == "JSON" || g.Rule == "PARSE"
		}
	}
	rule, err := FindRule(g.Rule)
	if err != nil || !r.has(rule.needs) || rule.eased != nil && rule.eased(r) {
		return false
	}
	for _, p := range r.passes {
		if !p.Beside && (g.File == "" || g.File == p.Name) {
			return !rule.costly || !p.huge()
		}
	}
	return false
}
