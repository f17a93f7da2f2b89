// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package unittest

import (
	"thingpass/policies"
	"thingpass/policies/explain"
)

// A Suite is one file of tests.
type Suite struct {
	File  string
	Cases []Case

	documents  []*policies.Document // in the order of their names
	identities map[string]*explain.Bench
}

// A Case is one line of a file: each identity does each operation.
type Case struct {
	Pos     policies.Position
	As      []string
	Do      []explain.Operation
	Expect  string // allow, deny, explicit-deny, implicit-deny
	By      string // the Sid, or "document: Sid"; "": any
	Missing []string
	Silent  *bool // of subscribe: allowed, and yet nothing is delivered
	Why     string
}

// An Outcome is one operation of one identity.
type Outcome struct {
	File   string
	Case   *Case
	As     string
	Answer explain.Answer
	Wrong  []string // what is not as expected; none: it passed
	Short  []string // of one that failed: why it was decided so
}

// Passed is true if all is as expected.
func (o Outcome) Passed() bool { return len(o.Wrong) == 0 }

// Name is a sentence: "cam1: publish thingpass/cam1/response: deny".
func (o Outcome) Name() string {
	return o.As + ": " + o.Answer.Operation.String() + ": " + o.Case.Expect
}

// Run does all cases.
func (s *Suite) Run() []Outcome {
	var out []Outcome
	for i := range s.Cases {
		c := &s.Cases[i]
		for _, as := range c.As {
			bench := s.identities[as]
			for _, op := range c.Do {
				o := Outcome{File: s.File, Case: c, As: as, Answer: bench.Ask(op)}
				if o.Wrong = c.judge(o.Answer); !o.Passed() {
					o.Short = bench.Short(o.Answer)
				}
				out = append(out, o)
			}
		}
	}
	return out
}
