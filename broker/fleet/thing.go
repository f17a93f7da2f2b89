// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"thingpass/broker"
)

// uploadsKept bounds how many objects of a thing are told apart: one that is
// reported again after as many others counts twice.
const uploadsKept = 128

// thing is what is kept of a thing. Everything in it is a sum, a greatest or a
// least of what was learnt, or the greatest few: in whatever order it was.
type thing struct {
	name     string
	seen     int64  // the newest record of it; operators' are not its own
	asked    int64  // its newest request
	refused  bool   // and whether that was refused; of two at the same time, whether one was
	newest   recent // images
	last     recent
	refusal  packed // the newest
	hours    hours
	timeline []packed // oldest first
	uploads  []upload

	latency time.Duration // the median, unless stale
	stale   bool
}

// upload is an object on its way.
type upload struct {
	hash     uint64 // of its key
	granted  int64  // first; 0: not known
	verified int64  // first; 0: not yet
	size     int64  // as verified
}

func (u upload) newest() int64 { return max(u.granted, u.verified) }

// store learns of a stored object, and reports whether it is a newer image.
func (t *thing) store(o object) bool {
	t.last.add(o)
	return isImage(o.key, o.contentType) && t.newest.add(o)
}

// isImage reports whether browsers may be shown an object as a picture.
func isImage(key, contentType string) bool {
	switch contentType {
	case "image/jpeg", "image/png", "image/webp":
		return true
	case "":
		dot := strings.LastIndexByte(key, '.')
		switch strings.ToLower(key[dot+1:]) {
		case "jpg", "jpeg", "png", "webp":
			return dot > 0
		}
	}
	return false
}

// find returns the upload of a key, which it makes if need be.
func (t *thing) find(hash uint64, at int64) *upload {
	for i := len(t.uploads) - 1; i >= 0; i-- {
		if t.uploads[i].hash == hash {
			return &t.uploads[i]
		}
	}
	if len(t.uploads) < uploadsKept {
		t.uploads = append(t.uploads, upload{hash: hash})
		return &t.uploads[len(t.uploads)-1]
	}
	oldest := 0
	for i, u := range t.uploads {
		if o := t.uploads[oldest]; cmp.Or(cmp.Compare(u.newest(), o.newest()), cmp.Compare(u.hash, o.hash)) < 0 {
			oldest = i
		}
	}
	if o := t.uploads[oldest]; cmp.Or(cmp.Compare(at, o.newest()), cmp.Compare(hash, o.hash)) < 0 {
		return &upload{hash: hash} // older than all that are kept
	}
	t.uploads[oldest] = upload{hash: hash}
	return &t.uploads[oldest]
}

// samples are the uploads that came through, oldest first.
func (t *thing) samples() []Sample {
	list := make([]upload, 0, len(t.uploads))
	for _, u := range t.uploads {
		if u.verified != 0 {
			list = append(list, u)
		}
	}
	slices.SortFunc(list, func(a, b upload) int {
		return cmp.Or(cmp.Compare(a.verified, b.verified), cmp.Compare(a.hash, b.hash))
	})
	list = list[max(0, len(list)-SamplesLength):]
	samples := make([]Sample, len(list))
	for i, u := range list {
		samples[i] = Sample{At: moment(u.verified), Size: u.size}
		if u.granted != 0 {
			samples[i].Latency = max(0, time.Duration(u.verified-u.granted))
		}
	}
	return samples
}

// median is that of the samples' latencies; 0: there are none.
func median(samples []Sample) time.Duration {
	var list []time.Duration
	for _, s := range samples {
		if s.Latency > 0 {
			list = append(list, s.Latency)
		}
	}
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[len(list)/2]
}

// settle brings the median up to date.
func (t *thing) settle() {
	if t.stale {
		t.latency, t.stale = median(t.samples()), false
	}
}

// state is how the thing is doing. blocked may be nil.
func (t *thing) state(now time.Time, silentAfter time.Duration, blocked func(string) bool) State {
	switch {
	case blocked != nil && blocked(t.name):
		return Blocked
	case t.refused:
		return Refused
	case t.seen == 0:
		return Dormant
	case now.UnixNano()-t.seen > int64(silentAfter):
		return Silent
	}
	return Active
}

func (t *thing) summary(now time.Time, silentAfter time.Duration, blocked func(string) bool) Summary {
	s := Summary{Name: t.name, State: t.state(now, silentAfter, blocked), Seen: moment(t.seen), Newest: t.newest.object().public(),
		Last: t.last.object().public(), Today: t.hours.since(today(now)), Latency: t.latency}
	if t.refusal.data != "" {
		s.Refusal = t.refusal.unpack(t.name)
	}
	return s
}

func (t *thing) entries() []broker.Entry {
	list := make([]broker.Entry, len(t.timeline))
	for i, p := range t.timeline {
		list[len(list)-1-i] = p.unpack(t.name)
	}
	return list
}
