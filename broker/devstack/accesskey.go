// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/versity/versitygw/auth"
)

// AccessKey is what the broker signs with.
type AccessKey struct {
	ID     string `json:"accessKeyId"`
	Secret string `json:"secretAccessKey"`
}

// NewAccessKey makes a random one, in AWS's form.
func NewAccessKey() AccessKey {
	id, secret := make([]byte, 10), make([]byte, 30)
	rand.Read(id) // never fails
	rand.Read(secret)
	return AccessKey{
		ID:     "AKIA" + base32.StdEncoding.EncodeToString(id),
		Secret: base64.StdEncoding.EncodeToString(secret),
	}
}

// LogValue keeps the secret out of every log.
func (k AccessKey) LogValue() slog.Value { return slog.StringValue(k.ID) }

// String is the public half.
func (k AccessKey) String() string { return k.ID }

// LoadAccessKey reads the key of a JSON file, or makes one and keeps it there.
// Nobody but the owner may read the file.
func LoadAccessKey(path string) (AccessKey, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return makeAccessKey(path)
	}
	if err != nil {
		return AccessKey{}, fmt.Errorf("read the access key: %w", err)
	}
	var key AccessKey
	if err := json.Unmarshal(text, &key); err != nil || key.ID == "" || key.Secret == "" {
		return AccessKey{}, fmt.Errorf("%s is damaged: delete it, and a new access key is made", path)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return AccessKey{}, fmt.Errorf("protect the access key: %w", err)
	}
	return key, nil
}

func makeAccessKey(path string) (AccessKey, error) {
	key := NewAccessKey()
	text, err := json.MarshalIndent(key, "", "  ")
	if err != nil {
		return AccessKey{}, err
	}
	if err := writeFile(path, append(text, '\n'), 0o600); err != nil {
		return AccessKey{}, fmt.Errorf("keep the access key: %w", err)
	}
	return key, nil
}

// accounts tells versitygw whom it knows: the holder of one key, who may do
// everything, and the sessions that were made with that key (session.go).
type accounts struct{ key AccessKey }

var errFixedAccounts = errors.New("accounts are fixed")

func (a accounts) GetUserAccount(id string) (auth.Account, error) {
	if id != a.key.ID {
		return auth.Account{}, auth.ErrNoSuchUser // 403 InvalidAccessKeyId
	}
	return auth.Account{Access: a.key.ID, Secret: a.key.Secret, Role: auth.RoleAdmin}, nil
}

func (a accounts) ResolveAccounts(ids []string) ([]string, error) {
	var unknown []string
	for _, id := range ids {
		if id != a.key.ID {
			unknown = append(unknown, id)
		}
	}
	return unknown, nil
}

func (accounts) CreateAccount(auth.Account) error                  { return errFixedAccounts }
func (accounts) UpdateUserAccount(string, auth.MutableProps) error { return errFixedAccounts }
func (accounts) DeleteUserAccount(string) error                    { return errFixedAccounts }
func (accounts) ListUserAccounts() ([]auth.Account, error)         { return nil, errFixedAccounts }
func (accounts) Shutdown() error                                   { return nil }
