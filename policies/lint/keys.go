// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"
	"strings"

	"thingpass/policies"
	"thingpass/policies/language"
)

// This file compares the keys of policies and lifecycle rules with those that the
// broker stores under.

// keys are all keys of a layout, as a pattern. The thing is what it is in the
// policy: a variable, or anybody's.
func (k KeyKind) keys(thing part) pattern {
	if k.Object != "" {
		return newPattern(k.Object)
	}
	var p pattern
	layout := strings.ReplaceAll(k.Layout, "{kind}", k.Name)
	for layout != "" {
		switch {
		case strings.HasPrefix(layout, "{thing}"):
			p = append(p, thing)
		case strings.HasPrefix(layout, "{yyyy}"):
			p = append(p, newPattern("????")...)
		case strings.HasPrefix(layout, "{mm}"), strings.HasPrefix(layout, "{dd}"):
			p = append(p, newPattern("??")...)
		case layout[0] == '{':
			p = append(p, part{r: language.AnyLevel})
		default:
			p = append(p, part{r: rune(layout[0])})
			layout = layout[1:]
			continue
		}
		_, layout, _ = strings.Cut(layout, "}")
	}
	return p
}

func otherKeys(p *pass) {
	keys := p.run.opt.Keys
	covered := map[string][]pattern{}
	for _, action := range []string{"s3:PutObject", "s3:GetObject"} {
		p.objects(func(s *statement, r resource, bucket, key string) {
			if action == "s3:PutObject" && !covers(newPattern(keys.Bucket), newPattern(bucket)) {
				p.find(Error, s, r.Text, "write "+strings.Replace(r.Value, ":::"+bucket, ":::"+keys.Bucket, 1), "the bucket is %s, that of %s is %s", bucket, keys.Source, keys.Bucket)
			}
			covered[action] = append(covered[action], newPattern(key))
		}, action)
	}
	thing := part{r: language.AnyLevel}
	if p.Kind == Credentials {
		thing = part{variable: "credentials-iot:ThingName"}
	}
	for _, k := range keys.Kinds {
		p.judgeLayout(k, thing, covered)
	}
}

func (p *pass) judgeLayout(k KeyKind, thing part, covered map[string][]pattern) {
	check := func(action string, needed bool) {
		if !needed || covered[action] == nil || covers(k.keys(thing), covered[action]...) {
			return
		}
		what := k.Layout
		if k.Object != "" {
			what = k.Object
		}
		s, at := p.first(action)
		p.find(Error, s, at, "let the resource cover "+strings.ReplaceAll(strings.ReplaceAll(what, "{thing}", "*"), "{kind}", k.Name),
			"%s has kind %s with keys %s, and no resource with %s covers all of them", p.run.opt.Keys.Source, k.Name, what, action)
	}
	check("s3:PutObject", k.Put)
	check("s3:GetObject", k.Get && p.Kind == Role)
}

// first is the first resource that an action is allowed on.
func (p *pass) first(action string) (s *statement, at policies.Text) {
	p.objects(func(found *statement, r resource, _, _ string) {
		if s == nil {
			s, at = found, r.Text
		}
	}, action)
	return s, at
}

// ownFolder is where brokers with a console keep what they know; no kind has it.
const ownFolder = ".thingpass/"

func (p *pass) judgePrefix(prefix policies.Value) {
	if strings.HasPrefix(prefix.Text, "/") {
		p.find(Warning, nil, text(prefix), "write "+strings.TrimLeft(prefix.Text, "/"), "no key begins with /: nothing expires")
		return
	}
	keys := p.run.opt.Keys
	if keys == nil || strings.HasPrefix(prefix.Text, ownFolder) {
		return
	}
	var layouts []string
	for _, k := range keys.Kinds {
		if _, found := common(k.keys(part{r: language.AnyLevel}), newPattern(escape(prefix.Text)+"*")); found {
			return
		}
		layouts = append(layouts, k.Layout)
	}
	slices.Sort(layouts)
	p.find(Warning, nil, text(prefix), "let it be what keys begin with: "+strings.Join(slices.Compact(layouts), ", "), "no key of %s begins so: nothing expires", keys.Source)
}

// escape makes wildcards of a text characters.
func escape(s string) string {
	return strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}").Replace(s)
}
