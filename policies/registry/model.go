// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"crypto/sha256"

	"thingpass/policies"
	"thingpass/policies/templates"
)

// Status of a certificate, in AWS IoT's words.
type Status string

// What a certificate may be. Only an ACTIVE one may connect.
const (
	Active            Status = "ACTIVE"
	Inactive          Status = "INACTIVE"
	Revoked           Status = "REVOKED"
	PendingActivation Status = "PENDING_ACTIVATION" // fleet provisioning has issued it, and it has no thing yet
)

// AWS's limits (General Reference, "AWS IoT Core endpoints and quotas").
const (
	maxPolicies   = 10 // of a principal
	maxGroups     = 10 // of a thing
	maxAttributes = 50 // of a thing with a type
	maxUntyped    = 3  // of a thing without
)

// A Thing of the registry.
type Thing struct {
	Name       string
	Type       string            // "": none
	Attributes map[string]string // searchable
	Groups     []string
	Blocked    bool // refused whatever its certificates say; not AWS's, an operator's switch
}

// A Certificate of the registry. It is known by its id, or, which AWS cannot, by
// its common name.
type Certificate struct {
	ID         string // SHA-256 of its DER, 64 lower-case hexadecimal digits; "" with a common name
	CommonName string // of any certificate of a trusted CA; "" with an id
	Status     Status
	Things     []string // that it is attached to; policies see the first, or the one whose name the client id is
	Exclusive  bool     // to one thing alone: the client id need not be its name
	Policies   []string // attached to itself, not to a group
}

// A Group of things.
type Group struct {
	Name     string
	Policies []string
}

// Admission is what becomes of a certificate of a trusted CA that is not named:
// it is attached to the thing of its common name, as AWS's just-in-time
// provisioning does with the usual template.
type Admission struct {
	Groups []string // of things that have none of their own
}

// A Registry is one state of the file. It never changes.
type Registry struct {
	Place  policies.Place
	Values templates.Values // with which builtin policies were rendered

	documents    map[string]*policies.Document
	types        map[string]bool
	groups       map[string]*Group
	things       map[string]*Thing
	certificates []Certificate
	byID         map[string]*Certificate
	byName       map[string]*Certificate
	admission    *Admission // nil: who is not named is refused
	sets         map[string]*policies.Set
	files        []string // documents that were read
	seen         []glance // likewise, before that
	warnings     policies.Problems
	sum          [sha256.Size]byte // of the text and of all documents
}
