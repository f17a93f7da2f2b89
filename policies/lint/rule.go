// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A Rule is one thing that a document must not do.
type Rule struct {
	ID       string
	Severity Severity // the highest that it finds
	Title    string   // one line, without a full stop
	Why      string   // what happens else; whole sentences
	Fix      string   // what to do, in general
	Source   string   // where it is written
	Bad      Example  // it finds something in this,
	Good     Example  // and nothing in this

	// needs says what must be given beside the document for it to run: "config",
	// "contract", or "versions", which AWS can tell; "": nothing.
	needs string
	// eased is true if what is given beside the documents settles findings of the
	// rule, or is missing for some: ignores of it may then have no effect.
	eased  func(*run) bool
	costly bool   // it compares each resource with each other: not of documents far too large
	kinds  []Kind // that it looks at; nil: all policies
	check  func(*pass)
}

// An Example is a document, and what it is linted with.
type Example struct {
	Kind    Kind
	Text    string
	With    string         // in words, what is given beside it; "": nothing
	options func(*Options) // the same for programs
}

// Rules are all rules, in the order of their ids; last, those of lint itself.
func Rules() []Rule { return slices.Clone(table()) }

// table is made once: each rule's examples are put together from their statements.
var table = sync.OnceValue(func() []Rule {
	all := slices.Concat(connectRules(), topicRules(), filterRules(), grammarRules(), contractRules(), limitRules(), fleetRules(),
		iamRules(), trustRules(), s3Rules())
	slices.SortFunc(all, func(a, b Rule) int { return strings.Compare(rank(a.ID), rank(b.ID)) })
	return append(all, ownRules()...)
})

func rank(id string) string {
	for i, prefix := range []string{"IOT", "IAM", "S3"} {
		if strings.HasPrefix(id, prefix) {
			return fmt.Sprint(i, id)
		}
	}
	return "9" + id
}

// FindRule is a rule by its id, whatever its case.
func FindRule(id string) (Rule, error) {
	var ids []string
	for _, r := range table() {
		if strings.EqualFold(r.ID, id) {
			return r, nil
		}
		ids = append(ids, r.ID)
	}
	return Rule{}, fmt.Errorf("there is no rule %q: use one of %s", id, strings.Join(ids, ", "))
}

// on makes an example of statements. In them @ stands for an ARN up to the kind
// of the resource, as no document of ours has one.
func on(k Kind, statements ...string) Example {
	const arn = "arn:aws:iot:eu-central-1:123456789012:"
	for i, s := range statements {
		statements[i] = "    " + strings.ReplaceAll(s, `"@`, `"`+arn)
	}
	return Example{Kind: k, Text: "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n" + strings.Join(statements, ",\n") + "\n  ]\n}\n"}
}

// with adds what an example needs beside it.
func (e Example) with(words string, options func(*Options)) Example {
	e.With, e.options = words, options
	return e
}

// Lint judges the example by all rules.
func (e Example) Lint(name string) *Report {
	var opt Options
	if e.options != nil {
		e.options(&opt)
	}
	return Run([]Input{{Name: name, Text: []byte(e.Text), Kind: e.Kind}}, opt)
}

// ownRules are about what lint reads, not about what it says.
func ownRules() []Rule {
	return []Rule{
		{
			ID: "JSON", Severity: Error, Title: "the document is not JSON",
			Why:  "AWS refuses it: comments, a byte order mark, a key twice, a missing bracket.",
			Fix:  "Put right what the message says.",
			Bad:  Example{Kind: Thing, Text: "{\n  // who may connect\n  \"Version\": \"2012-10-17\"\n}\n"},
			Good: on(Thing, `{"Sid": "Connect", "Effect": "Deny", "Action": "iot:Connect", "Resource": "*"}`),
		},
		{
			ID: "PARSE", Severity: Error, Title: "the document has not the shape of its kind",
			Why:    "AWS refuses unknown keys and wrong types, or leaves out what it does not know.",
			Fix:    "Put right what the message says.",
			Source: "IAM, reference_policies_grammar",
			Bad:    on(Thing, `{"Effect": "Allow", "Action": "iot:Connect", "Ressource": "@client/cam1"}`),
			Good:   on(Thing, `{"Effect": "Deny", "Action": "iot:Connect", "Resource": "@client/cam1"}`),
		},
		{
			ID: "IGNORE", Severity: Error, Title: "an ignore has no reason, no effect or no time left",
			Why:    "An ignore that matches nothing hides the next finding in its place.",
			Fix:    "Give a reason, or remove it.",
			Bad:    on(Thing, `{"Effect": "Deny", "Action": "iot:Connect", "Resource": "*"}`).with("--ignore 'IOT008=we mean it'", ignoring("IOT008")),
			Good:   on(Broker, `{"Effect": "Allow", "Action": "iot:Subscribe", "Resource": "@topicfilter/a/+/b"}`).with("--ignore 'IOT008=we mean it'", ignoring("IOT008")),
			Source: "policies/README.md",
		},
	}
}

func ignoring(rule string) func(*Options) {
	return func(o *Options) { o.Ignores = []Ignore{{Rule: rule, Reason: "we mean it", source: "--ignore"}} }
}
