// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"strings"

	"thingpass/policies"
	"thingpass/policies/language"
)

// A repair is a resource that would cover what was asked if it were written a
// little differently.
type repair struct {
	written string
	fixed   string
	why     string
}

// otherPolicies tries the mistakes that people make in documents.
func (b *Bench) otherPolicies(a Answer) []string {
	var out []string
	if a.Publish != nil && a.Publish.Allowed() {
		by := a.Publish.Document
		out = append(out, fmt.Sprintf("publish without RETAIN, or add iot:RetainPublish to %s (%s): iot:Publish alone does not grant it",
			by.Label(a.Publish.Statement), place(by, by.Statements[a.Publish.Statement].Pos)))
	}
	for i := range a.Statements {
		t := &a.Statements[i]
		s := &t.Document.Statements[t.Statement]
		if s.Effect.Value != "Allow" || !t.Action || !t.Principal || s.NotResource || !holdsAll(t) {
			continue
		}
		for j := range t.Resources {
			r, ok := repairOf(&t.Resources[j], a.Resource)
			if ok && b.repaired(a.Operation, r) {
				out = append(out, fmt.Sprintf("in %s (%s) write %s instead of %s: %s",
					t.Document.Label(t.Statement), place(t.Document, t.Resources[j].Written.Pos), r.fixed, r.written, r.why))
			}
		}
	}
	return out
}

func holdsAll(t *policies.Trace) bool {
	for i := range t.Conditions {
		if !t.Conditions[i].Holds {
			return false
		}
	}
	return true
}

// repairOf puts the fields that are wrong right, one kind of mistake at a time.
func repairOf(t *policies.ResourceTrace, asked string) (repair, bool) {
	have, want := strings.SplitN(t.Written.Value, ":", 6), strings.SplitN(asked, ":", 6)
	if len(have) < 6 || len(want) < 6 || have[2] != "iot" || len(t.Missing) > 0 {
		return repair{}, false
	}
	haveKind, name, _ := strings.Cut(have[5], "/")
	wantKind, _, _ := strings.Cut(want[5], "/")
	r := repair{written: t.Written.Value}
	switch {
	case haveKind != wantKind && !strings.ContainsAny(haveKind, "*?$"):
		have[5] = wantKind + "/" + name
		r.why = fmt.Sprintf("the action is asked with a %s", wantKind)
	case have[3] != want[3] || have[4] != want[4] || have[1] != want[1]:
		have[1], have[3], have[4] = want[1], want[3], want[4]
		r.why = "the server is in another region, account or partition than the resource"
	default:
		return repair{}, false
	}
	r.fixed = strings.Join(have, ":")
	return r, true
}

// repaired tries a repair, in copies of the documents.
func (b *Bench) repaired(o Operation, r repair) bool {
	docs := make([]*policies.Document, len(b.id.Documents))
	for i, d := range b.id.Documents {
		docs[i] = withResource(d, r.written, r.fixed)
	}
	return New(b.id.with(docs)).Decide(o).Allowed()
}

func withResource(d *policies.Document, from, to string) *policies.Document {
	out := *d
	out.Statements = append([]policies.Statement(nil), d.Statements...)
	for i := range out.Statements {
		s := &out.Statements[i]
		s.Resources = append([]policies.Text(nil), s.Resources...)
		for j := range s.Resources {
			if s.Resources[j].Value == from {
				s.Resources[j].Value = to
			}
		}
	}
	return &out
}

// foreign tells of what belongs to another thing: an Allow would cover it if the
// thing's name in it were the other's. There the policy does what it is for.
func (b *Bench) foreign(a Answer) string {
	thing := b.id.Who.Thing
	if thing == nil {
		return ""
	}
	for i := range a.Statements {
		t := &a.Statements[i]
		s := &t.Document.Statements[t.Statement]
		if !t.Action || s.Effect.Value != "Allow" {
			continue
		}
		for j := range t.Resources {
			if other := otherThing(&t.Resources[j], a.Resource, thing.Name); other != "" {
				return fmt.Sprintf("nothing in the policy: %s belongs to %s, and %s (%s) keeps things to their own. "+
					"Let %s ask for %s, or %s for its own", last(a.Resource), other, t.Document.Label(t.Statement), place(t.Document, t.Resources[j].Written.Pos),
					thing.Name, last(t.Resources[j].Resolved), other)
			}
		}
	}
	return ""
}

