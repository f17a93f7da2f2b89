// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// What new passwords are hashed with: OWASP's first choice for argon2id, 19 MiB.
const (
	hashMemory  = 19 << 10 // KiB
	hashTime    = 2
	hashThreads = 1
	hashSalt    = 16 // bytes
	hashLength  = 32
)

// What a password file may ask for. The upper bounds keep a hostile file from
// eating the broker's memory and time, the lower ones keep a weak one out.
const (
	minMemory, maxMemory   = 7 << 10, 64 << 10 // KiB
	minTime, maxTime       = 1, 10
	minThreads, maxThreads = 1, 8
	minSalt, maxSalt       = 8, 64
	minHash, maxHash       = 16, 64
)

// phc is a hash as the password file has it.
type phc struct {
	memory, time uint32
	threads      uint8
	salt, hash   []byte
}

// newPHC hashes a password with a salt of its own.
func newPHC(password string) phc {
	h := phc{memory: hashMemory, time: hashTime, threads: hashThreads, salt: make([]byte, hashSalt), hash: make([]byte, hashLength)}
	_, _ = rand.Read(h.salt) // never fails
	h.hash = h.of(password)
	return h
}

func (h phc) of(password string) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(len(h.hash)))
}

// matches takes as long for a wrong password as for the right one.
func (h phc) matches(password string) bool {
	return subtle.ConstantTimeCompare(h.of(password), h.hash) == 1
}

func (h phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads,
		b64.EncodeToString(h.salt), b64.EncodeToString(h.hash))
}

// parsePHC reads $argon2id$v=19$m=…,t=…,p=…$salt$hash, written as String does and
// in no other way.
func parsePHC(s string) (phc, error) {
	f := strings.Split(s, "$")
	if len(f) != 6 || f[0] != "" {
		return phc{}, errors.New("a hash is $argon2id$v=19$m=…,t=…,p=…$salt$hash; thingpass console user add makes one")
	}
	if f[1] != "argon2id" || f[2] != "v="+strconv.Itoa(argon2.Version) {
		return phc{}, errors.New("the hash is not argon2id, v=19; thingpass console user add makes one")
	}
	var h phc
	if err := h.parameters(f[3]); err != nil {
		return phc{}, err
	}
	var err error
	if h.salt, err = unbase64("salt", f[4], minSalt, maxSalt); err != nil {
		return phc{}, err
	}
	if h.hash, err = unbase64("hash", f[5], minHash, maxHash); err != nil {
		return phc{}, err
	}
	return h, nil
}

func (h *phc) parameters(s string) error {
	f := strings.Split(s, ",")
	if len(f) != 3 {
		return errors.New("the hash's parameters are m=…,t=…,p=…")
	}
	bounds := []struct {
		key      string
		min, max uint32
	}{{"m=", minMemory, maxMemory}, {"t=", minTime, maxTime}, {"p=", minThreads, maxThreads}}
	var got [3]uint32
	for i, b := range bounds {
		digits, found := strings.CutPrefix(f[i], b.key)
		n, err := strconv.ParseUint(digits, 10, 32)
		if !found || err != nil || strconv.FormatUint(n, 10) != digits {
			return fmt.Errorf("the hash's parameters are m=…,t=…,p=…: %s is no number", b.key[:1])
		}
		if uint32(n) < b.min || uint32(n) > b.max {
			return fmt.Errorf("the hash's %s%d is not from %d to %d", b.key, n, b.min, b.max)
		}
		got[i] = uint32(n)
	}
	h.memory, h.time, h.threads = got[0], got[1], uint8(got[2])
	return nil
}

func unbase64(what, s string, least, most int) ([]byte, error) {
	if len(s) > base64.RawStdEncoding.EncodedLen(most) {
		return nil, fmt.Errorf("the %s is longer than %d bytes", what, most)
	}
	if strings.ContainsAny(s, "\r\n") { // which the decoder would skip
		return nil, fmt.Errorf("the %s is not base64 without padding", what)
	}
	b, err := base64.RawStdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("the %s is not base64 without padding", what)
	}
	if len(b) < least {
		return nil, fmt.Errorf("the %s is shorter than %d bytes", what, least)
	}
	return b, nil
}
