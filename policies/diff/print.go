// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// verbs are the words of operations for actions that have one.
var verbs = map[string]string{
	"iot:Connect": "connect as", "iot:Publish": "publish to", "iot:RetainPublish": "retain at", "iot:Subscribe": "subscribe to",
	"iot:Receive": "receive from", "iot:AssumeRoleWithCertificate": "assume",
}

// Verb is how people call an action, with what goes before the resource.
func Verb(action string) string {
	if verb := verbs[action]; verb != "" {
		return verb
	}
	return action + " on"
}

// Title says a change in one line.
func (c Change) Title() string {
	verb := Verb(c.Action)
	switch c.Effect {
	case Widening:
		return fmt.Sprintf("%s gains %s %s", c.Who, verb, c.Resource)
	case Narrowing:
		return fmt.Sprintf("%s loses %s %s", c.Who, verb, c.Resource)
	}
	return fmt.Sprintf("%s: %s %s is denied as before, in another way", c.Who, verb, c.Example)
}

// details are what follows the title.
func (c Change) details() []string {
	var out []string
	if c.Effect != Denial {
		example := "example: " + c.Example
		if c.Other != "" {
			example += ", which belongs to thing " + c.Other
		}
		out = append(out, example)
	}
	out = append(out, "because: "+c.Because)
	if c.Note != "" {
		out = append(out, "note: "+c.Note)
	}
	if c.More > 0 {
		out = append(out, fmt.Sprintf("the same for %d more subjects", c.More))
	}
	return out
}

// Print writes the result for people.
func (r Result) Print(to io.Writer) error {
	var out strings.Builder
	for _, c := range r.Changes {
		fmt.Fprintf(&out, "%-9s  %s\n", c.Effect, c.Title())
		for _, line := range c.details() {
			fmt.Fprintf(&out, "           %s\n", line)
		}
	}
	if len(r.Changes) == 0 {
		fmt.Fprintf(&out, "no difference for any topic, filter or key (%d subjects compared)\n", r.Subjects)
	}
	for _, l := range r.Limits {
		fmt.Fprintf(&out, "not covered: %s\n", l)
	}
	_, err := io.WriteString(to, out.String())
	return err
}

// PrintMarkdown writes the result for a pull request.
func (r Result) PrintMarkdown(to io.Writer) error {
	var out strings.Builder
	out.WriteString("### What this change of policies changes\n\n")
	if len(r.Changes) == 0 {
		fmt.Fprintf(&out, "Nothing: no topic, filter or key differs (%d subjects compared).\n", r.Subjects)
	} else {
		out.WriteString("| | who | what | example | because |\n|---|---|---|---|---|\n")
	}
	for _, c := range r.Changes {
		mark := map[Effect]string{Widening: "**widening**", Narrowing: "narrowing", Denial: "denied as before"}[c.Effect]
		what := strings.TrimPrefix(strings.TrimPrefix(c.Title(), c.Who), ": ")
		example := "`" + cell(c.Example) + "`"
		if c.Other != "" {
			example += " of thing " + c.Other
		}
		because := c.Because
		if c.Note != "" {
			because += "; " + c.Note
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", mark, cell(c.Who), cell(strings.TrimSpace(what)), example, cell(because))
	}
	for _, l := range r.Limits {
		fmt.Fprintf(&out, "\nNot covered: %s.\n", l)
	}
	_, err := io.WriteString(to, out.String())
	return err
}

// cell keeps a text within its column.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(s)
}

// PrintJSON writes the result for programs.
func (r Result) PrintJSON(to io.Writer) error {
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}
