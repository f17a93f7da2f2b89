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
	t := newTrials(c, diff.SpeaksOfIAM(docs))
	p.Names = len(names)
	for _, name := range names {
		id := explain.Identity{At: at, Bucket: bucket, Documents: docs, Who: policies.Principal{Thing: &policies.Thing{Name: name}}}
		if inverted {
			p.situation(c, diff.Subject{Who: "thing " + name, Old: id, New: id}, actions)
		}
		p.against(t, id, names)
	}
	return p
}

// against tries everything of all others, as one.
func (p *Proof) against(t trials, id explain.Identity, names []string) {
	set := policies.Compile(policies.IoT, id.Documents...)
	a := client{explain.New(id), func(clientID string) policies.Result {
		r := policies.ConnectRequest{ClientID: clientID}
		return set.Session(id.At, r.Context(id.At, id.Who)).Decide("iot:Connect", id.At.ARN("client/"+clientID))
	}}
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
	p.against(newTrials(c, true), id, LookAlikes(c))
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
