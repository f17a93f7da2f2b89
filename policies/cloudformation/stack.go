// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cloudformation

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"thingpass/policies/templates"
)

// maxTemplate is what AWS takes of a template that is sent with the request, in
// bytes; larger ones have to lie in a bucket (CloudFormation's quotas).
const maxTemplate = 51200

// maxInline is what it takes of a role's policies together, in characters without
// white space (IAM's quotas).
const maxInline = 10240

// A Part is what not every installation needs.
type Part struct {
	Name string // as people give it
	For  string // in a few words

	add func(*stack)
}

// Parts returns what may be added to the bucket, the policies of things and
// brokers, and the broker's role.
func Parts() []Part { return slices.Clone(parts) }

var parts = []Part{
	{"credentials", "things get credentials of S3 from AWS IoT: role alias and its role", (*stack).credentials},
	{"claim", "things provision themselves: claim policy, fleet template and its role", (*stack).provisioning},
	{"sessions", "the broker gives sessions: their role", (*stack).sessions},
	{"events", "the bucket tells a queue of each object: queues, notification", (*stack).events},
	{"console", "the broker has a console, where operators give commands", (*stack).console},
	{"websocket", "the broker connects to AWS IoT with its role, by wss://", (*stack).webSocket},
	{"alarms", "throttles, denials, errors of S3 and of the Lambda function, what is left in queues", (*stack).alarms},
}

// A Place is where the broker runs, which decides who may take its role.
type Place string

// The places that our trust policies know.
const (
	ECS Place = "ecs"
	EC2 Place = "ec2"
)

// Options say what the stack has.
type Options struct {
	Prefix string   // before the names of AWS IoT's policies: "thingpass-"
	Parts  []string // names of Parts
	On     Place
}

// Template returns the template of a stack as JSON. Errors tell of all values that
// are missing or wrong, and of a template that is larger than AWS takes. With an
// origin among the values the bucket has CORS rules, with expire-keys objects
// expire.
func Template(v templates.Values, o Options) ([]byte, error) {
	s := &stack{values: v, options: o}
	if v.Get("bucket") == "" {
		return nil, errors.New("bucket is missing: the private bucket of the objects")
	}
	s.bucket()
	s.policies()
	s.brokerRole()
	for _, name := range o.Parts {
		i := slices.IndexFunc(parts, func(p Part) bool { return p.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no part %q: use %s", name, strings.Join(partNames(), ", "))
		}
		if !s.has(name) {
			s.done = append(s.done, name)
			parts[i].add(s)
		}
	}
	s.finish()
	if err := errors.Join(s.faults...); err != nil {
		return nil, err
	}
	return s.print()
}

func partNames() (names []string) {
	for _, p := range parts {
		names = append(names, p.Name)
	}
	return names
}

// A stack is a template in the making.
type stack struct {
	values  templates.Values
	options Options
	done    []string // names of parts
	faults  []error

	parameters, conditions, resources, outputs object

	bucketProperties object // which parts add to
	bucketNeeds      []any  // logical names that are made before it
	rolePolicies     []any  // of the broker's role
	inlined          int    // characters of them
}

func (s *stack) fault(err error)       { s.faults = append(s.faults, err) }
func (s *stack) has(part string) bool  { return slices.Contains(s.done, part) }
func (s *stack) value(n string) string { return templates.Printed(n, s.values) }

// add makes a resource.
func (s *stack) add(name, kind string, properties object, attributes ...field) {
	r := append(object{{"Type", "AWS::" + kind}}, attributes...)
	s.resources = append(s.resources, field{name, append(r, field{"Properties", properties})})
}

func (s *stack) output(name, description string, value any) {
	s.outputs = append(s.outputs, field{name, object{{"Description", description}, {"Value", value}}})
}

// finish makes what parts have added to.
func (s *stack) finish() {
	var attributes []field
	if len(s.bucketNeeds) > 0 {
		attributes = append(attributes, field{"DependsOn", s.bucketNeeds})
	}
	// A stack that is deleted must not take the photos with it.
	attributes = append(attributes, field{"DeletionPolicy", "Retain"}, field{"UpdateReplacePolicy", "Retain"})
	s.add("Bucket", "S3::Bucket", s.bucketProperties, attributes...)
	if s.inlined > maxInline {
		s.fault(fmt.Errorf("the broker's role has policies of %d characters, AWS takes %d: make names shorter, or leave out parts", s.inlined, maxInline))
	}
	s.add("PresignRole", "IAM::Role", object{
		{"RoleName", s.value("presign-role")},
		{"Description", "What the thingpass broker may do. Whatever it signs, it must be allowed to do itself."},
		{"AssumeRolePolicyDocument", s.document(s.trust())},
		{"Policies", s.rolePolicies},
	})
}

func (s *stack) print() ([]byte, error) {
	template := object{
		{"AWSTemplateFormatVersion", "2010-09-09"},
		{"Description", "thingpass: things with a certificate put objects into a private bucket"},
		{"Parameters", s.parameters}, {"Conditions", s.conditions}, {"Resources", s.resources}, {"Outputs", s.outputs},
	}
	text := printed(template, "") + "\n"
	if len(text) > maxTemplate {
		text = oneLine(template) + "\n"
	}
	if len(text) > maxTemplate {
		return nil, fmt.Errorf("the template has %d bytes, AWS takes %d: leave out parts", len(text), maxTemplate)
	}
	return []byte(text), nil
}
