// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package templates_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"thingpass/policies"
	"thingpass/policies/templates"
)

// asked is who asks by a document, in the usual case.
var asked = map[string]map[string][]string{
	"thing":                   thingContext("cam1"),
	"thing-credentials":       thingContext("cam1"),
	"broker":                  clientContext("thingpass-broker"),
	"broker-commands":         clientContext("thingpass-broker"),
	"broker-watch":            clientContext("thingpass-broker-check-ABCDEF"),
	"observer":                clientContext("thingpass-observer"),
	"claim":                   clientContext("thingpass-claim-0001"),
	"presign-role-trust":      service("ecs-tasks.amazonaws.com", "arn:aws:ecs:eu-central-1:123456789012:task/x"),
	"presign-role-trust-ec2":  service("ec2.amazonaws.com", ""),
	"session-role-trust":      {"aws:PrincipalArn": {"arn:aws:iam::123456789012:role/thingpass-presign"}, "aws:PrincipalAccount": {"123456789012"}},
	"credentials-role":        {"credentials-iot:ThingName": {"cam1"}},
	"credentials-role-trust":  service("credentials.iot.amazonaws.com", "arn:aws:iot:eu-central-1:123456789012:rolealias/thingpass-things"),
	"provisioning-role-trust": service("iot.amazonaws.com", "arn:aws:iot:eu-central-1:123456789012:provisioningtemplate/thingpass"),
	"events-queue":            service("s3.amazonaws.com", "arn:aws:s3:::photos"),
	"lambda-role-trust":       service("lambda.amazonaws.com", "arn:aws:lambda:eu-central-1:123456789012:function:thingpass"),
	"bucket-policy": {"aws:SecureTransport": {"true"}, "s3:TlsVersion": {"1.3"}, "s3:signatureAge": {"3600000"},
		"aws:PrincipalArn": {"arn:aws:iam::123456789012:role/thingpass-presign"}, "aws:PrincipalAccount": {"123456789012"}},
}

func clientContext(id string) map[string][]string {
	return map[string][]string{"iot:ClientId": {id}, "iot:ConnectAttributes": {}, "iot:Connection.Thing.IsAttached": {"false"}}
}

func thingContext(name string) map[string][]string {
	c := clientContext(name)
	c["iot:Connection.Thing.ThingName"] = []string{name}
	c["iot:Connection.Thing.IsAttached"] = []string{"true"}
	return c
}

func service(name, source string) map[string][]string {
	c := map[string][]string{"aws:PrincipalServiceName": {name}}
	if source != "" {
		c["aws:SourceArn"], c["aws:SourceAccount"] = []string{source}, []string{"123456789012"}
	}
	return c
}

// A subject is one policy of ours, whole, and what it should be.
type subject struct {
	t       *testing.T
	name    string
	kind    templates.Kind
	text    []byte
	beside  [][]byte
	reasons templates.Reasons
}

func subjects(t *testing.T) []subject {
	t.Helper()
	var all []subject
	for _, name := range templates.Names() {
		d, err := templates.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		if !d.Kind.IsPolicy() {
			continue
		}
		s := subject{t: t, name: name, kind: d.Kind, text: render(t, name)}
		if s.reasons, err = templates.Why(name, usual()); err != nil {
			t.Errorf("no reasons: %v", err)
			continue
		}
		if s.reasons.Beside != "" {
			s.beside = append(s.beside, render(t, s.reasons.Beside))
		}
		all = append(all, s)
	}
	return all
}

func render(t *testing.T, name string) []byte {
	t.Helper()
	text, err := templates.Render(name, usual())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// allows decides on one operation by the text of the subject's document.
func (s subject) allows(text []byte, o templates.Operation) bool {
	s.t.Helper()
	world := policies.IAM
	if s.kind == templates.IoT {
		world = policies.IoT
	}
	var docs []*policies.Document
	for _, each := range append(s.beside, text) {
		doc, err := policies.Parse(s.name, each)
		if err != nil {
			s.t.Fatalf("%s: %v\n%s", s.name, err, each)
		}
		docs = append(docs, doc)
	}
	var ctx policies.Context
	known := maps.Clone(asked[s.name])
	if known == nil {
		known = map[string][]string{}
	}
	maps.Copy(known, o.With)
	for key, values := range known {
		if values != nil {
			ctx.Set(key, values...)
		}
	}
	at := policies.Place{Partition: "aws", Region: "eu-central-1", Account: "123456789012"}
	return policies.Compile(world, docs...).Session(at, ctx).Decide(o.Action, o.Resource).Allowed()
}

// needs are all operations that the document is there for.
func (s subject) needs() []templates.Operation {
	var all []templates.Operation
	for _, sid := range slices.Sorted(maps.Keys(s.reasons.Statements)) {
		all = append(all, s.reasons.Statements[sid].Needs...)
	}
	return all
}

// lost are those of the operations that the text does not allow.
func (s subject) lost(text []byte, of []templates.Operation) []string {
	s.t.Helper()
	var names []string
	for _, o := range of {
		if !s.allows(text, o) {
			names = append(names, nameOf(o))
		}
	}
	slices.Sort(names)
	return names
}

func nameOf(o templates.Operation) string {
	return fmt.Sprintf("%s %s %v", o.Action, o.Resource, o.With)
}

func namesOf(list []templates.Operation) []string {
	names := make([]string, len(list))
	for i, o := range list {
		names[i] = nameOf(o)
	}
	slices.Sort(names)
	return names
}

// without is the document after a change to one of its statements; the change
// returns nil to take the statement away.
func (s subject) without(index int, change func(map[string]any) map[string]any) []byte {
	s.t.Helper()
	doc, statements := s.decode()
	if changed := change(statements[index].(map[string]any)); changed == nil {
		doc["Statement"] = slices.Delete(statements, index, index+1)
	} else {
		statements[index] = changed
	}
	if list := doc["Statement"].([]any); len(list) == 0 { // no policy may be empty: one that says nothing
		stub := map[string]any{"Effect": "Allow", "Action": "none:Nothing", "Resource": "arn:aws:none:::x"}
		if s.kind == templates.Trust {
			stub = map[string]any{"Effect": "Allow", "Action": "none:Nothing", "Principal": map[string]any{"AWS": "arn:aws:iam::000000000000:root"}}
		}
		doc["Statement"] = []any{stub}
	}
	text, err := json.Marshal(doc)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

func (s subject) decode() (doc map[string]any, statements []any) {
	s.t.Helper()
	if err := json.Unmarshal(s.text, &doc); err != nil {
		s.t.Fatal(err)
	}
	return doc, doc["Statement"].([]any)
}
