// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
)

const (
	maxUsersFile = 1 << 20 // bytes
	maxUsers     = 5000
	maxName      = 64   // bytes, of a password user
	minPassword  = 12   // characters
	maxPassword  = 1024 // bytes
)

// account is a line of the password file.
type account struct {
	name string
	role Role
	hash phc
}

func (a account) String() string { return fmt.Sprintf("%s:%s:%s", a.name, a.role, a.hash) }

// parseAccount reads name:role:$argon2id$…
func parseAccount(line string) (account, error) {
	f := strings.SplitN(line, ":", 3)
	if len(f) != 3 {
		return account{}, errors.New("a line is name:role:hash; thingpass console user add makes one")
	}
	if err := checkName(f[0]); err != nil {
		return account{}, err
	}
	role, err := ParseRole(f[1])
	if err != nil {
		return account{}, err
	}
	hash, err := parsePHC(f[2])
	if err != nil {
		return account{}, err
	}
	return account{f[0], role, hash}, nil
}

// ParseRole reads viewer or operator.
func ParseRole(s string) (Role, error) {
	if r := Role(s); r == Viewer || r == Operator {
		return r, nil
	}
	return None, fmt.Errorf("the role %q is neither viewer nor operator", clip(s))
}

// checkName keeps names harmless in files, cookies, headers, the audit and pages.
func checkName(name string) error {
	const allowed = "._@+-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	good := name != "" && len(name) <= maxName && strings.Index(allowed, name[:1]) >= len("._@+-")
	for i := 0; good && i < len(name); i++ {
		good = strings.IndexByte(allowed, name[i]) >= 0
	}
	if !good {
		return fmt.Errorf("the name %q is not 1 to %d letters, digits and ._@+- that begin with a letter or digit", clip(name), maxName)
	}
	return nil
}

// clip shortens what a message repeats.
func clip(s string) string {
	if len(s) > maxName {
		return s[:maxName] + "…"
	}
	return s
}

// parseAccounts reads a password file. Empty lines and those that begin with # are
// skipped. Errors name file and line, and never repeat a hash.
func parseAccounts(path string, text []byte) ([]account, error) {
	var all []account
	lines := map[string]int{}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		s := strings.TrimRight(string(line), "\r\n")
		if s == "" || s[0] == '#' {
			continue
		}
		a, err := parseAccount(s)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		if first, found := lines[a.name]; found {
			return nil, fmt.Errorf("%s:%d: %s is in line %d already", path, n, a.name, first)
		}
		if len(all) == maxUsers {
			return nil, fmt.Errorf("%s:%d: more than %d users", path, n, maxUsers)
		}
		lines[a.name] = n
		all = append(all, a)
	}
	return all, nil
}

// readSecret reads a file that only its owner, and perhaps its group, may read: a
// mounted secret belongs to root and is read through the group.
func readSecret(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	if mode := info.Mode().Perm(); mode&0o027 != 0 {
		return nil, fmt.Errorf("%s is open to others (mode %04o): chmod 600 it", path, mode)
	}
	if info.Size() > most {
		return nil, fmt.Errorf("%s is longer than %d bytes", path, most)
	}
	return os.ReadFile(path)
}
