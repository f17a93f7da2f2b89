// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Text prints a line for each finding, as compilers do, and one that counts them.
func (r *Report) Text(w io.Writer) error {
	return r.PaintedText(w, func(_ Severity, word string) string { return word })
}

// PaintedText is Text with paint around each severity, for terminals.
func (r *Report) PaintedText(w io.Writer, paint func(Severity, string) string) error {
	var b strings.Builder
	for _, f := range r.Findings {
		if f.Suppressed == nil {
			b.WriteString(f.line(paint(f.Severity, f.Severity.String())) + "\n")
		}
	}
	fmt.Fprintf(&b, "%s: %s, %s, %d info", plural(len(r.Files), "document"), plural(r.Count(Error), "error"), plural(r.Count(Warning), "warning"), r.Count(Info))
	if n := r.suppressed(); n > 0 {
		fmt.Fprintf(&b, ", %d ignored with a reason", n)
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// String is file, place, severity, rule, reason and fix.
func (f Finding) String() string { return f.line(f.Severity.String()) }

func (f Finding) line(severity string) string {
	s := fmt.Sprintf("%s:%d:%d: %s %s: ", f.File, f.Line, f.Column, severity, f.Rule)
	if f.Statement != "" {
		s += f.Statement + ": "
	}
	s += f.Text
	if f.Fix != "" {
		s += "; " + f.Fix
	}
	return s
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// JSON prints the report for programs.
func (r *Report) JSON(w io.Writer) error { return encode(w, r) }

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// PrintRules prints all rules, one a line.
func PrintRules(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range Rules() {
		fmt.Fprintf(t, "%s\t%s\t%s\n", r.ID, r.Severity, r.Title)
	}
	return t.Flush()
}

// PrintRulesJSON prints all rules for programs, without their examples.
func PrintRulesJSON(w io.Writer) error {
	type rule struct {
		ID       string   `json:"id"`
		Severity Severity `json:"severity"` // the highest that it finds
		Title    string   `json:"title"`
		Why      string   `json:"why"`
		Fix      string   `json:"fix"`
		Source   string   `json:"source,omitempty"`
	}
	var all []rule
	for _, r := range Rules() {
		all = append(all, rule{r.ID, r.Severity, r.Title, r.Why, r.Fix, r.Source})
	}
	return encode(w, all)
}

// Table is the rules as a table of Markdown, for policies/README.md.
func Table() string {
	var b strings.Builder
	b.WriteString("| rule | up to | finds |\n|---|---|---|\n")
	for _, r := range Rules() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", r.ID, r.Severity, strings.ReplaceAll(r.Title, "|", "\\|"))
	}
	return b.String()
}

// Explain prints all that there is to say of a rule, with what it finds in its
// bad example.
func (r Rule) Explain(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): %s\n\n%s\n%s\n", r.ID, r.Severity, r.Title, r.Why, r.Fix)
	if r.Source != "" {
		fmt.Fprintf(&b, "Source: %s\n", r.Source)
	}
	fmt.Fprintf(&b, "\nBad%s:\n\n%s\n", r.Bad.words(), r.Bad.Text)
	for _, f := range r.Bad.Lint("example.json").Findings {
		if f.Rule == r.ID {
			b.WriteString(f.String() + "\n")
		}
	}
	fmt.Fprintf(&b, "\nGood%s:\n\n%s", r.Good.words(), r.Good.Text)
	_, err := io.WriteString(w, b.String())
	return err
}

func (e Example) words() string {
	if e.With == "" {
		return ""
	}
	return ", with " + e.With
}
