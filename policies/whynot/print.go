// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package whynot

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Title says an event in one line.
func (a Answer) Title() string {
	e := a.Event
	who := first(e.Who, e.Client, e.Principal, "a client")
	if e.Who != "" && e.Client != "" && !strings.HasSuffix(" "+e.Who, " "+e.Client) {
		who += " (client id " + e.Client + ")"
	}
	doing := "disconnected"
	if e.Operation != nil {
		doing = e.Operation.String()
	}
	when := e.Time
	if e.Count > 1 {
		when = fmt.Sprintf("%d times, %s to %s", e.Count, e.Time, e.Last)
	}
	return strings.TrimSpace(fmt.Sprintf("%s: %s: %s  %s", who, doing, e.Reason, when))
}

// Print writes the answers for people.
func Print(to io.Writer, l Log, answers []Answer) error {
	var out strings.Builder
	for _, a := range answers {
		fmt.Fprintf(&out, "line %d: %s\n", a.Event.Line, a.Title())
		for _, line := range a.Lines {
			fmt.Fprintf(&out, "    %s\n", line)
		}
	}
	if len(answers) == 0 {
		fmt.Fprintf(&out, "nothing was refused in %d log entries\n", l.Entries)
	}
	if l.Ignored > 0 {
		fmt.Fprintf(&out, "%d lines were no log entries that are known here\n", l.Ignored)
	}
	_, err := io.WriteString(to, out.String())
	return err
}

type jsonAnswer struct {
	Line      int      `json:"line"`
	Time      string   `json:"time,omitempty"`
	Count     int      `json:"count"`
	Client    string   `json:"clientId,omitempty"`
	Principal string   `json:"principalId,omitempty"`
	Operation string   `json:"operation,omitempty"`
	Reason    string   `json:"reason"`
	Decision  string   `json:"authDecision,omitempty"`
	Why       []string `json:"why"`
}

// PrintJSON writes the answers for programs.
func PrintJSON(to io.Writer, answers []Answer) error {
	out := []jsonAnswer{}
	for _, a := range answers {
		e := a.Event
		j := jsonAnswer{Line: e.Line, Time: e.Time, Count: e.Count, Client: e.Client, Principal: e.Principal, Reason: e.Reason, Decision: a.Decision, Why: a.Lines}
		if e.Operation != nil {
			j.Operation = e.Operation.String()
		}
		out = append(out, j)
	}
	enc := json.NewEncoder(to)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}
