// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"testing"
	"time"
)

func TestQuantilesAreNearlyExact(t *testing.T) {
	var h histogram
	for i := range 100_000 {
		h.add(time.Duration(i+1) * 10 * time.Microsecond) // up to a second
	}
	for q, want := range map[float64]time.Duration{.5: 500 * time.Millisecond, .99: 990 * time.Millisecond, .999: 999 * time.Millisecond, 1: time.Second} {
		if got := h.quantile(q); got < want-20*time.Microsecond || float64(got) > float64(want)*1.016 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	last := -1
	for us := time.Duration(0); us < 100_000_000; us = us*65/64 + 1 {
		b := bucketOf(us * time.Microsecond)
		if b < last || upper(b) < us*time.Microsecond || b > 0 && upper(b-1) >= us*time.Microsecond {
			t.Fatalf("%d µs is in bucket %d, which ends at %v", us, b, upper(b))
		}
		last = b
	}
}

func TestAnAnswerSaysHowLateItIs(t *testing.T) {
	id := make([]byte, IDLength)
	writeHex(id[:4], 0xbeef)
	writeHex(id[4:], uint64(123456789))
	moment, number, ok := parseID([]byte(Start + string(id) + `","status":"success"}`))
	if moment != 123456789 || number != 0xbeef || !ok {
		t.Errorf("%v, %x, %v", moment, number, ok)
	}
	for _, other := range []string{"", Start, Start + "0123", `{"status":"error"}`, Start + `x123456789abcdef0123"`} {
		if _, _, ok := parseID([]byte(other)); ok {
			t.Errorf("%q has an id", other)
		}
	}
}
