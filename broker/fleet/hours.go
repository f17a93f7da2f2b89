// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"slices"
	"time"

	"thingpass/broker"
)

const (
	thingHours = 24
	fleetHours = 48
)

// codes are those that refusals are counted by. What else a journal brings counts
// as the last: things cannot make up names to count by.
var codes, codeNumbers = func() ([]broker.Code, map[broker.Code]uint8) {
	list := append(broker.Codes(), broker.CodeBlocked, "other")
	numbers := make(map[broker.Code]uint8)
	for i, c := range list {
		if _, known := numbers[c]; !known {
			numbers[c] = uint8(i)
		}
	}
	return list, numbers
}()

func codeNumber(c broker.Code) uint8 {
	if n, known := codeNumbers[c]; known {
		return n
	}
	return codeNumbers["other"]
}

// refused reports whether a code is a refusal.
func refused(c broker.Code) bool {
	switch c {
	case broker.CodeGranted, broker.CodeUnchanged, broker.CodeVerified, broker.CodeAborted, broker.CodeIgnored, broker.CodeDone,
		broker.CodeFailed, "":
		return false
	}
	return true
}

// hour is a Tally as it is kept.
type hour struct {
	n                          int64 // Unix hours
	requests, granted, refused int64
	stored, bytes              int64
	codes                      []codeCount
}

type codeCount struct {
	code  uint8
	count int64
}

func hourOf(ns int64) int64 { return ns / int64(time.Hour) }

// hours are in order, without those in which nothing happened.
type hours []hour

// at returns the hour n, which it makes if need be, and drops those before first.
// It returns nil if n itself is before first.
func (h *hours) at(n, first int64) *hour {
	if n < first {
		return nil
	}
	list := *h
	for len(list) > 0 && list[0].n < first {
		list = slices.Delete(list, 0, 1)
	}
	at, found := slices.BinarySearchFunc(list, n, func(x hour, n int64) int { return cmp.Compare(x.n, n) })
	if !found {
		list = slices.Insert(list, at, hour{n: n})
	}
	*h = list
	return &list[at]
}

func (h *hour) refuse(code uint8, by int64) {
	h.refused += by
	for i := range h.codes {
		if h.codes[i].code == code {
			h.codes[i].count += by
			return
		}
	}
	at, _ := slices.BinarySearchFunc(h.codes, code, func(c codeCount, code uint8) int { return cmp.Compare(c.code, code) })
	h.codes = slices.Insert(h.codes, at, codeCount{code, by})
}

func (h *hour) addTo(t *Tally) {
	t.Requests += h.requests
	t.Granted += h.granted
	t.Stored += h.stored
	t.Bytes += h.bytes
	t.Refused += h.refused
	for _, c := range h.codes {
		if t.ByCode == nil {
			t.ByCode = make(map[broker.Code]int64, len(h.codes))
		}
		t.ByCode[codes[c.code]] += c.count
	}
}

// since is the sum of the hours from n on.
func (h hours) since(n int64) (t Tally) {
	for i := range h {
		if h[i].n >= n {
			h[i].addTo(&t)
		}
	}
	return t
}

// last returns count hours, of which the last is n.
func (h hours) last(count int, n int64) []Hour {
	list := make([]Hour, count)
	for i := range list {
		list[i].Start = time.Unix((n-int64(count-1-i))*3600, 0).UTC()
	}
	for i := range h {
		if at := h[i].n - (n - int64(count) + 1); at >= 0 && at < int64(count) {
			h[i].addTo(&list[at].Tally)
		}
	}
	return list
}

// today is the first hour of the day of now.
func today(now time.Time) int64 { return hourOf(now.UnixNano()) / 24 * 24 }
