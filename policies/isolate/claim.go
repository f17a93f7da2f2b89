// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package isolate

import (
	"fmt"
	"slices"
	"strings"

	"thingpass/policies"
	"thingpass/policies/contract"
	"thingpass/policies/language"
)

// A Claim is what is a thing's own, {thing} being its name, and what is shared.
// Topics and filters are topic filters; a # behind a slash stands for all below.
type Claim struct {
	Clients []string // client ids
	Topics  []string // such as "thingpass/{thing}/#"
	Shared  []string // that all may use: topics, and the filters for them
	Keys    []string // such as "{thing}/#"

	Services []string // client ids of services, with * as in a policy
	Levels   []string // of topics below a thing's name: things might be named so, too
}

// Ours is the claim of the contract: whatever is below a thing's name is its own,
// where the contract has the name in a topic that things use. What things use
// without their name in it is shared.
func Ours(c *contract.Contract) Claim {
	claim := Claim{Clients: c.Clients[contract.Thing].IDs, Keys: []string{"{thing}/#"}}
	for _, t := range c.Topics {
		if _, below, found := strings.Cut(t.Topic, "{thing}/"); found {
			claim.Levels = append(claim.Levels, strings.Split(below, "/")...)
		}
		if t.Publish != contract.Thing && t.Receive != contract.Thing {
			continue
		}
		own := t.Topic
		if before, _, found := strings.Cut(t.Topic, "{thing}/"); found {
			own = before + "{thing}/#"
			claim.Topics = appendNew(claim.Topics, own)
		} else {
			claim.Shared = appendNew(claim.Shared, own)
		}
	}
	claim.Topics = appendNew(claim.Topics, "$aws/things/{thing}/#") // AWS IoT's own, see reserved topics
	for party, client := range c.Clients {
		if party != contract.Thing {
			claim.Services = append(claim.Services, client.IDs...)
		}
	}
	slices.Sort(claim.Services)
	slices.Sort(claim.Levels)
	claim.Levels = slices.Compact(claim.Levels)
	return claim
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// Check returns what is wrong with a claim that was given by hand: the name must
// be a whole level, or what is below it would be another's as well.
func (c Claim) Check() error {
	for _, t := range c.Topics {
		levels := strings.Split(t, "/")
		at := slices.Index(levels, "{thing}")
		switch {
		case at < 0:
			return fmt.Errorf("%q: {thing} must be a whole level of it, such as devices/{thing}/#", t)
		case strings.Contains(strings.Join(slices.Delete(levels, at, at+1), "/"), "{thing}"):
			return fmt.Errorf("%q has {thing} twice", t)
		case slices.Contains(strings.Split(t, "/")[:at], "+"):
			return fmt.Errorf("%q: a + before {thing} makes it unclear whose it is", t)
		}
	}
	return nil
}

// owns are the patterns of what an action may be asked with by the thing of that
// name; "" is nobody. Shared ones are among them.
func (c Claim) owns(action, thing string, at policies.Place, bucket string) []policies.Glob {
	var out []policies.Glob
	add := func(prefix string, filters ...string) {
		for _, f := range filters {
			if !strings.Contains(f, "{thing}") || thing != "" {
				out = append(out, pattern(prefix, contract.For(thing, f)))
			}
		}
	}
	switch kind := policies.ResourceKind(action); kind {
	case "client":
		add(at.ARN("client/"), c.Clients...)
	case "topic":
		add(at.ARN("topic/"), append(c.Topics[:len(c.Topics):len(c.Topics)], c.Shared...)...)
	case "topicfilter": // as they are written, wildcards and all
		add(at.ARN("topicfilter/"), append(c.Topics[:len(c.Topics):len(c.Topics)], c.Shared...)...)
	case "thing":
		add(at.ARN("thing/"), "{thing}", "{thing}/#")
	case "rolealias":
		add(at.ARN("rolealias/"), "#") // one for all: what it opens is the role's to say
	case "":
		add("arn:"+at.Partition+":s3:::"+bucket+"/", c.Keys...)
	}
	return out
}

func pattern(prefix, filter string) policies.Glob {
	return append(language.Literal(prefix), language.Filter(filter)...)
}
