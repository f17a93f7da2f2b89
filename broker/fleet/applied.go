// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"slices"
)

// applied tells which segments are in the state. Those of a run are numbered, so
// a few ranges tell of thousands.
type applied map[string]*runRanges

type runRanges struct {
	hour   string // of the newest
	ranges []seqRange
}

type seqRange struct{ first, last uint64 }

const (
	maxRuns   = 4096 // that are kept
	maxRanges = 4096 // of one run
)

func (a applied) has(s segment) bool {
	r := a[s.run]
	if r == nil {
		return false
	}
	at, found := r.find(s.seq)
	return found || at > 0 && r.ranges[at-1].last >= s.seq
}

func (r *runRanges) find(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(r.ranges, seq, func(x seqRange, seq uint64) int { return cmp.Compare(x.first, seq) })
}

// add marks a segment, which must not be marked yet.
func (a applied) add(s segment) {
	r := a[s.run]
	if r == nil {
		r = new(runRanges)
		a[s.run] = r
	}
	r.hour = max(r.hour, s.hour)
	at, _ := r.find(s.seq)
	joinsLeft := at > 0 && r.ranges[at-1].last+1 == s.seq
	joinsRight := at < len(r.ranges) && r.ranges[at].first == s.seq+1
	switch {
	case joinsLeft && joinsRight:
		r.ranges[at-1].last = r.ranges[at].last
		r.ranges = slices.Delete(r.ranges, at, at+1)
	case joinsLeft:
		r.ranges[at-1].last = s.seq
	case joinsRight:
		r.ranges[at].first = s.seq
	default:
		r.ranges = slices.Insert(r.ranges, at, seqRange{s.seq, s.seq})
	}
}

// forget drops the runs that ended before an hour: nobody looks there any more.
func (a applied) forget(hour string) {
	for run, r := range a {
		if r.hour < hour {
			delete(a, run)
		}
	}
}
