// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"thingpass/policies"
	"thingpass/policies/explain"
)

// keys is what documents ask of a request, and with which values.
type keys struct {
	order  []string
	values map[string][]string
	lists  map[string]bool // asked with a set operator
	names  []string        // of things and client ids that conditions name
}

func collect(docs []*policies.Document) *keys {
	k := &keys{values: map[string][]string{}, lists: map[string]bool{}}
	for _, d := range docs {
		for i := range d.Statements {
			s := &d.Statements[i]
			for _, r := range s.Resources {
				k.variables(r.Value)
			}
			for _, c := range s.Conditions {
				k.condition(c)
			}
		}
	}
	return k
}

// variables notes keys that are inserted somewhere.
func (k *keys) variables(text string) {
	for {
		_, rest, found := strings.Cut(text, "${")
		if !found {
			return
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return
		}
		name, _, _ = strings.Cut(name, ",")
		if name = strings.TrimSpace(name); len(name) > 1 {
			k.add(name, value)
		}
		text = after
	}
}

func (k *keys) condition(c policies.Condition) {
	op := c.Operator.Value
	k.add(c.Key.Value)
	if strings.HasPrefix(op, "For") {
		k.lists[fold(c.Key.Value)] = true
	}
	for _, v := range c.Values {
		k.variables(v.Value)
		if !strings.Contains(v.Value, "${") && !strings.HasPrefix(op, "Null") {
			k.add(c.Key.Value, instances(op, v.Value)...)
		}
	}
}

// fold is the key as keys are compared: without regard to case, but for what
// stands in brackets.
func fold(key string) string {
	name, rest, found := strings.Cut(key, "[")
	if !found {
		return strings.ToLower(key)
	}
	return strings.ToLower(name) + "[" + rest
}

func (k *keys) add(key string, values ...string) {
	at := fold(key)
	if _, known := k.values[at]; !known {
		k.order = append(k.order, key)
		k.values[at] = nil
	}
	for _, v := range values {
		if !slices.Contains(k.values[at], v) {
			k.values[at] = append(k.values[at], v)
		}
		if named := at == "iot:clientid" || at == "iot:connection.thing.thingname"; named && v != value && !slices.Contains(k.names, v) && len(k.names) < 4 {
			k.names = append(k.names, v)
		}
	}
}

// instances are values that a condition tells from others.
func instances(op, v string) []string {
	switch {
	case strings.Contains(op, "Like") || strings.Contains(op, "Arn"):
		v = strings.ReplaceAll(v, "?", "x")
		if strings.Contains(v, "*") {
			return []string{strings.ReplaceAll(v, "*", ""), strings.ReplaceAll(v, "*", "x")}
		}
	case strings.Contains(op, "Numeric"):
		if n, err := strconv.ParseFloat(v, 64); err == nil {
			number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
			return []string{v, number(n - 1), number(n + 1)}
		}
	case strings.Contains(op, "Date"):
		return []string{v, "1970-01-01T00:00:00Z", "2999-01-01T00:00:00Z"}
	case strings.Contains(op, "IpAddress"):
		if p, err := netip.ParsePrefix(v); err == nil {
			return []string{p.Masked().Addr().String()}
		}
	}
	return []string{v}
}

// dimensions are what can be varied, each with the values that matter: absent
// first, then those asked for, then another.
func (k *keys) dimensions() [][]option {
	var out [][]option
	for _, key := range k.order {
		at := fold(key)
		switch {
		case at == "iot:clientid" || at == "iot:connection.thing.thingname" || at == "iot:connection.thing.isattached" ||
			strings.HasPrefix(at, "credentials-iot:thingname"): // kinds have them
		case at == "iot:connectattributes":
			out = append(out, persistence())
		case at == "iot:lastwilltopic":
		default:
			out = append(out, k.options(key, k.values[at]))
		}
	}
	if _, asked := k.values["iot:connectattributes"]; asked || k.values["iot:lastwilltopic"] != nil {
		out = append(out, wills(k.values["iot:lastwilltopic"]))
	}
	return out
}

func persistence() []option {
	return []option{{}, {"with a persistent session", func(id *explain.Identity) { id.Persistent = true }}}
}

func wills(arns []string) []option {
	out := []option{{}, {"with a will", func(id *explain.Identity) { id.Will = value }}}
	for _, arn := range arns {
		if _, topic, found := strings.Cut(arn, ":topic/"); found {
			out = append(out, option{"with a will for " + topic, func(id *explain.Identity) { id.Will = topic }})
		}
	}
	return out
}

func (k *keys) options(key string, values []string) []option {
	out := []option{{}}
	add := func(v ...string) {
		out = append(out, option{key + "=" + strings.Join(v, ","), func(id *explain.Identity) { set(id, key, v) }})
	}
	for _, v := range values {
		add(v)
	}
	other := "other"
	if strings.EqualFold(key, "aws:SourceIp") {
		other = "203.0.113.99"
	}
	if !slices.Contains(values, other) {
		add(other)
	}
	if k.lists[fold(key)] {
		add(values...)
		add(append(slices.Clone(values), other)...)
	}
	return out
}

// set gives a key a value where the registry has it, or else by hand.
func set(id *explain.Identity, key string, values []string) {
	at := fold(key)
	name, inBrackets := strings.CutPrefix(at, "iot:connection.thing.attributes[")
	switch {
	case at == "iot:connection.thing.thingtypename" && id.Who.Thing != nil:
		id.Who.Thing.Type = values[0]
	case inBrackets && id.Who.Thing != nil:
		id.Who.Thing.Attributes[strings.TrimSuffix(name, "]")] = values[0]
	case strings.HasPrefix(at, "iot:connection.thing."):
		// a certificate of no thing has none
	default:
		id.Context[key] = values
	}
}
