// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"slices"
	"strings"

	"thingpass/policies"
)

// A Kind is what a document is for, as the rules see it.
type Kind string

// The kinds of documents.
const (
	Thing       Kind = "thing"       // AWS IoT policy of things: many with one document
	Broker      Kind = "broker"      // AWS IoT policy of a service
	Claim       Kind = "claim"       // AWS IoT policy of fleet provisioning's claim certificates
	Role        Kind = "role"        // IAM policy of a service's role
	Credentials Kind = "credentials" // IAM policy of the role behind a role alias: things use it
	Session     Kind = "session"     // session policy: what STS narrows a role by
	Trust       Kind = "trust"       // who may take a role
	Bucket      Kind = "bucket"      // policy of an S3 bucket
	Queue       Kind = "queue"       // policy of another resource, such as a queue
	CORS        Kind = "cors"        // of an S3 bucket
	Lifecycle   Kind = "lifecycle"   // of an S3 bucket
	Block       Kind = "block"       // an S3 bucket's public access block
	Alias       Kind = "alias"       // a role alias, as CreateRoleAlias takes it
	Fleet       Kind = "fleet"       // a template of fleet provisioning: no rule speaks of it
)

var kinds = []Kind{Thing, Broker, Claim, Role, Credentials, Session, Trust, Bucket, Queue, CORS, Lifecycle, Block, Alias, Fleet}

// ParseKind reads the name of a kind.
func ParseKind(s string) (Kind, error) {
	if slices.Contains(kinds, Kind(s)) {
		return Kind(s), nil
	}
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return "", fmt.Errorf("there is no kind of document %q: use %s", s, strings.Join(names, ", "))
}

// policy is true of what package policies reads.
func (k Kind) policy() bool {
	return !slices.Contains([]Kind{CORS, Lifecycle, Block, Alias, Fleet}, k)
}

// iot is true of policies of AWS IoT.
func (k Kind) iot() bool { return k == Thing || k == Broker || k == Claim }

// iam is true of policies of roles.
func (k Kind) iam() bool { return k == Role || k == Credentials || k == Session }

// limit is how many characters AWS takes, white space not counted; 0: not known.
func (k Kind) limit() int {
	switch k {
	case Thing, Broker, Claim, Trust:
		return 2048
	case Role, Credentials:
		return 6144
	case Bucket:
		return 20 << 10
	}
	return 0
}

// shape tells configurations by their members; "" where it is a policy, or
// nothing that is known.
func shape(v policies.Value) Kind {
	has := func(name string) bool { return hasMember(v, name) }
	switch {
	case has("CORSRules"), len(v.Items) > 0 && hasMember(v.Items[0], "AllowedMethods"):
		return CORS
	case has("Rules"):
		return Lifecycle
	case has("roleAlias"):
		return Alias
	case has("BlockPublicAcls"):
		return Block
	case has("Resources") && !has("Statement"):
		return Fleet
	}
	return ""
}

// detect tells the kind of a policy by what is in it. A policy of AWS IoT that
// could be a thing's is taken for one: that is the stricter reading.
func detect(d *policies.Document) Kind {
	var text strings.Builder
	principals, service := false, map[string]bool{}
	for i := range d.Statements {
		s := &d.Statements[i]
		principals = principals || len(s.Principals) > 0
		for _, a := range s.Actions {
			prefix, _, _ := strings.Cut(strings.ToLower(a.Value), ":")
			service[prefix] = true
		}
		for _, r := range s.Resources {
			text.WriteString(r.Value + "\n")
		}
	}
	all := text.String()
	iot := service["iot"] || strings.Contains(all, ":iot:")
	delete(service, "iot")
	delete(service, "*")
	switch {
	case principals && service["sts"]:
		return Trust
	case principals && service["s3"]:
		return Bucket
	case principals && !iot:
		return Queue
	case strings.Contains(all, "${credentials-iot:") && service["s3"]:
		return Credentials
	case len(service) > 0 || !iot && strings.Contains(all, ":::"):
		return Role
	case strings.Contains(all, "/$aws/certificates/create") || strings.Contains(all, "/$aws/provisioning-templates/"):
		return Claim
	case named(d):
		return Broker
	}
	return Thing
}

// named is true if no variable stands anywhere, and each Connect names its clients
// by letters, or nothing at all has a wildcard: a service.
func named(d *policies.Document) bool {
	connects, topics, wild := false, false, false
	for i := range d.Statements {
		s := newStatement(d, i)
		for _, r := range s.resources {
			if len(r.uses) > 0 {
				return false
			}
			topics = topics || strings.HasPrefix(r.kind, "topic")
			wild = wild || strings.ContainsAny(r.Value, "*?")
			if s.allow && s.does("iot:Connect") && r.is("client") {
				if len(r.pat) == 0 || r.pat[0].wild() {
					return false
				}
				connects = true
			}
		}
	}
	return connects || topics && !wild
}

func hasMember(v policies.Value, name string) bool {
	_, found := v.Get(name)
	return found
}
