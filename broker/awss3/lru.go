// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import "container/list"

// lru keeps a bounded number of values by name, and forgets the one that was
// not asked for longest.
type lru[V any] struct {
	most   int
	byName map[string]*list.Element // of lruItem[V]
	recent *list.List
}

type lruItem[V any] struct {
	name  string
	value V
}

func newLRU[V any](most int) lru[V] {
	return lru[V]{most: most, byName: map[string]*list.Element{}, recent: list.New()}
}

func (l *lru[V]) get(name string) (value V, ok bool) {
	e := l.byName[name]
	if e == nil {
		return value, false
	}
	l.recent.MoveToFront(e)
	return e.Value.(lruItem[V]).value, true
}

func (l *lru[V]) put(name string, value V) {
	if e := l.byName[name]; e != nil {
		e.Value = lruItem[V]{name, value}
		l.recent.MoveToFront(e)
		return
	}
	l.byName[name] = l.recent.PushFront(lruItem[V]{name, value})
	if len(l.byName) > l.most {
		oldest := l.recent.Back()
		delete(l.byName, l.recent.Remove(oldest).(lruItem[V]).name)
	}
}
