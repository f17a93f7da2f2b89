// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"regexp"
	"slices"
	"strings"

	"thingpass/policies"
)

// iotKeys are what AWS IoT knows of a connection (thing-policy-variables,
// basic-policy-variables, cert-policy-variables, connect-policy).
var iotKeys = []string{
	"iot:ClientId", "aws:SourceIp", "iot:Connection.Thing.ThingName", "iot:Connection.Thing.ThingTypeName", "iot:Connection.Thing.IsAttached",
	"iot:ConnectAttributes", "iot:LastWillTopic", "iot:Topic", "iot:DomainName",
	"iot:CertificateId", "iot:Certificate.Id", "iot:Certificate.SerialNumber", "iot:Certificate.AvailableKeys",
}

var credentialKeys = []string{"credentials-iot:ThingName", "credentials-iot:ThingTypeName", "credentials-iot:AwsCertificateId"}

var (
	attributeKey = regexp.MustCompile(`(?i)^iot:Connection\.Thing\.Attributes\[([^\[\]]+)\]$`)
	subjectKey   = regexp.MustCompile(`(?i)^iot:Certificate\.(Subject|Issuer)\.(\w+|AlternativeName\.\w+)(\.List|\.[0-9]{1,2})?$`)
	nameFields   = []string{"Country", "Organization", "OrganizationalUnit", "DistinguishedNameQualifier", "State", "CommonName", "SerialNumber", "Title",
		"Surname", "GivenName", "Initials", "Pseudonym", "GenerationQualifier", "AlternativeName.RFC822Name", "AlternativeName.DNSName",
		"AlternativeName.DirectoryName", "AlternativeName.UniformResourceIdentifier", "AlternativeName.IPAddress"}
)

func strangeVariables(p *pass) {
	for i := range p.statements {
		s := &p.statements[i]
		for _, r := range s.resources {
			for _, u := range r.uses {
				p.judgeUse(s, r.Text, u)
			}
		}
		for _, c := range s.Conditions {
			p.judgeKey(s, c.Key, c.Key.Value, "the condition's key")
			for _, v := range c.Values {
				p.judgeValue(s, c, v)
			}
		}
		for _, a := range s.actions {
			if strings.Contains(a.Value, "${") {
				p.find(Error, s, a.Text, "name the actions", "variables are replaced in resources and conditions, not in actions")
			}
		}
	}
}

func (p *pass) judgeUse(s *statement, where policies.Text, u use) {
	switch {
	case u.broken != "":
		p.find(Error, s, where, "write ${name}, such as "+thingName, "the variable %s %s: it never resolves", clip(u.text), u.broken)
	case strings.HasSuffix(strings.ToLower(u.key), ".list"):
		p.find(Error, s, where, "use it in a condition with ForAnyValue: or ForAllValues:", "%s has many values: it does not resolve in the place of one", u.text)
	default:
		p.judgeKey(s, where, u.key, u.text)
	}
}

// judgeValue looks at a value of a condition. StringEquals compares wildcards as
// characters, and AWS inserts no value of a certificate that has one.
func (p *pass) judgeValue(s *statement, c policies.Condition, v policies.Text) {
	for _, u := range uses(v.Value) {
		p.judgeUse(s, v, u)
	}
	op := c.Operator.Value
	exact := strings.Contains(op, "StringEquals") || strings.Contains(op, "StringNotEquals")
	if plain := generalised(v.Value); exact && strings.ContainsAny(plain, "*?") && plain == v.Value {
		p.find(Error, s, v, "write "+strings.NewReplacer("EqualsIgnoreCase", "Like", "Equals", "Like").Replace(op),
			"%s takes * and ? for characters: no %s is %q", op, c.Key.Value, clip(v.Value))
	}
}

func (p *pass) judgeKey(s *statement, where policies.Text, key, what string) {
	lower := strings.ToLower(key)
	connection := strings.HasPrefix(lower, "iot:connection.") || strings.HasPrefix(lower, "iot:certificate") || lower == "iot:clientid"
	switch {
	case p.Kind.iot() && strings.HasPrefix(lower, "credentials-iot:"):
		p.find(Error, s, where, "write "+thingName, "%s exists in the IAM policy of a role alias's role only: here it never resolves", what)
	case p.Kind.iot():
		p.judgeConnectionKey(s, where, key, what)
	case connection && p.doc != nil && !s.iotOnly():
		p.find(Error, s, where, "write ${credentials-iot:ThingName}, in the role behind a role alias", "%s exists at an MQTT connection only: for S3 and IAM it never resolves", what)
	case p.Kind.iam() && strings.HasPrefix(lower, "credentials-iot:") && !contains(credentialKeys, key):
		right, _ := nearest(key, credentialKeys)
		p.find(Error, s, where, "write "+right, "%s does not exist", what)
	case !p.Kind.iam() && strings.HasPrefix(lower, "credentials-iot:"):
		p.find(Error, s, where, "put it into the role's policy", "%s exists in the policy of a role alias's role only", what)
	}
}

// iotOnly is true of a statement that speaks of AWS IoT alone, in an IAM policy.
func (s *statement) iotOnly() bool {
	return len(s.actions) > 0 && !slices.ContainsFunc(s.actions, func(a action) bool { return len(a.covers) == 0 })
}

func (p *pass) judgeConnectionKey(s *statement, where policies.Text, key, what string) {
	lower := strings.ToLower(key)
	switch m := attributeKey.FindStringSubmatch(key); {
	case m != nil:
		p.judgeAttribute(s, where, m[1], what)
	case contains(iotKeys, key), validSubject(key), strings.HasPrefix(lower, "cognito-identity.amazonaws.com:"):
	case strings.HasPrefix(lower, "aws:") && lower != "aws:sourceip" && !strings.HasPrefix(what, "${"):
		// a global key: AWS IoT has some, and does not say which
	default:
		right, _ := nearest(key, suggestions())
		p.find(Error, s, where, "write "+right, "AWS IoT knows no %s: it never resolves", what)
	}
}

func (p *pass) judgeAttribute(s *statement, where policies.Text, name, what string) {
	reg := p.run.opt.Registry
	if reg == nil {
		return
	}
	var known []string
	for _, thing := range reg.Things() {
		for attribute := range reg.Thing(thing).Attributes {
			if attribute == name {
				return
			}
			known = append(known, attribute)
		}
	}
	fix := "give things the attribute"
	if right, distance := nearest(name, known); distance <= 2 {
		fix = "write Attributes[" + right + "]"
	}
	p.find(Error, s, where, fix, "no thing of the registry has the attribute %q: %s never resolves", name, what)
}

func validSubject(key string) bool {
	m := subjectKey.FindStringSubmatch(key)
	return m != nil && contains(nameFields, m[2])
}

// suggestions are all names that a misspelt one could have been.
func suggestions() []string {
	out := slices.Clone(iotKeys)
	for _, f := range nameFields {
		out = append(out, "iot:Certificate.Subject."+f, "iot:Certificate.Issuer."+f)
	}
	return append(out, "iot:Connection.Thing.Attributes[name]")
}

func contains(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// nearest is the name with the fewest changes of a letter.
func nearest(name string, names []string) (string, int) {
	best, distance := "", len(name)+1
	for _, n := range names {
		if d := changes(strings.ToLower(name), strings.ToLower(n)); d < distance {
			best, distance = n, d
		}
	}
	return best, distance
}

func changes(a, b string) int {
	if len(a) > 200 {
		return len(a) // no slip of the pen
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

func clip(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}
