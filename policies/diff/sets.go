// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"cmp"
	"maps"
	"slices"

	"thingpass/policies"
)

// A Pair is a document before and after; nil where there was none, or is none
// any more.
type Pair struct {
	Name     string
	Old, New *policies.Document
}

// Documents compares documents that are attached to different principals: each
// with the one of its name.
func Documents(pairs []Pair, at policies.Place, bucket string) Result {
	all := Result{Changes: []Change{}, Limits: []string{}}
	for _, p := range pairs {
		subjects, limits := Symbolic(list(p.Old), list(p.New), at, bucket)
		r := Compare(subjects)
		for _, c := range r.Changes {
			if len(pairs) > 1 {
				c.Who = p.Name + ": " + c.Who
			}
			all.Changes = append(all.Changes, c)
		}
		all.Subjects += r.Subjects
		for _, l := range append(r.Limits, limits...) {
			all.Limit("%s: %s", p.Name, l)
		}
	}
	slices.SortStableFunc(all.Changes, func(a, b Change) int { return cmp.Compare(rank(a), rank(b)) })
	return all
}

// Pairs joins two folders of documents by their names.
func Pairs(before, after map[string]*policies.Document) []Pair {
	names := union(slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after)))
	out := make([]Pair, len(names))
	for i, name := range names {
		out[i] = Pair{name, before[name], after[name]}
	}
	return out
}

func list(d *policies.Document) []*policies.Document {
	if d == nil {
		return nil
	}
	return []*policies.Document{d}
}
