// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"time"

	"thingpass/broker"
)

// For tests from outside, which need fleettest.
var (
	ParseUploaded = func(root, topic string, payload []byte, now time.Time) (string, Object, error) {
		thing, o, err := parseUploaded(root, topic, payload, now)
		return thing, o.public(), err
	}
	DecodeSegment = decodeSegment
	Deflate       = func(lines []byte) []byte { return deflate("", lines) }
	Inflate       = inflate
	Wrap          = wrap
)

const QueueLength = queueLength

// ParseSegment returns the key that a segment's key was read as.
func ParseSegment(prefix, key string) (again string, ok bool) {
	s, ok := parseSegment(prefix, key)
	return s.key(prefix), ok
}

// Loaded is closed when the state has been read.
func (f *Fleet) Loaded() <-chan struct{} { return f.loaded }

// Flush does now what Run does now and then.
func (f *Fleet) Flush() {
	f.drain()
	f.seal()
}

// Restore loads a snapshot.
func (f *Fleet) Restore(body []byte) error { return f.restore(body) }

// State is the state as it would be saved.
func (f *Fleet) State() []byte {
	f.index.mu.Lock()
	defer f.index.mu.Unlock()
	return f.index.encode(f.conf.Now())
}

// Apply applies entries as those of a segment that the bucket received.
func (f *Fleet) Apply(run string, seq uint64, entries []broker.Entry, received time.Time) {
	var lines lineBuffer
	_ = broker.NewJSONAudit(&lines).Record(entries...)
	f.applySegment(fetched{segment: segment{hour: received.UTC().Format(hourFolder), run: run, seq: seq}, stored: received, body: deflate("", lines)})
}

type lineBuffer []byte

func (b *lineBuffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// GoLive has entries applied at once, as after loading.
func (f *Fleet) GoLive() { f.goLive() }

// RoundTrip packs and unpacks an entry.
func RoundTrip(e broker.Entry) broker.Entry {
	p := packed{at: nanos(e.Time)}
	p.data, _ = pack(&e, nil)
	return p.unpack(e.Thing)
}
