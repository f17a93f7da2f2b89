// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package diff

import (
	"fmt"
	"slices"
	"strings"

	"thingpass/policies"
	"thingpass/policies/explain"
	"thingpass/policies/language"
)

// What a change does to a subject.
type Effect string

// The effects. Only the first is dangerous; only the second breaks something.
const (
	Widening  Effect = "widening"  // what was denied is allowed
	Narrowing Effect = "narrowing" // what was allowed is denied
	Denial    Effect = "denial"    // denied before and after, by a Deny on one side only
)

// A Change is one resource pattern of one action for one subject.
type Change struct {
	Effect   Effect `json:"effect"`
	Who      string `json:"who"`
	Action   string `json:"action"`
	Resource string `json:"resource"` // as the policy covers it, the variables replaced
	Example  string `json:"example"`  // a topic, filter or key
	Other    string `json:"belongsTo,omitempty"`
	Because  string `json:"because"`
	Note     string `json:"note,omitempty"`
	More     int    `json:"moreSubjects,omitempty"` // of which the same is true
}

// A Result is all that differs, for all subjects that were compared.
type Result struct {
	Changes  []Change `json:"changes"`
	Subjects int      `json:"subjects"`
	Limits   []string `json:"limits"` // what the result does not cover
}

// Has is true if some change has the effect.
func (r Result) Has(e Effect) bool {
	return slices.ContainsFunc(r.Changes, func(c Change) bool { return c.Effect == e })
}

// A Subject is who is compared, before and after.
type Subject struct {
	Who      string
	Old, New explain.Identity
	Other    string            // the name of another thing, for examples
	Group    string            // what is true of several of a group is told once
	Single   bool              // conditions ask for the name itself
	shown    *strings.Replacer // of names that stand for any
}

// Show puts letters in the place of names that stand for any.
func (s *Subject) Show(text string) string {
	if s.shown == nil {
		return shown.Replace(text)
	}
	return s.shown.Replace(text)
}

// Rename shows a symbol under a name.
func (s Subject) Rename(symbol, name string) Subject {
	s.shown = strings.NewReplacer(symbol, name, NameB, "ANOTHER", NameC, "OTHER-ID", value, "VALUE")
	return s
}

// Compare looks at all subjects. What is true of several is told of the first.
func Compare(subjects []Subject) Result {
	out := Result{Changes: []Change{}, Subjects: len(subjects), Limits: []string{}}
	seen := map[string]int{}
	for i := range subjects {
		for _, c := range compare(&subjects[i], &out) {
			key := strings.Join([]string{subjects[i].Group, string(c.Effect), c.Action, c.written, c.Because}, "\x00")
			if at, known := seen[key]; known {
				out.Changes[at].More++
				continue
			}
			seen[key] = len(out.Changes)
			out.Changes = append(out.Changes, c.Change)
		}
	}
	slices.SortStableFunc(out.Changes, func(a, b Change) int { return rank(a) - rank(b) })
	return out
}

// rank puts first what people must see.
func rank(c Change) int {
	n := map[Effect]int{Widening: 0, Narrowing: 2, Denial: 4}[c.Effect]
	if c.Other == "" {
		n++
	}
	return n
}

// Limit notes what the result does not cover, once.
func (r *Result) Limit(format string, args ...any) {
	if line := fmt.Sprintf(format, args...); !slices.Contains(r.Limits, line) {
		r.Limits = append(r.Limits, line)
	}
}

// found is a change, with what tells it from others.
type found struct {
	Change
	written string
}

func compare(s *Subject, out *Result) []found {
	before, after := explain.New(s.Old), explain.New(s.New)
	var all []found
	for _, action := range Actions(slices.Concat(before.Identity().Documents, after.Identity().Documents)) {
		c := newComparison(s, action, before.Session(action), after.Session(action))
		all = append(all, c.changes(out)...)
	}
	return all
}

// Actions are those that documents can tell apart: AWS IoT's own, and one of each
// kind among IAM's, if they speak of those.
func Actions(docs []*policies.Document) []string {
	actions := policies.IoTActions()
	if !SpeaksOfIAM(docs) {
		return actions
	}
	var patterns []policies.Glob
	for _, d := range docs {
		for i := range d.Statements {
			for _, a := range d.Statements[i].Actions {
				patterns = append(patterns, language.Text(strings.ToLower(a.Value)))
			}
		}
	}
	for _, a := range language.Classes(patterns, knownActions) {
		if !strings.HasPrefix(a, "iot:") {
			actions = append(actions, a)
		}
	}
	return actions
}

// SpeaksOfIAM is true if some statement is about another service than AWS IoT.
func SpeaksOfIAM(docs []*policies.Document) bool {
	for _, d := range docs {
		for i := range d.Statements {
			for _, a := range d.Statements[i].Actions {
				if service, _, found := strings.Cut(strings.ToLower(a.Value), ":"); found && service != "iot" {
					return true
				}
			}
		}
	}
	return false
}

// knownActions are tried before made-up ones, because people know them.
var knownActions = []string{
	"s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
	"s3:ListBucketMultipartUploads", "s3:GetObjectVersion", "s3:PutObjectAcl", "s3:PutBucketPolicy", "sts:AssumeRole", "iam:PassRole",
	"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:SendMessage", "logs:CreateLogStream", "logs:PutLogEvents", "lambda:InvokeFunction",
}
