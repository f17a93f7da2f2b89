// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import "time"

// What tests of the package's outside need of its inside.
var (
	ReturnPath   = returnPath
	LoopbackName = loopbackName
	Place        = place
	Printable    = printable
	Unseal       = unseal
	Seal         = seal
)

const (
	MaxMemory  = maxMemory
	WatchEvery = watchEvery
)

// ParseLine reads a line of a password file and prints it again.
func ParseLine(line string) (string, error) {
	a, err := parseAccount(line)
	if err != nil {
		return "", err
	}
	return a.String(), nil
}

// ParseFile reads a password file, and returns how many users it has.
func ParseFile(path string, text []byte) (int, error) {
	all, err := parseAccounts(path, text)
	return len(all), err
}

// ParseTicket reads a ticket and prints it again.
func ParseTicket(b []byte) ([]byte, error) {
	t, err := parseTicket(b)
	if err != nil {
		return nil, err
	}
	return t.append(nil), nil
}

// SetStream sets how long streams last, and how often they are looked at.
func (g *Guard) SetStream(life, look time.Duration) { g.streamLife, g.streamLook = life, look }

// Limiter is a limiter.
type Limiter struct{ *limiter }

// NewLimiter returns one.
func NewLimiter(rate, burst float64, now func() time.Time) Limiter {
	return Limiter{newLimiter(rate, burst, now)}
}

// Take is take.
func (l Limiter) Take(key string) time.Duration { return l.take(key) }

// SessionKey is what guards with this key file sign sessions with.
func SessionKey(path string) ([]byte, error) {
	k, err := loadKeys(path)
	return k.session, err
}
