// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"net/netip"
	"strings"

	"thingpass/policies"
)

// An Identity is who asks, from where and how.
type Identity struct {
	Who      policies.Principal
	ClientID string // "": the thing's name
	IP       netip.Addr
	HTTP     bool // over HTTPS, where nothing is known of a thing (thing-policy-variables)

	Persistent bool   // of connect: the session outlives the connection
	Will       string // of connect: the topic of the will; "": none

	Documents []*policies.Document // all that is attached, by whatever way
	// Attached is what counts under a client id, instead of Documents: policies of
	// thing groups do so under the thing's name alone (iot-policies). May be nil.
	Attached func(clientID string) []*policies.Document
	At       policies.Place
	Bucket   string              // for keys without an ARN
	Context  map[string][]string // condition keys besides, which win
}

func (id Identity) withDefaults() Identity {
	if id.ClientID == "" && id.Who.Thing != nil {
		id.ClientID = id.Who.Thing.Name
	}
	if id.Attached != nil {
		id.Documents = id.Attached(id.ClientID)
	}
	return id
}

// with are other documents in place of those that are attached.
func (id Identity) with(docs []*policies.Document) Identity {
	id.Documents, id.Attached = docs, nil
	return id
}

// groupsDoNotCount tells of policies that the client id makes ineffective.
func (id Identity) groupsDoNotCount() string {
	thing := id.Who.Thing
	if id.Attached == nil || thing == nil || len(id.Attached(thing.Name)) <= len(id.Documents) {
		return ""
	}
	return fmt.Sprintf("policies of thing groups do not count: the client id %q is not the thing's name, %q", id.ClientID, thing.Name)
}

// principal is who it is for the server, which over HTTPS knows no thing.
func (id Identity) principal() policies.Principal {
	who := id.Who
	if id.HTTP {
		who.Thing = nil
	}
	return who
}

func (id Identity) request() policies.ConnectRequest {
	return policies.ConnectRequest{ClientID: id.ClientID, Persistent: id.Persistent, WillTopic: id.Will, SourceIP: id.IP}
}

// String says who asks in one line.
func (id Identity) String() string {
	var parts []string
	switch thing := id.Who.Thing; {
	case thing == nil:
		parts = append(parts, "a certificate that is attached to no thing")
	case id.Who.Exclusive:
		parts = append(parts, fmt.Sprintf("thing %s (attached exclusively)", thing.Name))
	default:
		parts = append(parts, "thing "+thing.Name)
	}
	if id.Who.ID != "" {
		parts = append(parts, "certificate "+short(id.Who.ID))
	}
	if id.HTTP {
		parts = append(parts, "over HTTPS")
	} else if id.ClientID != "" {
		parts = append(parts, "client id "+id.ClientID)
	}
	if id.IP.IsValid() {
		parts = append(parts, "from "+id.IP.String())
	}
	return strings.Join(parts, ", ")
}

func short(id string) string {
	if len(id) > 12 {
		return id[:8] + "…"
	}
	return id
}

// iamContext is what IAM knows of a session that the credential provider gave
// out: credentials-iot keys are there only if the thing named itself
// (authorizing-direct-aws).
func (id Identity) iamContext() policies.Context {
	var ctx policies.Context
	if thing := id.Who.Thing; thing != nil {
		ctx.Set("credentials-iot:ThingName", thing.Name)
		if thing.Type != "" {
			ctx.Set("credentials-iot:ThingTypeName", thing.Type)
		}
	}
	if id.Who.ID != "" {
		ctx.Set("credentials-iot:AwsCertificateId", id.Who.ID)
	}
	if id.IP.IsValid() {
		ctx.Set("aws:SourceIp", id.IP.Unmap().String())
	}
	ctx.Set("aws:SecureTransport", "true")
	if id.At.Account != "" {
		ctx.Set("aws:PrincipalAccount", id.At.Account)
		ctx.Set("aws:SourceAccount", id.At.Account)
	}
	return id.add(ctx)
}

// add puts the keys that were given by hand over the others.
func (id Identity) add(ctx policies.Context) policies.Context {
	for key, values := range id.Context {
		ctx.Set(key, values...)
	}
	return ctx
}

// resource is the ARN of what an operation asks for.
func (id Identity) resource(o Operation) string {
	switch {
	case o.IAM() && strings.HasPrefix(o.Name, "arn:"):
		return o.Name
	case o.IAM() && len(o.Verb) > 3 && strings.EqualFold(o.Verb[:3], "s3:"):
		return "arn:" + id.At.Partition + ":s3:::" + id.Bucket + "/" + o.Name
	case o.IAM():
		return o.Name
	case o.Verb == Connect:
		return id.At.ARN("client/" + id.ClientID)
	case strings.HasPrefix(o.Name, "arn:"):
		return o.Name
	}
	kind := policies.ResourceKind(o.Action())
	if kind == "*" {
		return "*"
	}
	return id.At.ARN(kind + "/" + o.Name)
}
