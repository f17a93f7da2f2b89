// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// The errors of AddAccount and RemoveAccount that callers tell apart.
var (
	ErrExists   = errors.New("there is such a user already")
	ErrNoSuch   = errors.New("there is no such user")
	ErrPassword = errors.New("the password does not do")
)

// Account is who may sign in with a password.
type Account struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
}

// Accounts are those of a password file, in its order.
func Accounts(path string) ([]Account, error) {
	text, err := readSecret(path, maxUsersFile)
	if err != nil {
		return nil, err
	}
	all, err := parseAccounts(path, text)
	if err != nil {
		return nil, err
	}
	list := make([]Account, 0, len(all))
	for _, a := range all {
		list = append(list, Account{a.name, a.role})
	}
	return list, nil
}

// AddAccount adds a user to the password file, which is made if it is not there. A
// user who is there already is ErrExists, or with replace gets the new role and
// password, which ends all sessions of the user.
func AddAccount(path, name string, role Role, password string, replace bool) error {
	if err := checkName(name); err != nil {
		return err
	}
	if _, err := ParseRole(string(role)); err != nil {
		return err
	}
	if err := CheckPassword(password); err != nil {
		return err
	}
	return editAccounts(path, func(lines []string) ([]string, error) {
		at := find(lines, name)
		if at >= 0 && !replace {
			return nil, fmt.Errorf("%s: %w", name, ErrExists)
		}
		line := account{name, role, newPHC(password)}.String()
		if at < 0 {
			return append(lines, line), nil
		}
		lines[at] = line
		return lines, nil
	})
}

// RemoveAccount removes a user, which ends all sessions of the user.
func RemoveAccount(path, name string) error {
	return editAccounts(path, func(lines []string) ([]string, error) {
		at := find(lines, name)
		if at < 0 {
			return nil, fmt.Errorf("%s: %w", clip(name), ErrNoSuch)
		}
		return append(lines[:at], lines[at+1:]...), nil
	})
}

// CheckPassword says why a password does not do: length is what counts.
func CheckPassword(password string) error {
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return fmt.Errorf("%w: it has fewer than %d characters", ErrPassword, minPassword)
	case len(password) > maxPassword:
		return fmt.Errorf("%w: it has more than %d bytes", ErrPassword, maxPassword)
	case strings.ContainsAny(password, "\r\n\x00"):
		return fmt.Errorf("%w: it has more than one line", ErrPassword)
	}
	return nil
}

// NewPassword makes a password of 100 random bits that can be read out aloud.
func NewPassword() string {
	b := make([]byte, 15)
	_, _ = rand.Read(b) // never fails
	s := strings.ToLower(base32.StdEncoding.EncodeToString(b))[:20]
	return s[:5] + "-" + s[5:10] + "-" + s[10:15] + "-" + s[15:]
}

func find(lines []string, name string) int {
	for i, l := range lines {
		if strings.HasPrefix(l, name+":") {
			return i
		}
	}
	return -1
}

// editAccounts keeps comments and order. It refuses to write what it could not
// read.
func editAccounts(path string, edit func([]string) ([]string, error)) error {
	text, err := readSecret(path, maxUsersFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := parseAccounts(path, text); err != nil {
		return err
	}
	var lines []string
	for l := range bytes.Lines(text) {
		lines = append(lines, strings.TrimRight(string(l), "\r\n"))
	}
	if lines, err = edit(lines); err != nil {
		return err
	}
	text = []byte(strings.Join(lines, "\n") + "\n")
	if _, err := parseAccounts(path, text); err != nil {
		return err // such as one user too many
	}
	return replaceSecret(path, text)
}

// replaceSecret leaves either the old file or the new one, whenever it dies, and
// the new one for its owner alone, or for its group as well if the old one was.
func replaceSecret(path string, text []byte) error {
	mode := os.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode |= info.Mode().Perm() & 0o040
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".thingpass-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // if it is still there
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
