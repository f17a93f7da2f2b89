// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package isolate

import (
	"fmt"
	"slices"
	"strings"

	"thingpass/policies"
	"thingpass/policies/diff"
	"thingpass/policies/explain"
	"thingpass/policies/language"
	"thingpass/policies/registry"
)

// Registry proves the claim for all things of a registry, each with what is
// attached to it. Things that differ in nothing but their name are proven
// together. extra are documents of the role that things take, which the registry
// does not have.
//
// Then each is tried against its neighbours in the order of names, and against
// names that its own begins with: those are what mistakes in policies reach.
func Registry(c Claim, r *registry.Registry, extra []*policies.Document, bucket string) Proof {
	p := Proof{Leaks: []Leak{}, Limits: []string{}, Assumed: assumed(c)[:1]}
	docs := slices.Clone(extra)
	for _, name := range r.Documents() {
		docs = append(docs, r.Document(name))
	}
	p.Documents, p.Statements = len(docs), statements(docs)
	subjects, limits := diff.Registries(r, r)
	for _, l := range limits {
		p.limit("%s", l)
	}
	classes, actions := map[string]bool{}, diff.Actions(docs)
	for _, s := range subjects {
		if s.New.Who.Thing == nil {
			continue // services reach all things: that is what they are for
		}
		classes[s.Group] = true
		s.New.Bucket = bucket
		p.situation(c, inGeneral(s, extra), actions)
	}
	p.Classes = len(classes)
	p.neighbours(c, r, extra, bucket)
	p.services(c, r)
	return p
}

// inGeneral puts A in the place of the name, unless conditions ask for the name
// itself.
func inGeneral(s diff.Subject, extra []*policies.Document) diff.Subject {
	thing := *s.New.Who.Thing
	old := thing.Name
	attached := s.New.Attached
	client := s.New.ClientID
	s.New.Attached = func(clientID string) []*policies.Document {
		if clientID == diff.NameA {
			clientID = old
		}
		docs := attached(clientID)
		return append(docs[:len(docs):len(docs)], extra...)
	}
	if s.Single {
		return s
	}
	thing.Name = diff.NameA
	s.New.Who.Thing = &thing
	if client == old {
		s.New.ClientID = diff.NameA
	}
	return s.Rename(diff.NameA, old)
}

// neighbours tries pairs of names that there are.
func (p *Proof) neighbours(c Claim, r *registry.Registry, extra []*policies.Document, bucket string) {
	names := r.Things()
	t := newTrials(c, len(extra) > 0)
	for i, name := range names {
		who, err := r.FindThing(name)
		if err != nil || who.Thing == nil {
			p.limit("things that are not let in were not looked at, such as %s", name)
			continue
		}
		p.Things++
		if who.Thing.Name != name {
			p.limit("a certificate is attached to several things, such as %s: it was looked at as %s", name, who.Thing.Name)
			continue
		}
		id := explain.Identity{Who: who.Principal, At: r.Place, Bucket: bucket}
		id.Attached = func(clientID string) []*policies.Document {
			return append(slices.Clone(who.Set(clientID).Documents()), extra...)
		}
		a := client{explain.New(id), func(clientID string) policies.Result {
			_, result := r.Connect(who, policies.ConnectRequest{ClientID: clientID})
			return result
		}}
		for _, other := range near(names, i) {
			p.pair(t, a, other)
		}
	}
	p.Names += p.Things
}

// near are the two names beside one in order, and the longest that it begins
// with. Where there is but one thing, there is one that it might be taken for.
func near(names []string, i int) []string {
	var out []string
	for _, j := range []int{i - 1, i + 1} {
		if j >= 0 && j < len(names) {
			out = append(out, names[j])
		}
	}
	for j := i - 2; j >= 0 && j > i-50; j-- {
		if strings.HasPrefix(names[i], names[j]) {
			return append(out, names[j])
		}
	}
	if len(out) == 0 {
		out = append(out, names[i]+"0")
	}
	return out
}

// services finds things that are named like a service: both could take one
// client id, and throw each other out.
func (p *Proof) services(c Claim, r *registry.Registry) {
	patterns := make([]policies.Glob, len(c.Services))
	for i, s := range c.Services {
		patterns[i] = language.Text(s)
	}
	for _, name := range r.Things() {
		for i, service := range c.Services {
			if !strings.HasPrefix(name, strings.TrimRight(service, "*")) || !language.Match(patterns[i], name) {
				continue
			}
			p.leak(Leak{
				Who: "thing " + name, Action: "iot:Connect", Example: name, Other: service, Statement: "the registry", Resource: service,
				Why: fmt.Sprintf("the thing is named like a service's client id, %s: it may take it, and ends the service's connection", service),
				Fix: "give the thing another name",
			})
		}
	}
}
