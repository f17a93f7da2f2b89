// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package language_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"thingpass/policies"
	"thingpass/policies/language"
)

func texts(patterns ...string) []policies.Glob {
	out := make([]policies.Glob, len(patterns))
	for i, p := range patterns {
		out[i] = language.Text(p)
	}
	return out
}

func TestTheShortestString(t *testing.T) {
	t.Parallel()
	onlyFirst := func(h []bool) bool { return h[0] && !h[1] }
	for _, c := range []struct {
		name, a, b string
		prefix     string
		want       string
		found      bool
	}{
		{"nothing is left of equals", "t/*", "t/*", "", "", false},
		{"a run covers a level", "t/?", "t/*", "", "", false},
		{"the neighbour", "cam1*", "cam1/*", "", "cam1", true},
		{"the neighbour below a prefix", "t/cam1*", "t/cam1/*", "t/cam1", "t/cam1", true},
		{"a level behind a run", "*/b", "a/*", "", "/b", true},
		{"no run left of two runs", "*a*b*", "*a*", "", "", false},
		{"runs in another order", "*a*b*", "*b*a*", "", "ab", true},
	} {
		got, found, err := language.Search{Patterns: texts(c.a, c.b), Prefix: c.prefix, Want: onlyFirst}.Shortest()
		if err != nil || found != c.found || got != c.want {
			t.Errorf("%s: %q %v %v, want %q %v", c.name, got, found, err, c.want, c.found)
		}
	}
}

func TestWhatMayNotBeInTheString(t *testing.T) {
	t.Parallel()
	any := func(h []bool) bool { return h[0] }
	s := language.Search{Patterns: texts("a/+/b"), Without: "+#", Want: any}
	if got, found, _ := s.Shortest(); found {
		t.Errorf("found %q, although + may not be in it", got)
	}
	s = language.Search{Patterns: texts("*"), Want: any, NonEmpty: true}
	if got, found, _ := s.Shortest(); !found || len(got) != 1 {
		t.Errorf("%q %v, want one character", got, found)
	}
}

func TestFiltersStandForLevels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		filter, topic string
		want          bool
	}{
		{"a/+/b", "a/x/b", true}, {"a/+/b", "a/x/y/b", false}, {"a/+/b", "a//b", true}, {"a/#", "a/b/c", true}, {"a/#", "a", false},
		{"#", "a", true}, {"$share/g/a/+", "a/b", true}, {"$share/g/a/+", "$share/g/a/b", false},
	} {
		if got := language.Match(language.Filter(c.filter), c.topic); got != c.want {
			t.Errorf("%s on %s: %v", c.filter, c.topic, got)
		}
	}
}

func TestTooManyWildcardsAreSaidToBe(t *testing.T) {
	t.Parallel()
	var patterns []policies.Glob
	for _, a := range "abcdefgh" {
		patterns = append(patterns, language.Text("*"+string(a)+"???????????????*"+string(a)))
	}
	_, _, err := language.Search{Patterns: patterns, Want: func([]bool) bool { return false }}.Shortest()
	if !errors.Is(err, language.ErrTooLarge) {
		t.Errorf("error %v, want ErrTooLarge", err)
	}
}

// The walk must agree with trying every string: nothing found, nothing there.
func TestSearchAgreesWithTryingAll(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	pattern := func() policies.Glob {
		var g policies.Glob
		for range 1 + random.IntN(5) {
			g = append(g, []rune{'a', 'b', '/', policies.AnyRun, policies.AnyOne, language.AnyLevel}[random.IntN(6)])
		}
		return g
	}
	all := words("abx/", 5)
	for range 200 {
		p := []policies.Glob{pattern(), pattern(), pattern()}
		want := func(h []bool) bool { return (h[0] || h[1]) && !h[2] }
		got, found, err := language.Search{Patterns: p, Want: want}.Shortest()
		if err != nil {
			t.Fatal(err)
		}
		is := func(s string) bool {
			return want([]bool{language.Match(p[0], s), language.Match(p[1], s), language.Match(p[2], s)})
		}
		if found && !is(got) {
			t.Fatalf("%q is no such string for %v", got, p)
		}
		for _, s := range all {
			if is(s) && (!found || len(got) > len(s)) {
				t.Fatalf("found %q (%v), but %q is one, for %v", got, found, s, p)
			}
		}
	}
}

func words(alphabet string, longest int) []string {
	out, from := []string{""}, 0
	for range longest {
		to := len(out)
		for _, w := range out[from:to] {
			for _, r := range alphabet {
				out = append(out, w+string(r))
			}
		}
		from = to
	}
	return out
}
