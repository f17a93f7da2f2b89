// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"thingpass/policies"
	"thingpass/policies/templates"
)

// explainTemplate tells of each statement what needs it, and of each condition
// what it prevents. Nobody needs an account to read that: what is not given has
// an example's value.
func explainTemplate(to io.Writer, name string, v templates.Values) error {
	v.Account, v.Region, v.Bucket = cmp.Or(v.Account, "123456789012"), cmp.Or(v.Region, "eu-central-1"), cmp.Or(v.Bucket, "photos")
	reasons, err := templates.Why(name, v)
	if err != nil {
		return unstartable(err)
	}
	text, err := templates.Render(name, v)
	if err != nil {
		return err
	}
	document, err := policies.Parse(name, text)
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, s := range document.Statements {
		reason := reasons.Statements[s.Sid.Value]
		fmt.Fprintf(&b, "%s: %s\n", s.Sid.Value, reason.Why)
		operations(&b, "  without it, denied:   ", reason.Needs)
		operations(&b, "  without it, allowed:  ", reason.Prevents)
		for _, key := range slices.Sorted(maps.Keys(reason.Conditions)) {
			c := reason.Conditions[key]
			fmt.Fprintf(&b, "  condition on %s: %s\n", key, c.Why)
			operations(&b, "    without it, allowed:", c.Prevents)
		}
	}
	operations(&b, "never:", reasons.Never)
	_, err = io.WriteString(to, b.String())
	return err
}

func operations(b *strings.Builder, label string, list []templates.Operation) {
	for _, o := range list {
		line := strings.TrimRight(label, " ") + " " + o.Action
		if o.Resource != "" {
			line += " " + o.Resource
		}
		for _, key := range slices.Sorted(maps.Keys(o.With)) {
			if o.With[key] == nil {
				line += ", without " + key
			} else {
				line += fmt.Sprintf(", %s %s", key, strings.Join(o.With[key], " and "))
			}
		}
		b.WriteString(line + "\n")
	}
}
