// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package operate

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"thingpass/broker"
)

const (
	maxReason = 300 // characters
	maxActor  = 256 // bytes
	maxWord   = 64  // [P-1.6]
	maxPace   = 6000
	maxThings = 50_000 // of a campaign
)

func badInput(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBadInput, fmt.Sprintf(format, args...))
}

// check judges who wants to act, on which thing.
func (d *Desk) check(a Action, actor, thing string) error {
	if err := d.Offers(a); err != nil {
		return err
	}
	if err := checkActor(actor); err != nil {
		return err
	}
	if !broker.ValidThing(thing) {
		return fmt.Errorf("%w: a thing's name is 1 to 128 letters, digits, ':', '_' and '-'", ErrNoSuchThing)
	}
	if d.conf.Known != nil && !d.conf.Known(thing) {
		return fmt.Errorf("%w: nothing was ever heard of %s", ErrNoSuchThing, thing)
	}
	return nil
}

// checkActor judges the operator's name: without one nothing is done.
func checkActor(actor string) error {
	switch {
	case strings.TrimSpace(actor) == "":
		return badInput("the operator has no name, which the audit needs")
	case len(actor) > maxActor:
		return badInput("the operator's name has %d bytes, at most %d fit", len(actor), maxActor)
	case !printable(actor):
		return badInput("the operator's name has characters that cannot be printed")
	}
	return nil
}

func checkReason(reason string) error {
	if !printable(reason) {
		return badInput("the reason has characters that cannot be printed: write it on one line")
	}
	if n := utf8.RuneCountInString(reason); n > maxReason {
		return badInput("the reason has %d characters, at most %d are kept: shorten it", n, maxReason)
	}
	return nil
}

// printable is true for one line of text that does what it shows: no control
// characters, and none that turn the direction of writing. Emoji are joined by
// U+200D.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) && r != '\u200d' })
}

// validWord is the rule of ids, which are parts of keys here [P-1.6].
func validWord(s string) bool {
	return validText(s, "_-")
}

// validObjectName is the rule of shared objects' names [P-13].
func validObjectName(s string) bool {
	return validText(s, "._-") && s[0] != '.'
}

func validText(s, others string) bool {
	return s != "" && len(s) <= maxWord && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(others, r))
	})
}

// announce writes into the audit what is about to be done. After an error nothing
// may be done.
func (d *Desk) announce(entries ...broker.Entry) error {
	now := d.conf.Now()
	for i := range entries {
		entries[i].Time, entries[i].Code = now, broker.CodeDone
	}
	if err := d.conf.Audit.Record(entries...); err != nil {
		return fmt.Errorf("nothing was done, for the audit cannot be written: %w", err)
	}
	return nil
}

// regret adds to the audit that what was announced did not work, and returns why.
func (d *Desk) regret(e broker.Entry, why error) error {
	e.Time, e.Code, e.Reason = d.conf.Now(), broker.CodeFailed, clip(why.Error(), maxReason)
	if err := d.conf.Audit.Record(e); err != nil {
		return errors.Join(why, fmt.Errorf("and the audit says that it was done: %w", err))
	}
	return why
}

// clip makes one printable line of at most n characters.
func clip(s string, n int) string {
	clean := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s))
	if len(clean) > n {
		return string(clean[:n-1]) + "…"
	}
	return string(clean)
}
