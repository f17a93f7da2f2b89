// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"thingpass/policies"
)

// AWS's limits (General Reference, "AWS IoT Core endpoints and quotas").
const (
	maxSlashes  = 7
	maxTopic    = 256 // bytes
	maxName     = 128 // characters of a thing's name
	maxVersions = 5   // of a policy
)

// A Version of a policy at AWS, which package awsiot knows.
type Version struct {
	ID      string
	Default bool
	Created time.Time
}

// limitRules are about what AWS takes, and where.
func limitRules() []Rule {
	const deny = `{"Effect": "Deny", "Action": "iot:Publish", "Resource": "@topic/%s"}`
	many := func(n int) func(*Options) {
		return func(o *Options) { o.Versions = map[string][]Version{"example": versionsOf(n)} }
	}
	var wide []string
	for i := range 26 {
		wide = append(wide, fmt.Sprintf(deny, fmt.Sprintf("devices/room-%02d/sensor/temperature", i)))
	}
	return []Rule{
		{
			ID: "IOT022", Severity: Error, Title: "region, account or partition of an ARN is a wildcard, or not this installation's",
			Why:    "A grant for another region or account gives nothing in this one, in silence; a wildcard gives more than is meant.",
			Fix:    "Render the document with --account and --region.",
			Source: "iot-action-resources (derived)",
			Bad:    on(Broker, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": "arn:aws:iot:*:123456789012:topic/a"}`),
			Good:   on(Broker, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": "@topic/a"}`),
			check:  strangePlace, eased: func(r *run) bool { return r.opt.Place == policies.Place{} },
		},
		{
			ID: "IOT023", Severity: Error, Title: "the document is larger than AWS takes, or nearly so",
			Why:    "AWS refuses it; near the limit, longer names of another installation push it over. White space does not count.",
			Fix:    "Split it: a principal or group may have ten policies. Join resources with *.",
			Source: "General Reference, AWS IoT Core quotas; IAM quotas",
			Bad:    on(Broker, wide...), Good: on(Broker, fmt.Sprintf(deny, "devices/*/sensor/temperature")),
			check: tooLarge,
		},
		{
			ID: "IOT024", Severity: Warning, Title: "the policy has five versions at AWS: there is no room for another",
			Why:    "CreatePolicyVersion fails with VersionsLimitExceededException, in the middle of a deployment.",
			Fix:    "Delete the oldest that is not the default; `thingpass policy plan` names it.",
			Source: "iot-policies; terraform-provider-aws#9540",
			Bad:    on(Broker, fmt.Sprintf(deny, "a")).with("five versions at AWS", many(maxVersions)),
			Good:   on(Broker, fmt.Sprintf(deny, "a")).with("four versions at AWS", many(maxVersions-1)),
			needs:  "versions", kinds: []Kind{Thing, Broker, Claim}, check: noRoom,
		},
		{
			ID: "IOT025", Severity: Error, Title: "a topic that is too long or too deep for AWS",
			Why:    "AWS allows 7 slashes and 256 bytes. A thing's name may have 128 characters: some things would be cut off.",
			Fix:    "Make the topic shorter.",
			Source: "General Reference, AWS IoT Core message broker limits",
			Bad:    on(Broker, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": "@topic/a/b/c/d/e/f/g/h/i"}`),
			Good:   on(Broker, `{"Effect": "Allow", "Action": "iot:Publish", "Resource": "@topic/a/b/c/d/e/f/g/h"}`),
			check:  tooDeep,
		},
	}
}

func versionsOf(n int) []Version {
	var out []Version
	for i := range n {
		out = append(out, Version{ID: fmt.Sprintf("v%d", i+1), Default: i == n-1, Created: time.Unix(int64(i), 0)})
	}
	return out
}

func strangePlace(p *pass) {
	want := []string{p.run.opt.Place.Partition, "", p.run.opt.Place.Region, p.run.opt.Place.Account}
	for i := range p.statements {
		s := &p.statements[i]
		for _, r := range s.resources {
			for j, field := range []string{"partition", "", "region", "account"} {
				if r.arn != nil && field != "" {
					p.judgeField(s, r, field, r.arn[j], want[j])
				}
			}
		}
	}
}

func (p *pass) judgeField(s *statement, r resource, field, have, want string) {
	switch {
	case strings.ContainsAny(have, "*?"):
		p.find(Warning, s, r.Text, "name it", "the %s is a wildcard: the statement counts for all of them", field)
	case have == "" && r.service() == "iot":
		p.find(Error, s, r.Text, "name it", "the %s is missing: the resource matches nothing", field)
	case want == "" || have == want || have == "" || r.service() == "s3":
	default:
		p.find(Error, s, r.Text, "write "+want, "the %s is %s, this installation's is %s: the statement gives nothing here", field, clip(have), want)
	}
}

func tooLarge(p *pass) {
	limit, size, more := p.Kind.limit(), p.doc.Size, ""
	if p.huge() {
		more = "; IOT010, IOT011, IOT012, IOT027 and IOT029 were not tried"
	}
	switch near := limit * 1600 / 2048; {
	case limit == 0 || size <= near:
	case size > limit:
		p.find(Error, nil, p.start(), "split it: a principal or group may have ten policies", "%d characters without white space, AWS takes %d%s", size, limit, more)
	default:
		p.find(Warning, nil, p.start(), "make names shorter, or split it", "%d characters without white space, of %d that AWS takes", size, limit)
	}
}

func noRoom(p *pass) {
	name := strings.TrimSuffix(path.Base(p.Name), ".json")
	versions := slices.Clone(p.run.opt.Versions[name])
	if len(versions) < maxVersions {
		return
	}
	slices.SortFunc(versions, func(a, b Version) int { return a.Created.Compare(b.Created) })
	i := slices.IndexFunc(versions, func(v Version) bool { return !v.Default })
	if i >= 0 {
		p.find(Warning, nil, p.start(), "delete version "+versions[i].ID+", the oldest that is not the default", "policy %s has %d versions at AWS: there is no room for another", name, len(versions))
	}
}

func tooDeep(p *pass) {
	for i := range p.statements {
		s := &p.statements[i]
		for _, r := range s.resources {
			if r.kind == "topic" || r.kind == "topicfilter" {
				p.judgeTopic(s, r)
			}
		}
	}
}

func (p *pass) judgeTopic(s *statement, r resource) {
	name := r.name
	for prefix, levels := range map[string]int{"$share/": 2, "$aws/rules/": 3} { // what does not count: group; rule of Basic Ingest
		if f := strings.SplitN(name, "/", levels+1); strings.HasPrefix(name, prefix) && len(f) > levels {
			name = f[levels]
		}
	}
	slashes, length, longest := 0, 0, false
	for _, x := range newPattern(name) {
		switch {
		case x.variable != "":
			length, longest = length+longestValue(x.variable), true
		case x.r == policies.AnyRun:
		case x.r == policies.AnyOne:
			length++
		default:
			length += len(string(x.r))
			if x.r == '/' {
				slashes++
			}
		}
	}
	if slashes > maxSlashes {
		p.find(Error, s, r.Text, "leave levels out", "%d slashes, AWS allows %d in a topic: it matches nothing", slashes, maxSlashes)
	}
	if length > maxTopic {
		why := ""
		if longest {
			why = ", with the longest thing name that AWS allows"
		}
		p.find(Error, s, r.Text, "make it shorter", "the topic has %d bytes%s; AWS allows %d", length, why, maxTopic)
	}
}

// longestValue is how long a variable's value may get, in bytes. Types and
// attributes are the operator's own: of those the shortest counts.
func longestValue(key string) int {
	switch lower := strings.ToLower(key); {
	case lower == "iot:connection.thing.thingname" || lower == "iot:clientid":
		return maxName
	case strings.HasPrefix(lower, "iot:certificate"):
		return 64 // of names in certificates (X.520), and of the id
	}
	return 1
}
