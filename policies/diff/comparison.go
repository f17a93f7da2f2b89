// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"fmt"
	"slices"
	"strings"

	"thingpass/policies"
	"thingpass/policies/language"
)

// comparison is of one action, for one subject.
type comparison struct {
	subject  *Subject
	action   string
	prefix   string // of the resources that the action is asked with
	patterns []policies.Glob
	old, new language.Rights
}

func newComparison(s *Subject, action string, before, after *policies.Session) *comparison {
	c := &comparison{subject: s, action: action}
	switch kind := policies.ResourceKind(action); kind {
	case "": // of IAM: any ARN
	case "*":
		c.prefix = "*"
	default:
		c.prefix = s.New.At.ARN(kind + "/")
	}
	c.old = language.NewRights(before.Rules(action), &c.patterns)
	c.new = language.NewRights(after.Rules(action), &c.patterns)
	return c
}

// side is one of the two, seen against the other.
type side struct {
	effect      Effect
	rights, not *language.Rights
	gone        bool // the rights are those of before
}

func (c *comparison) changes(out *Result) []found {
	if slices.EqualFunc(c.old.Rules, c.new.Rules, same) {
		return nil
	}
	var all []found
	for _, s := range []side{{Widening, &c.new, &c.old, false}, {Narrowing, &c.old, &c.new, true}} {
		for i := range s.rights.Rules {
			if !s.rights.Rules[i].Deny {
				all = append(all, c.ofRule(s, i, out)...)
			}
		}
	}
	return append(all, c.denials(out)...)
}

// same is true of statements that cover the same, in the same words.
func same(a, b policies.Rule) bool {
	return a.Deny == b.Deny && a.Inverted == b.Inverted &&
		slices.EqualFunc(a.Resources, b.Resources, func(x, y policies.RuleResource) bool { return slices.Equal(x.Glob, y.Glob) })
}

// ofRule finds what a statement allows on its side alone, pattern by pattern.
func (c *comparison) ofRule(s side, i int, out *Result) []found {
	rule := &s.rights.Rules[i]
	decides := func(hits []bool) bool {
		d, by := s.rights.Decide(hits)
		return d == policies.Allowed && by == i && !s.not.Allowed(hits)
	}
	if rule.Inverted {
		out.Limit("%s has a NotResource: things whose name stands in the documents may differ from A", label(rule))
		if example, note, ok := c.find(decides, out); ok {
			return []found{c.change(s, rule, "everything else", "NotResource", example, note)}
		}
		return nil
	}
	var all []found
	for j := range rule.Resources {
		p := s.rights.Pattern(i, j)
		example, note, ok := c.find(func(hits []bool) bool { return hits[p] && decides(hits) }, out)
		if !ok {
			continue
		}
		if better, ok := c.telling(p, func(hits []bool) bool { return hits[p] && decides(hits) }); ok && note == "" {
			example = better
		}
		all = append(all, c.change(s, rule, language.Show(rule.Resources[j].Glob), rule.Resources[j].Written.Value, example, note))
	}
	return all
}

// find prefers what the service can be asked with: no topic has + or # in it.
func (c *comparison) find(want func([]bool) bool, out *Result) (example, note string, ok bool) {
	search := language.Search{Patterns: c.patterns, Prefix: c.prefix, NonEmpty: c.prefix != "*", Want: want}
	if c.prefix == "*" {
		example, ok, _ = search.Empty()
		return example, "", ok
	}
	if strings.HasSuffix(c.prefix, ":topic/") {
		search.Without = "+#"
	}
	example, ok, err := search.Shortest()
	if !ok && err == nil && search.Without != "" {
		search.Without, note = "", "no topic has + or # in it: this has no effect"
		example, ok, err = search.Shortest()
	}
	if err != nil {
		out.Limit("%s: %v", c.action, err)
	}
	return example, note, ok
}

// denials finds what is denied on both sides, but by a Deny on one alone: today
// that is the same, but not once another statement allows it.
func (c *comparison) denials(out *Result) []found {
	var all []found
	for _, s := range []side{{Denial, &c.new, &c.old, false}, {Denial, &c.old, &c.new, true}} {
		for i := range s.rights.Rules {
			rule := &s.rights.Rules[i]
			if !rule.Deny {
				continue
			}
			example, note, ok := c.find(func(hits []bool) bool {
				d, by := s.rights.Decide(hits)
				other, _ := s.not.Decide(hits)
				return d == policies.ExplicitDeny && by == i && other == policies.ImplicitDeny
			}, out)
			if ok {
				all = append(all, c.change(s, rule, "", "", example, note))
			}
		}
	}
	return all
}

func (c *comparison) change(s side, rule *policies.Rule, resource, written, example, note string) found {
	f := found{written: written}
	f.Effect, f.Who, f.Action, f.Note = s.effect, c.subject.Who, c.action, note
	f.Resource = c.name(resource)
	f.Example = c.name(example)
	f.Other = c.owner(example)
	f.Because = c.because(s, rule, example)
	return f
}

// name is what people call a resource: the topic, the filter, the key.
func (c *comparison) name(arn string) string {
	return c.subject.Show(strings.TrimPrefix(arn, c.prefix))
}

// owner is the other thing, if its name is a level of the example, and not below
// the subject's own.
func (c *comparison) owner(example string) string {
	own := ""
	if t := c.subject.New.Who.Thing; t != nil {
		own = t.Name
	}
	for _, level := range strings.Split(strings.TrimPrefix(example, c.prefix), "/") {
		switch {
		case level == "":
		case level == own:
			return ""
		case level == c.subject.Other:
			return c.subject.Show(level)
		}
	}
	return ""
}

func (c *comparison) because(s side, rule *policies.Rule, example string) string {
	switch {
	case s.effect == Widening:
		if d, by := c.decide(&c.old, example); d == policies.ExplicitDeny {
			return fmt.Sprintf("%s allows it, and %s denies it no longer", label(rule), label(&c.old.Rules[by]))
		}
		return label(rule) + " allows it"
	case s.effect == Narrowing:
		if d, by := c.decide(&c.new, example); d == policies.ExplicitDeny {
			return fmt.Sprintf("%s denies it", label(&c.new.Rules[by]))
		}
		return fmt.Sprintf("nothing allows it any more; %s did", label(rule))
	case s.gone:
		return label(rule) + " denied it explicitly; now nothing allows it"
	}
	return label(rule) + " denies it explicitly; before, nothing allowed it"
}

// decide is what one side makes of a string.
func (c *comparison) decide(r *language.Rights, arn string) (policies.Decision, int) {
	return r.Decide(language.Hits(c.patterns, arn))
}

func label(r *policies.Rule) string {
	return fmt.Sprintf("%s (%s:%s)", r.Document.Label(r.Statement), r.Document.Name, r.Document.Statements[r.Statement].Pos)
}

// telling is an example that says more than the shortest: another thing's name
// stands where there is a wildcard.
func (c *comparison) telling(p int, want func([]bool) bool) (string, bool) {
	if c.subject.Other == "" {
		return "", false
	}
	for _, fill := range []string{c.subject.Other, c.subject.Other + "/response", c.subject.Other + "/a.jpg", "x"} {
		if s := language.Fill(c.patterns[p], fill); strings.HasPrefix(s, c.prefix) && want(language.Hits(c.patterns, s)) {
			return s, true
		}
	}
	return "", false
}
