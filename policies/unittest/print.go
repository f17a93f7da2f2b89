// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package unittest

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// A Report is what was run, ready to be printed.
type Report struct {
	Outcomes []Outcome
	Coverage Coverage
}

// Run does the cases of all files.
func Run(suites []*Suite) Report {
	var r Report
	for _, s := range suites {
		r.Outcomes = append(r.Outcomes, s.Run()...)
	}
	r.Coverage = Cover(suites, r.Outcomes)
	return r
}

// Failed is how many outcomes are not as expected.
func (r Report) Failed() int {
	n := 0
	for _, o := range r.Outcomes {
		if !o.Passed() {
			n++
		}
	}
	return n
}

// Print writes what failed, and why, and a line that sums up.
func (r Report) Print(to io.Writer) error {
	var out strings.Builder
	for _, o := range r.Outcomes {
		if o.Passed() {
			continue
		}
		fmt.Fprintf(&out, "%s:%s: %s\n", o.File, o.Case.Pos, o.Name())
		for _, line := range o.lines() {
			fmt.Fprintf(&out, "    %s\n", line)
		}
	}
	failed := r.Failed()
	fmt.Fprintf(&out, "%d passed, %d failed; %d of %d statements are decided by a case (%d %%)\n", len(r.Outcomes)-failed, failed,
		r.Coverage.Statements-len(r.Coverage.Undecided), r.Coverage.Statements, r.Coverage.Covered())
	_, err := io.WriteString(to, out.String())
	return err
}

// lines are what people need to know of a failure.
func (o Outcome) lines() []string {
	lines := append([]string{}, o.Wrong...)
	if o.Case.Why != "" {
		lines = append(lines, "it matters: "+o.Case.Why)
	}
	return append(lines, o.Short...)
}

// PrintCoverage lists the statements that no case is decided by.
func (r Report) PrintCoverage(to io.Writer) error {
	for _, s := range r.Coverage.Undecided {
		if _, err := fmt.Fprintf(to, "%s: no case is decided by it\n", s); err != nil {
			return err
		}
	}
	return nil
}

type jsonCase struct {
	File     string   `json:"file"`
	Line     int      `json:"line"`
	As       string   `json:"as"`
	Do       string   `json:"do"`
	Expect   string   `json:"expect"`
	Decision string   `json:"decision"`
	By       string   `json:"by,omitempty"`
	Passed   bool     `json:"passed"`
	Wrong    []string `json:"wrong,omitempty"`
	Why      string   `json:"why,omitempty"`
	Explain  []string `json:"explain,omitempty"`
}

// PrintJSON writes all outcomes for programs.
func (r Report) PrintJSON(to io.Writer) error {
	out := struct {
		Passed    int        `json:"passed"`
		Failed    int        `json:"failed"`
		Covered   int        `json:"coveredPercent"`
		Undecided []string   `json:"undecidedStatements"`
		Cases     []jsonCase `json:"cases"`
	}{Failed: r.Failed(), Covered: r.Coverage.Covered(), Undecided: append([]string{}, r.Coverage.Undecided...), Cases: []jsonCase{}}
	out.Passed = len(r.Outcomes) - out.Failed
	for _, o := range r.Outcomes {
		c := jsonCase{File: o.File, Line: o.Case.Pos.Line, As: o.As, Do: o.Answer.Operation.String(), Expect: o.Case.Expect,
			Decision: o.Answer.Decision.String(), Passed: o.Passed(), Wrong: o.Wrong, Why: o.Case.Why, Explain: o.Short}
		if o.Answer.Document != nil {
			c.By = o.Answer.Document.Label(o.Answer.Result.Statement)
		}
		out.Cases = append(out.Cases, c)
	}
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(out)
}

// JUnit's form, as far as CI systems agree on it.
type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	File    string        `xml:"file,attr"`
	Line    int           `xml:"line,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// PrintJUnit writes all outcomes for CI systems, one suite a file.
func (r Report) PrintJUnit(to io.Writer) error {
	out := junitSuites{Tests: len(r.Outcomes), Failures: r.Failed()}
	for _, o := range r.Outcomes {
		if n := len(out.Suites); n == 0 || out.Suites[n-1].Name != o.File {
			out.Suites = append(out.Suites, junitSuite{Name: o.File})
		}
		s := &out.Suites[len(out.Suites)-1]
		c := junitCase{Class: o.File, Name: o.Name(), File: o.File, Line: o.Case.Pos.Line}
		s.Tests++
		if !o.Passed() {
			s.Failures++
			c.Failure = &junitFailure{Message: o.Wrong[0], Text: strings.Join(o.lines(), "\n")}
		}
		s.Cases = append(s.Cases, c)
	}
	if _, err := io.WriteString(to, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(to)
	e.Indent("", "  ")
	if err := e.Encode(out); err != nil {
		return err
	}
	_, err := io.WriteString(to, "\n")
	return err
}
