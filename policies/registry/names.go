// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"regexp"

	"go.yaml.in/yaml/v3"
)

var (
	policyName = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)     // CreatePolicy
	thingName  = regexp.MustCompile(`^[a-zA-Z0-9:_-]{1,128}$`) // CreateThing, CreateThingGroup, CreateThingType
	attribute  = regexp.MustCompile(`^[a-zA-Z0-9_.,@/:#=\[\]-]{1,800}$`)
	hexID      = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

func (b *builder) name(n *yaml.Node, what string, form *regexp.Regexp) {
	if !form.MatchString(n.Value) {
		b.fail(n, "AWS's form is "+form.String(), "%s cannot be called %q", what, clip(n.Value))
	}
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
