// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"slices"
	"strings"
)

// object is an Object as it is kept.
type object struct {
	key, contentType, sha256, etag string
	size, at                       int64
}

func (o object) public() Object {
	return Object{Key: o.key, Size: o.size, Stored: moment(o.at), ContentType: o.contentType, SHA256: o.sha256, ETag: o.etag}
}

// compare orders objects by time, then by key, then by whatever tells two sources
// apart.
func (o object) compare(p object) int {
	return cmp.Or(cmp.Compare(o.at, p.at), strings.Compare(o.key, p.key), cmp.Compare(o.size, p.size),
		strings.Compare(o.contentType, p.contentType), strings.Compare(o.sha256, p.sha256), strings.Compare(o.etag, p.etag))
}

// recentKept is how many words about stored objects are kept: a report, an event
// of the bucket, and what was announced of both tell of one object.
const recentKept = 6

// recent is what was last said of stored objects, oldest first, each word once: so
// it does not matter how often and in which order it was said.
type recent []object

// add takes another word, and reports whether it makes another object the newest.
func (r *recent) add(o object) bool {
	list := *r
	at, said := slices.BinarySearchFunc(list, o, object.compare)
	if said || at == 0 && len(list) == recentKept {
		return false
	}
	newer := at == len(list) && (at == 0 || list[at-1].key != o.key)
	if len(list) < recentKept {
		*r = slices.Insert(list, at, o)
		return newer
	}
	copy(list, list[1:at])
	list[at-1] = o
	return newer
}

// object is the newest, with all that is said of it; its key is "" if there is
// none.
func (r recent) object() object {
	if len(r) == 0 {
		return object{}
	}
	o := r[len(r)-1]
	for _, p := range r {
		if p.key == o.key {
			o.contentType, o.sha256, o.etag = max(o.contentType, p.contentType), max(o.sha256, p.sha256), max(o.etag, p.etag)
		}
	}
	return o
}

// at is when the newest was stored.
func (r recent) at() int64 {
	if len(r) == 0 {
		return 0
	}
	return r[len(r)-1].at
}
