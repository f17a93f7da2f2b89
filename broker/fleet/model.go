// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package fleet knows how things are doing: what each asked for, was given or
// refused, and stored. It learns from the broker's records (broker.Entry), from
// `uploaded` events [P-7] and from the bucket, and keeps its journal in the
// bucket, below a prefix that no thing can have as its name. So a restart loses
// nothing, and all replicas come to know the same. What the journal said is in a
// snapshot minutes later; old parts of it are left to the bucket's lifecycle (document
// "lifecycle" of package policies).
//
// Its state does not depend on the order in which it learns: counts are sums over
// the journal, and what is newest is the greatest by time and key.
package fleet

import (
	"context"
	"errors"
	"time"

	"thingpass/broker"
)

// DefaultPrefix is where in the bucket the fleet keeps its own objects. The dot
// keeps it apart from things: no thing's name has one.
const DefaultPrefix = ".thingpass/"

// The errors of Files that callers tell apart.
var (
	ErrNotFound = errors.New("no such object")
	ErrExists   = errors.New("the object exists already")
	ErrTooLarge = errors.New("the object is too large")
)

// Files are the broker's own objects in the bucket. Implementations are safe for
// concurrent use.
type Files interface {
	// Get returns the whole object, ErrNotFound, or ErrTooLarge for an object above
	// limit bytes.
	Get(ctx context.Context, key string, limit int64) ([]byte, error)
	Put(ctx context.Context, key, contentType string, body []byte) error
	// PutNew is Put for a key that must not be there yet: otherwise ErrExists.
	PutNew(ctx context.Context, key, contentType string, body []byte) error
	// Delete succeeds if there is nothing under the key.
	Delete(ctx context.Context, key string) error
	// List returns keys in S3's order, at most 1000.
	List(ctx context.Context, l List) (Listing, error)
}

// List is one question of what the bucket has.
type List struct {
	Prefix    string
	Delimiter string // "" or "/"
	After     string // keys and prefixes after this one only
	Max       int    // 0: 1000
}

// Listing is a page of the answer. Where More is true, ask again with After set to
// Last.
type Listing struct {
	Objects  []Object
	Prefixes []string
	Last     string // the greatest key or prefix of this page
	More     bool
}

// Object is a stored object.
type Object struct {
	Key         string
	Size        int64
	Stored      time.Time
	ContentType string // "" where only a listing is known
	SHA256      string // verified, hexadecimal; "" where unknown
	ETag        string
}

// State is how a thing is doing, in one word.
type State string

// The states. Of those that hold, the first in this order is told.
const (
	Blocked State = "blocked" // by an operator
	Refused State = "refused" // its last request was refused
	Silent  State = "silent"  // nothing came for longer than SilentAfter
	Active  State = "active"  // it asked within SilentAfter
	Dormant State = "dormant" // it has objects, and asked nothing since the fleet watches
)

// States are all states in the order in which they are told.
var States = []State{Blocked, Refused, Silent, Active, Dormant}

// Tally counts what happened in some time.
type Tally struct {
	Requests int64 // records of any sort
	Granted  int64
	Stored   int64 // verified objects, each once
	Bytes    int64 // of them
	Refused  int64
	ByCode   map[broker.Code]int64 // refusals; nil: none
}

// Summary is a thing in a list.
type Summary struct {
	Name    string
	State   State
	Seen    time.Time     // the last record of it; zero: none yet
	Newest  Object        // the newest stored image; Key "": none
	Last    Object        // the newest stored object of any kind
	Today   Tally         // since midnight UTC
	Refusal broker.Entry  // the last one; zero: none
	Latency time.Duration // median from grant to verified of the last samples; 0: unknown
}

// Sample is one upload, for charts.
type Sample struct {
	At      time.Time
	Size    int64
	Latency time.Duration // from the grant to the verified report; 0: unknown
}

// Hour is a Tally of one hour.
type Hour struct {
	Start time.Time // UTC
	Tally
}

// Thing is all that is kept in memory of one thing.
type Thing struct {
	Summary
	Timeline []broker.Entry // newest first, at most TimelineLength
	Samples  []Sample       // oldest first, at most SamplesLength
	Hours    []Hour         // the last 24, oldest first, none left out
}

// How much is kept of each thing.
const (
	TimelineLength = 60
	SamplesLength  = 60
)

// Overview is the fleet as a whole.
type Overview struct {
	At       time.Time
	Things   int
	ByState  map[State]int
	Today    Tally
	Hours    []Hour         // the last 48, oldest first, none left out
	Slow     []Summary      // the slowest, at most 20
	Silent   []Summary      // longest silent first, at most 20
	Refused  []broker.Entry // the last refusals of all, newest first, at most 50
	Complete bool           // the bucket has been read once: every thing is known
	Trouble  string         // why the fleet may know less than it should; "": nothing
}

// Query asks for a page of things.
type Query struct {
	Text  string // part of the name, case-insensitive; "": all
	State State  // "": all
	Sort  Sort   // "": ByName
	Page  int    // from 0
	Limit int    // things on a page; 0: 24, at most 200
}

// Sort is the order of things on pages. Equals are ordered by name.
type Sort string

// The orders.
const (
	ByName    Sort = "name"
	ByNewest  Sort = "newest"  // the newest image first; the wall's order
	BySeen    Sort = "seen"    // last seen first
	ByRefused Sort = "refused" // most refused today first
)

// Page is a page of things.
type Page struct {
	Things []Summary
	Total  int // that match, on all pages
}

// A Change says that something is new. It names no more than the thing: what is new
// is asked for.
type Change struct {
	Thing string // "": many things, or the fleet was slow to be asked
	Photo bool   // there is a newer image
}

// A Reader tells what the fleet knows, from memory but for Objects. It is safe for
// concurrent use; what it returns is the caller's.
type Reader interface {
	Overview() Overview
	Things(Query) Page
	Thing(name string) (Thing, bool)
	// Objects lists the stored objects of a thing from the bucket, newest first,
	// before a key ("": from the newest), and the key to go on with ("": the end).
	Objects(ctx context.Context, thing, before string, limit int) (objects []Object, next string, err error)
	// Changes tells of changes until ctx ends. A reader that is slow is told of
	// fewer, and never blocks the fleet.
	Changes(ctx context.Context) <-chan Change
}
