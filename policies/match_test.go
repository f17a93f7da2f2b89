// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// covers is the definition of matching, as slow as it is plain.
func covers(pattern, s string) bool {
	switch {
	case pattern == "":
		return s == ""
	case pattern[0] == '*':
		for i := 0; i <= len(s); i++ {
			if covers(pattern[1:], s[i:]) {
				return true
			}
		}
		return false
	case s == "":
		return false
	case pattern[0] == '?':
		_, size := utf8.DecodeRuneInString(s)
		return covers(pattern[1:], s[size:])
	}
	return pattern[0] == s[0] && covers(pattern[1:], s[1:])
}

func matches(pattern, s string) bool {
	g, _ := parsePattern(pattern, false).resolve(Context{})
	return g.match([]byte(s))
}

func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{{"a*b", "axb"}, {"*", ""}, {"a?c*", "aüc"}, {"**a*", "bca"}, {"topic/*/x", "topic/a/b/x"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 12 || len(s) > 12 || !utf8.ValidString(s) || !utf8.ValidString(pattern) {
			return // Parse lets nothing else in, and topics are UTF-8
		}
		if got, want := matches(pattern, s), covers(pattern, s); got != want {
			t.Errorf("%q, %q: %v, want %v", pattern, s, got, want)
		}
	})
}

// A hostile pattern costs the product of the lengths, not more.
func TestMatchingIsBounded(t *testing.T) {
	t.Parallel()
	pattern, s := strings.Repeat("*a", 500)+"b", strings.Repeat("a", 2000)
	began := time.Now()
	if matches(pattern, s) {
		t.Error("it matches")
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("%v", took)
	}
}

// What a client chooses is never a wildcard, and never empties or widens a
// resource.
func FuzzValuesAreLiteral(f *testing.F) {
	f.Add("*", "a")
	f.Add("a", "a")
	f.Add("${iot:ClientId}", "x")
	f.Fuzz(func(t *testing.T, id, other string) {
		if !utf8.ValidString(id) || !utf8.ValidString(other) {
			return
		}
		var ctx Context
		ctx.Set("iot:ClientId", id)
		g, missing := parsePattern("topic/${iot:ClientId}/up", true).resolve(ctx)
		if len(missing) > 0 || !g.match([]byte("topic/"+id+"/up")) {
			t.Errorf("%q does not match itself", id)
		}
		if other != id && g.match([]byte("topic/"+other+"/up")) {
			t.Errorf("%q matches %q", id, other)
		}
	})
}
