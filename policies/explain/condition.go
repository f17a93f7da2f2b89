// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"strings"

	"thingpass/policies"
)

// unresolved says why a variable stands for nothing. v is "${key}", or a key.
func (b *Bench) unresolved(v string) string {
	key := strings.TrimSuffix(strings.TrimPrefix(v, "${"), "}")
	key, _, _ = strings.Cut(key, ",")
	return v + " does not resolve: " + b.absent(key)
}

// absent says why a context has no such key.
func (b *Bench) absent(key string) string {
	lower := strings.ToLower(key)
	switch {
	case strings.HasPrefix(lower, "iot:connection.thing."):
		return b.thingAbsent(key)
	case strings.HasPrefix(lower, "iot:certificate."):
		if b.id.Who.Certificate == nil {
			return "the certificate itself is not known here; give it with --certificate"
		}
		return "the certificate has no such field"
	case lower == "iot:connectattributes" || lower == "iot:lastwilltopic":
		return "only iot:Connect has it, and the will's topic only with a will"
	case strings.HasPrefix(lower, "credentials-iot:"):
		if b.id.Who.Thing == nil {
			return "the request to the credential provider named no thing (x-amzn-iot-thingname), or its certificate is attached to none"
		}
		return "it exists only in policies of the role behind a role alias"
	case lower == "aws:sourceip":
		return "the client's address is not known here; give it with --ip"
	case lower == "iot:clientid":
		return "there is no client id"
	}
	return "this request has no such key"
}

// thingAbsent follows the rules of thing-policy-variables, in the order in which
// people fall for them.
func (b *Bench) thingAbsent(key string) string {
	id := &b.id
	switch thing := id.Who.Thing; {
	case id.HTTP && thing != nil:
		return "over HTTPS AWS IoT knows no thing; variables of the thing are for MQTT"
	case thing == nil:
		return "the certificate is attached to no thing"
	case !id.Who.Exclusive && id.ClientID != thing.Name:
		return fmt.Sprintf("the client id %q is not the thing's name, %q, and the attachment is not exclusive", id.ClientID, thing.Name)
	case strings.EqualFold(key, "iot:Connection.Thing.ThingTypeName"):
		return fmt.Sprintf("thing %s has no type", thing.Name)
	}
	if _, name, found := strings.Cut(key, "["); found {
		return fmt.Sprintf("thing %s has no attribute %q", id.Who.Thing.Name, strings.TrimSuffix(name, "]"))
	}
	return "AWS IoT has no such variable: look at its spelling"
}

// conditionReason says why a condition is false: what there is, and what would
// have to be.
func (b *Bench) conditionReason(c *policies.ConditionTrace) string {
	line := "condition is false: " + conditionText(c) + ", but "
	switch {
	case !c.Present:
		return line + "it is absent: " + b.absent(c.Condition.Key.Value)
	case len(c.Actual) == 0:
		return line + "it is empty"
	}
	line += "it is " + quoted(c.Actual)
	for _, m := range c.Missing {
		line += "; " + b.unresolved(m)
	}
	return line
}

// conditionText is a condition as people say it.
func conditionText(c *policies.ConditionTrace) string {
	var wants []string
	for _, v := range c.Condition.Values {
		wants = append(wants, v.Value)
	}
	return fmt.Sprintf("%s %s %s", c.Condition.Key.Value, c.Condition.Operator.Value, quoted(wants))
}

func quoted(values []string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = fmt.Sprintf("%q", clip(v))
	}
	if len(out) == 1 {
		return out[0]
	}
	return "[" + strings.Join(out, ", ") + "]"
}
