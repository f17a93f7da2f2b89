// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package quota_test

import (
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/quota"
)

func TestWhatIsUsedCanBeSeenAndCountsNothing(t *testing.T) {
	for name, q := range stores(t) {
		t.Run(name, func(t *testing.T) {
			store := q.(quota.Store)
			used := func(c broker.Charge) int64 {
				t.Helper()
				n, err := store.Used(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			charge := object("cam-used", "a", 700, 1000, noon)
			if n := used(charge); n != 0 {
				t.Errorf("before anything: %d", n)
			}
			mustTake(t, q, "the first", 0, charge)
			mustTake(t, q, "too much", 1, object("cam-used", "b", 700, 1000, noon))
			for range 3 {
				if n := used(charge); n != 700 {
					t.Errorf("got %d, want 700", n)
				}
			}
			if n := used(object("cam-used", "", 0, 0, noon.Add(24*time.Hour))); n != 0 {
				t.Errorf("the next day: %d", n)
			}
			if n := used(object("cam-other", "", 0, 0, noon)); n != 0 {
				t.Errorf("another thing: %d", n)
			}
			if n := used(request("cam-used", 0, noon)); n != 0 {
				t.Errorf("another unit: %d", n)
			}
		})
	}
}
