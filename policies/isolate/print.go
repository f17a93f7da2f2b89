// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package isolate

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"thingpass/policies/diff"
)

// Print writes the proof for people: leaks first.
func (p Proof) Print(to io.Writer) error {
	var out strings.Builder
	for _, l := range p.Leaks {
		fmt.Fprintf(&out, "leak: %s\n", l)
		for _, line := range [][2]string{{"statement", l.Statement}, {"resource", l.Resource}, {"why", l.Why}, {"fix", l.Fix}} {
			fmt.Fprintf(&out, "    %-9s  %s\n", line[0], line[1])
		}
	}
	if len(p.Leaks) == 0 {
		p.proven(&out)
	}
	for _, l := range p.Limits {
		fmt.Fprintf(&out, "not covered: %s\n", l)
	}
	fmt.Fprintf(&out, "%d documents, %d statements, %d situations", p.Documents, p.Statements, p.Situations)
	if p.Things > 0 {
		fmt.Fprintf(&out, ", %d things in %d classes", p.Things, p.Classes)
	}
	fmt.Fprintf(&out, "; %d names tried in %d pairs, %d decisions; %d leaks\n", p.Names, p.Pairs, p.Decisions, len(p.Leaks))
	_, err := io.WriteString(to, out.String())
	return err
}

// String says what leaks in one line.
func (l Leak) String() string {
	s := fmt.Sprintf("%s may %s %s", l.Who, diff.Verb(l.Action), l.Example)
	if l.Other != "" && l.Other != l.Example {
		s += ", which belongs to " + l.Other
	}
	return s
}

// proven says what was shown.
func (p Proof) proven(out *strings.Builder) {
	out.WriteString("proven: no thing reaches another's topics, filters, client id or keys\n")
	confined := map[string][]string{}
	for _, f := range p.Actions {
		confined[f.Own] = append(confined[f.Own], f.Action)
	}
	var owns []string
	for own := range confined {
		owns = append(owns, own)
	}
	slices.Sort(owns)
	for _, own := range owns {
		if own == "nothing" {
			fmt.Fprintf(out, "    never allowed: %s\n", strings.Join(confined[own], ", "))
			continue
		}
		fmt.Fprintf(out, "    only %s: %s\n", own, strings.Join(confined[own], ", "))
	}
	for _, a := range p.Assumed {
		fmt.Fprintf(out, "    it rests on: %s\n", a)
	}
}

// PrintJSON writes the proof for programs.
func (p Proof) PrintJSON(to io.Writer) error {
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(p)
}
