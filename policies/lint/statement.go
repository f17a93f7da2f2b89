// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"
	"strings"

	"thingpass/policies"
)

// A use is a variable as a document has it.
type use struct {
	text     string // ${…}
	key      string // its name, as it is written; "" of a broken one
	literal  rune   // of ${*}, ${?} and ${$}
	fallback bool   // ${name, 'else'}: it always resolves
	broken   string // what is wrong with it
}

// readVariable reads "${…}" at the beginning of text, and how long it is.
func readVariable(text string) (use, int) {
	end := strings.IndexByte(text, '}')
	if end < 0 {
		return use{text: text, key: text, broken: "is not closed"}, len(text)
	}
	u := use{text: text[:end+1]}
	inner := text[len("${"):end]
	switch inner {
	case "*", "?", "$":
		u.literal = rune(inner[0])
		return u, end + 1
	}
	name, other, found := strings.Cut(inner, ",")
	u.key, u.fallback = strings.TrimSpace(name), found
	other = strings.TrimSpace(other)
	switch {
	case strings.Contains(inner, "${"):
		u.broken = "has another variable within it"
	case u.key == "":
		u.broken = "has no name"
	case found && (len(other) < 2 || other[0] != '\'' || other[len(other)-1] != '\''):
		u.broken = "has no default in single quotes behind its comma"
	}
	return u, end + 1
}

// uses are the variables of a text.
func uses(text string) []use {
	var out []use
	for {
		i := strings.Index(text, "${")
		if i < 0 {
			return out
		}
		u, n := readVariable(text[i:])
		if u.literal == 0 {
			out = append(out, u)
		}
		text = text[i+n:]
	}
}

// resource is a resource of a statement, taken apart.
type resource struct {
	policies.Text
	arn  []string // partition, service, region, account; nil: it is "*" or no ARN
	kind string   // topic, client … of AWS IoT; "*": all kinds
	name string   // what stands behind the kind; of S3, behind arn:…:::
	uses []use
	pat  pattern // of name
	all  pattern // of all of it
	home string  // "arn:aws:iot:eu-central-1:123456789012:", of the document's resources: for fixes
}

func newResource(t policies.Text) resource {
	r := resource{Text: t, uses: uses(t.Value), kind: "*", name: "*"}
	if f := strings.SplitN(t.Value, ":", 6); len(f) == 6 && f[0] == "arn" {
		r.arn, r.name, r.kind = f[1:5], f[5], ""
		if f[2] == "iot" {
			r.kind, r.name, _ = strings.Cut(f[5], "/")
			if strings.Trim(f[5], "*") == "" {
				r.kind, r.name = "*", "*"
			}
		}
	} else if strings.Trim(t.Value, "*") != "" {
		r.kind, r.name = "", t.Value
	}
	r.all = newPattern(r.Value)
	r.pat = r.all
	if r.name != r.Value {
		r.pat = newPattern(r.name)
	}
	return r
}

func (r resource) service() string {
	if r.arn == nil {
		return ""
	}
	return r.arn[1]
}

// with is the resource with another kind and name: for fixes.
func (r resource) with(kind, name string) string {
	if r.arn == nil {
		return r.home + kind + "/" + name
	}
	return "arn:" + strings.Join(r.arn, ":") + ":" + kind + "/" + name
}

// is true of a resource of the kind, or of all kinds.
func (r resource) is(kind string) bool { return r.kind == kind || r.kind == "*" }

// statement is a statement, taken apart.
type statement struct {
	*policies.Statement
	label     string
	index     int
	allow     bool
	actions   []action
	resources []resource
}

// action is an action as it is written.
type action struct {
	policies.Text
	covers []string // the data-plane actions of AWS IoT that it names
	pat    pattern  // in lower case
}

func newStatement(d *policies.Document, i int) statement {
	s := statement{Statement: &d.Statements[i], label: d.Label(i), index: i}
	s.allow = s.Effect.Value == "Allow"
	for _, a := range s.Actions {
		s.actions = append(s.actions, action{a, expand(a.Value), newPattern(strings.ToLower(a.Value))})
	}
	for _, r := range s.Resources {
		s.resources = append(s.resources, newResource(r))
	}
	return s
}

// expand names the actions of AWS IoT's data plane that an action stands for.
func expand(written string) []string {
	if strings.HasPrefix(strings.ToLower(written), "iot:") && !strings.ContainsAny(written, "*?") {
		for _, known := range policies.Actions() {
			if strings.EqualFold(known, written) {
				return []string{known}
			}
		}
		return nil
	}
	if !strings.ContainsAny(written, "*?") {
		return nil
	}
	p := newPattern(strings.ToLower(written))
	return slices.DeleteFunc(policies.Actions(), func(known string) bool { return !covers(newPattern(strings.ToLower(known)), p) })
}

// does is true if the statement speaks of one of the actions.
func (s statement) does(names ...string) bool {
	for _, a := range s.actions {
		for _, c := range a.covers {
			if slices.Contains(names, c) {
				return !s.NotAction
			}
		}
	}
	return false
}

// on are the resources of a kind, those of all kinds included.
func (s statement) on(kind string) []resource {
	var out []resource
	for _, r := range s.resources {
		if r.is(kind) {
			out = append(out, r)
		}
	}
	return out
}

// condition is the first condition on a key, nil if there is none.
func (s statement) condition(key string) *policies.Condition {
	for i := range s.Conditions {
		if strings.EqualFold(s.Conditions[i].Key.Value, key) {
			return &s.Conditions[i]
		}
	}
	return nil
}

// attached is true if the statement asks for an attached thing.
func (s statement) attached() bool {
	c := s.condition("iot:Connection.Thing.IsAttached")
	return c != nil && c.Operator.Value == "Bool" && len(c.Values) == 1 && strings.EqualFold(c.Values[0].Value, "true")
}

// identity are the variables that no two things share.
func (r resource) identity() bool {
	return slices.ContainsFunc(r.uses, func(u use) bool { return identifies(u.key) })
}

func identifies(key string) bool {
	switch strings.ToLower(key) {
	case "iot:connection.thing.thingname", "iot:certificate.subject.commonname", "iot:certificate.id", "iot:certificateid",
		"iot:certificate.serialnumber", "iot:certificate.subject.serialnumber":
		return true
	}
	return false
}

// broken is true if a variable of the resource never resolves: IOT016 says so.
func (r resource) broken() bool {
	return slices.ContainsFunc(r.uses, func(u use) bool { return u.broken != "" })
}

// byClientID is true if the client id, and nothing better, tells the thing.
func (r resource) byClientID() bool {
	return !r.identity() && slices.ContainsFunc(r.uses, func(u use) bool { return strings.EqualFold(u.key, "iot:ClientId") })
}
