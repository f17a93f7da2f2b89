// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"thingpass/certs"
)

// identity is who a client is, by its certificate and by nothing else.
type identity struct {
	kind certs.Kind // certs.Thing or certs.Service
	name string
}

func (i identity) String() string { return string(i.kind) + " " + i.name }

// topics says who may do what. Whatever it does not name is refused. It is a
// method of its fields alone, so that what it decides can be read off a table:
//
//	<root>/<thing>/upload-request, upload-complete,      thing → broker
//	               download-request, credentials-request
//	<root>/<thing>/response                              broker → thing
//	<root>/<thing>/uploaded                              broker → observers
type topics struct {
	root      string
	group     string   // of the brokers' shared subscription
	brokers   []string // names of services
	observers []string
	claims    map[string][]string // names of services → templates that they may use
}

// requests are the last levels of what a thing sends.
func requests() []string {
	return []string{"upload-request", "upload-complete", "download-request", "credentials-request"}
}

const (
	response = "response"
	uploaded = "uploaded"
)

// connect returns nil if who may use the client id. An id is the key to a
// session: whoever takes another's gets its messages and ends its connection.
func (t *topics) connect(who identity, clientID string) error {
	if who.kind == certs.Thing {
		if owner := t.serviceOf(who.name); owner != "" {
			return fmt.Errorf("the name belongs to service %s", owner)
		}
		if clientID != who.name {
			return fmt.Errorf("client id %q is not the certificate's name", clientID)
		}
		return nil
	}
	if !t.isBroker(who) && !slices.Contains(t.observers, who.name) && t.claims[who.name] == nil {
		return errors.New("the server knows no such service")
	}
	if t.serviceOf(clientID) != who.name {
		return fmt.Errorf("client id %q is neither the certificate's name nor begins with it and a hyphen", clientID)
	}
	return nil
}

// serviceOf is the service that a client id belongs to, or "". Where one
// service's name begins with another's, the longer one owns the id.
func (t *topics) serviceOf(clientID string) string {
	owner := ""
	for _, name := range slices.Concat(t.brokers, t.observers, slices.Collect(maps.Keys(t.claims))) {
		if (clientID == name || strings.HasPrefix(clientID, name+"-")) && len(name) > len(owner) {
			owner = name
		}
	}
	return owner
}

// publish returns nil if who may publish to the topic, or leave a will there.
func (t *topics) publish(who identity, topic string) error {
	if q, template, ok := provisioningTopic(topic); ok && t.mayClaim(who, q, template) {
		return nil
	}
	thing, last, ok := t.split(topic)
	switch {
	case !ok || certs.CheckName(thing) != nil:
	case who.kind == certs.Thing && thing == who.name && slices.Contains(requests(), last):
		return nil
	case t.isBroker(who) && (last == response || last == uploaded):
		return nil
	}
	return fmt.Errorf("may not publish to %q", topic)
}

// read returns nil if who may subscribe to the filter, or receive from the
// topic, of that text. mochi asks for both in the same words, and the answers
// are the same: a thing has no filter but its topic, and a filter with a
// wildcard is no topic.
func (t *topics) read(who identity, filter string) error {
	if who.kind == certs.Thing {
		if filter == t.root+"/"+who.name+"/"+response {
			return nil
		}
		return fmt.Errorf("may not subscribe to %q", filter)
	}
	if q, template, ok := provisioningReply(filter); ok && t.mayClaim(who, q, template) {
		return nil
	}
	plain, shared := strings.CutPrefix(filter, "$share/"+t.group+"/")
	if !shared { // `thingpass check` tries a group beside the brokers', where nothing can get lost
		plain, shared = strings.CutPrefix(filter, "$share/"+t.group+"-check/")
	}
	thing, last, ok := t.split(plain)
	switch {
	case !ok || thing != "+" && certs.CheckName(thing) != nil:
	case t.isBroker(who) && slices.Contains(requests(), last):
		return nil
	case !shared && last == uploaded && (t.isBroker(who) || slices.Contains(t.observers, who.name)):
		return nil
	}
	return fmt.Errorf("may not subscribe to %q", filter)
}

// mayClaim tells whether who may ask that question.
func (t *topics) mayClaim(who identity, q question, template string) bool {
	templates := t.claims[who.name]
	return who.kind == certs.Service && len(templates) > 0 && (q != register || slices.Contains(templates, template))
}

// split takes "<root>/<thing>/<last>" apart.
func (t *topics) split(topic string) (thing, last string, ok bool) {
	rest, ok := strings.CutPrefix(topic, t.root+"/")
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "/")
}

func (t *topics) isBroker(who identity) bool {
	return who.kind == certs.Service && slices.Contains(t.brokers, who.name)
}

// check refuses names that would open more than they say.
func (t *topics) check() error {
	for _, level := range append(strings.Split(t.root, "/"), t.group) {
		if certs.CheckName(level) != nil {
			return fmt.Errorf("root %q or group %q: each level of a topic has letters, digits and : _ - only", t.root, t.group)
		}
	}
	for _, name := range slices.Concat(t.brokers, t.observers, slices.Collect(maps.Keys(t.claims))) {
		if err := certs.CheckName(name); err != nil {
			return fmt.Errorf("service: %w", err)
		}
	}
	if len(t.brokers) == 0 {
		return errors.New("no broker is named")
	}
	return nil
}
