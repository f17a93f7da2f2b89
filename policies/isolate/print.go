// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package isolate

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

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
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, own := range slices.Sorted(maps.Keys(confined)) {
		if own != "nothing" {
			fmt.Fprintf(w, "    only\t%s\t%s\n", own, strings.Join(confined[own], ", "))
		}
	}
	fmt.Fprintf(w, "    never\t\tevery other action, such as %s\n", strings.Join(pick(confined["nothing"]), ", "))
	_ = w.Flush() // into memory
	for _, a := range p.Assumed {
		fmt.Fprintf(out, "    it rests on: %s\n", a)
	}
}

// pick takes those that people ask about first.
func pick(actions []string) []string {
	var out []string
	for _, a := range []string{"iot:RetainPublish", "iot:GetThingShadow", "iot:SendDirectMessage"} {
		if slices.Contains(actions, a) {
			out = append(out, a)
		}
	}
	return out
}

// PrintJSON writes the proof for programs.
func (p Proof) PrintJSON(to io.Writer) error {
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(p)
}
