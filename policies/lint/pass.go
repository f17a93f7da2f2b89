// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"thingpass/policies"
	"thingpass/policies/contract"
	"thingpass/policies/registry"
)

// An Input is a document to be judged.
type Input struct {
	Name    string // for messages, and for ignores
	Text    []byte
	Kind    Kind  // "": by what is in it
	Beside  bool  // it is not judged, only known: another document of the same installation
	Problem error // it could not be read at all
}

// Options are what is known beside the documents. All may be left out; rules that
// need what is missing do not run.
type Options struct {
	Place    policies.Place       // what ARNs must name; what is empty is not compared
	Contract *contract.Contract   // who publishes and receives what
	Root     string               // what the contract's topics begin with: policies without it are somebody else's
	Registry *registry.Registry   // the things that there are
	Keys     *Keys                // where objects are stored
	Versions map[string][]Version // at AWS, by the policy's name
	Ignores  []Ignore
	Problems policies.Problems // of files of ignores
	Now      time.Time         // for ignores with an end; zero: they have none
}

// Keys are what the broker's configuration says of objects.
type Keys struct {
	Source string // such as "broker.yaml"
	Bucket string
	Kinds  []KeyKind
}

// A KeyKind is a kind of objects, as the broker's configuration has it.
type KeyKind struct {
	Name   string
	Layout string // such as "{thing}/{kind}/{id}.{ext}"
	Object string // a fixed key that all things fetch; "": none
	Get    bool   // things fetch it
	Put    bool   // things store it
}

// Run judges documents by all rules.
func Run(inputs []Input, opt Options) *Report {
	r := &run{opt: opt, report: &Report{Findings: []Finding{}}, rules: Rules()}
	for _, in := range inputs {
		p := r.read(in)
		r.passes = append(r.passes, p)
		if !in.Beside {
			r.report.Files = append(r.report.Files, in.Name)
		}
	}
	for _, p := range r.passes {
		if p.Beside || p.broken {
			continue
		}
		for i := range r.rules {
			p.apply(&r.rules[i])
		}
	}
	r.ignore()
	for _, problem := range opt.Problems {
		pos := at(problem.Pos)
		r.report.Findings = append(r.report.Findings, Finding{File: problem.File, Line: pos.Line, Column: pos.Column, runes: pos.Column,
			Rule: "IGNORE", Severity: Error, Text: problem.Text, Fix: problem.Fix, about: problem.Text})
	}
	r.report.sort()
	return r.report
}

type run struct {
	opt    Options
	report *Report
	rules  []Rule
	passes []*pass
}

// pass is one document under its rules.
type pass struct {
	Input
	run        *run
	doc        *policies.Document // nil if it is no policy
	tree       policies.Value
	statements []statement
	rule       *Rule
	broken     bool // it could not be read
	lines      []string
	party      string
}

func (r *run) read(in Input) *pass {
	p := &pass{Input: in, run: r, broken: true}
	if in.Problem != nil {
		p.problem("PARSE", in.Problem)
		return p
	}
	tree, err := policies.ParseValue(in.Name, in.Text)
	if err != nil {
		p.problem("JSON", err)
		return p
	}
	p.tree = tree
	if p.Kind == "" {
		p.Kind = shape(tree)
	}
	if p.Kind == "" || p.Kind.policy() {
		if p.doc, err = policies.Parse(in.Name, in.Text); err != nil {
			p.problem("PARSE", err)
			return p
		}
		if p.Kind == "" {
			p.Kind = detect(p.doc)
		}
		for i := range p.doc.Statements {
			p.statements = append(p.statements, newStatement(p.doc, i))
		}
		home := p.place().ARN("")
		for _, s := range p.statements {
			for j := range s.resources {
				s.resources[j].home = home
			}
		}
	}
	p.broken = false
	p.party = p.partyOf()
	return p
}

const noFix = "compare it with one of ours: thingpass policy render; the grammar is IAM's reference_policies_grammar"

// problem turns errors of reading into findings: other files are still judged.
func (p *pass) problem(rule string, err error) {
	var list policies.Problems
	if !errors.As(err, &list) {
		list = policies.Problems{{Text: err.Error(), Fix: "give the name of a file that can be read, or of a document of ours"}}
	}
	p.rule = &Rule{ID: rule}
	for _, problem := range list {
		fix := problem.Fix
		if fix == "" {
			fix = noFix
		}
		if !p.Beside {
			p.find(Error, nil, policies.Text{Value: problem.Text, Pos: problem.Pos}, fix, "%s", problem.Text)
		}
	}
}

func (p *pass) apply(r *Rule) {
	if r.check == nil || !p.run.has(r.needs) {
		return
	}
	if r.kinds == nil && p.doc == nil || r.kinds != nil && !slices.Contains(r.kinds, p.Kind) {
		return
	}
	if r.costly && p.huge() {
		return
	}
	p.rule = r
	r.check(p)
}

// huge is true of a document that is twice as large as AWS takes, or more than AWS
// takes of anything. It is not deployed as it is, and comparing everything in it
// could take minutes; IOT023 says so.
func (p *pass) huge() bool {
	most := 20 << 10
	if limit := p.Kind.limit(); limit > 0 {
		most = min(most, 2*limit)
	}
	return p.doc != nil && p.doc.Size > most
}

func (r *run) has(need string) bool {
	switch need {
	case "config":
		return r.opt.Keys != nil
	case "contract":
		return r.opt.Contract != nil
	case "versions":
		return r.opt.Versions != nil
	}
	return true
}

// find notes a finding of the rule that runs, at the very string. The statement
// may be nil.
func (p *pass) find(severity Severity, s *statement, about policies.Text, fix, format string, args ...any) {
	pos := at(about.Pos)
	f := Finding{File: p.Name, Line: pos.Line, Column: pos.Column, Rule: p.rule.ID, Severity: severity,
		Text: fmt.Sprintf(format, args...), Fix: fix, about: about.Value, runes: p.characters(pos)}
	if s != nil {
		f.Statement = s.label
	}
	p.run.report.Findings = append(p.run.report.Findings, f)
}

// characters is a column counted in characters instead of bytes.
func (p *pass) characters(pos policies.Position) int {
	if p.lines == nil {
		p.lines = strings.Split(string(p.Text), "\n")
	}
	if pos.Line > len(p.lines) || pos.Column > len(p.lines[pos.Line-1])+1 {
		return pos.Column
	}
	return utf8.RuneCountInString(p.lines[pos.Line-1][:pos.Column-1]) + 1
}

// start is the document as a whole.
func (p *pass) start() policies.Text { return policies.Text{Pos: p.tree.Pos} }

// allows are the statements that allow one of the actions.
func (p *pass) allows(actions ...string) []*statement { return p.effect(true, actions) }

// denies are the statements that deny one of the actions.
func (p *pass) denies(actions ...string) []*statement { return p.effect(false, actions) }

func (p *pass) effect(allow bool, actions []string) []*statement {
	var out []*statement
	for i := range p.statements {
		if s := &p.statements[i]; s.allow == allow && s.does(actions...) {
			out = append(out, s)
		}
	}
	return out
}

// each calls f for each resource of a kind that statements allow an action on.
func (p *pass) each(kind string, f func(*statement, resource), actions ...string) {
	for _, s := range p.allows(actions...) {
		for _, r := range s.on(kind) {
			f(s, r)
		}
	}
}
