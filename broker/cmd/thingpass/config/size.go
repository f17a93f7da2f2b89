// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ByteSize is a number of bytes.
type ByteSize int64

// SizeLimit is a ByteSize that can be switched off; then it is 0, and written
// "off".
type SizeLimit ByteSize

// ParseByteSize reads "8MiB" (8 × 1024²), "500kB" (500 × 1000), "500 kB" or
// "4096". There is at least one byte, and there are no fractions: a limit is a
// number that can be compared with what S3 says.
func ParseByteSize(s string) (ByteSize, error) {
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit, known := unitOf(s[len(digits):])
	n, err := strconv.ParseUint(strings.TrimSuffix(digits, " "), 10, 63)
	if err != nil || !known || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("is %q: want a size such as 4096, 500kB or 8MiB", s)
	}
	if n == 0 {
		return 0, fmt.Errorf("is %q: want at least 1 byte", s)
	}
	return ByteSize(n * unit), nil
}

func unitOf(name string) (bytes uint64, known bool) {
	switch name {
	case "", "B":
		return 1, true
	case "kB", "KB":
		return 1e3, true
	case "MB":
		return 1e6, true
	case "GB":
		return 1e9, true
	case "KiB":
		return 1 << 10, true
	case "MiB":
		return 1 << 20, true
	case "GiB":
		return 1 << 30, true
	}
	return 1, false
}
