// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package explain names the mistake in a request to S3 that failed, and in what
// people have of it: the request, a curl command, S3's XML, a presigned URL, a
// form, the serial log of a thing, a traceback, a refusal of the broker.
//
// It works on the text alone, asks nobody, and prints no secret: signatures,
// session tokens, secret keys and the middle of access key ids are masked in all
// that it returns.
package explain

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// MaxInput is the longest text that Explain reads, in bytes.
const MaxInput = 1 << 20

// Certainty is how sure a finding is.
type Certainty string

// From the surest to the least sure.
const (
	Certain  Certainty = "certain"  // the text proves it
	Likely   Certainty = "likely"   // nearly always the reason of what is seen
	Possible Certainty = "possible" // fits, as other things do
)

func (c Certainty) rank() int {
	return slices.Index([]Certainty{Certain, Likely, Possible}, c)
}

// Finding is one mistake.
type Finding struct {
	ID        string    `json:"id"` // one of IDs
	Certainty Certainty `json:"certainty"`
	What      string    `json:"what"`
	Line      int       `json:"line,omitempty"` // of Quote in the input, from 1; 0 if it is not in there
	Column    int       `json:"column,omitempty"`
	Quote     string    `json:"quote,omitempty"`
	Why       string    `json:"why"`
	Source    string    `json:"source"`
	Do        string    `json:"do"`

	order int // of being found
}

// Report is all that was found, the surest first.
type Report struct {
	Recognised []string  `json:"recognised"` // what the text holds
	Findings   []Finding `json:"findings"`

	// Canonical is the canonical request that SigV4 expects for the request in
	// the text, if there is one. Secrets in it are masked.
	Canonical    string `json:"canonicalRequest,omitempty"`
	StringToSign string `json:"stringToSign,omitempty"`

	// Signature says whether the signature is right, if credentials were given:
	// "right", "wrong", or nothing if it could not be computed.
	Signature string `json:"signature,omitempty"`
}

// Options are what the text cannot say.
type Options struct {
	Now    time.Time // zero: the time of the call
	Secret string    // the secret access key with which it should have been signed; empty: unknown
	Token  string    // its session token, if it has one
}

// Explain reads text. The error says why it could not be read at all; finding
// nothing is none.
func Explain(text string, o Options) (Report, error) {
	switch {
	case len(text) > MaxInput:
		return Report{}, fmt.Errorf("input has %d bytes, and %d are read: cut it down to one failed request", len(text), MaxInput)
	case strings.TrimSpace(text) == "":
		return Report{}, fmt.Errorf("input is empty: paste a failed request, S3's answer, a URL or a log")
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	e := gather(text, o)
	for _, judge := range []func(*evidence){
		judgeRequests, judgeCanonicals, judgeTimes, judgeAnswers, judgeDifference, judgeSignature,
		judgeForms, judgeLog, judgeTool, judgeRefusals,
	} {
		judge(e)
	}
	return e.report(), nil
}

// Text is the report for people.
func (r Report) Text() string {
	var b strings.Builder
	if len(r.Recognised) > 0 {
		fmt.Fprintf(&b, "read: %s\n\n", strings.Join(r.Recognised, ", "))
	}
	if len(r.Findings) == 0 {
		b.WriteString("nothing wrong found\n")
	}
	for i, f := range r.Findings {
		fmt.Fprintf(&b, "%d. %s (%s)\n   %s\n", i+1, f.ID, f.Certainty, f.What)
		if f.Quote != "" {
			fmt.Fprintf(&b, "   %s%s\n", f.place(), f.Quote)
		}
		fmt.Fprintf(&b, "   why: %s\n        %s\n   do:  %s\n\n", f.Why, f.Source, f.Do)
	}
	if r.Signature != "" {
		fmt.Fprintf(&b, "by the credentials given, the signature is %s\n", r.Signature)
	}
	if r.Canonical != "" {
		fmt.Fprintf(&b, "the canonical request that is expected here:\n%s\n", indent(r.Canonical))
	}
	if r.StringToSign != "" {
		fmt.Fprintf(&b, "and the string to sign:\n%s\n", indent(r.StringToSign))
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func (f Finding) place() string {
	if f.Line == 0 {
		return ""
	}
	return fmt.Sprintf("line %d, column %d: ", f.Line, f.Column)
}

func indent(s string) string { return "  | " + strings.ReplaceAll(s, "\n", "\n  | ") }