// otherThing is the name that stands in what was asked where the resource has
// the thing's own.
func otherThing(t *policies.ResourceTrace, asked, own string) string {
	written := strings.Split(t.Written.Value, "/")
	got := strings.Split(asked, "/")
	for i, level := range written {
		if !thingVariable(level) || i >= len(got) || got[i] == own || !policies.IsThingName(got[i]) {
			continue
		}
		got[i] = own
		if language.Match(language.Text(t.Resolved), strings.Join(got, "/")) {
			return strings.Split(asked, "/")[i]
		}
	}
	return ""
}

// thingVariable is true of levels that are nothing but a name that a server
// knows of the client.
func thingVariable(level string) bool {
	switch strings.ToLower(level) {
	case "${iot:connection.thing.thingname}", "${iot:clientid}", "${credentials-iot:thingname}", "${iot:certificate.subject.commonname}":
		return true
	}
	return false
}

// statement suggests the smallest one that would allow it.
func (b *Bench) statement(a Answer) []string {
	name := last(a.Resource)
	if a.Resource == "*" || strings.ContainsAny(name, "*?") || strings.Contains(name, "${") {
		return nil // it could only be written with what means something else in a policy
	}
	action := a.Action
	if a.Publish != nil && !a.Publish.Allowed() {
		action = "iot:Publish"
	}
	resource := b.bound(a.Resource, a.Operation.IAM())
	if !b.allows(a.Operation, action, resource) {
		return nil
	}
	line := addition(action, resource)
	if b.id.Who.Thing != nil && resource == a.Resource {
		line += " (the thing's name is not in it: every client with this policy could do it)"
	}
	return append(b.narrower(a), line)
}

// allows tries a statement.
func (b *Bench) allows(o Operation, action, resource string) bool {
	statement := policies.Statement{
		Effect: policies.Text{Value: "Allow"}, Actions: []policies.Text{{Value: action}}, Resources: []policies.Text{{Value: resource}},
	}
	extra := &policies.Document{
		Name: "suggestion", Version: policies.Text{Value: policies.VersionVariables}, Statements: []policies.Statement{statement},
	}
	docs := append(b.id.Documents[:len(b.id.Documents):len(b.id.Documents)], extra)
	return New(b.id.with(docs)).session(o).Decide(action, b.id.resource(o)).Allowed()
}

// narrower names filters within the one that was asked for that are allowed.
func (b *Bench) narrower(a Answer) []string {
	if a.Operation.Verb != Subscribe || !strings.ContainsAny(a.Operation.Name, "+#") {
		return nil
	}
	asked := language.Filter(a.Operation.Name)
	for i := range a.Statements {
		t := &a.Statements[i]
		for j := range t.Resources {
			name := last(t.Resources[j].Resolved)
			if t.Action && !strings.ContainsAny(name, "*?") && language.Match(asked, name) && b.Decide(Operation{Subscribe, name}).Allowed() {
				return []string{fmt.Sprintf("subscribe to %s instead, which %s allows", name, t.Document.Label(t.Statement))}
			}
		}
	}
	return nil
}

func addition(action, resource string) string {
	return fmt.Sprintf(`add a statement: {"Effect": "Allow", "Action": %q, "Resource": %q}`, action, resource)
}

// bound writes the variable where a level is the thing's own name, so that the
// statement gives each thing its own.
func (b *Bench) bound(arn string, iam bool) string {
	thing := b.id.Who.Thing
	if thing == nil {
		return arn
	}
	variable := "${iot:Connection.Thing.ThingName}"
	if iam {
		variable = "${credentials-iot:ThingName}"
	}
	levels := strings.Split(arn, "/")
	for i := range levels[1:] {
		if levels[i+1] == thing.Name {
			levels[i+1] = variable
		}
	}
	return strings.Join(levels, "/")
}
