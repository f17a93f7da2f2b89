// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"bytes"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	keySize     = 32 // bytes
	bindingSize = 16
	maxKeyFile  = 256
)

// keys are made from one secret, each for one purpose, so that what is signed for
// one is never taken for another.
type keys struct {
	session, device, flow, proof, form, bind, decoy []byte
}

func newKeys(secret []byte) (keys, error) {
	var k keys
	for purpose, key := range map[string]*[]byte{
		"session": &k.session, "device": &k.device, "flow": &k.flow, "proof": &k.proof,
		"form": &k.form, "bind": &k.bind, "decoy": &k.decoy,
	} {
		var err error
		if *key, err = hkdf.Key(sha256.New, secret, nil, "thingpass console "+purpose, keySize); err != nil {
			return keys{}, err
		}
	}
	return k, nil
}

// loadKeys reads the key file, which is made if it is not there. Replicas that
// share the file, or copies of it, take each other's sessions. Without a file, the
// keys end with the process.
func loadKeys(path string) (keys, error) {
	if path == "" {
		secret := make([]byte, keySize)
		_, _ = rand.Read(secret) // never fails
		return newKeys(secret)
	}
	if err := makeKeyFile(path); err != nil {
		return keys{}, fmt.Errorf("session key: %w", err)
	}
	text, err := readSecret(path, maxKeyFile)
	if err != nil {
		return keys{}, fmt.Errorf("session key: %w", err)
	}
	secret, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil || len(secret) != keySize {
		return keys{}, fmt.Errorf("session key: %s is not the base64 of %d bytes: delete it, and a new one is made", path, keySize)
	}
	return newKeys(secret)
}

// makeKeyFile makes the file whole or not at all, and leaves one that is there: of
// two processes that start together, both take the first one's.
func makeKeyFile(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".thingpass-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	secret := make([]byte, keySize)
	_, _ = rand.Read(secret)
	_, err = fmt.Fprintln(f, base64.StdEncoding.EncodeToString(secret))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// binding ties a session to something that ends it by changing.
func (k keys) binding(to string) (b [bindingSize]byte) {
	copy(b[:], sum(k.bind, []byte(to)))
	return b
}
