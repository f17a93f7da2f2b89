// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An operator is the left side of a condition, taken apart.
type operator struct {
	base     string // StringEquals, …, never a negated one
	negated  bool
	ifExists bool
	set      string // "", ForAllValues, ForAnyValue
}

// comparers say whether a value of the request is what the policy names. The
// second is a glob, so that values of variables are literal; only Like and Arn
// operators look at its wildcards.
var comparers = map[string]func(have string, want *want) bool{
	"StringEquals":             func(h string, w *want) bool { return h == w.text },
	"StringEqualsIgnoreCase":   func(h string, w *want) bool { return strings.EqualFold(h, w.text) },
	"StringLike":               func(h string, w *want) bool { return w.glob.match([]byte(h)) },
	"BinaryEquals":             func(h string, w *want) bool { return h == w.text },
	"ArnEquals":                arnLike, // "behave identically" (reference_policies_elements_condition_operators)
	"ArnLike":                  arnLike,
	"Bool":                     func(h string, w *want) bool { return strings.EqualFold(h, w.text) },
	"IpAddress":                inNetwork,
	"NumericEquals":            numeric(func(c int) bool { return c == 0 }),
	"NumericLessThan":          numeric(func(c int) bool { return c < 0 }),
	"NumericLessThanEquals":    numeric(func(c int) bool { return c <= 0 }),
	"NumericGreaterThan":       numeric(func(c int) bool { return c > 0 }),
	"NumericGreaterThanEquals": numeric(func(c int) bool { return c >= 0 }),
	"DateEquals":               dated(func(c int) bool { return c == 0 }),
	"DateLessThan":             dated(func(c int) bool { return c < 0 }),
	"DateLessThanEquals":       dated(func(c int) bool { return c <= 0 }),
	"DateGreaterThan":          dated(func(c int) bool { return c > 0 }),
	"DateGreaterThanEquals":    dated(func(c int) bool { return c >= 0 }),
}

// negations are named after what they deny.
var negations = map[string]string{
	"StringNotEquals": "StringEquals", "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase", "StringNotLike": "StringLike",
	"ArnNotEquals": "ArnEquals", "ArnNotLike": "ArnLike", "NotIpAddress": "IpAddress",
	"NumericNotEquals": "NumericEquals", "DateNotEquals": "DateEquals",
}

func parseOperator(s string) (operator, bool) {
	var o operator
	if set, rest, found := strings.Cut(s, ":"); found {
		if set != "ForAllValues" && set != "ForAnyValue" {
			return o, false
		}
		o.set, s = set, rest
	}
	if s == "Null" {
		o.base = s
		return o, o.set == ""
	}
	s, o.ifExists = strings.CutSuffix(s, "IfExists")
	if positive, ok := negations[s]; ok {
		o.negated, s = true, positive
	}
	o.base = s
	_, ok := comparers[s]
	return o, ok
}

// want is a value of a policy whose variables have been replaced.
type want struct {
	text string
	glob glob
}

// holds decides one key of a condition (reference_policies_elements_condition_operators,
// …_multi-value-conditions). present tells an absent key from an empty one, which
// for Null are the same: "the key exists and its value is not null".
func (o operator) holds(have []string, present bool, wants []want) bool {
	if o.base == "Null" {
		for _, w := range wants {
			if strings.EqualFold(w.text, strconv.FormatBool(len(have) == 0)) {
				return true
			}
		}
		return false
	}
	if !present && o.ifExists {
		return true
	}
	switch {
	case o.set == "ForAllValues":
		for _, h := range have {
			if o.one(h, wants) == o.negated {
				return false
			}
		}
		return true
	case o.set == "ForAnyValue":
		for _, h := range have {
			if o.one(h, wants) != o.negated {
				return true
			}
		}
		return false
	}
	found := false
	for _, h := range have {
		found = found || o.one(h, wants)
	}
	return found != o.negated
}

// one is true if the value is one of those named, negation aside.
func (o operator) one(have string, wants []want) bool {
	compare := comparers[o.base]
	for i := range wants {
		if compare(have, &wants[i]) {
			return true
		}
	}
	return false
}

// arnLike compares each of an ARN's six parts by itself, so that a wildcard stays
// in its part. A pattern with fewer parts is no ARN, and covers nothing, but for
// * alone.
func arnLike(have string, w *want) bool {
	pat := w.glob.runes()
	if len(pat) == 1 && pat[0] == anyRun {
		return true
	}
	for range 5 {
		part, rest, found := strings.Cut(have, ":")
		i := slices.Index(pat, ':')
		if !found || i < 0 || !matchRunes(pat[:i], []byte(part)) {
			return false
		}
		have, pat = rest, pat[i+1:]
	}
	return matchRunes(pat, []byte(have))
}

func inNetwork(have string, w *want) bool {
	address, err := netip.ParseAddr(have)
	if err != nil {
		return false
	}
	if network, err := netip.ParsePrefix(w.text); err == nil {
		return network.Contains(address.Unmap())
	}
	single, err := netip.ParseAddr(w.text)
	return err == nil && single == address.Unmap()
}

func numeric(ok func(int) bool) func(string, *want) bool {
	return func(have string, w *want) bool {
		a, err1 := strconv.ParseFloat(have, 64)
		b, err2 := strconv.ParseFloat(w.text, 64)
		if err1 != nil || err2 != nil {
			return false
		}
		switch {
		case a < b:
			return ok(-1)
		case a > b:
			return ok(1)
		}
		return ok(0)
	}
}

func dated(ok func(int) bool) func(string, *want) bool {
	return func(have string, w *want) bool {
		a, ok1 := parseDate(have)
		b, ok2 := parseDate(w.text)
		return ok1 && ok2 && ok(a.Compare(b))
	}
}

// parseDate reads what IAM takes: W3C's forms of ISO 8601, or seconds since 1970.
func parseDate(s string) (time.Time, bool) {
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(seconds, 0), true
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02"} {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
