// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"thingpass/policies"
	"thingpass/policies/language"
)

const variableA, variableB = "${iot:ClientId}", "${iot:Certificate.Id}"

// bound is a pattern with values for its variables.
func bound(p pattern, values map[string]string) policies.Glob {
	var g policies.Glob
	for _, x := range p {
		if x.variable == "" {
			g = append(g, x.r)
			continue
		}
		g = append(g, []rune(values[x.variable])...)
	}
	return g
}

// Covering must agree with trying all strings, under all values of variables that
// are made of letters which no pattern has.
func TestCoversAgreesWithTryingAll(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	make1 := func() string {
		var b strings.Builder
		for range 1 + random.IntN(4) {
			b.WriteString([]string{"a", "/", "*", "?", variableA, variableB}[random.IntN(6)])
		}
		return b.String()
	}
	yes := 0
	for range 1500 {
		q, p1, p2 := make1(), make1(), make1()
		got := covers(newPattern(q), newPattern(p1), newPattern(p2))
		want := coversByTrying(newPattern(q), newPattern(p1), newPattern(p2))
		if got != want {
			t.Fatalf("%s covered by %s and %s: %v, want %v", q, p1, p2, got, want)
		}
		if got {
			yes++
		}
	}
	if yes < 50 {
		t.Errorf("only %d of the cases are covered: the test shows little", yes)
	}
}

func coversByTrying(q pattern, others ...pattern) bool {
	for _, a := range []string{"v", "vv", "vvv", "vvvvv"} {
		for _, b := range []string{"w", "ww", "www", "wwwww"} {
			values := map[string]string{"iot:ClientId": a, "iot:Certificate.Id": b}
			g := bound(q, values)
			for _, s := range strings_(g) {
				if !slices.ContainsFunc(others, func(p pattern) bool { return language.Match(bound(p, values), s) }) {
					return false
				}
			}
		}
	}
	return true
}

// strings_ are those of a glob in which wildcards are replaced by each of some
// texts: enough to tell the small patterns of the test apart.
func strings_(g policies.Glob) []string {
	out := []string{""}
	for _, r := range g {
		with := []string{string(r)}
		switch r {
		case policies.AnyRun:
			with = []string{"", "a", "/", "x", "xx", "a/", "xyz/x", "xyzyx"}
		case policies.AnyOne:
			with = []string{"a", "/", "x"}
		}
		var next []string
		for _, s := range out {
			for _, w := range with {
				next = append(next, s+w)
			}
		}
		out = next
	}
	return out
}

func TestPatternsOfFilters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		filter, topic string
		want          bool
	}{
		{"a/+/b", "a/x/b", true}, {"a/+/b", "a/x/y/b", false}, {"a/*/b", "a/x/y/b", true}, {"a/#", "a/x/y", true}, {"a/#", "a", false},
		{"$share/g/a/+", "a/x", true}, {"$share/*/a/+", "a/x", true}, {"$share/g", "x", false}, {"$share/" + variableA + "/a/+", "a/x", true}, {"*", "a", true},
	} {
		if _, got := common(newPattern(c.filter).topics(), newPattern(c.topic)); got != c.want {
			t.Errorf("%s stands for %s: %v", c.filter, c.topic, got)
		}
	}
}

func TestVariablesAreRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, key string
		broken    bool
		length    int
	}{
		{"${a}b", "a", false, 4}, {"${ a }", "a", false, 6}, {"${a, 'b'}", "a", false, 9}, {"${a, b}", "a", true, 7}, {"${a", "${a", true, 3},
		{"${}", "", true, 3}, {"${${a}}", "${a", true, 6}, {"${a,''}", "a", false, 7},
	} {
		u, n := readVariable(c.text)
		if u.key != c.key || (u.broken != "") != c.broken || n != c.length {
			t.Errorf("%s: %+v, length %d", c.text, u, n)
		}
	}
}
