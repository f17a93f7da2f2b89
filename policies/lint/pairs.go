// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"thingpass/policies"
	"thingpass/policies/language"
)

// lookAlikes are names of which one is easily taken for another: the beginning,
// the neighbour, another case, and somebody else.
var lookAlikes = []string{"a1", "a10", "a1-", "A1", "b2"}

// pairs proves that no thing reaches another's topics: those that its policy
// allows by a variable that tells things apart. A topic that all share is nobody's.
func pairs(p *pass) {
	f := &fleet{pass: p, place: p.place(), set: policies.Compile(policies.IoT, p.doc), seen: map[policies.Position]bool{}}
	for _, name := range lookAlikes {
		f.sessions = append(f.sessions, f.set.Session(f.place, f.context(name, name)))
	}
	if !f.comparable() {
		p.find(Warning, nil, p.start(), "name levels instead of parts of them", "there are too many wildcards within levels to prove that no thing reaches another's topics")
		return
	}
	for a := range lookAlikes {
		for b := range lookAlikes {
			if a == b || a > 1 && b > 1 { // the others are alike to the first two only
				continue
			}
			f.compare(f.sessions[a], a, b, lookAlikes[a])
			if f.poses(a, b) {
				f.compare(f.set.Session(f.place, f.context(lookAlikes[a], lookAlikes[b])), a, b, lookAlikes[a]+" under another client id")
			}
		}
	}
}

// comparable is false of documents that would keep the search busy for minutes:
// each wildcard within a level doubles its work.
func (f *fleet) comparable() bool {
	parts, levels := 0, 0
	for _, s := range f.statements {
		for _, r := range s.on("topic") {
			for i, x := range r.pat.levels() {
				switch {
				case !x.wild() || i+1 == len(r.pat):
				case x.r == language.AnyLevel:
					levels++
				default:
					parts++
				}
			}
		}
	}
	return parts <= maxTogether && levels <= 4*maxTogether
}

type fleet struct {
	*pass
	place    policies.Place
	set      *policies.Set
	sessions []*policies.Session
	seen     map[policies.Position]bool // resources that have been reported
}

// context is that of a thing. What is not its own it has in common with all
// others, as conditions want it.
func (f *fleet) context(name, clientID string) policies.Context {
	who := policies.Principal{Thing: &policies.Thing{Name: name}}
	return f.complete(who.Context(clientID, netip.Addr{}), name)
}

func (f *fleet) complete(ctx policies.Context, name string) policies.Context {
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	for _, key := range []string{"iot:Certificate.Subject.CommonName", "iot:Certificate.Subject.SerialNumber"} {
		ctx.Set(key, name)
	}
	for _, key := range []string{"iot:Certificate.Id", "iot:CertificateId", "iot:Certificate.SerialNumber"} {
		ctx.Set(key, id)
	}
	_, attached := ctx.Lookup("iot:Connection.Thing.ThingName")
	share := func(key, value string) {
		if !attached && strings.HasPrefix(strings.ToLower(key), "iot:connection.") {
			return
		}
		if _, known := ctx.Lookup(key); !known && !identifies(key) && strings.HasPrefix(strings.ToLower(key), "iot:") {
			ctx.Set(key, value)
		}
	}
	for _, s := range f.statements {
		for _, c := range s.Conditions {
			if strings.HasSuffix(c.Operator.Value, "StringEquals") && len(c.Values) > 0 {
				share(c.Key.Value, c.Values[0].Value)
			}
		}
		for _, r := range s.resources {
			for _, u := range r.uses {
				share(u.key, "shared")
			}
		}
	}
	return ctx
}

// poses is true if thing a may connect under b's name.
func (f *fleet) poses(a, b int) bool {
	who := policies.Principal{Thing: &policies.Thing{Name: lookAlikes[a]}}
	request := policies.ConnectRequest{ClientID: lookAlikes[b]}
	ctx := f.complete(request.Context(f.place, who), lookAlikes[a])
	return f.set.Session(f.place, ctx).Decide("iot:Connect", f.place.ARN("client/"+lookAlikes[b])).Allowed()
}

func (f *fleet) compare(session *policies.Session, a, b int, who string) {
	own := f.own(b)
	if len(own) == 0 {
		return
	}
	for _, action := range []string{"iot:Publish", "iot:Receive"} {
		var search language.Search
		rules := session.Rules(action)
		if !meet(rules, own) {
			continue
		}
		rights := language.NewRights(rules, &search.Patterns)
		first := len(search.Patterns)
		search.Patterns = append(search.Patterns, own...)
		search.Prefix, search.Without, search.NonEmpty = f.place.ARN("topic/"), "+#", true
		search.Want = func(hits []bool) bool { return slices.Contains(hits[first:], true) && rights.Allowed(hits) }
		if arn, found, err := search.Shortest(); found && err == nil {
			f.report(session, action, arn, who, lookAlikes[b])
		}
	}
}

// meet is false if no resource of the rules can have anything in common with the
// patterns: they differ before their first wildcards. It spares most searches.
func meet(rules []policies.Rule, patterns []policies.Glob) bool {
	for _, rule := range rules {
		if rule.Deny {
			continue
		}
		if rule.Inverted {
			return true
		}
		for _, r := range rule.Resources {
			for _, p := range patterns {
				i := 0
				for i < len(p) && i < len(r.Glob) && p[i] == r.Glob[i] && p[i] >= 0 {
					i++
				}
				if i == len(p) || i == len(r.Glob) || p[i] < 0 || r.Glob[i] < 0 {
					return true
				}
			}
		}
	}
	return false
}

// own are the topics that are b's alone, by what they are written with.
func (f *fleet) own(b int) []policies.Glob {
	var out []policies.Glob
	for _, action := range []string{"iot:Publish", "iot:Receive"} {
		for _, rule := range f.sessions[b].Rules(action) {
			for _, r := range rule.Resources {
				if written := newResource(r.Written); !rule.Deny && !rule.Inverted && (written.identity() || written.byClientID()) {
					out = append(out, r.Glob)
				}
			}
		}
	}
	return out
}

func (f *fleet) report(session *policies.Session, action, arn, who, whose string) {
	for _, rule := range session.Rules(action) {
		for _, r := range rule.Resources {
			if rule.Deny || !language.Match(r.Glob, arn) {
				continue
			}
			if !f.seen[r.Written.Pos] {
				f.seen[r.Written.Pos] = true
				_, topic, _ := strings.Cut(arn, ":topic/")
				fix := "bind it to the thing: …/" + thingName + "/…"
				if right := closed(r.Written.Value); right != r.Written.Value {
					fix = "write " + right
				}
				verb := map[string]string{"iot:Publish": "publish to", "iot:Receive": "receive"}[action]
				f.find(Error, &f.statements[rule.Statement], r.Written, fix, "thing %s may %s %s, which is %s's", who, verb, topic, whose)
			}
			return
		}
	}
}
