// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package whynot

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"thingpass/policies"
	"thingpass/policies/explain"
	"thingpass/policies/registry"
)

// certificateID is how AWS IoT names a certificate: the SHA-256 of its DER.
var certificateID = regexp.MustCompile(`^[0-9a-f]{64}$`)

// InRegistry finds clients by the certificate that the log names, or, in logs of
// the dev stack, by their names.
func InRegistry(r *registry.Registry, file string) Finder {
	return func(e Event) (explain.Identity, error) {
		if err := otherAccount(e, r.Place); err != nil {
			return explain.Identity{}, err
		}
		who, err := lookUp(r, e)
		var refusal *registry.Refusal
		switch {
		case errors.As(err, &refusal):
			return explain.Identity{}, fmt.Errorf("refused before any policy is asked: %w (%s)", err, file)
		case err != nil:
			return explain.Identity{}, fmt.Errorf("%w (%s)", err, file)
		}
		id := explain.Identity{
			Who: who.Principal, ClientID: e.Client, IP: e.IP, HTTP: e.HTTP, At: r.Place,
			Attached: func(clientID string) []*policies.Document { return who.Set(clientID).Documents() },
		}
		return id, nil
	}
}

func lookUp(r *registry.Registry, e Event) (*registry.Identity, error) {
	kind, name, _ := strings.Cut(e.Who, " ")
	switch id := strings.ToLower(e.Principal); {
	case kind == "thing":
		return r.FindThing(name)
	case kind == "service":
		return r.FindID(name)
	case e.Who != "" && e.Who != "nobody" && name == "": // of the plugin: a name alone
		if who, err := r.FindID(e.Who); err == nil {
			return who, nil
		}
		return r.FindThing(e.Who)
	case e.Who != "" || e.Principal == "":
		return nil, fmt.Errorf("the log does not say whose certificate it was, only client id %q", e.Client)
	case !certificateID.MatchString(id):
		return nil, fmt.Errorf("the principal %q is no certificate: policies of a Cognito identity and of its IAM role decide together, and neither is here", e.Principal)
	default:
		who, err := r.FindID(id)
		if err != nil && r.Thing(e.Client) != nil && strings.Contains(err.Error(), "there is no certificate") {
			return nil, fmt.Errorf("certificate %s… is not in the registry, but thing %s is, the name of the client id: its certificate was changed, or another device has its name", id[:8], e.Client)
		}
		return who, err
	}
}

// Assumed takes every client for the thing that its client id names, with these
// documents.
func Assumed(docs []*policies.Document, at policies.Place) Finder {
	return func(e Event) (explain.Identity, error) {
		if err := otherAccount(e, at); err != nil {
			return explain.Identity{}, err
		}
		id := explain.Identity{ClientID: e.Client, IP: e.IP, HTTP: e.HTTP, At: at, Documents: docs}
		if policies.IsThingName(e.Client) {
			id.Who.Thing = &policies.Thing{Name: e.Client}
		}
		return id, nil
	}
}
