// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"thingpass/policies"
)

// Print writes one line an answer, and what is missing or will not work below.
func Print(to io.Writer, answers []Answer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, a := range answers {
		fmt.Fprintf(w, "%s\t%s\t%s\n", a.Decision, a.Operation, a.By())
		if len(a.Missing) > 0 && !a.Allowed() {
			fmt.Fprintf(w, "\t  missing: %s\t\n", strings.Join(a.Missing, ", "))
		}
		for _, n := range a.Notes {
			fmt.Fprintf(w, "\t  %s\t\n", n)
		}
	}
	return w.Flush()
}

// By names the statement that decided, with its place.
func (a Answer) By() string {
	if a.Document == nil {
		return "no statement allows it"
	}
	d := a.Document
	return fmt.Sprintf("%s  %s", d.Label(a.Result.Statement), place(d, d.Statements[a.Result.Statement].Pos))
}

// Short is what people need first: the decision, what came nearest, and what
// would have to change. Each line is one thing.
func (b *Bench) Short(a Answer) []string {
	lines := []string{fmt.Sprintf("%s  %s  (%s)", a.Decision, a.Operation, a.By())}
	if !a.Allowed() {
		for _, r := range b.Reasons(a) {
			if r.Near > 0 && r.Near < 100_000 {
				lines = append(lines, fmt.Sprintf("nearest: %s (%s): %s", r.Label, r.Where, strings.Join(r.Lines[:min(2, len(r.Lines))], "; ")))
				break
			}
		}
	}
	lines = append(lines, a.Notes...)
	for _, line := range b.Advice(a) {
		lines = append(lines, "to change it: "+line)
	}
	return lines
}

// PrintLong writes all that is known of one answer, for people.
func (b *Bench) PrintLong(to io.Writer, a Answer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%s  %s\n", a.Decision, a.Operation)
	fmt.Fprintf(&out, "  who       %s\n", b.id)
	fmt.Fprintf(&out, "  asked     %s on %s\n", a.Action, a.Resource)
	fmt.Fprintf(&out, "  decided   %s\n", a.By())
	for _, n := range a.Notes {
		fmt.Fprintf(&out, "  but       %s\n", n)
	}
	for _, m := range a.Missing {
		fmt.Fprintf(&out, "  missing   %s\n", missingText(b, m))
	}
	for _, line := range b.Advice(a) {
		fmt.Fprintf(&out, "  change    %s\n", line)
	}
	out.WriteString("\nstatements, the nearest first:\n")
	for _, r := range b.Reasons(a) {
		fmt.Fprintf(&out, "  %s %s  %s\n", r.Effect, r.Label, r.Where)
		for _, line := range r.Lines {
			fmt.Fprintf(&out, "      %s\n", line)
		}
	}
	if len(a.Statements) == 0 {
		out.WriteString("  there are none: no policy counts for this client\n")
	}
	_, err := io.WriteString(to, out.String())
	return err
}

func missingText(b *Bench, m string) string {
	if strings.HasPrefix(m, "${") {
		return b.unresolved(m)
	}
	return m + ": " + b.absent(m)
}

// policyName is how AWS would call a document's policy.
func policyName(d *policies.Document) string {
	name := d.Name
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	return strings.TrimSuffix(name, ".json")
}
