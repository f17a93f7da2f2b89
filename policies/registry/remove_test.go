// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry_test

import (
	"strings"
	"testing"

	"thingpass/policies/registry"
)

func TestOnlyWhatIsPendingIsRemoved(t *testing.T) {
	pending, active := strings.Repeat("a", 64), strings.Repeat("b", 64)
	s, err := registry.InMemory("account: \"123456789012\"\nregion: eu-central-1\ncertificates:\n" +
		"  - {id: " + pending + ", status: PENDING_ACTIVATION} # one\n  - {id: " + active + ", status: ACTIVE}\n")
	if err != nil {
		t.Fatal(err)
	}
	for id, ok := range map[string]bool{active: false, strings.Repeat("c", 64): false, pending: true} {
		if err := s.Edit(func(d *registry.Draft) error { return d.RemovePending(id) }); (err == nil) != ok {
			t.Errorf("%.1s…: %v", id, err)
		}
	}
	if left := s.Registry().Certificates(); len(left) != 1 || left[0].ID != active {
		t.Errorf("left: %+v", left)
	}
}
