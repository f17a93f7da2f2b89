// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package whynot

import (
	"fmt"
	"strings"

	"thingpass/policies"
	"thingpass/policies/explain"
)

// A Finder says who a client is. The error says, in one sentence, why it cannot.
type Finder func(Event) (explain.Identity, error)

// An Answer is an event, and why it happened.
type Answer struct {
	Event    Event
	Decision string   // of the policies that we know; "" where they were not asked
	Lines    []string // what people need to know, the most important first
}

// Explain answers for events that were joined.
func Explain(events []Event, find Finder) []Answer {
	out := make([]Answer, len(events))
	denied := map[string]int{} // the line of each client's last denial
	for i, e := range events {
		if at := denied[e.Client]; e.Operation == nil && e.Reason == "AUTH_ERROR" && at > 0 {
			out[i] = Answer{Event: e, Lines: []string{fmt.Sprintf("AWS closes a connection after what it denies: see line %d", at)}}
			continue
		}
		out[i] = explainOne(e, find)
		if e.Operation != nil && e.authorization() {
			denied[e.Client] = e.Line
		}
	}
	return out
}

func explainOne(e Event, find Finder) Answer {
	a := Answer{Event: e}
	if text, known := reasons[e.Reason]; known {
		a.Lines = append(a.Lines, text)
	} else if e.Operation == nil || !e.authorization() {
		a.Lines = append(a.Lines, fmt.Sprintf("the server says %s; that is no matter of policies", strings.TrimSpace(e.Reason+" "+e.Details)))
		return a
	}
	if e.Operation == nil && e.Reason != "AUTH_ERROR" {
		return a
	}
	id, err := find(e)
	if err != nil {
		a.Lines = append(a.Lines, err.Error())
		return a
	}
	op := explain.Operation{Verb: explain.Connect} // what an AUTH_ERROR without more is first about
	if e.Operation != nil {
		op = *e.Operation
	}
	bench := explain.New(id)
	answer := bench.Ask(op)
	a.Decision = answer.Decision.String()
	if !answer.Allowed() {
		a.Lines = append(a.Lines, bench.Short(answer)...)
		return a
	}
	a.Lines = append(a.Lines, suspects(id, op, e)...)
	return a
}

// suspects are what a server refuses although the policies that we know allow
// what the log says: the log does not say all.
func suspects(id explain.Identity, op explain.Operation, e Event) []string {
	allowed := explain.New(id).Ask(op)
	out := []string{fmt.Sprintf("by the policies that are known here it is ALLOWED: %s", allowed.By())}
	try := func(text string, o explain.Operation, change func(*explain.Identity)) {
		other := id
		change(&other)
		if b := explain.New(other); !b.Decide(o).Allowed() {
			out = append(out, text+": "+strings.Join(b.Short(b.Ask(o)), "; "))
		}
	}
	switch op.Verb {
	case explain.Publish:
		try("unless it was to be retained", explain.Operation{Verb: explain.Retain, Name: op.Name}, func(*explain.Identity) {})
	case explain.Connect:
		try("unless it asked for a persistent session", op, func(i *explain.Identity) { i.Persistent = true })
		if e.Will || e.Reason != "AUTH_ERROR" {
			try("unless it had a will", op, func(i *explain.Identity) { i.Will = "the/topic/of/its/will" })
		}
	}
	return append(out, "or the server has other policies than these: a change takes AWS 6 to 8 minutes; compare with thingpass policy verify")
}

// place notes that a log is another account's.
func otherAccount(e Event, at policies.Place) error {
	if e.Account != "" && at.Account != "" && e.Account != at.Account {
		return fmt.Errorf("the log is of account %s, and the registry of %s: take the registry of that account", e.Account, at.Account)
	}
	return nil
}
