// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"strings"

	"thingpass/policies"
)

// trustRules are about who may take a role.
func trustRules() []Rule {
	const assume = `"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "iot.amazonaws.com"}`
	return []Rule{{
		ID: "IAM001", Severity: Error, Title: "a service's trust without aws:SourceAccount and aws:SourceArn",
		Why:    "Somebody else's AWS IoT could be made to use your role (the confused deputy).",
		Fix:    "Add both conditions. For credentials.iot.amazonaws.com with IfExists: that it sends them is not documented.",
		Source: "cross-service-confused-deputy-prevention, authorizing-direct-aws",
		Bad:    on(Trust, `{`+assume+`}`),
		Good: on(Trust, `{`+assume+`,
      "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": "arn:aws:iot:eu-central-1:123456789012:*"}}}`),
		kinds: []Kind{Trust}, check: deputies,
	}}
}

func deputies(p *pass) {
	for i := range p.statements {
		s := &p.statements[i]
		for _, who := range s.Principals {
			if !s.allow {
				continue
			}
			switch strings.TrimPrefix(strings.TrimSuffix(who.Value, ".cn"), "Service:") {
			case "iot.amazonaws.com":
				p.judgeDeputy(s, who, Error, false)
			case "credentials.iot.amazonaws.com":
				p.judgeDeputy(s, who, Warning, true)
			}
		}
	}
}

func (p *pass) judgeDeputy(s *statement, who policies.Text, severity Severity, ifExists bool) {
	suffix := ""
	if ifExists {
		suffix = "IfExists"
	}
	var missing, fixes []string
	for key, fix := range map[string]string{
		"aws:SourceAccount": `"StringEquals` + suffix + `": {"aws:SourceAccount": "<account>"}`,
		"aws:SourceArn":     `"ArnLike` + suffix + `": {"aws:SourceArn": "arn:aws:iot:<region>:<account>:*"}`,
	} {
		c := s.condition(key)
		if c == nil || !ifExists && strings.HasSuffix(c.Operator.Value, "IfExists") || len(c.Values) == 1 && c.Values[0].Value == "*" {
			missing, fixes = append(missing, key), append(fixes, fix)
		}
	}
	if len(missing) > 0 {
		p.find(severity, s, who, "add "+strings.Join(sorted(fixes), ", "), "%s is not demanded: somebody else's %s could use this role",
			strings.Join(sorted(missing), " and "), strings.TrimPrefix(who.Value, "Service:"))
	}
}
