// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mosquitto

import (
	"slices"
	"strings"

	"thingpass/policies"
)

// A Service is who has lines of his own: the user of that name.
type Service struct {
	Name     string // the common name of its certificate
	IsThing  bool   // it is the thing of that name, with other policies than Things
	Blocked  bool   // it gets nothing
	Policies []*policies.Document
}

// An Input is what Compile makes a list of.
type Input struct {
	Place    policies.Place
	Things   []*policies.Document // of everybody who is no service
	Services []Service

	// Levels is how many a topic has at the most where * stands for some of them; 0:
	// as many as AWS allows, which makes long lists. More of them are refused.
	Levels int
}

// Fidelity says how well an access list does what a statement says.
type Fidelity string

// Fidelities, from the best to the worst.
const (
	Exact          Fidelity = "exact"
	Stricter       Fidelity = "stricter"        // it refuses what AWS would allow
	NotEnforceable Fidelity = "not enforceable" // there is no such right in Mosquitto: it allows what AWS refuses, but no message comes through by it
)

// A Verdict is what became of one statement.
type Verdict struct {
	Document  string   `json:"document"`
	Statement string   `json:"statement"`
	User      string   `json:"user,omitempty"` // of a service
	Fidelity  Fidelity `json:"fidelity"`
	Reasons   []string `json:"reasons,omitempty"`
	Lines     []string `json:"lines,omitempty"` // of the list

	topics []string
	deny   bool
}

// A List is an access list, and how true it is.
type List struct {
	Things   []string // pattern lines
	Services []ServiceLines
	Verdicts []Verdict
}

// ServiceLines are the topic lines of a user.
type ServiceLines struct {
	Name  string
	Lines []string
}

// Compile translates. It takes whatever Parse takes.
func Compile(in Input) *List {
	out := &List{}
	if in.Levels <= 0 || in.Levels > maxLevels {
		in.Levels = maxLevels
	}
	things := &section{at: in.Place, most: in.Levels}
	things.documents(in.Things)
	out.Things, out.Verdicts = things.lines("pattern"), things.verdicts
	for _, service := range in.Services {
		s := &section{at: in.Place, most: in.Levels, user: service.Name}
		s.service(service, things)
		out.Services = append(out.Services, ServiceLines{service.Name, s.lines("topic")})
		out.Verdicts = append(out.Verdicts, s.verdicts...)
	}
	return out
}

// Worst are the verdicts that are not exact, the not enforceable ones first.
func (l *List) Worst() []Verdict {
	var out []Verdict
	for _, want := range []Fidelity{NotEnforceable, Stricter} {
		for _, v := range l.Verdicts {
			if v.Fidelity == want {
				out = append(out, v)
			}
		}
	}
	return out
}

// right is a line without its beginning.
type right struct {
	access string // deny, write, read, readwrite
	topic  string
}

// section is what one kind of client gets.
type section struct {
	thing    string // the user is the thing of this name; "": it is none
	at       policies.Place
	user     string     // "": things
	most     int        // levels that * is expanded to
	filters  [][]string // what may be subscribed to, in levels
	firsts   []string   // first levels that are allowed and that + may not cover
	rights   []right
	verdicts []Verdict
}

func (s *section) documents(docs []*policies.Document) {
	for _, doc := range docs {
		for i := range doc.Statements {
			s.subscriptions(docs, doc, i)
			s.firstLevels(doc, i)
		}
	}
	for _, doc := range docs {
		for i := range doc.Statements {
			s.statement(doc, i)
		}
	}
	for i := range s.verdicts {
		s.verdicts[i].Lines = s.linesFor(&s.verdicts[i])
	}
}

func (s *section) service(service Service, things *section) {
	switch {
	case service.Blocked:
		s.firsts = things.firsts
		s.deny(&Verdict{}, everything()...)
		return
	case service.IsThing:
		s.thing = service.Name
	}
	s.documents(service.Policies)
	s.denyThings(things)
}

// firstLevels notes those that + and # do not cover, of what is allowed: with $,
// or what a client chooses.
func (s *section) firstLevels(doc *policies.Document, i int) {
	st := &doc.Statements[i]
	if st.Effect.Value != "Allow" {
		return
	}
	for _, resource := range st.Resources {
		for _, t := range s.topicTargets(doc, resource.Value) {
			if len(t.levels) == 0 {
				continue
			}
			first := t.levels[0].text
			if (strings.HasPrefix(first, "$") || first == "%u" || first == "%c") && first != "$aws" && !slices.Contains(s.firsts, first) {
				s.firsts = append(s.firsts, first)
			}
		}
	}
}

// denyThings takes away what pattern lines give to everybody, and so to a user
// whose name would be a thing's, unless it is given to him as well. His client id
// may be any.
func (s *section) denyThings(things *section) {
	given := slices.Clone(s.rights)
	for _, r := range things.rights {
		topic := strings.NewReplacer("%u", s.user, "%c", "+").Replace(r.topic)
		has := slices.ContainsFunc(given, func(o right) bool {
			return o.access != "deny" && (o.access == r.access || o.access == "readwrite") && covers(o.topic, topic)
		})
		if r.access != "deny" && !has {
			s.add("deny", topic)
			if first, rest, _ := strings.Cut(r.topic, "/"); first == "%c" {
				s.add("deny", strings.TrimSuffix("$aws/"+rest, "/"))
			}
		}
	}
}

// covers is true if each topic of b is one of a.
func covers(a, b string) bool {
	both, ok := intersect(strings.Split(a, "/"), strings.Split(b, "/"))
	return ok && both == b
}

func (s *section) add(access, topic string) {
	for i := range s.rights {
		r := &s.rights[i]
		if r.topic != topic || (r.access == "deny") != (access == "deny") {
			continue
		}
		if r.access != access {
			r.access = "readwrite"
		}
		return
	}
	s.rights = append(s.rights, right{access, topic})
}

// lines has denials first, as Mosquitto evaluates them.
func (s *section) lines(word string) []string {
	var denials, leaves []string
	for _, r := range s.rights {
		line := word + " " + r.access + " " + r.topic
		if r.access == "deny" {
			denials = append(denials, line)
		} else {
			leaves = append(leaves, line)
		}
	}
	return append(denials, leaves...)
}

// linesFor are those that a statement has a part in.
func (s *section) linesFor(v *Verdict) []string {
	var out []string
	for _, r := range s.rights {
		if slices.Contains(v.topics, r.topic) && (r.access == "deny") == v.deny {
			out = append(out, s.word()+" "+r.access+" "+r.topic)
		}
	}
	return out
}
