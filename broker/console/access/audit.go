// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"fmt"
	"sync"
	"time"

	"thingpass/broker"
)

const (
	auditSignIn  = "sign-in"
	auditSignOut = "sign-out"
	meetAgain    = time.Hour
)

// auditor writes who came in, who left, and who did not get in. Its lines have names
// that are known or printable only: what somebody typed as a name may be a password.
type auditor struct {
	next broker.Auditor
	now  func() time.Time
	fail *limiter // failures that are written, so that a flood of them does not fill the disk
	met  *recent  // who came without signing in

	mu      sync.Mutex
	skipped int
}

func (a *auditor) write(request, actor string, code broker.Code, reason string) error {
	return a.next.Record(broker.Entry{Time: a.now(), Request: request, Actor: actor, Code: code, Reason: reason})
}

// failed writes that somebody did not get in; actor is empty unless there is such a
// user. What was left out of a flood is counted in the next line.
func (a *auditor) failed(actor, reason string) error {
	if a.fail.take("") > 0 {
		a.mu.Lock()
		a.skipped++
		a.mu.Unlock()
		return nil
	}
	a.mu.Lock()
	if a.skipped > 0 {
		reason = fmt.Sprintf("%s; %d failures before it were not written", reason, a.skipped)
		a.skipped = 0
	}
	a.mu.Unlock()
	return a.write(auditSignIn, actor, broker.CodeFailed, reason)
}

// meet writes, once an hour, who comes without signing in: with a certificate, or on
// this machine.
func (a *auditor) meet(v visit, from string) error {
	if v.ticket != nil || !a.met.add(v.key, meetAgain) {
		return nil
	}
	err := a.write(auditSignIn, v.user.Name, broker.CodeDone, reasonOf(v.user.Way, from))
	if err != nil {
		a.met.remove(v.key)
	}
	return err
}

func reasonOf(way, from string) string { return way + " from " + from }
