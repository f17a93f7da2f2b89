// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"fmt"
	"slices"
	"strings"

	"thingpass/policies"
	"thingpass/policies/explain"
	"thingpass/policies/registry"
)

// Registries returns the subjects of two states of a registry: its things and
// the certificates of services. Things with the same policies, type and
// attributes, as far as the policies ask for them, are one subject: what is true
// of one is true of the others under their names.
func Registries(before, after *registry.Registry) ([]Subject, []string) {
	k := collect(slices.Concat(documentsOf(before), documentsOf(after)))
	p := &pairs{before: before, after: after, keys: k, byClass: map[string]*Subject{}, count: map[*Subject]int{}}
	for _, name := range union(before.Things(), after.Things()) {
		p.add("thing "+name, name, func(r *registry.Registry) (*registry.Identity, error) { return r.FindThing(name) })
	}
	for _, id := range union(services(before), services(after)) {
		p.add("certificate "+id, "", func(r *registry.Registry) (*registry.Identity, error) { return r.FindID(id) })
	}
	p.admitted()
	var out []Subject
	var limits []string
	for _, s := range p.order {
		if more := p.count[s] - 1; more > 0 {
			s.Who += fmt.Sprintf(" (and %d more like it)", more)
		}
		varied, limit := k.vary(*s)
		out = append(out, varied...)
		limits = append(limits, limit...)
	}
	slices.Sort(limits)
	return out, slices.Compact(limits)
}

type pairs struct {
	before, after *registry.Registry
	keys          *keys
	byClass       map[string]*Subject
	count         map[*Subject]int
	order         []*Subject
}

// add joins who is the same to others but for its name.
func (p *pairs) add(who, thing string, find func(*registry.Registry) (*registry.Identity, error)) {
	o, oldKey := p.side(p.before, find)
	n, newKey := o, oldKey
	if p.after != p.before {
		n, newKey = p.side(p.after, find)
	}
	class := oldKey + "\x00" + newKey
	if len(p.keys.names) > 0 || thing == "" {
		class += "\x00" + who // conditions name things: each may be meant
	}
	if s := p.byClass[class]; s != nil {
		p.count[s]++
		return
	}
	s := &Subject{Who: who, Old: o, New: n, Other: NameB, Group: who, Single: len(p.keys.names) > 0}
	*s = s.Rename(NameA, "A")
	for _, key := range []string{oldKey, newKey} {
		if refusal, refused := strings.CutPrefix(key, "refused: "); refused {
			s.Who = who + " (" + map[bool]string{true: "before", false: "now"}[key == oldKey && oldKey != newKey] + " refused: " + refusal + ")"
		}
	}
	p.byClass[class], p.count[s] = s, 1
	p.order = append(p.order, s)
}

// admitted is a thing that jitp lets in, without an entry of its own.
func (p *pairs) admitted() {
	if !p.before.Admits() && !p.after.Admits() {
		return
	}
	name := "a-thing-that-is-not-named"
	for p.before.Thing(name) != nil || p.after.Thing(name) != nil {
		name += "-"
	}
	p.add("any other thing, by jitp,", name, func(r *registry.Registry) (*registry.Identity, error) { return r.FindThing(name) })
}

// side is who it is in one of the registries, and what its decisions rest on.
// Who is refused there has no policies, so that nothing is allowed.
func (p *pairs) side(r *registry.Registry, find func(*registry.Registry) (*registry.Identity, error)) (explain.Identity, string) {
	id := explain.Identity{At: p.after.Place, Bucket: p.after.Values.Get("bucket")}
	who, err := find(r)
	if err != nil {
		return id, "refused: " + err.Error()
	}
	id.Who = who.Principal
	id.Attached = func(clientID string) []*policies.Document { return who.Set(clientID).Documents() }
	id.ClientID = who.Name
	var key strings.Builder
	for _, client := range []string{who.Name, NameC} {
		for _, d := range who.Set(client).Documents() {
			key.WriteString(d.Name + ",")
		}
		key.WriteByte(';')
	}
	if t := who.Thing; t != nil {
		fmt.Fprintf(&key, "%v %q", who.Exclusive, t.Type)
		for _, k := range p.keys.order {
			if name, is := strings.CutPrefix(fold(k), "iot:connection.thing.attributes["); is {
				fmt.Fprintf(&key, " %q", t.Attributes[strings.TrimSuffix(name, "]")])
			}
		}
	}
	return id, key.String()
}

func documentsOf(r *registry.Registry) []*policies.Document {
	var out []*policies.Document
	for _, name := range r.Documents() {
		out = append(out, r.Document(name))
	}
	return out
}

// services are certificates that belong to no thing.
func services(r *registry.Registry) []string {
	var out []string
	for _, c := range r.Certificates() {
		switch {
		case len(c.Things) > 0:
		case c.CommonName != "":
			out = append(out, c.CommonName)
		default:
			out = append(out, c.ID)
		}
	}
	return out
}

func union(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// vary tries another client id, and what conditions ask for that is not the
// registry's to say.
func (k *keys) vary(s Subject) ([]Subject, []string) {
	rest := &keys{values: map[string][]string{}, lists: k.lists}
	for _, key := range k.order {
		if !strings.HasPrefix(fold(key), "iot:connection.thing.") && !strings.HasPrefix(fold(key), "iot:certificate.") {
			rest.order = append(rest.order, key)
			rest.values[fold(key)] = k.values[fold(key)]
		}
	}
	list := []variant{{s.Who, explain.Identity{}}, {s.Who + " under another client id", explain.Identity{ClientID: NameC}}}
	all := list
	for _, d := range rest.dimensions() {
		all = append(all, combine(list, d)[len(list):]...)
	}
	var limits []string
	if len(rest.dimensions()) > 1 {
		limits = append(limits, "what conditions ask for besides the registry was tried one at a time")
	}
	out := make([]Subject, len(all))
	for i, v := range all {
		out[i] = s
		out[i].Who = v.label
		out[i].Old, out[i].New = with(s.Old, v.id), with(s.New, v.id)
	}
	return out, limits
}

// with puts what was varied over an identity.
func with(id, over explain.Identity) explain.Identity {
	if over.ClientID != "" {
		id.ClientID = over.ClientID
	}
	id.Persistent, id.Will, id.IP = over.Persistent, over.Will, over.IP
	id.Context = over.Context
	return id
}
