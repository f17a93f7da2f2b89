// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"io"
	"strings"

	"thingpass/policies"
)

// The shape of AWS IoT's TestAuthorization (API_AuthResult), so that what reads
// one reads the other. What AWS's answer lacks stands under "decidedBy" and
// "notes".
type authResults struct {
	Results []authResult `json:"authResults"`
}

type authResult struct {
	Info      authInfo   `json:"authInfo"`
	Allowed   *allowed   `json:"allowed,omitempty"`
	Denied    *denied    `json:"denied,omitempty"`
	Decision  string     `json:"authDecision"`
	Missing   []string   `json:"missingContextValues"`
	DecidedBy *statement `json:"decidedBy,omitempty"`
	Notes     []string   `json:"notes,omitempty"`
	Change    []string   `json:"change,omitempty"`
}

type authInfo struct {
	Action    string   `json:"actionType"`
	Resources []string `json:"resources"`
}

type allowed struct {
	Policies []policy `json:"policies"`
}

type denied struct {
	Implicit *allowed `json:"implicitDeny,omitempty"`
	Explicit *allowed `json:"explicitDeny,omitempty"`
}

type policy struct {
	Name string `json:"policyName"`
	ARN  string `json:"policyArn"`
}

type statement struct {
	Policy    string `json:"policyName"`
	Statement string `json:"statement"`
	File      string `json:"file"`
	Line      int    `json:"line"`
	Column    int    `json:"column"`
}

// PrintJSON writes answers as `aws iot test-authorization` does.
func (b *Bench) PrintJSON(to io.Writer, answers []Answer) error {
	out := authResults{Results: []authResult{}}
	for _, a := range answers {
		out.Results = append(out.Results, b.result(a))
	}
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(out)
}

func (b *Bench) result(a Answer) authResult {
	r := authResult{
		Info:     authInfo{Action: actionType(a.Operation), Resources: []string{a.Resource}},
		Decision: a.Decision.String(), Missing: append([]string{}, a.Missing...), Notes: a.Notes, Change: b.Advice(a),
	}
	if a.Document != nil {
		s := a.Document.Statements[a.Result.Statement]
		r.DecidedBy = &statement{policyName(a.Document), a.Document.Label(a.Result.Statement), a.Document.Name, s.Pos.Line, s.Pos.Column}
	}
	switch a.Decision {
	case policies.Allowed:
		r.Allowed = &allowed{b.policies([]*policies.Document{a.Document})}
	case policies.ExplicitDeny:
		r.Denied = &denied{Explicit: &allowed{b.policies([]*policies.Document{a.Document})}}
	default:
		r.Denied = &denied{Implicit: &allowed{b.policies(b.id.Documents)}}
	}
	return r
}

func (b *Bench) policies(docs []*policies.Document) []policy {
	out := []policy{}
	for _, d := range docs {
		name := policyName(d)
		out = append(out, policy{name, b.id.At.ARN("policy/" + name)})
	}
	return out
}

// actionType is AWS's word where it has one.
func actionType(o Operation) string {
	switch o.Verb {
	case Connect, Publish, Subscribe, Receive:
		return strings.ToUpper(o.Verb)
	}
	return o.Action()
}
