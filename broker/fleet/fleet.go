// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"thingpass/broker"
)

// Config says where the fleet's state is, and how it goes about it. Files is
// required; what is left zero is as the comments say.
type Config struct {
	Files    Files
	Prefix   string   // of the fleet's own objects: DefaultPrefix
	Root     string   // of topics: broker.DefaultRoot
	Replica  string   // letters, digits, ".", "_", "-"; unlike that of others: "broker"
	Reserved []string // folders of the bucket that are no things

	Log *slog.Logger     // nothing is logged
	Now func() time.Time // time.Now

	SilentAfter   time.Duration // 1 h
	FlushEvery    time.Duration // of the journal: 5 s
	FollowEvery   time.Duration // of the others' journals: 5 s
	SnapshotEvery time.Duration // 5 min
	CrawlPause    time.Duration // between two questions of the first reading of the bucket: 10 ms

	MaxThings int // 200,000
}

// Fleet is the state of all things. Its methods are safe for concurrent use.
type Fleet struct {
	conf      Config
	index     *index
	queue     *queue
	journal   *journal
	trouble   *troubles
	listeners listeners
	blocked   atomic.Pointer[func(string) bool]
	overview  overviewCache

	live   bool          // entries go into the index; under its lock
	loaded chan struct{} // closed: the state is as it was kept, or will not be
	poor   bool          // it could not be loaded, so it must not replace what is kept
	kept   atomic.Int64  // the version of the index that is kept

	cancel context.CancelFunc
	stop   context.Context // ends with Close
	done   chan struct{}   // Run has returned
	ran    atomic.Bool
	drops  int64
}

var _ Reader = (*Fleet)(nil)
var _ broker.Auditor = (*Fleet)(nil)

// Open prepares a fleet. It asks the bucket nothing yet: that is Run's. ctx bounds
// the fleet's life as Close does.
func Open(ctx context.Context, c Config) (*Fleet, error) {
	if c.Files == nil {
		return nil, errors.New("a fleet needs Files to keep its state in")
	}
	c.Prefix = cmp.Or(c.Prefix, DefaultPrefix)
	c.Root = cmp.Or(c.Root, broker.DefaultRoot)
	c.Replica = cmp.Or(c.Replica, "broker")
	if folder, _, _ := strings.Cut(c.Prefix, "/"); !strings.HasSuffix(c.Prefix, "/") || broker.ValidThing(folder) || folder == "" {
		return nil, fmt.Errorf("the prefix %q must end with a slash, and begin with what no thing can be called, such as %q", c.Prefix, DefaultPrefix)
	}
	if !validRun(c.Replica) || len(c.Replica) > maxReplicaName {
		return nil, fmt.Errorf(`the replica's name %q may have up to %d letters, digits, ".", "_" and "-"`, c.Replica, maxReplicaName)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.SilentAfter = cmp.Or(c.SilentAfter, time.Hour)
	c.FlushEvery = cmp.Or(c.FlushEvery, 5*time.Second)
	c.FollowEvery = cmp.Or(c.FollowEvery, 5*time.Second)
	c.SnapshotEvery = cmp.Or(c.SnapshotEvery, 5*time.Minute)
	c.CrawlPause = cmp.Or(c.CrawlPause, 10*time.Millisecond)
	c.MaxThings = cmp.Or(c.MaxThings, 200_000)
	f := &Fleet{conf: c, index: newIndex(c.MaxThings), queue: newQueue(), done: make(chan struct{}), loaded: make(chan struct{})}
	f.trouble = &troubles{log: c.Log, now: c.Now}
	f.journal = newJournal(c.Files, c.Prefix, c.Replica+"-"+boot(c.Now()), f.trouble)
	f.stop, f.cancel = context.WithCancel(ctx)
	return f, nil
}

// boot names a run: of one replica, the later has the greater name.
func boot(now time.Time) string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails
	return fmt.Sprintf("%011x", now.UnixMilli()) + hex.EncodeToString(random[:])
}

// Record implements broker.Auditor. It neither waits nor fails: what the fleet
// cannot take is dropped, and Overview tells.
func (f *Fleet) Record(entries ...broker.Entry) error {
	f.queue.put(entries)
	return nil
}

// SetBlocked says how to know whether a thing is blocked. It is asked often, and
// must not ask the fleet.
func (f *Fleet) SetBlocked(blocked func(thing string) bool) {
	f.blocked.Store(&blocked)
	f.Touch("")
}

func (f *Fleet) isBlocked() func(string) bool {
	if b := f.blocked.Load(); b != nil {
		return *b
	}
	return nil
}

// Touch tells readers that something about a thing changed that the fleet does not
// see by itself; "": about many.
func (f *Fleet) Touch(thing string) {
	f.overview.forget()
	f.listeners.tell(Change{Thing: thing})
}

// Close ends Run, and returns when it has put everything into the bucket, or
// given up.
func (f *Fleet) Close() error {
	f.cancel()
	f.queue.close()
	if f.ran.Load() {
		<-f.done
	}
	return nil
}
