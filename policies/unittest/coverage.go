// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package unittest

import (
	"fmt"

	"thingpass/policies"
)

// Coverage is which statements some passing case is decided by. Documents of the
// same name count as one, in however many files they are tested.
type Coverage struct {
	Statements int      // of all documents
	Undecided  []string // "thing.json:4:5: Ask", in the order of the documents
}

// Covered is the share of statements that a case is decided by, in percent.
func (c Coverage) Covered() int {
	if c.Statements == 0 {
		return 100
	}
	return (c.Statements - len(c.Undecided)) * 100 / c.Statements
}

// Cover looks at what was run.
func Cover(suites []*Suite, outcomes []Outcome) Coverage {
	decided := map[string]bool{}
	key := func(d *policies.Document, i int) string {
		return fmt.Sprintf("%s:%s: %s", d.Name, d.Statements[i].Pos, d.Label(i))
	}
	for _, o := range outcomes {
		if !o.Passed() {
			continue
		}
		if a := o.Answer; a.Document != nil {
			decided[key(a.Document, a.Result.Statement)] = true
		}
		if p := o.Answer.Publish; p != nil && p.Document != nil {
			decided[key(p.Document, p.Statement)] = true
		}
	}
	var out Coverage
	seen := map[string]bool{}
	for _, s := range suites {
		for _, d := range s.documents {
			for i := range d.Statements {
				k := key(d, i)
				if seen[k] {
					continue
				}
				seen[k] = true
				out.Statements++
				if !decided[k] {
					out.Undecided = append(out.Undecided, k)
				}
			}
		}
	}
	return out
}
