// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"
	"strings"

	"thingpass/policies"
)

// grammarRules are about the language: what AWS reads otherwise than it looks.
func grammarRules() []Rule {
	up := `"@topic/devices/` + thingName + `/up"`
	return []Rule{
		{
			ID: "IOT015", Severity: Error, Title: "a Deny that a missing variable switches off",
			Why:    "A resource whose variable does not resolve matches nothing. In a Deny that opens: a certificate without a thing is not denied anything.",
			Fix:    "Deny with *, and allow the exception; or deny by Null on the variable's key.",
			Source: "thing-policy-variables (derived)",
			Bad:    on(Thing, `{"Effect": "Deny", "Action": "iot:Publish", "Resource": `+up+`}`),
			Good:   on(Thing, `{"Effect": "Deny", "Action": "iot:Publish", "Resource": "@topic/devices/*/up"}`),
			check:  openDeny,
		},
		{
			ID: "IOT016", Severity: Error, Title: "a variable or key that does not exist here, is misspelt, or never resolves",
			Why:    "It does not become empty: the resource matches nothing, in silence. credentials-iot:… exist in a role's policy only, iot:Connection.Thing.… in an IoT policy only.",
			Fix:    "Write the name that is suggested.",
			Source: "thing-policy-variables, cert-policy-variables, authorizing-direct-aws; awsdocs/aws-iot-docs#42",
			Bad:    on(Thing, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": "@topic/devices/${credentials-iot:ThingName}/up"}`),
			Good:   on(Thing, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": `+up+`}`),
			check:  strangeVariables, eased: func(r *run) bool { return r.opt.Registry == nil },
		},
		{
			ID: "IOT017", Severity: Error, Title: `Version is missing or not "2012-10-17"`,
			Why:    "Under the older version variables are plain text and match nothing.",
			Fix:    `Write "Version": "2012-10-17".`,
			Source: "IAM, reference_policies_elements_version",
			Bad:    Example{Kind: Thing, Text: "{\n  \"Version\": \"2008-10-17\",\n  \"Statement\": {\"Effect\": \"Deny\", \"Action\": \"iot:Publish\", \"Resource\": \"*\"}\n}\n"},
			Good:   on(Thing, `{"Effect": "Deny", "Action": "iot:Publish", "Resource": "*"}`),
			check:  oldVersion,
		},
		{
			ID: "IOT018", Severity: Error, Title: "all actions, control-plane actions, NotAction, NotResource or Principal in an IoT policy",
			Why:    "iot:* covers whatever AWS adds tomorrow; things have no business with iot:CreatePolicy; the other words are not documented for AWS IoT.",
			Fix:    "Name the actions and resources that are needed.",
			Source: "iot-policy-actions; facts: open question (f)",
			Bad:    on(Thing, `{"Effect": "Allow", "Action": "iot:*", "Resource": `+up+`}`),
			Good:   on(Thing, `{"Effect": "Allow", "Action": ["iot:Publish", "iot:RetainPublish"], "Resource": `+up+`}`),
			kinds:  []Kind{Thing, Broker, Claim}, check: allActions,
		},
		{
			ID: "IOT019", Severity: Error, Title: "an unknown action, or a resource that fits no action of its statement",
			Why:    "It grants nothing, and says nothing about it.",
			Fix:    "Correct the action, or move the resource to the statement that needs it.",
			Source: "iot-action-resources",
			Bad:    on(Thing, `{"Effect": "Allow", "Action": "iot:Publsih", "Resource": `+up+`}`),
			Good:   on(Thing, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": `+up+`}`),
			check:  unknownActions,
		},
		{
			ID: "IOT028", Severity: Warning, Title: "a condition that holds when its key is missing",
			Why:    "ForAllValues is true of nothing at all, and StringNotEquals is true of an absent key: a certificate without an organization, or without a thing, passes.",
			Fix:    `Add "Null": {"<key>": "false"}.`,
			Source: "IAM, reference_policies_multi-value-conditions, …_elements_condition_operators",
			Bad: on(Thing, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": `+up+`,
      "Condition": {"StringNotEquals": {"iot:Connection.Thing.ThingTypeName": "decommissioned"}}}`),
			Good: on(Thing, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": `+up+`,
      "Condition": {"StringNotEquals": {"iot:Connection.Thing.ThingTypeName": "decommissioned"},
        "Null": {"iot:Connection.Thing.ThingTypeName": "false"}}}`),
			check: emptyGuards,
		},
	}
}

// mayLack is true of variables that do not always resolve.
func mayLack(u use) bool {
	switch strings.ToLower(u.key) {
	case "iot:clientid", "aws:sourceip":
		return false
	}
	return !u.fallback
}

func openDeny(p *pass) {
	for i := range p.statements {
		s := &p.statements[i]
		plain := 0
		for _, r := range s.resources {
			if !slices.ContainsFunc(r.uses, mayLack) {
				plain++
			}
		}
		for _, r := range s.resources {
			j := slices.IndexFunc(r.uses, mayLack)
			switch {
			case j < 0:
			case !s.allow && !s.NotResource:
				p.find(Error, s, r.Text, "deny "+generalised(r.Value)+", and allow what remains",
					"where %s does not resolve, this Deny denies nothing: it opens for whoever has no such value", r.uses[j].text)
			case plain > 0 && p.Kind.iot():
				p.find(Warning, s, r.Text, "put resources with variables into a statement of their own",
					"AWS does not say whether the statement's other resources survive where %s does not resolve", r.uses[j].text)
			}
		}
	}
}

// generalised has * in the place of variables.
func generalised(text string) string {
	for _, u := range uses(text) {
		text = strings.ReplaceAll(text, u.text, "*")
	}
	return text
}

func oldVersion(p *pass) {
	switch v := p.doc.Version; {
	case v.Value == policies.VersionVariables:
	case v.Pos.Line == 0:
		p.find(Error, nil, p.start(), `add "Version": "2012-10-17"`, "there is no Version: AWS takes it for 2008-10-17, under which variables are plain text")
	default:
		p.find(Error, nil, v, `write "2012-10-17"`, "under version %s variables are plain text", v.Value)
	}
}

func allActions(p *pass) {
	for i := range p.statements {
		s := &p.statements[i]
		for _, a := range s.actions {
			p.judgeAction(s, a)
		}
		p.judgeWords(s)
	}
}

func (p *pass) judgeAction(s *statement, a action) {
	service, _, _ := strings.Cut(strings.ToLower(a.Value), ":")
	switch {
	case strings.Trim(a.Value, "*") == "" || strings.EqualFold(a.Value, "iot:*"):
		if s.allow {
			p.find(Error, s, a.Text, "name what is needed: iot:Publish, iot:Receive …", "all actions, those that AWS adds tomorrow included")
		}
	case service != "iot":
		p.find(Error, s, a.Text, "put it into an IAM role's policy", "a policy of AWS IoT grants nothing of %s", service)
	case len(a.covers) == 0 && controlPlane(a.Value):
		p.find(Error, s, a.Text, "put it into the IAM policy of an operator's role", "%s is control plane: nothing that connects should do it", a.Value)
	}
}

func (p *pass) judgeWords(s *statement) {
	for name, there := range map[string]bool{"NotAction": s.NotAction, "NotResource": s.NotResource, "Principal": len(s.Principals) > 0} {
		if there {
			p.find(Error, s, policies.Text{Value: name, Pos: s.Pos}, "name what is allowed", "AWS IoT's documents do not know %s: do not rest anything on it", name)
		}
	}
}

// controlPlane is true of what looks like an action on AWS IoT itself.
func controlPlane(written string) bool {
	_, name, _ := strings.Cut(written, ":")
	if _, distance := nearest(written, policies.Actions()); distance <= 2 {
		return false // a slip of the pen
	}
	verbs := []string{"Accept", "Add", "Associate", "Attach", "Cancel", "Clear", "Close", "Confirm", "Create", "Delete", "Deprecate", "Describe", "Detach",
		"Disable", "Enable", "Get", "List", "Open", "Put", "Register", "Reject", "Remove", "Replace", "Search", "Set", "Start", "Stop", "Test", "Transfer", "Untag", "Update", "Validate", "Tag"}
	return slices.ContainsFunc(verbs, func(v string) bool { return len(name) > len(v) && strings.EqualFold(name[:len(v)], v) })
}

func unknownActions(p *pass) {
	for i := range p.statements {
		s := &p.statements[i]
		for _, a := range s.actions {
			p.judgeName(s, a)
		}
		for _, r := range misfits(s) {
			if exchanged(s, r) == "" {
				p.find(Error, s, r.Text, "see which kind each action is asked with: iot-action-resources", "no action of the statement is asked with %s", resourceKind(r))
			}
		}
	}
}

func resourceKind(r resource) string {
	if r.arn == nil {
		return "what is not an ARN"
	}
	return r.kind + "/…"
}

func (p *pass) judgeName(s *statement, a action) {
	service, _, found := strings.Cut(a.Value, ":")
	if !strings.EqualFold(service, "iot") || !found {
		return // another service's, or IOT018's
	}
	switch {
	case len(a.covers) == 1 && strings.EqualFold(a.Value, a.covers[0]) && a.Value != a.covers[0]:
		p.find(Info, s, a.Text, "write "+a.covers[0], "AWS does not mind the case, people who search do")
	case len(a.covers) > 0 || p.Kind.iot() && controlPlane(a.Value) || !p.Kind.iot() && controlPlane(a.Value):
	default:
		right, _ := nearest(a.Value, policies.Actions())
		p.find(Error, s, a.Text, "write "+right, "AWS IoT knows no action %q: it grants nothing", a.Value)
	}
}

func emptyGuards(p *pass) {
	for i := range p.statements {
		s := &p.statements[i]
		for _, c := range s.Conditions {
			if s.allow && !strings.EqualFold(c.Key.Value, "iot:ConnectAttributes") && !s.present(c.Key.Value) {
				p.judgeGuard(s, c)
			}
		}
	}
}

// present is true if the statement demands that a key is there.
func (s *statement) present(key string) bool {
	return slices.ContainsFunc(s.Conditions, func(c policies.Condition) bool {
		return c.Operator.Value == "Null" && strings.EqualFold(c.Key.Value, key) && len(c.Values) == 1 && strings.EqualFold(c.Values[0].Value, "false")
	})
}

func (p *pass) judgeGuard(s *statement, c policies.Condition) {
	fix := `add "Null": {"` + c.Key.Value + `": "false"}`
	op := c.Operator.Value
	switch {
	case strings.HasPrefix(op, "ForAllValues:"):
		firm := func(o policies.Condition) bool {
			return !strings.HasPrefix(o.Operator.Value, "ForAllValues:") && !strings.Contains(o.Operator.Value, "Not") && !strings.HasSuffix(o.Operator.Value, "IfExists")
		}
		if !slices.ContainsFunc(s.Conditions, firm) {
			p.find(Warning, s, c.Key, fix, "ForAllValues is true where there is no value at all, and nothing else guards the statement")
		}
	case strings.Contains(op, "Not") && !strings.HasSuffix(op, "IfExists") && !strings.HasPrefix(op, "ForAnyValue:"):
		p.find(Warning, s, c.Key, fix+", or write IfExists if that is meant", "%s is true where the key is missing", op)
	}
}
