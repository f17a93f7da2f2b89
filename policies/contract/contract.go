// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package contract reads who does what over MQTT: documents/contract.yaml, which
// is section 2 of broker/PROTOCOL.md for programs. Policies are held against it,
// ours and those of operators.
package contract

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"thingpass/policies/documents"
	"thingpass/policies/templates"
)

// The parties of a contract.
const (
	Thing    = "thing"
	Broker   = "broker"
	Observer = "observer"
	Claim    = "claim"  // a thing that has no identity of its own yet
	Server   = "server" // AWS IoT itself
)

// A Contract is who does what. {thing} is left in it, see For.
type Contract struct {
	Clients map[string]Client `yaml:"clients"` // by party, but for Server
	Topics  []Topic           `yaml:"topics"`
}

// A Client is how a party connects.
type Client struct {
	Policy     string   `yaml:"policy"`  // the name of its document
	IDs        []string `yaml:"clients"` // client ids, * as in a policy
	Persistent bool     `yaml:"persistent"`
}

// A Topic is who publishes and receives what. No topic of ours is a will's.
type Topic struct {
	Topic     string              `yaml:"topic"`
	Publish   string              `yaml:"publish"`
	Receive   string              `yaml:"receive"`
	Subscribe map[string][]string `yaml:"subscribe"` // filters as they are sent, by party
	Apart     map[string]string   `yaml:"apart"`     // by party, the document that allows it, where not its own
	QoS       int                 `yaml:"qos"`
	Retained  bool                `yaml:"retained"`
	Will      bool                `yaml:"will"` // published by the server when the connection is lost
}

// Ours is the contract of this project with an installation's values.
func Ours(v templates.Values) (*Contract, error) {
	text, err := documents.Files.ReadFile("contract.yaml")
	if err != nil {
		return nil, err
	}
	return Parse("contract.yaml", text, v)
}

// Parse reads a contract, of whatever topics, with an installation's values.
// Errors name the file.
func Parse(file string, text []byte, v templates.Values) (*Contract, error) {
	if err := v.Check(); err != nil {
		return nil, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var c Contract
	if err := decoder.Decode(&c); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var problems []error
	for i := range c.Topics {
		problems = append(problems, c.check(&c.Topics[i]))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	c.fill(v)
	return &c, nil
}

func (c *Contract) check(t *Topic) error {
	known := func(party string) bool {
		_, found := c.Clients[party]
		return found || party == Server
	}
	switch {
	case t.Topic == "":
		return errors.New("a topic without a name")
	case !known(t.Publish) || !known(t.Receive):
		return fmt.Errorf("topic %s: publish %q and receive %q must each be a client or %s", t.Topic, t.Publish, t.Receive, Server)
	case t.QoS < 0 || t.QoS > 1:
		return fmt.Errorf("topic %s: QoS is 0 or 1; AWS IoT has no 2", t.Topic)
	}
	for party := range t.Subscribe {
		if _, found := c.Clients[party]; !found {
			return fmt.Errorf("topic %s: subscribe: there is no client %q", t.Topic, party)
		}
	}
	return nil
}

var braces = regexp.MustCompile(`\{[a-z-]+\}`)

// fill puts values into everything.
func (c *Contract) fill(v templates.Values) {
	value := func(found string) string {
		if text := v.Get(found[1 : len(found)-1]); text != "" {
			return text
		}
		return found // {thing}
	}
	each := func(list []string) {
		for i := range list {
			list[i] = braces.ReplaceAllStringFunc(list[i], value)
		}
	}
	for _, client := range c.Clients {
		each(client.IDs)
	}
	for i := range c.Topics {
		t := &c.Topics[i]
		t.Topic = braces.ReplaceAllStringFunc(t.Topic, value)
		for _, filters := range t.Subscribe {
			each(filters)
		}
	}
}

// For puts a thing's name into a topic, a filter or a client id.
func For(thing, text string) string { return strings.ReplaceAll(text, "{thing}", thing) }
