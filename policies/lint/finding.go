// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"cmp"
	"fmt"
	"slices"

	"thingpass/policies"
)

// A Severity says how bad a finding is.
type Severity int

// The severities. An Error is a hole or something that cannot work; a Warning
// may be meant; Info is worth a look in a review.
const (
	Info Severity = iota + 1
	Warning
	Error
)

func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Warning:
		return "warning"
	case Error:
		return "error"
	}
	return "none"
}

// MarshalText makes JSON say "error", not 3.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ParseSeverity reads what String writes.
func ParseSeverity(s string) (Severity, error) {
	for _, known := range []Severity{Info, Warning, Error} {
		if known.String() == s {
			return known, nil
		}
	}
	return 0, fmt.Errorf("there is no severity %q: use error, warning or info", s)
}

// A Finding is one thing that is wrong with a document.
type Finding struct {
	File       string       `json:"file"`
	Line       int          `json:"line"`   // from 1
	Column     int          `json:"column"` // from 1, in bytes
	Rule       string       `json:"rule"`
	Severity   Severity     `json:"severity"`
	Statement  string       `json:"statement,omitempty"` // its Sid, or "statement 2"
	Text       string       `json:"reason"`
	Fix        string       `json:"fix,omitempty"`
	Suppressed *Suppression `json:"suppressed,omitempty"` // nil: it counts

	about string // what of the document it is about, for fingerprints
	runes int    // the column in characters, for SARIF
}

// A Suppression is why a finding does not count.
type Suppression struct {
	Reason string `json:"reason"`
	Source string `json:"source"` // where that is written
}

// A Report is what Run found, in the order of files and places.
type Report struct {
	Files    []string  `json:"files"`
	Findings []Finding `json:"findings"`
}

// Worst is the highest severity of what is not suppressed; 0 if there is nothing.
func (r *Report) Worst() Severity {
	var worst Severity
	for _, f := range r.Findings {
		if f.Suppressed == nil {
			worst = max(worst, f.Severity)
		}
	}
	return worst
}

// Count is how many findings of a severity there are that are not suppressed.
func (r *Report) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Suppressed == nil && f.Severity == s {
			n++
		}
	}
	return n
}

func (r *Report) suppressed() int {
	n := 0
	for _, f := range r.Findings {
		if f.Suppressed != nil {
			n++
		}
	}
	return n
}

func (r *Report) sort() {
	order := map[string]int{}
	for i, f := range r.Files {
		order[f] = i
	}
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Text, b.Text))
	})
}

// at is a place, or the beginning of the document where there is none.
func at(p policies.Position) policies.Position {
	if p.Line == 0 {
		return policies.Position{Line: 1, Column: 1}
	}
	return p
}
