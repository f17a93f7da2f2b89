// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
)

// decimal keeps out NaN, infinity, signs, exponents, and numbers that nobody
// means.
var decimal = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,12})?$`)

// ParseDecimal reads a number such as 0.0000166667 exactly: digits and a point, at
// most twelve digits on each side.
func ParseDecimal(s string) (*big.Rat, error) {
	if !decimal.MatchString(s) {
		return nil, fmt.Errorf("%.40q is no number such as 12 or 0.023: digits and one point, at most 12 digits on each side, nothing below zero", s)
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, fmt.Errorf("%q is no number", s)
	}
	return r, nil
}

func whole(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }

func product(factors ...*big.Rat) *big.Rat {
	out := whole(1)
	for _, f := range factors {
		out.Mul(out, f)
	}
	return out
}

func least(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

// quotient is a/b, rounded up to a whole number.
func quotient(a, b int64) int64 { return (a + b - 1) / b }

// grouped prints r with so many digits behind the point at most, rounded half
// away from zero, and a comma between thousands.
func grouped(r *big.Rat, digits int) string {
	text, fraction, _ := strings.Cut(r.FloatString(digits), ".")
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		text += "." + fraction
	}
	return text
}

// cents prints an amount as people read it.
func cents(r *big.Rat) string {
	text, fraction, _ := strings.Cut(r.FloatString(2), ".")
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text + "." + fraction
}
