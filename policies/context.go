// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies

import (
	"slices"
	"strings"
)

// A Context holds what is known of a request, by condition key: "aws:SourceIp",
// "iot:Connection.Thing.ThingName". Keys are found whatever their case; the name
// in Attributes[name] alone is compared exactly. A key that is absent is not the
// same as one that is empty.
type Context struct{ values map[string][]string }

// Set gives a key its values; none makes it present but empty.
func (c *Context) Set(key string, values ...string) {
	if c.values == nil {
		c.values = map[string][]string{}
	}
	c.values[canonicalKey(key)] = slices.Clone(values)
}

// Lookup returns the values of a key, and whether it is there.
func (c Context) Lookup(key string) ([]string, bool) {
	values, ok := c.values[canonicalKey(key)]
	return values, ok
}

// Clone is a copy that can be changed by itself.
func (c Context) Clone() Context {
	out := Context{values: make(map[string][]string, len(c.values))}
	for k, v := range c.values {
		out.values[k] = v
	}
	return out
}

// canonicalKey is lower case but for what stands in brackets.
func canonicalKey(key string) string {
	name, attribute, found := strings.Cut(key, "[")
	if !found {
		return strings.ToLower(key)
	}
	return strings.ToLower(name) + "[" + attribute
}

// substitute is what stands for a variable. A key of several values stands for
// nothing.
func (c Context) substitute(v piece) (string, bool) {
	values := c.values[v.key]
	switch {
	case v.key == "":
		return "", false
	case len(values) == 1 && v.literalInstead(values[0]):
		return v.text, true
	case len(values) == 1:
		return values[0], true
	case v.fallback != nil && len(values) == 0:
		return *v.fallback, true
	}
	return "", false
}

// literalInstead tells of values that AWS does not insert: of certificates,
// those with a character that means something in a topic or a policy, and those
// of more than 1,024 characters (cert-policy-variables). The variable stays as
// it is written.
func (v piece) literalInstead(value string) bool {
	return strings.HasPrefix(v.key, "iot:certificate.") && (strings.ContainsAny(value, "*$+?#") || len(value) > 1024)
}
