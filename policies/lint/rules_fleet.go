// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"
	"strings"

	"thingpass/policies"
)

// fleetRules are about a document as a whole, and about who shares it.
func fleetRules() []Rule {
	claim := `{"Effect": "Allow", "Action": "iot:Publish", "Resource": ["@topic/$aws/certificates/create-from-csr/json",
      "@topic/$aws/provisioning-templates/fleet/provision/json"]}`
	claim = strings.ReplaceAll(claim, "\"@", "\"arn:aws:iot:eu-central-1:123456789012:")
	return []Rule{
		{
			ID: "IOT027", Severity: Warning, Title: "a resource that another statement covers already, or that a Deny takes away",
			Why:    "It looks like a rule and is none: who removes it, or relies on it, is wrong.",
			Fix:    "Remove it.",
			Source: "iot-policies",
			Bad: on(Broker, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": "@topic/devices/*"}`,
				`{"Effect": "Allow", "Action": "iot:Publish", "Resource": "@topic/devices/a/up"}`),
			Good: on(Broker, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": "@topic/devices/a/*"}`,
				`{"Effect": "Allow", "Action": "iot:Publish", "Resource": "@topic/devices/b/up"}`),
			check: redundant, costly: true,
		},
		{
			ID: "IOT029", Severity: Error, Title: "one thing reaches another's topics",
			Why:    "Proven with things of this very policy whose names look alike: a1 with a10, a1-, A1, and b2.",
			Fix:    "Bind each topic to the thing, and let a / follow the name.",
			Source: "derived: package language searches all topics, not samples",
			Bad:    on(Thing, `{"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": "@topic/devices/`+thingName+`*"}`),
			Good:   on(Thing, `{"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"], "Resource": "@topic/devices/`+thingName+`/*"}`),
			kinds:  []Kind{Thing}, check: pairs, costly: true,
		},
		{
			ID: "IOT031", Severity: Warning, Title: "a service that publishes or subscribes everywhere",
			Why:    "A stolen broker key would be the key to the whole server. A broker needs requests, responses and events, and its shared subscription.",
			Fix:    "Name the topics: …/+/upload-request, $share/<group>/….",
			Source: "broker/PROTOCOL.md, section 2",
			Bad:    on(Broker, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": "@topic/*"}`),
			Good:   on(Broker, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": "@topic/devices/*/response"}`),
			kinds:  []Kind{Broker}, check: everywhere,
		},
		{
			ID: "IOT032", Severity: Error, Title: "AssumeRoleWithCertificate on any role alias",
			Why:    "Whatever role alias somebody makes tomorrow, each thing can take its role.",
			Fix:    "Name the role alias.",
			Source: "authorizing-direct-aws",
			Bad:    on(Thing, `{"Effect": "Allow", "Action": "iot:AssumeRoleWithCertificate", "Resource": "@rolealias/*"}`),
			Good:   on(Thing, `{"Effect": "Allow", "Action": "iot:AssumeRoleWithCertificate", "Resource": "@rolealias/thingpass-things"}`),
			check:  anyAlias,
		},
		{
			ID: "IOT033", Severity: Error, Title: "a claim certificate that can do more than become a thing",
			Why:    "The same claim lies in the flash of every new thing, where anybody can read it.",
			Fix:    "Allow Connect, and the topics of create, create-from-csr and provision.",
			Source: "provision-wo-cert",
			Bad:    on(Claim, claim, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": "@topic/devices/*"}`),
			Good:   on(Claim, claim),
			kinds:  []Kind{Claim}, check: claimOnly,
		},
	}
}

func everywhere(p *pass) {
	p.each("topic", func(s *statement, r resource) {
		if len(r.pat) > 0 && r.pat[0].wild() {
			p.find(Warning, s, r.Text, "name the topics: "+r.with("topic", "thingpass/*/response"), "the service may publish to any topic")
		}
	}, "iot:Publish", "iot:RetainPublish")
	p.each("topicfilter", func(s *statement, r resource) {
		name, _, _ := strings.Cut(strings.TrimPrefix(r.name, "$share/"), "/")
		shared := strings.HasPrefix(r.name, "$share/")
		switch {
		case shared && strings.ContainsAny(name, "*?"):
			p.find(Warning, s, r.Text, "name the group", "the service may join any group, and take messages away from others")
		case strings.HasPrefix(r.name, "#"), len(r.pat) > 0 && r.pat[0].wild():
			p.find(Warning, s, r.Text, "name the filters: "+r.with("topicfilter", "$share/thingpass/thingpass/+/upload-request"), "the service may subscribe to everything")
		}
	}, "iot:Subscribe")
}

func anyAlias(p *pass) {
	p.each("rolealias", func(s *statement, r resource) {
		if strings.ContainsAny(r.name, "*?") {
			p.find(Error, s, r.Text, "write "+r.with("rolealias", "thingpass-things"), "this covers role aliases, and so roles, that do not exist yet")
		}
	}, "iot:AssumeRoleWithCertificate")
}

var claimTopics = []string{"$aws/certificates/create/*", "$aws/certificates/create-from-csr/*", "$aws/provisioning-templates/*/provision/*"}

func claimOnly(p *pass) {
	var may []pattern
	for _, t := range claimTopics {
		may = append(may, newPattern(t))
	}
	var create, csr *resource
	for i := range p.statements {
		s := &p.statements[i]
		if !s.allow {
			continue
		}
		for _, a := range s.actions {
			if slices.ContainsFunc(a.covers, func(c string) bool {
				return !slices.Contains([]string{"iot:Connect", "iot:Publish", "iot:Subscribe", "iot:Receive"}, c)
			}) {
				p.find(Error, s, a.Text, "take it away", "becoming a thing needs no %s", a.Value)
			}
		}
		for _, r := range s.resources {
			p.judgeClaim(s, r, may)
			if strings.Contains(r.name, "$aws/certificates/create/") {
				create = &r
			}
			if strings.Contains(r.name, "$aws/certificates/create-from-csr/") {
				csr = &r
			}
		}
	}
	if create != nil && csr == nil {
		p.find(Warning, nil, create.Text, "add "+create.with(create.kind, "$aws/certificates/create-from-csr/*"),
			"create/* does not cover create-from-csr/*, which things with a key of their own use")
	}
}

func (p *pass) judgeClaim(s *statement, r resource, may []pattern) {
	if r.kind == "client" {
		return
	}
	if !covers(r.pat, may...) {
		p.find(Error, s, r.Text, "take it away", "this is more than a claim needs to become a thing")
		return
	}
	if rest, found := r.pat.cut("$aws/provisioning-templates/"); found {
		i := slices.IndexFunc(rest, func(x part) bool { return x.r == '/' || x.wild() })
		if i >= 0 && rest[i].wild() {
			p.find(Error, s, r.Text, "name the template", "whoever has the claim may use any fleet template of the account")
		}
	}
}

// fitting are the actions of a statement that are asked with a resource, in the
// form in which others can be compared.
func (s *statement) fitting(r resource) []pattern {
	var out []pattern
	for _, a := range s.actions {
		if len(a.covers) == 0 {
			out = append(out, a.pat)
		}
		for _, c := range a.covers {
			if kind := policies.ResourceKind(c); kind == "*" || r.is(kind) {
				out = append(out, newPattern(strings.ToLower(c)))
			}
		}
	}
	return out
}

// plain is true of what redundant can compare.
func (s *statement) plain() bool { return !s.NotAction && !s.NotResource && !s.NotPrincipal }

func redundant(p *pass) {
	for i := range p.statements {
		s := &p.statements[i]
		for j := range s.resources {
			if s.plain() {
				p.judgeResource(s, j)
			}
		}
	}
}

func (p *pass) judgeResource(s *statement, j int) {
	r := s.resources[j]
	actions := s.fitting(r)
	if len(actions) == 0 {
		return // IOT019's
	}
	whole := r.all
	for k := range p.statements {
		t := &p.statements[k]
		if !t.plain() || t.allow && !s.allow || !weaker(t, s) || !slices.Equal(valuesOf(t.Principals), valuesOf(s.Principals)) {
			continue
		}
		for l, q := range t.resources {
			other := q.all
			if t == s && l == j || !covers(whole, other) || !includes(t, q, actions) {
				continue
			}
			switch {
			case !t.allow && s.allow:
				p.find(Warning, s, r.Text, "remove one of them", "%s denies all of this: it allows nothing", t.label)
			case t == s && l > j && covers(other, whole), k > s.index && covers(other, whole) && includes(s, r, t.fitting(q)) && weaker(s, t):
				continue // the same twice: the later one is too many
			default:
				p.find(Warning, s, r.Text, "remove it, or narrow the other", "%s covers this already", q.Value)
			}
			return
		}
	}
}

// includes is true if the statement speaks of all the actions on the resource.
func includes(t *statement, q resource, actions []pattern) bool {
	has := t.fitting(q)
	return !slices.ContainsFunc(actions, func(a pattern) bool { return !covers(a, has...) })
}

// weaker is true if whatever meets s's conditions meets t's.
func weaker(t, s *statement) bool {
	return !slices.ContainsFunc(t.Conditions, func(c policies.Condition) bool {
		return !slices.ContainsFunc(s.Conditions, func(d policies.Condition) bool {
			return c.Operator.Value == d.Operator.Value && strings.EqualFold(c.Key.Value, d.Key.Value) && slices.Equal(valuesOf(c.Values), valuesOf(d.Values))
		})
	})
}

func valuesOf(texts []policies.Text) []string {
	var out []string
	for _, t := range texts {
		out = append(out, t.Value)
	}
	return out
}
