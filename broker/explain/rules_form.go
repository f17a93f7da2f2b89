// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"strings"
	"time"
)

// condition is one of a policy.
type condition struct {
	kind, name, value string
	low, high         float64
}

// conditions are those of the policy that can be read.
func (f *form) conditions() []condition {
	if f.policy == nil {
		return nil
	}
	var all []condition
	for _, raw := range f.policy.Conditions[:min(len(f.policy.Conditions), 200)] {
		var exact map[string]any
		if json.Unmarshal(raw, &exact) == nil {
			for name, value := range exact {
				text, _ := value.(string)
				all = append(all, condition{kind: "eq", name: name, value: text})
			}
			continue
		}
		var list []any
		if json.Unmarshal(raw, &list) != nil || len(list) != 3 {
			continue
		}
		kind, _ := list[0].(string)
		c := condition{kind: strings.ToLower(kind)}
		if c.kind == "content-length-range" {
			c.low, _ = list[1].(float64)
			c.high, _ = list[2].(float64)
		} else {
			c.name, _ = list[1].(string)
			c.name = strings.TrimPrefix(c.name, "$")
			c.value, _ = list[2].(string)
		}
		all = append(all, c)
	}
	return all
}

// judgeForms is about POST uploads.
func judgeForms(e *evidence) {
	for _, f := range e.forms {
		if f.broken != "" {
			e.add("policy-malformed", Certain, "", f.at, "the policy cannot be read: %s", f.broken)
		}
		judgeFormOrder(e, f)
		judgeFormSignature(e, f)
		judgePolicy(e, f)
		if len(f.fields) > 1 {
			judgeConditions(e, f)
		}
	}
}

// judgeFormOrder is about the fields as such.
func judgeFormOrder(e *evidence, f *form) {
	if len(f.fields) < 2 {
		return
	}
	file := -1
	for i, x := range f.fields {
		if strings.EqualFold(x.name, "file") {
			file = i
		} else if x.value == "(file)" && !strings.EqualFold(x.name, "file") {
			e.add("file-name", Likely, x.name, x.at, "the file is in the field `%s`: S3 reads it from the field `file` alone", x.name)
		}
	}
	if file >= 0 && file < len(f.fields)-1 {
		next := f.fields[file+1]
		e.add("file-not-last", Certain, next.name, next.at, "the field `%s` comes behind the file: S3 reads nothing that does", next.name)
	}
	names := []string{"key", "policy", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"}
	if _, old := f.get("AWSAccessKeyId"); old {
		e.add("sigv2", Certain, "AWSAccessKeyId", f.at, "the form is signed by Signature Version 2 (`AWSAccessKeyId`, `signature`)")
		names = names[:2]
	}
	for _, name := range names {
		if _, ok := f.get(name); !ok {
			e.add("field-order", Certain, "", f.at, "the form has no field `%s`", name)
		}
	}
}

// judgeFormSignature computes the signature of a form, if the secret is known.
func judgeFormSignature(e *evidence, f *form) {
	text, _ := f.get("policy")
	credential, _ := f.get("x-amz-credential")
	signature, ok := f.get("x-amz-signature")
	_, scope, _ := strings.Cut(credential.value, "/")
	parts := strings.Split(scope, "/")
	if e.options.Secret == "" || !ok || len(parts) != 4 {
		return
	}
	e.verdict = "right"
	if signatureOf(e.options.Secret, parts, text.value) == strings.ToLower(signature.value) {
		return
	}
	e.verdict = "wrong"
	if signatureOf(e.options.Secret, parts, f.raw) == strings.ToLower(signature.value) {
		e.add("policy-malformed", Certain, "", f.at, "the signature is that of the policy as JSON: what is signed is its base64")
		return
	}
	e.add("signature-differs", Likely, "", f.at, "the signature is not that of this secret key for the form's policy")
}

// judgePolicy is about the policy by itself.
func judgePolicy(e *evidence, f *form) {
	if f.policy == nil {
		return
	}
	end, err := time.Parse(time.RFC3339, f.policy.Expiration)
	now, sure := e.options.Now, Likely
	if server, _, ok := e.serverTime(); ok {
		now, sure = server, Certain
	}
	switch {
	case err != nil:
		e.add("policy-malformed", Certain, f.policy.Expiration, f.at, "the policy's expiration `%s` must be written 2026-11-26T06:40:00.000Z", f.policy.Expiration)
	case now.After(end):
		e.add("policy-expired", sure, f.policy.Expiration, f.at, "the policy expired at %s, %s ago", f.policy.Expiration, span(now.Sub(end)))
	}
	named := map[string]bool{}
	for _, c := range f.conditions() {
		named[strings.ToLower(c.name)] = true
		if c.kind == "content-length-range" && c.low > c.high {
			e.add("policy-malformed", Certain, "content-length-range", f.at, "content-length-range allows %.0f to %.0f bytes: nothing", c.low, c.high)
		}
	}
	for _, name := range []string{"bucket", "key"} {
		if !named[name] {
			e.add("condition-missing", Certain, "", f.at, "the policy has no condition on `%s`", name)
		}
	}
}

// free are the fields that need no condition.
var free = map[string]bool{"policy": true, "file": true, "x-amz-signature": true, "signature": true, "awsaccesskeyid": true, "submit": false}

// judgeConditions compares a form with its policy.
func judgeConditions(e *evidence, f *form) {
	if f.policy == nil {
		return
	}
	named := map[string]bool{}
	for _, c := range f.conditions() {
		name := strings.ToLower(c.name)
		named[name] = true
		x, ok := f.get(name)
		switch {
		case c.kind == "content-length-range" || name == "bucket":
		case !ok:
			e.add("condition-failed", Certain, "", f.at, "the policy has a condition on `%s`, but the form has no such field", c.name)
		case c.kind == "eq" && x.value != c.value:
			e.add("condition-failed", Certain, x.value, x.at, "the field `%s` is `%s`, but the policy says `%s`", c.name, x.value, c.value)
		case c.kind == "starts-with" && name == "key" && !strings.HasPrefix(x.value, c.value):
			e.add("key-prefix", Certain, x.value, x.at, "the key `%s` does not begin with `%s`, as the policy wants it", x.value, c.value)
		case c.kind == "starts-with" && !strings.HasPrefix(x.value, c.value):
			e.add("condition-failed", Certain, x.value, x.at, "the field `%s` does not begin with `%s`", c.name, c.value)
		}
	}
	for _, x := range f.fields {
		name := strings.ToLower(x.name)
		if !named[name] && !free[name] && !strings.HasPrefix(name, "x-ignore-") && x.value != "(file)" {
			e.add("condition-missing", Certain, x.name, x.at, "the form has the field `%s`, for which the policy has no condition", x.name)
		}
	}
}
