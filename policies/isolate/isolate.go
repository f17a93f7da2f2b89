// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package isolate

import (
	"fmt"
	"strings"

	"thingpass/policies"
	"thingpass/policies/diff"
	"thingpass/policies/explain"
)

// Documents proves the claim for things of any name that have all of these
// documents: IoT policies, and IAM policies of the role behind a role alias.
func Documents(c Claim, docs []*policies.Document, at policies.Place, bucket string) Proof {
	p := Proof{Documents: len(docs), Statements: statements(docs), Leaks: []Leak{}, Limits: []string{}, Assumed: assumed(c)}
	subjects, limits := diff.Symbolic(docs, docs, at, bucket)
	for _, l := range limits {
		p.limit("%s", l)
	}
	inverted, actions := hasNotResource(docs), diff.Actions(docs)
	for _, s := range subjects {
		p.situation(c, s, actions)
	}
	names := LookAlikes(c)
	if inverted {
		p.limit("there is a NotResource: the proof is for the %d names that were tried, not for every name", len(names))
	}
	t, connect := newTrials(c, diff.SpeaksOfIAM(docs)), connecting(docs, at)
	p.Names = len(names)
	for _, name := range names {
		id := explain.Identity{At: at, Bucket: bucket, Documents: docs, Who: policies.Principal{Thing: &policies.Thing{Name: name}}}
		if inverted {
			p.situation(c, diff.Subject{Who: "thing " + name, Old: id, New: id}, actions)
		}
		p.against(t, id, names, connect)
	}
	return p
}

// connecting decides on client ids that are not the thing's name. Nothing of the
// thing resolves then, so that it is the same for all things.
func connecting(docs []*policies.Document, at policies.Place) func(clientID string) policies.Result {
	set, known := policies.Compile(policies.IoT, docs...), map[string]policies.Result{}
	return func(clientID string) policies.Result {
		r, found := known[clientID]
		if !found {
			nobody := policies.Principal{}
			ctx := policies.ConnectRequest{ClientID: clientID}.Context(at, nobody)
			r = set.Session(at, ctx).Decide("iot:Connect", at.ARN("client/"+clientID))
			known[clientID] = r
		}
		return r
	}
}

// against tries everything of all others, as one.
func (p *Proof) against(t *trials, id explain.Identity, names []string, connect func(string) policies.Result) {
	a := client{explain.New(id), connect}
	for _, other := range names {
		if other != id.Who.Thing.Name {
			p.pair(t, a, other)
		}
	}
}

// Named proves the claim for documents in which the name is written out, such as
// the session policies that a broker makes.
func Named(c Claim, name string, docs []*policies.Document, at policies.Place, bucket string) Proof {
	p := Proof{Documents: len(docs), Statements: statements(docs), Leaks: []Leak{}, Limits: []string{}, Assumed: assumed(c), Names: 1}
	id := explain.Identity{At: at, Bucket: bucket, Documents: docs, Who: policies.Principal{Thing: &policies.Thing{Name: name}}}
	p.situation(c, diff.Subject{Who: "thing " + name, Old: id, New: id}, diff.Actions(docs))
	p.against(newTrials(c, true), id, LookAlikes(c), connecting(docs, at))
	return p
}

func hasNotResource(docs []*policies.Document) bool {
	for _, d := range docs {
		for i := range d.Statements {
			if d.Statements[i].NotResource {
				return true
			}
		}
	}
	return false
}

func assumed(c Claim) []string {
	out := []string{"names of things are 1 to 128 letters, digits and : _ -, as AWS IoT has them: none has a /"}
	if len(c.Services) > 0 {
		out = append(out, fmt.Sprintf("no thing has the name of a service's client id: %s", strings.Join(c.Services, ", ")))
	}
	return out
}
