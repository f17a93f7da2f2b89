// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

const (
	thingName  = "${iot:Connection.Thing.ThingName}"
	isAttached = `"Condition": {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}`
)

// connectRules are about who may take which client id.
func connectRules() []Rule {
	return []Rule{
		{
			ID: "IOT001", Severity: Error, Title: "Connect with any client id",
			Why:    "Whoever has a certificate can connect as any other thing, and the server then throws the rightful one out.",
			Fix:    "Bind the client id to the thing: client/" + thingName + " with IsAttached.",
			Source: "Device Defender, audit-chk-iot-policy-permissive",
			Bad:    on(Thing, `{"Effect": "Allow", "Action": "iot:Connect", "Resource": "@client/*"}`),
			Good:   on(Thing, `{"Effect": "Allow", "Action": "iot:Connect", "Resource": "@client/`+thingName+`", `+isAttached+`}`),
			kinds:  []Kind{Thing, Broker, Claim}, check: anyClient,
		},
		{
			ID: "IOT002", Severity: Error, Title: "Connect on ${iot:ClientId}, which is what the client says of itself",
			Why:    "The variable is replaced by the client id that is asked for, so that every client id is allowed, as with client/*.",
			Fix:    "Use " + thingName + ", or demand IsAttached.",
			Source: "Device Defender, audit-chk-iot-policy-permissive",
			Bad:    on(Thing, `{"Effect": "Allow", "Action": "iot:Connect", "Resource": "@client/${iot:ClientId}"}`),
			Good:   on(Thing, `{"Effect": "Allow", "Action": "iot:Connect", "Resource": "@client/${iot:ClientId}", `+isAttached+`}`),
			kinds:  []Kind{Thing, Broker, Claim}, check: ownWordClient,
		},
		{
			ID: "IOT003", Severity: Warning, Title: "Connect on the thing's name without IsAttached",
			Why:    "It works, as the variable does not resolve for others; but AWS's compliant form has both, and audits look for it.",
			Fix:    `Add "Bool": {"iot:Connection.Thing.IsAttached": "true"}.`,
			Source: "iot-policies, connect-policy",
			Bad:    on(Thing, `{"Effect": "Allow", "Action": "iot:Connect", "Resource": "@client/`+thingName+`"}`),
			Good:   on(Thing, `{"Effect": "Allow", "Action": "iot:Connect", "Resource": "@client/`+thingName+`", `+isAttached+`}`),
			kinds:  []Kind{Thing}, check: unattachedThing,
		},
	}
}

func anyClient(p *pass) {
	p.each("client", func(s *statement, r resource) {
		wild := r.pat.anything()
		for _, x := range r.pat {
			wild = wild || p.Kind == Thing && x.wild() && len(r.uses) == 0
		}
		if wild && !s.attached() {
			fix := "write " + r.with("client", thingName) + ", with the condition IsAttached"
			if p.Kind != Thing {
				fix = "name the service's client ids: " + r.with("client", "thingpass-broker") + " and " + r.with("client", "thingpass-broker-*")
			}
			p.find(Error, s, r.Text, fix, "any certificate with this policy may connect as any %s, and throws out whoever is connected under that client id",
				clientsOf(r))
		}
	}, "iot:Connect")
}

func clientsOf(r resource) string {
	if r.pat.anything() {
		return "client"
	}
	return "client that " + r.name + " covers"
}

func ownWordClient(p *pass) {
	p.each("client", func(s *statement, r resource) {
		if r.byClientID() && !s.attached() {
			p.find(Error, s, r.Text, "write "+r.with("client", thingName)+", or add the condition IsAttached",
				"%s is what the client says of itself: this is client/*, any certificate may connect as anybody", "${iot:ClientId}")
		}
	}, "iot:Connect")
}

func unattachedThing(p *pass) {
	p.each("client", func(s *statement, r resource) {
		if r.identity() && !s.attached() {
			p.find(Warning, s, r.Text, `add "Condition": {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}`,
				"the condition IsAttached is missing: AWS's compliant form has both, and its audit looks for it")
		}
	}, "iot:Connect")
}

// unbound is true if a Connect of the document lets the client choose its id.
func (p *pass) unbound() bool {
	found := false
	p.each("client", func(s *statement, r resource) {
		found = found || !s.attached() && (r.pat.anything() || r.byClientID())
	}, "iot:Connect")
	return found
}
