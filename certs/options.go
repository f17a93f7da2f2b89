// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs

import (
	"fmt"
	"time"
)

const (
	// CADays is how long a CA is valid unless told otherwise: a development
	// CA is flashed into things, and replacing it means flashing them again.
	CADays = 3650

	// IntermediateDays is how long an intermediate is valid unless told
	// otherwise: its key is in daily use, so it is replaced before the root.
	IntermediateDays = 1825

	// LeafDays is how long any other certificate is valid unless told
	// otherwise: the most that Apple's systems accept of a server under a
	// CA that the user installed (https://support.apple.com/en-us/HT210176).
	LeafDays = 825

	// Skew is how far certificates are dated back, for peers whose clock is
	// a little behind ours.
	Skew = time.Hour

	maxDays = 36500
)

// An Option changes how a certificate is issued, mostly when it is valid.
type Option func(*terms)

// Days makes a certificate valid for n days from now, 1 to 36500. It ends
// earlier if its CA does.
func Days(n int) Option { return func(t *terms) { t.days = n } }

// At issues as if it were now. The default is time.Now().
func At(now time.Time) Option { return func(t *terms) { t.now = now } }

// Between sets both ends of the validity exactly, without regard to the clock
// or to the CA's own end: for tests that need expired certificates, or some
// that are not valid yet.
func Between(notBefore, notAfter time.Time) Option {
	return func(t *terms) { t.notBefore, t.notAfter, t.exact = notBefore, notAfter, true }
}

// AnySubject lets CA.Sign ignore the common name that a request asks for, as AWS
// IoT does: for things that do not know their name yet.
func AnySubject() Option { return func(t *terms) { t.anySubject = true } }

// terms is what the options add up to.
type terms struct {
	now                 time.Time
	days                int
	notBefore, notAfter time.Time
	exact               bool
	anySubject          bool
}

func newTerms(days int, opts []Option) (terms, error) {
	t := terms{now: time.Now(), days: days}
	for _, o := range opts {
		o(&t)
	}
	if t.exact {
		if !t.notBefore.Before(t.notAfter) {
			return terms{}, fmt.Errorf("a certificate valid from %s until %s is never valid: let it end after it begins", day(t.notBefore), day(t.notAfter))
		}
		return t, nil
	}
	if t.days < 1 || t.days > maxDays {
		return terms{}, fmt.Errorf("a certificate cannot be valid for %d days: use 1 to %d", t.days, maxDays)
	}
	t.notBefore, t.notAfter = t.now.Add(-Skew), t.now.AddDate(0, 0, t.days)
	return t, nil
}

// within keeps t inside the CA's own validity: a certificate is worth nothing
// when its CA is not valid, so a later end would only mislead.
func (t terms) within(ca Identity) (terms, error) {
	if t.exact {
		return t, nil
	}
	if !t.now.Before(ca.Leaf.NotAfter) {
		return terms{}, fmt.Errorf("the CA %q expired on %s: make a new CA in another directory, and issue again", ca.Name, day(ca.Leaf.NotAfter))
	}
	if t.now.Before(ca.Leaf.NotBefore) {
		return terms{}, fmt.Errorf("the CA %q is not valid before %s: set this machine's clock", ca.Name, ca.Leaf.NotBefore.Format(time.RFC3339))
	}
	if t.notAfter.After(ca.Leaf.NotAfter) {
		t.notAfter = ca.Leaf.NotAfter
	}
	if t.notBefore.Before(ca.Leaf.NotBefore) {
		t.notBefore = ca.Leaf.NotBefore
	}
	return t, nil
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }
