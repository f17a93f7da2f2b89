// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mosquitto

import (
	"errors"
	"fmt"
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
	rights   []right
	verdicts []Verdict
}

func (s *section) documents(docs []*policies.Document) {
	for _, doc := range docs {
		for i := range doc.Statements {
			s.subscriptions(doc, i)
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
		s.add("deny", "#")
		s.add("deny", "$aws/#")
		return
	case service.IsThing:
		s.thing = service.Name
	}
	s.documents(service.Policies)
	s.denyThings(things)
}

// denyThings takes away what pattern lines give to everybody, and so to a user
// whose name would be a thing's, unless it is given to him as well.
func (s *section) denyThings(things *section) {
	for _, r := range things.rights {
		topic := strings.NewReplacer("%u", s.user, "%c", s.user).Replace(r.topic)
		given := slices.ContainsFunc(s.rights, func(o right) bool { return o.topic == topic && o.access != "deny" })
		if r.access != "deny" && !given {
			s.add("deny", topic)
		}
	}
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

// directions of messages, and the actions that are asked for them.
var directions = []struct{ access, action string }{{"write", "iot:Publish"}, {"read", "iot:Receive"}}

func (s *section) statement(doc *policies.Document, i int) {
	st := &doc.Statements[i]
	v := Verdict{Document: doc.Name, Statement: doc.Label(i), User: s.user, Fidelity: Exact}
	v.deny = st.Effect.Value == "Deny"
	var wanted []string
	for _, d := range directions {
		if doc.Covers(i, d.action) {
			wanted = append(wanted, d.access)
		}
	}
	v.noteRights(doc, i)
	if v.deny {
		s.denial(doc, st, wanted, &v)
	} else {
		s.leave(doc, st, wanted, &v)
	}
	s.verdicts = append(s.verdicts, v)
}

// noteRights tells of rights that Mosquitto does not have.
func (v *Verdict) noteRights(doc *policies.Document, i int) {
	for action, why := range map[string]string{
		"iot:Connect":       "who has a certificate connects, under any client id unless use_username_as_clientid makes it the name",
		"iot:Subscribe":     "each SUBSCRIBE succeeds; messages are withheld by the read lines",
		"iot:RetainPublish": "who may publish may have it retained",
	} {
		if doc.Covers(i, action) {
			v.worsen(NotEnforceable, action+": "+why)
		}
	}
	slices.Sort(v.Reasons)
}

func (v *Verdict) worsen(f Fidelity, why string) {
	if v.Fidelity != NotEnforceable {
		v.Fidelity = f
	}
	if !slices.Contains(v.Reasons, why) {
		v.Reasons = append(v.Reasons, why)
	}
}

func (s *section) leave(doc *policies.Document, st *policies.Statement, wanted []string, v *Verdict) {
	if len(wanted) == 0 {
		return
	}
	if c := obstacle(st); c != "" {
		v.worsen(Stricter, "left out: "+c)
		return
	}
	for _, resource := range st.Resources {
		topics, err := s.topics(doc, resource.Value, s.most)
		var cannot *inexpressible
		if errors.As(err, &cannot) {
			v.worsen(Stricter, resource.Value+" is left out: "+cannot.why)
		}
		if all, _ := s.topics(doc, resource.Value, maxLevels); len(all) > len(topics) {
			v.worsen(Stricter, fmt.Sprintf("topics of more than %d levels are left out", s.most))
		}
		for _, access := range wanted {
			for _, topic := range s.reachable(access, topics) {
				s.add(access, topic)
				v.topics = append(v.topics, topic)
			}
		}
	}
}

// obstacle is why an Allow cannot be said at all; "" if it can.
func obstacle(st *policies.Statement) string {
	if st.NotAction || st.NotResource {
		return "NotAction and NotResource have no counterpart"
	}
	for _, c := range st.Conditions {
		attached := strings.EqualFold(c.Key.Value, "iot:Connection.Thing.IsAttached") && c.Operator.Value == "Bool" &&
			len(c.Values) == 1 && strings.EqualFold(c.Values[0].Value, "true")
		if !attached { // who has a certificate of the CA is taken for attached
			return "condition " + c.Operator.Value + " " + c.Key.Value + " has no counterpart"
		}
	}
	return ""
}

func (s *section) denial(doc *policies.Document, st *policies.Statement, wanted []string, v *Verdict) {
	if len(wanted) == 0 {
		return
	}
	if len(wanted) == 1 {
		v.worsen(Stricter, "deny covers both directions")
	}
	for _, c := range st.Conditions {
		v.worsen(Stricter, "it denies whatever the condition "+c.Operator.Value+" "+c.Key.Value+" says")
	}
	if st.NotResource {
		v.worsen(Stricter, "it denies everything: NotResource has no counterpart")
		s.deny(v, "#", "$aws/#")
		return
	}
	for _, resource := range st.Resources {
		topics, err := s.topics(doc, resource.Value, maxLevels)
		if err == nil {
			s.deny(v, topics...)
			continue
		}
		if errors.Is(err, errNothing) {
			continue
		}
		v.worsen(Stricter, resource.Value+" denies more: "+err.Error())
		pieces, _ := topicOf(doc, resource.Value, s.at)
		levels, _ := levelsOf(pieces, s)
		s.deny(v, below(levels)...)
	}
}

func (s *section) deny(v *Verdict, topics ...string) {
	for _, topic := range topics {
		s.add("deny", topic)
		v.topics = append(v.topics, topic)
	}
}

func (s *section) word() string {
	if s.user != "" {
		return "topic"
	}
	return "pattern"
}

func (s *section) topics(doc *policies.Document, resource string, most int) ([]string, error) {
	pieces, err := topicOf(doc, resource, s.at)
	if err != nil {
		return nil, err
	}
	levels, err := levelsOf(pieces, s)
	if err != nil {
		return nil, err
	}
	if !isTopic(levels) {
		return nil, errNothing
	}
	return expand(levels, most), nil
}
