// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"thingpass/policies"
	"thingpass/policies/language"
)

// A Reason is what a statement made of a request, in words.
type Reason struct {
	Label  string // its Sid, or its number
	Where  string // file:line:column
	Effect string
	Near   int      // how near it came: the greater, the nearer; 0: it speaks of something else
	Lines  []string // why it did or did not match
}

// Reasons are those of all statements, the nearest first.
func (b *Bench) Reasons(a Answer) []Reason {
	out := make([]Reason, 0, len(a.Statements))
	for i := range a.Statements {
		out = append(out, b.reason(&a, &a.Statements[i]))
	}
	slices.SortStableFunc(out, func(x, y Reason) int { return y.Near - x.Near })
	return out
}

func (b *Bench) reason(a *Answer, t *policies.Trace) Reason {
	s := &t.Document.Statements[t.Statement]
	r := Reason{Label: t.Document.Label(t.Statement), Where: place(t.Document, s.Pos), Effect: s.Effect.Value}
	if !t.Principal {
		r.Lines = append(r.Lines, "speaks of other principals")
		return r
	}
	if !t.Action {
		r.Lines = append(r.Lines, "speaks of "+actions(s))
		return r
	}
	r.Near = 1000
	if t.Applies {
		r.Near = 100_000
		r.Lines = append(r.Lines, map[string]string{"Allow": "allows it", "Deny": "denies it"}[r.Effect])
	}
	r.Near += b.resourceReasons(a, s, t, &r)
	for i := range t.Conditions {
		if c := &t.Conditions[i]; !c.Holds {
			r.Lines = append(r.Lines, b.conditionReason(c))
		} else if t.Applies {
			r.Lines = append(r.Lines, "condition holds: "+conditionText(c))
		}
	}
	return r
}

// resourceReasons says the same thing once, however many resources suffer from
// it. It returns how near the nearest came.
func (b *Bench) resourceReasons(a *Answer, s *policies.Statement, t *policies.Trace, r *Reason) int {
	best, before := 0, ""
	for i := range t.Resources {
		line, near := b.resourceReason(a, s, &t.Resources[i])
		best = max(best, near)
		name, why, _ := strings.Cut(line, ": ")
		if why != "" && why == before {
			line = name + ": likewise"
		}
		before = why
		r.Lines = append(r.Lines, line)
	}
	return best
}

func actions(s *policies.Statement) string {
	var names []string
	for _, a := range s.Actions {
		names = append(names, a.Value)
	}
	if s.NotAction {
		return "everything but " + strings.Join(names, ", ")
	}
	if len(names) > 3 {
		names = append(names[:3], fmt.Sprintf("%d more", len(s.Actions)-3))
	}
	return strings.Join(names, ", ")
}

// resourceReason says what one resource made of what was asked for.
func (b *Bench) resourceReason(a *Answer, s *policies.Statement, t *policies.ResourceTrace) (line string, near int) {
	name := last(t.Resolved)
	switch {
	case len(t.Missing) > 0:
		return fmt.Sprintf("%s: %s", last(t.Written.Value), b.unresolved(t.Missing[0])), 400
	case t.Matches && s.NotResource:
		return "excepts " + name, 500
	case t.Matches:
		return "covers it: " + name, 500
	case s.NotResource:
		return "all but " + name, 0
	}
	if other := difference(t.Resolved, a.Resource); other != "" {
		return fmt.Sprintf("%s: %s", name, other), 200 + b.common(t.Resolved, a.Resource)
	}
	asked := last(a.Resource)
	n := b.common(t.Resolved, a.Resource) - (len(a.Resource) - len(asked))
	return fmt.Sprintf("%s: differs %s", name, at(asked, n)), 200 + max(n, 0)
}

// at names the place where what was asked leaves the pattern.
func at(asked string, n int) string {
	if n >= len(asked) {
		return "at the end, where there should be more"
	}
	from := strings.LastIndexByte(asked[:max(n, 0)], '/') + 1
	return fmt.Sprintf("at %q", clip(asked[from:]))
}

// common is how much of what was asked a pattern covers from its beginning.
func (b *Bench) common(resolved, asked string) int {
	return language.Begins(language.Text(resolved), asked)
}

// difference tells of ARNs that are not of the same place or kind.
func difference(resolved, asked string) string {
	have, want := strings.SplitN(resolved, ":", 6), strings.SplitN(asked, ":", 6)
	if len(have) < 6 || len(want) < 6 || have[2] != "iot" {
		return ""
	}
	haveKind, haveName, _ := strings.Cut(have[5], "/")
	wantKind, wantName, _ := strings.Cut(want[5], "/")
	if haveKind != wantKind && !strings.ContainsAny(haveKind, "*?") {
		return fmt.Sprintf("is a %s, but the action is asked with a %s", haveKind, wantKind)
	}
	for i, what := range []string{"", "partition", "", "region", "account"} {
		if what != "" && !language.Match(language.Text(have[i]), want[i]) {
			return fmt.Sprintf("%s %q is not this server's, %q", what, have[i], want[i])
		}
	}
	if strings.ContainsAny(haveName, "+#") && haveKind == "topic" && language.Match(language.Filter(haveName), wantName) {
		return "+ and # are plain characters in a policy: this is no wildcard, and no topic has them"
	}
	if haveKind == "topicfilter" && haveName != wantName && language.Match(language.Filter(haveName), wantName) {
		return "the filter must be the same string, + and # included: " + wantName + " is another"
	}
	return ""
}

// last is the readable part of an ARN: topic, filter, client, bucket and key.
func last(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return arn
	}
	if parts[2] != "iot" {
		return parts[5]
	}
	if _, name, found := strings.Cut(parts[5], "/"); found {
		return name
	}
	return parts[5]
}

func clip(s string) string {
	const longest = 60
	if len(s) <= longest {
		return s
	}
	n := longest
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// place is "file:line:column".
func place(d *policies.Document, p policies.Position) string { return d.Name + ":" + p.String() }
