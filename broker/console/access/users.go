// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"time"
)

// maxHashing is how many passwords are hashed at once: with maxMemory that is
// 128 MiB at most, 38 MiB with what new passwords have. hashQueue is how many may
// be at it or wait, of strangers and of those whose browser is known.
const (
	maxHashing = 2
	hashQueue  = 16
)

var errBusy = errors.New("too many sign-ins at once")

// users checks passwords.
type users struct {
	file  *watched[records]
	keys  keys
	slots chan struct{}
	queue chan struct{} // of browsers that are known
	first chan struct{} // of strangers
}

// records are the users of a password file.
type records struct {
	byName map[string]record
	list   []account
}

type record struct {
	account
	binding [bindingSize]byte // changes with role and password
}

func newUsers(path string, k keys, log *slog.Logger, now func() time.Time) (*users, error) {
	u := &users{keys: k, slots: make(chan struct{}, maxHashing),
		queue: make(chan struct{}, hashQueue), first: make(chan struct{}, hashQueue)}
	var err error
	u.file, err = watch(log, now, func() (records, error) { return readRecords(path, k) }, path)
	return u, err
}

func readRecords(path string, k keys) (records, error) {
	text, err := readSecret(path, maxUsersFile)
	if err != nil {
		return records{}, err
	}
	list, err := parseAccounts(path, text)
	if err != nil {
		return records{}, err
	}
	r := records{byName: make(map[string]record, len(list)), list: list}
	for _, a := range list {
		r.byName[a.name] = record{a, k.binding(a.String())}
	}
	return r, nil
}

// find returns the user's record as it is now.
func (u *users) find(name string) (record, bool) {
	r, found := u.file.get().byName[name]
	return r, found
}

// check returns the user's record if the password is right. It takes as long for
// a name that is not there. favoured is who comes with a browser that is known.
// errBusy: nothing was checked.
func (u *users) check(ctx context.Context, name, password string, favoured bool) (record, bool, error) {
	r, known := u.find(name)
	if !known {
		r.hash = u.decoy(name)
	}
	line := u.first
	if favoured {
		line = u.queue
	}
	select {
	case line <- struct{}{}:
		defer func() { <-line }()
	default:
		return record{}, false, errBusy
	}
	select {
	case u.slots <- struct{}{}:
		defer func() { <-u.slots }()
	case <-ctx.Done():
		return record{}, false, errBusy
	}
	if len(password) > maxPassword {
		password = "" // no password of ours; as long as any
	}
	if right := r.hash.matches(password); !right || !known {
		return record{}, false, nil
	}
	return r, true, nil
}

// decoy is a hash that no password has, with the parameters of a user: always of
// the same one for the same name, as if that name were there.
func (u *users) decoy(name string) phc {
	h := phc{memory: hashMemory, time: hashTime, threads: hashThreads}
	random := sum(u.keys.decoy, []byte(name))
	if list := u.file.get().list; len(list) > 0 {
		h = list[binary.BigEndian.Uint64(random)%uint64(len(list))].hash
	}
	h.salt, h.hash = random[:hashSalt], random
	return h
}
