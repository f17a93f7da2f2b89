// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Quota counts what things use, for Limits.
//
// Take counts c.Amount in the window of c.Now and returns 0, if the window's
// total stays within c.Limit. Otherwise it counts nothing and returns the number
// of refusals in this window, this one included. Two charges at a time, from any
// number of brokers that share the counts, are never both let in where there is
// room for one.
//
// The error means that nobody knows; the thing is told `unavailable`. Whether a
// count that cannot be had refuses or allows is the Quota's own policy: one that
// allows returns 0 and no error.
type Quota interface {
	Take(ctx context.Context, c Charge) (refusals int64, err error)
}

// Charge is what a thing is about to use.
type Charge struct {
	Thing string
	Kind  string // whose limit it is; "" for the one of all kinds together
	Unit  Unit
	Limit int64 // of Amounts in a window
	Now   time.Time

	Amount int64  // 0 asks whether there is room for anything, and counts nothing
	Key    string // the object's; Key and Amount again within Remembered is free; "" is not remembered
	Spent  bool   // has happened already: counted even beyond the limit, and never refused
}

// Of each thing a Quota remembers so many objects for so long: a retry is free
// [P-9.5]. Key and size are remembered together, or a second grant for the same
// key would be free whatever its size.
const (
	RememberedObjects = 32
	Remembered        = time.Hour
)

// A Unit is what is counted, and with it the length of the windows.
type Unit byte

// The units.
const (
	Requests Unit = iota // in a minute of the broker's clock
	Bytes                // in a day, UTC
)

func (u Unit) seconds() int64 {
	if u == Requests {
		return 60
	}
	return 24 * 60 * 60
}

// Window returns the number of the window that now is in, and when the next
// begins. Windows lie on the clock: a clock that is set changes the window at
// once, forward or back, and no count outlives its window.
func (u Unit) Window(now time.Time) (number int64, ends time.Time) {
	s := u.seconds()
	number = now.Unix() / s
	if now.Unix()%s < 0 { // before 1970
		number--
	}
	return number, time.Unix((number+1)*s, 0)
}

// Limits bound what one thing may use. Zero is no limit.
type Limits struct {
	RequestsPerMinute int64
	BytesPerDay       int64
}

// MaxLimit is the largest limit: what every Quota can count exactly.
const MaxLimit = 1 << 53

// Check returns an error that says which limit makes no sense.
func (l Limits) Check() error {
	switch {
	case l.RequestsPerMinute < 0 || l.BytesPerDay < 0:
		return errors.New("a limit cannot be negative")
	case l.RequestsPerMinute > MaxLimit:
		return fmt.Errorf("requests_per_minute is %d, at most %d can be counted", l.RequestsPerMinute, int64(MaxLimit))
	case l.BytesPerDay > MaxLimit:
		return fmt.Errorf("bytes_per_day is %d, at most %d can be counted", l.BytesPerDay, int64(MaxLimit))
	}
	return nil
}

func checkQuota(c Config) error {
	limited := c.Limits != Limits{}
	for _, k := range c.Kinds {
		limited = limited || k.Limits != Limits{}
	}
	if limited && c.Quota == nil {
		return errors.New("there are limits, but no quota to count by")
	}
	if err := c.Limits.Check(); err != nil {
		return fmt.Errorf("limits: %w", err)
	}
	return nil
}

// admit counts a request of any kind. It is the first that happens to a request,
// so that one too many costs little.
func (r *request) admit(ctx context.Context) error {
	return r.countRequest(ctx, "", r.broker.limits.RequestsPerMinute)
}

// admitKind counts a request of this kind, besides admit: a handler calls it once
// it knows the kind.
func (r *request) admitKind(ctx context.Context, k *kind) error {
	return r.countRequest(ctx, k.Name, k.Limits.RequestsPerMinute)
}

func (r *request) countRequest(ctx context.Context, kind string, limit int64) error {
	if limit == 0 {
		return nil
	}
	n, err := r.take(ctx, Charge{Kind: kind, Unit: Requests, Limit: limit, Amount: 1})
	if err != nil || n == 0 {
		return err
	}
	refusal := r.exceeded(Requests, "%d requests a minute are allowed%s", limit, ofKind(kind))
	refusal.quiet = !milestone(n)
	if n > 1 {
		refusal.Text += fmt.Sprintf("; this is refusal %d in this minute", n)
	}
	return refusal
}

// charge counts the bytes of an object that is about to be granted: after all
// else is decided, before anything is signed. The same object again is free.
func (r *request) charge(ctx context.Context, k *kind, key string, size int64) error {
	kind, limit := r.bytesLimit(k)
	if limit == 0 {
		return nil
	}
	if size > limit { // waiting would not help
		return refuse(CodeSizeNotAllowed, "size is %d, %d bytes a day are allowed%s", size, limit, ofKind(kind))
	}
	n, err := r.take(ctx, Charge{Kind: kind, Unit: Bytes, Limit: limit, Amount: size, Key: key})
	if err != nil || n == 0 {
		return err
	}
	return r.exceeded(Bytes, "%d bytes a day are allowed%s", limit, ofKind(kind))
}

// afford refuses a thing that has used up its bytes, and counts nothing: for
// grants whose sizes are not known yet, such as a pass.
func (r *request) afford(ctx context.Context, k *kind) error { return r.charge(ctx, k, "", 0) }

// chargeStored counts the bytes of an object that is in the bucket already, even
// beyond the limit: for uploads whose grant charged nothing, once they are
// verified. The same object again is free. The error is never `quota-exceeded`.
func (r *request) chargeStored(ctx context.Context, k *kind, key string, size int64) error {
	kind, limit := r.bytesLimit(k)
	if limit == 0 {
		return nil
	}
	_, err := r.take(ctx, Charge{Kind: kind, Unit: Bytes, Limit: limit, Amount: size, Key: key, Spent: true})
	return err
}

// bytesLimit returns whose limit is the one for the kind's objects: the kind's
// own, or the one of all kinds that have none.
func (r *request) bytesLimit(k *kind) (kind string, limit int64) {
	if k.Limits.BytesPerDay > 0 {
		return k.Name, k.Limits.BytesPerDay
	}
	return "", r.broker.limits.BytesPerDay
}

func (r *request) take(ctx context.Context, c Charge) (refusals int64, err error) {
	c.Thing, c.Now = r.thing, r.now
	if refusals, err = r.broker.quota.Take(ctx, c); err != nil {
		return 0, &Refusal{Code: CodeUnavailable, Text: "the quota cannot be counted; ask again later", Cause: err}
	}
	return refusals, nil
}

// exceeded is the refusal until the next window begins.
func (r *request) exceeded(u Unit, format string, args ...any) *Refusal {
	_, ends := u.Window(r.now)
	refusal := refuse(CodeQuotaExceeded, format, args...)
	refusal.Wait = max(ends.Sub(r.now.Truncate(time.Second)), time.Second)
	return refusal
}

func ofKind(kind string) string {
	if kind == "" {
		return ""
	}
	return " for kind " + kind
}

// milestone picks the refusals of a flood that are worth a line: 1, 10, 100 …
func milestone(n int64) bool {
	for n > 1 && n%10 == 0 {
		n /= 10
	}
	return n == 1
}
