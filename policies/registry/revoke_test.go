// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"strings"
	"testing"

	"thingpass/policies/registry"
)

// One that is not named would be admitted by jitp: it is added.
func TestWhatIsRevokedIsNamed(t *testing.T) {
	t.Parallel()
	active, stranger := strings.Repeat("b", 64), strings.Repeat("c", 64)
	s, err := registry.InMemory("account: \"123456789012\"\nregion: eu-central-1\ncertificates:\n  - {id: " + active + ", status: ACTIVE}\n")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // it may be repeated
		for _, id := range []string{active, stranger} {
			if err := s.Edit(func(d *registry.Draft) error { return d.Revoke(id) }); err != nil {
				t.Fatal(err)
			}
			if c, known := s.Registry().Certificate(id); !known || c.Status != registry.Revoked {
				t.Errorf("%.1s…: %v %+v", id, known, c)
			}
		}
	}
	if err := s.Edit(func(d *registry.Draft) error { return d.Revoke("no id") }); err == nil {
		t.Error("an id that is none was revoked")
	}
}
