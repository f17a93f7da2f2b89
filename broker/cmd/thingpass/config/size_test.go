// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"testing"

	"thingpass/broker/cmd/thingpass/config"
)

func TestSizesAreRead(t *testing.T) {
	for text, want := range map[string]config.ByteSize{
		"1": 1, "4096": 4096, "7B": 7, "500kB": 500_000, "500KB": 500_000, "500 kB": 500_000, "2MB": 2_000_000, "1GB": 1_000_000_000,
		"1KiB": 1024, "8MiB": 8 << 20, "5GiB": 5 << 30, "9223372036854775807": 1<<63 - 1,
	} {
		if got, err := config.ParseByteSize(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestWhatIsNoSizeIsRefused(t *testing.T) {
	for _, text := range []string{"", " ", "0", "0MiB", "-1", "+1", "1.5MiB", "8 MB!", "8m", "8M", "MiB", "1e3", "0x10", "1_000", "1  kB", " 1",
		"9223372036854775808", "9007199254740992KiB", "99999999999GiB"} {
		if got, err := config.ParseByteSize(text); err == nil || got != 0 {
			t.Errorf("%q: got %d, %v", text, got, err)
		}
	}
}
