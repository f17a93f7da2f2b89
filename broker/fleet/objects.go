// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"thingpass/broker"
)

const (
	objectsDefault = 100
	objectsMost    = 1000
	objectsCalls   = 200 // of List, for one page
	folderPages    = 5   // of 1000, of a folder that is sorted by time
)

// Objects implements Reader. S3 lists in ascending order only, so the folders
// below the kinds are walked from the greatest down, those of all kinds together:
// with dates in the layout that is newest first. In one folder the last stored
// comes first; a folder of more than 5,000 objects is walked by the order of keys.
func (f *Fleet) Objects(ctx context.Context, thing, before string, limit int) ([]Object, string, error) {
	if limit <= 0 {
		limit = objectsDefault
	}
	limit = min(limit, objectsMost)
	w := &walk{fleet: f, ctx: ctx, root: thing + "/", limit: limit + 1}
	if !broker.ValidThing(thing) {
		return nil, "", fmt.Errorf("%q is no thing's name", cut(thing, maxField))
	}
	if before != "" {
		kind, rest, ok := strings.Cut(strings.TrimPrefix(before, w.root), "/")
		if !ok || !strings.HasPrefix(before, w.root) || !plainText(before, maxKey) {
			return nil, "", fmt.Errorf("objects of %s can be listed before a key of it only", thing)
		}
		w.before, w.beforeKind, w.beforeRest = before, kind+"/", rest
	}
	err := w.run()
	if errors.Is(err, errTooFar) && len(w.found) > 0 {
		return w.found, w.found[len(w.found)-1].Key, nil
	}
	if err != nil {
		return nil, "", err
	}
	if len(w.found) > limit {
		return w.found[:limit], w.found[limit-1].Key, nil
	}
	return w.found, "", nil
}

var errTooFar = errors.New("the thing has too many folders in a row to be listed")

// walk is on its way through the folders of a thing.
type walk struct {
	fleet *Fleet
	ctx   context.Context
	root  string   // "<thing>/"
	kinds []string // "<kind>/", ascending
	calls int
	limit int
	found []Object

	before, beforeKind, beforeRest string // the key to go on from, and its parts
}

func (w *walk) list(l List) (Listing, error) {
	if w.calls++; w.calls > objectsCalls {
		return Listing{}, errTooFar
	}
	page, err := w.fleet.list(w.ctx, l)
	if err != nil {
		return page, fmt.Errorf("list the objects of a thing: %w", err)
	}
	return page, nil
}

func (w *walk) full() bool { return len(w.found) >= w.limit }

func (w *walk) run() error {
	folders, _, _, err := w.folder(w.root)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		w.kinds = append(w.kinds, strings.TrimPrefix(folder, w.root))
	}
	return w.below("", w.before != "")
}

// folder lists a folder, unless it is too large.
func (w *walk) folder(prefix string) (folders []string, objects []Object, large bool, err error) {
	l := List{Prefix: prefix, Delimiter: "/"}
	for range folderPages {
		page, err := w.list(l)
		if err != nil {
			return nil, nil, false, err
		}
		folders, objects = append(folders, page.Prefixes...), append(objects, page.Objects...)
		if !page.More {
			return folders, objects, false, nil
		}
		l.After = page.Last
	}
	return folders, objects, true, nil
}

// below finds the objects below one folder of all kinds, such as "2026/11/". If
// bound, the key to go on from is below it too.
func (w *walk) below(rel string, bound bool) error {
	var names []string
	var objects []Object
	for _, kind := range w.kinds {
		folders, some, large, err := w.folder(w.root + kind + rel)
		if err != nil {
			return err
		}
		if large {
			return w.byKey(rel, bound)
		}
		for _, folder := range folders {
			names = append(names, folder[len(w.root+kind+rel):])
		}
		objects = append(objects, some...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	from, here := "", false // the folder to go on in, or whether it is this
	if bound {
		name, _, deeper := strings.Cut(w.beforeRest[len(rel):], "/")
		if from = name + "/"; !deeper {
			here = true
		}
	}
	for _, name := range slices.Backward(names) {
		if w.full() || here {
			break
		}
		if from != "" && name > from {
			continue
		}
		if err := w.below(rel+name, name == from); err != nil {
			return err
		}
	}
	w.take(objects, here)
	return nil
}

// take takes the objects of one folder, the last stored first; if here, those that
// come after the key to go on from.
func (w *walk) take(objects []Object, here bool) {
	slices.SortFunc(objects, func(a, b Object) int {
		return cmp.Or(b.Stored.Compare(a.Stored), strings.Compare(b.Key, a.Key))
	})
	if here {
		at := slices.IndexFunc(objects, func(o Object) bool { return o.Key == w.before })
		if at < 0 { // it was deleted meanwhile
			objects = slices.DeleteFunc(objects, func(o Object) bool { return o.Key > w.before })
		}
		objects = objects[at+1:]
	}
	w.found = append(w.found, objects...)
	w.found = w.found[:min(len(w.found), w.limit)]
}

// byKey finds the objects below a folder of all kinds, the greatest key first.
func (w *walk) byKey(rel string, bound bool) error {
	for _, kind := range slices.Backward(w.kinds) {
		upper := ""
		if bound && kind == w.beforeKind {
			upper = w.before
		} else if bound && kind > w.beforeKind {
			continue
		}
		for !w.full() {
			some, err := w.last(w.root+kind+rel, upper)
			w.found = append(w.found, some...)
			w.found = w.found[:min(len(w.found), w.limit)]
			if err != nil {
				return err
			}
			if len(some) == 0 {
				break
			}
			upper = some[len(some)-1].Key
		}
	}
	return nil
}
