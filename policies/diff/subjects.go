// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"fmt"
	"slices"
	"strings"

	"thingpass/policies"
	"thingpass/policies/explain"
)

// Names that stand for any. They are no names of things and stand in no document,
// so that nothing matches them but a variable or a wildcard.
const (
	NameA = "\ue000"
	NameB = "\ue001"
	NameC = "\ue002"
	value = "\ue003" // of a field that a document only inserts
)

// Shown puts letters in the place of names that stand for any.
var shown = strings.NewReplacer(NameA, "A", NameB, "B", NameC, "C", value, "VALUE")

// maxSubjects bounds the combinations of what conditions ask for.
const maxSubjects = 256

// Symbolic returns the subjects that the documents of either side can tell
// apart, and what was left out, if the combinations are too many.
func Symbolic(oldDocs, newDocs []*policies.Document, at policies.Place, bucket string) ([]Subject, []string) {
	k := collect(slices.Concat(oldDocs, newDocs))
	base := explain.Identity{At: at, Bucket: bucket}
	list := k.kinds(base)
	if docs := slices.Concat(oldDocs, newDocs); SpeaksOfIAM(docs) && !k.knowsThings() {
		base.ClientID = NameA
		list = []variant{{"who has it", base}} // a role of a service
	}
	var limits []string
	dims := k.dimensions()
	size := len(list)
	for _, d := range dims {
		size *= len(d)
	}
	if size <= maxSubjects {
		for _, d := range dims {
			list = combine(list, d)
		}
	} else {
		limits = append(limits, fmt.Sprintf("conditions can be combined in %d ways: each was tried by itself, not with the others", size))
		all := list
		for _, d := range dims {
			all = append(all, combine(list, d)[len(list):]...)
		}
		list = all
	}
	subjects := make([]Subject, len(list))
	for i, v := range list {
		o, n := v.id, v.id
		o.Documents, n.Documents = oldDocs, newDocs
		subjects[i] = Subject{Who: v.label, Old: o, New: n, Other: NameB, shown: shown}
	}
	return subjects, limits
}

// variant is an identity on its way to becoming a subject.
type variant struct {
	label string
	id    explain.Identity
}

// option is one value of one thing that conditions ask for. The first of a
// dimension changes nothing.
type option struct {
	label string
	apply func(*explain.Identity)
}

// combine puts those with the first option first.
func combine(list []variant, options []option) []variant {
	var out []variant
	for _, o := range options {
		for _, v := range list {
			if o.apply != nil {
				v.id = copied(v.id)
				o.apply(&v.id)
				v.label += ", " + o.label
			}
			out = append(out, v)
		}
	}
	return out
}

// copied keeps options from changing each other's identities.
func copied(id explain.Identity) explain.Identity {
	if t := id.Who.Thing; t != nil {
		thing := *t
		thing.Attributes = map[string]string{}
		for k, v := range t.Attributes {
			thing.Attributes[k] = v
		}
		id.Who.Thing = &thing
	}
	context := map[string][]string{}
	for k, v := range id.Context {
		context[k] = v
	}
	id.Context = context
	return id
}

// knowsThings is true if it matters who comes.
func (k *keys) knowsThings() bool {
	return slices.ContainsFunc(k.order, func(key string) bool {
		at := fold(key)
		return at == "iot:clientid" || strings.HasPrefix(at, "iot:connection.") || strings.HasPrefix(at, "credentials-iot:")
	})
}

// kinds are the ways of coming: as a thing, as a certificate of no thing, and
// under another client id. Names that conditions ask for come besides.
func (k *keys) kinds(base explain.Identity) []variant {
	as := func(label, thing, client string, exclusive bool) variant {
		id := base
		id.ClientID = client
		if thing != "" {
			id.Who = policies.Principal{Thing: &policies.Thing{Name: thing}, Exclusive: exclusive}
		}
		return variant{label, id}
	}
	list := []variant{
		as("thing A", NameA, NameA, false),
		as("a certificate of no thing under client id A", "", NameA, false),
		as("thing A under client id C", NameA, NameC, false),
		as("thing A, attached exclusively, under client id C", NameA, NameC, true),
	}
	for _, name := range k.names {
		list = append(list, as("thing "+name, name, name, false), as("a certificate of no thing under client id "+name, "", name, false))
	}
	return list
}
