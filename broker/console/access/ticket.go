// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"
)

const (
	ticketVersion = 1
	idSize        = 16
	ticketHead    = 3 + 8 + 8 + idSize + bindingSize // bytes before the name
	maxActor      = 254                              // bytes of a name; what an e-mail address may have
	maxSealed     = 2 << 10                          // characters of a cookie
	clockSkew     = 2 * time.Minute                  // between replicas
)

var errTicket = errors.New("no valid ticket")

// The ways as a byte of a ticket; the index is the byte.
var ticketWays = [...]string{"", wayPassword, wayOIDC}

// ticket is a session: all of it is in the cookie, sealed, so that it outlives a
// restart and every replica knows it.
type ticket struct {
	way     string
	role    Role // of wayOIDC; a password user's is in the file
	issued  time.Time
	seen    time.Time
	id      [idSize]byte // the same for all renewals
	binding [bindingSize]byte
	name    string
}

func newTicket(u User, binding [bindingSize]byte, now time.Time) ticket {
	t := ticket{way: u.Way, role: u.Role, issued: now, seen: now, binding: binding, name: u.Name}
	_, _ = rand.Read(t.id[:]) // never fails
	return t
}

func (t ticket) append(b []byte) []byte {
	var way, role byte
	for i, w := range ticketWays {
		if w == t.way {
			way = byte(i)
		}
	}
	if t.role == Operator {
		role = 1
	}
	b = append(b, ticketVersion, way, role)
	b = binary.BigEndian.AppendUint64(b, uint64(t.issued.Unix()))
	b = binary.BigEndian.AppendUint64(b, uint64(t.seen.Unix()))
	b = append(b, t.id[:]...)
	b = append(b, t.binding[:]...)
	return append(b, t.name...)
}

func parseTicket(b []byte) (ticket, error) {
	if len(b) <= ticketHead || len(b) > ticketHead+maxActor || b[0] != ticketVersion ||
		b[1] == 0 || int(b[1]) >= len(ticketWays) || b[2] > 1 {
		return ticket{}, errTicket
	}
	t := ticket{way: ticketWays[b[1]], role: Viewer, name: string(b[ticketHead:])}
	if b[2] == 1 {
		t.role = Operator
	}
	t.issued = time.Unix(int64(binary.BigEndian.Uint64(b[3:])), 0)
	t.seen = time.Unix(int64(binary.BigEndian.Uint64(b[11:])), 0)
	copy(t.id[:], b[19:])
	copy(t.binding[:], b[19+idSize:])
	return t, nil
}

// within says whether the session has not ended by time.
func (t ticket) within(now time.Time, idle, whole time.Duration) bool {
	ahead := now.Add(clockSkew)
	return !t.issued.After(ahead) && !t.seen.After(ahead) &&
		now.Before(t.issued.Add(whole)) && now.Before(t.seen.Add(idle))
}

// seal makes a cookie's value of which nobody without the key can make another.
// What is in it can be read by whoever has it.
func seal(key, content []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(content[:len(content):len(content)], sum(key, content)...))
}

// unseal returns what was sealed with the key.
func unseal(key []byte, value string) ([]byte, error) {
	if len(value) > maxSealed {
		return nil, errTicket
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil || len(b) < sha256.Size {
		return nil, errTicket
	}
	content, mac := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if !hmac.Equal(mac, sum(key, content)) {
		return nil, errTicket
	}
	return content, nil
}

func sum(key, content []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(content)
	return h.Sum(nil)
}
