// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// form is a POST upload: a form's fields in their order, or what is known of it.
type form struct {
	url    string
	at     int
	fields []field // "file" is the file
	policy *policy
	raw    string // of the policy, decoded
	broken string // why the policy cannot be read
}

// policy is what the form was signed for.
type policy struct {
	Expiration string            `json:"expiration"`
	Conditions []json.RawMessage `json:"conditions"`
}

func (f *form) get(name string) (field, bool) {
	for _, x := range f.fields {
		if strings.EqualFold(x.name, name) {
			return x, true
		}
	}
	return field{}, false
}

func newFormField(name, value string, at int) field {
	if strings.HasPrefix(value, "@") || strings.HasPrefix(value, "<") {
		value = "(file)"
	}
	return field{name, value, at}
}

var (
	dispositionLine = lazy(`(?i)content-disposition:\s*form-data;\s*name="?([^";\r\n]{1,128})"?([^\r\n]*)`)
	htmlInput       = lazy(`(?i)<input\b[^>]*>`)
	htmlAttribute   = lazy(`(?i)\b(name|value|type)\s*=\s*"([^"]*)"`)
	jsonFields      = lazy(`(?i)"policy"\s*:\s*"([A-Za-z0-9+/=]{16,})"`)
	barePolicy      = lazy(`\{\s*"expiration"\s*:`)
)

// gatherForms reads forms: multipart bodies, HTML, the fields in JSON, a policy.
func (e *evidence) gatherForms() {
	var multipart, inputs []field
	for i, l := range e.lines {
		if m := dispositionLine.FindStringSubmatch(l.text); m != nil && len(multipart) < 200 {
			multipart = append(multipart, field{m[1], e.partValue(i, m[2]), l.at})
		}
	}
	for _, m := range htmlInput.FindAllStringIndex(e.text, 200) {
		inputs = append(inputs, readInput(e.text[m[0]:m[1]], m[0]))
	}
	for _, fields := range [][]field{multipart, inputs} {
		if len(fields) > 0 {
			e.forms = append(e.forms, &form{fields: fields, at: fields[0].at})
		}
	}
	if len(e.forms) == 0 {
		e.gatherPolicies()
	}
	for _, f := range e.forms {
		e.saw("form of a POST upload")
		e.readPolicy(f)
	}
}

// partValue is what a part of a form holds, from its line of headers on.
func (e *evidence) partValue(i int, rest string) string {
	if strings.Contains(rest, "filename") {
		return "(file)"
	}
	for i++; i < len(e.lines) && e.lines[i].text != ""; i++ {
	}
	if i+1 < len(e.lines) && !strings.HasPrefix(e.lines[i+1].text, "--") {
		return e.lines[i+1].text
	}
	return ""
}

func readInput(tag string, at int) field {
	f := field{at: at}
	for _, m := range htmlAttribute.FindAllStringSubmatch(tag, 10) {
		switch strings.ToLower(m[1]) {
		case "name":
			f.name = m[2]
		case "value":
			f.value = m[2]
		case "type":
			if m[2] == "file" {
				f.value = "(file)"
			}
		}
	}
	return f
}

// gatherPolicies reads a policy without a form.
func (e *evidence) gatherPolicies() {
	if m := jsonFields.FindStringSubmatchIndex(e.text); m != nil {
		e.forms = append(e.forms, &form{at: m[2], fields: []field{{"policy", e.text[m[2]:m[3]], m[2]}}})
		return
	}
	if m := barePolicy.FindStringIndex(e.text); m != nil {
		raw := e.text[m[0]:]
		f := &form{at: m[0], raw: raw}
		if err := json.NewDecoder(strings.NewReader(raw)).Decode(&f.policy); err != nil {
			f.policy, f.broken = nil, err.Error()
		}
		e.forms = append(e.forms, f)
	}
}

// readPolicy decodes the policy of a form, and hides the form's secrets.
func (e *evidence) readPolicy(f *form) {
	for _, name := range []string{"x-amz-signature", "signature", "x-amz-security-token"} {
		if x, ok := f.get(name); ok {
			e.hide(x.value)
		}
	}
	if x, ok := f.get("x-amz-credential"); ok {
		id, _, _ := strings.Cut(x.value, "/")
		e.hideKey(id)
	}
	x, ok := f.get("policy")
	if !ok {
		return
	}
	e.hide(x.value)
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(x.value), ""))
	if err != nil {
		f.broken = "it is not base64"
		return
	}
	f.raw = string(raw)
	if err := json.Unmarshal(raw, &f.policy); err != nil {
		f.policy, f.broken = nil, "it is not the JSON of a policy: "+err.Error()
	}
	for _, c := range f.conditions() {
		if strings.EqualFold(c.name, "x-amz-security-token") {
			e.hide(c.value)
		}
	}
}
