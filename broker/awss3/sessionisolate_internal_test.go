// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"strings"
	"testing"

	"thingpass/policies"
	"thingpass/policies/isolate"
)

// The session that a thing is given reaches no other thing's keys, whatever the
// names are.
func TestSessionsAreIsolated(t *testing.T) {
	t.Parallel()
	claim := isolate.Claim{Clients: []string{"{thing}"}, Topics: []string{"thingpass/{thing}/#"}, Keys: []string{"{thing}/#"}}
	for _, name := range []string{"cam1", "cam", "a", "-", ":", "response", strings.Repeat("a", 127), strings.Repeat("a", 128)} {
		for _, access := range []Access{WriteOnly, ReadWrite} {
			d, err := policies.Parse("session", []byte(sessionPolicy("aws", "photos", name, access)))
			if err != nil {
				t.Fatal(err)
			}
			at := policies.Place{Partition: "aws", Region: "eu-central-1", Account: "123456789012"}
			if p := isolate.Named(claim, name, []*policies.Document{d}, at, "photos"); len(p.Leaks) > 0 || p.Decisions == 0 {
				t.Errorf("%s, %s: %+v", name, access, p.Leaks)
			}
		}
	}
}
