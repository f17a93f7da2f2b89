// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleettest

import (
	"fmt"
	"sort"
	"time"

	"thingpass/broker/fleet"
)

// Simulated are objects that exist only while somebody looks: Things × Days ×
// PerDay of them, with keys such as "cam-00042/photo/2026/11/23/b-000007.jpg".
// They take no memory.
type Simulated struct {
	Things int       // named cam-00000 onwards
	Days   int       // from First onwards
	PerDay int       // of each thing, spread over the day
	First  time.Time // the first day, UTC
	Kind   string    // "": photo
	Size   int64     // of each, in bytes
	// Body is what Get returns; nil: the objects can only be listed.
	Body func(key string) []byte
}

// Million is a bucket of 1,000,000 photos of 10,000 things, which came on the ten
// days that end with the given one.
func Million(last time.Time) Simulated {
	return Simulated{Things: 10_000, Days: 10, PerDay: 10, First: last.UTC().AddDate(0, 0, -9), Size: 48_211}
}

// Len returns how many objects there are.
func (s Simulated) Len() int { return s.Things * s.Days * s.PerDay }

// Thing returns the name of thing n, from 0.
func (s Simulated) Thing(n int) string { return fmt.Sprintf("cam-%05d", n) }

// Object returns object n, from 0 and in the order of keys.
func (s Simulated) Object(n int) fleet.Object {
	thing, rest := n/(s.Days*s.PerDay), n%(s.Days*s.PerDay)
	day := s.First.UTC().Truncate(24*time.Hour).AddDate(0, 0, rest/s.PerDay)
	number := rest % s.PerDay
	kind := s.Kind
	if kind == "" {
		kind = "photo"
	}
	return fleet.Object{
		Key:    fmt.Sprintf("%s/%s/%s/b-%06d.jpg", s.Thing(thing), kind, day.Format("2006/01/02"), number),
		Size:   s.Size,
		Stored: day.Add(24 * time.Hour / time.Duration(s.PerDay) * time.Duration(number)),
		ETag:   fmt.Sprintf(`"%032x"`, n),
	}
}

// first returns the object with the least key that is not below from.
func (s Simulated) first(from string) (fleet.Object, bool) {
	total := s.Len()
	n := sort.Search(total, func(n int) bool { return s.Object(n).Key >= from })
	if n == total {
		return fleet.Object{}, false
	}
	return s.Object(n), true
}

func (s Simulated) get(key string) (stored, bool) {
	o, found := s.first(key)
	if !found || o.Key != key || s.Body == nil {
		return stored{}, false
	}
	o.ContentType = "image/jpeg"
	return stored{Object: o, body: s.Body(key)}, true
}
