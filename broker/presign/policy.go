// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The fields of SigV4 in a form.
const (
	fieldAlgorithm  = "x-amz-algorithm"
	fieldCredential = "x-amz-credential"
	fieldDate       = "x-amz-date"
	fieldToken      = "x-amz-security-token"
	fieldSignature  = "x-amz-signature"
	fieldPolicy     = "policy"

	maxFieldName = 128
)

// appendPolicy appends the policy of a form, in JSON. It is written by hand so
// that the same form has the same bytes, and so that nothing in a value can end
// the string that it stands in.
//
// Fields are exact conditions, the first bound of them the caller's. The free
// ones "start with" nothing, which S3 takes for: must be there.
func appendPolicy(b []byte, bucket string, p *Post, fields []Header, bound int, end time.Time) []byte {
	b = append(b, `{"expiration":"`...)
	b = end.AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, `","conditions":[{"bucket":`...)
	b = appendQuoted(b, bucket)
	b = append(b, `},["starts-with","$key",`...)
	b = appendQuoted(b, p.KeyPrefix)
	b = append(b, `],["content-length-range",`...)
	b = strconv.AppendInt(b, p.MinSize, 10)
	b = append(b, ',')
	b = strconv.AppendInt(b, p.MaxSize, 10)
	b = append(b, ']')
	b = appendExact(b, fields[:bound])
	for _, name := range p.Free {
		b = append(b, `,["starts-with","$`...)
		b = append(b, name...)
		b = append(b, `",""]`...)
	}
	return append(appendExact(b, fields[bound:]), "]}"...)
}

func appendExact(b []byte, fields []Header) []byte {
	for i := range fields {
		b = append(b, ",{"...)
		b = appendQuoted(b, fields[i].Name)
		b = append(b, ':')
		b = appendQuoted(b, fields[i].Value)
		b = append(b, '}')
	}
	return b
}

// appendQuoted appends s, which is printable US-ASCII, as a JSON string. The
// dollar sign has a meaning of its own in S3's policies, and is escaped.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		switch s[i] {
		case '"', '\\':
			b = append(append(b, s[start:i]...), '\\', s[i])
		case '$':
			b = append(append(b, s[start:i]...), `\u0024`...)
		default:
			continue
		}
		start = i + 1
	}
	return append(append(b, s[start:]...), '"')
}

// checkFields refuses names and values that would not arrive as they were
// signed.
func (p *Post) checkFields() error {
	for i := range p.Fields {
		f := &p.Fields[i]
		if err := checkFieldName(f.Name); err != nil {
			return err
		}
		if !fieldValue(f.Value) {
			return fmt.Errorf("field %s has spaces at an end, a variable, or a character that is not visible US-ASCII: change its value", f.Name)
		}
	}
	for _, name := range p.Free {
		if err := checkFieldName(name); err != nil {
			return err
		}
	}
	return p.checkTwice()
}

// checkTwice refuses a field that has two conditions: S3's field names have no
// case.
func (p *Post) checkTwice() error {
	name := func(i int) string {
		if i < len(p.Fields) {
			return p.Fields[i].Name
		}
		return p.Free[i-len(p.Fields)]
	}
	for i := range len(p.Fields) + len(p.Free) {
		for j := range i {
			if strings.EqualFold(name(i), name(j)) {
				return fmt.Errorf("field %s is given twice: a form has it once", name(i))
			}
		}
	}
	return nil
}

// checkFieldName refuses what is no name, what signing sets, and what S3 does
// not compare with the policy.
func checkFieldName(name string) error {
	if !validFieldName(name) {
		return fmt.Errorf("field name %q: use up to %d letters, digits and dashes", name, maxFieldName)
	}
	for _, ours := range [...]string{"key", "bucket", "file", fieldPolicy, fieldAlgorithm, fieldCredential, fieldDate, fieldToken, fieldSignature} {
		if strings.EqualFold(name, ours) {
			return fmt.Errorf("field %s is set by signing or by each upload: leave it out", ours)
		}
	}
	const ignored = "x-ignore-"
	if len(name) >= len(ignored) && strings.EqualFold(name[:len(ignored)], ignored) {
		return fmt.Errorf("field %s binds nobody: S3 ignores it", name)
	}
	return nil
}

func validFieldName(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20 // a capital's small letter
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') && s[i] != '-' && s[i] != '_' && s[i] != '.' {
			return false
		}
	}
	return s != "" && len(s) <= maxFieldName
}

// fieldValue keeps out what some forms trim, and what S3 replaces: ${filename}.
func fieldValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s == strings.TrimSpace(s) && !strings.Contains(s, "${")
}
