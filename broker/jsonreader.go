// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"unicode/utf8"
)

// A jsonReader walks through one JSON object strictly [P-1.2]. encoding/json's
// Unmarshal is too kind for a request: it takes the last of doubled fields,
// matches names whatever their case, and mends invalid UTF-8.
type jsonReader struct{ scanner }

// readObject reads a request's payload [P-1.1] as one JSON object, and calls
// field for each of its names; field must read the value.
func readObject(payload []byte, field func(r *jsonReader, name string) error) error {
	if len(payload) > MaxPayload {
		return refuse(CodePayloadTooLarge, "the payload has %d bytes, at most %d are taken", len(payload), MaxPayload)
	}
	if !utf8.Valid(payload) {
		return refuse(CodeBadRequest, "the payload is not valid UTF-8")
	}
	r := &jsonReader{scanner{text: string(payload)}} // which all names and values are parts of
	if err := r.object(field); err != nil {
		return err
	}
	if _, err := r.next(); !errors.Is(err, io.EOF) {
		return refuse(CodeBadRequest, "there is something after the JSON object")
	}
	return nil
}

func (r *jsonReader) token() (token, error) {
	t, err := r.next()
	if err != nil {
		return t, refuse(CodeBadRequest, "not JSON at byte %d: %v", r.at, err)
	}
	return t, nil
}

func (r *jsonReader) object(field func(r *jsonReader, name string) error) error {
	t, err := r.token()
	if err != nil {
		return err
	}
	if t.kind != '{' {
		return refuse(CodeBadRequest, "a JSON object is wanted, not %s", t.describe())
	}
	seen := make([]string, 0, 16)
	for r.more() {
		name, err := r.token() // the scanner allows only a string here
		if err != nil {
			return err
		}
		if slices.Contains(seen, name.text) {
			return refuse(CodeBadRequest, "field %q is there twice", printable(name.text, 40))
		}
		seen = append(seen, name.text)
		if len(seen) > maxFields {
			return refuse(CodeBadRequest, "more than %d fields in one object", maxFields)
		}
		if err := field(r, name.text); err != nil {
			return err
		}
	}
	_, err = r.token()
	return err
}

// maxFields bounds the search for doubled fields; no object of the protocol has
// as many.
const maxFields = 32

func (r *jsonReader) array(item func(r *jsonReader) error) error {
	t, err := r.token()
	if err != nil {
		return err
	}
	if t.kind != '[' {
		return refuse(CodeBadRequest, "a JSON array is wanted, not %s", t.describe())
	}
	for r.more() {
		if err := item(r); err != nil {
			return err
		}
	}
	_, err = r.token()
	return err
}

func (r *jsonReader) text(name string) (string, error) {
	t, err := r.token()
	if err != nil {
		return "", err
	}
	if t.kind != '"' {
		return "", refuse(CodeBadRequest, "%s must be a string, not %s", name, t.describe())
	}
	return t.text, nil
}

func (r *jsonReader) truth(name string) (bool, error) {
	t, err := r.token()
	if err != nil {
		return false, err
	}
	if t.kind != 't' && t.kind != 'f' {
		return false, refuse(CodeBadRequest, "%s must be true or false, not %s", name, t.describe())
	}
	return t.kind == 't', nil
}

// integer reads a number without fraction or exponent [P-1.4].
func (r *jsonReader) integer(name string) (int64, error) {
	t, err := r.token()
	if err != nil {
		return 0, err
	}
	if t.kind != '0' {
		return 0, refuse(CodeBadRequest, "%s must be an integer, not %s", name, t.describe())
	}
	n, err := strconv.ParseInt(t.text, 10, 64)
	if err != nil {
		return 0, refuse(CodeBadRequest, "%s must be an integer that fits 64 bits, not %s", name, printable(t.text, 24))
	}
	return n, nil
}

func (t token) describe() string {
	switch t.kind {
	case '[':
		return "an array"
	case '{':
		return "an object"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "true or false"
	}
	return "null"
}

// salvageID finds the request's id in a payload that could not be read whole, so
// that the thing can match the refusal [P-8.1]. It returns "" where there is no
// valid one.
func salvageID(payload []byte) string {
	if len(payload) > MaxPayload || !utf8.Valid(payload) {
		return ""
	}
	s := scanner{text: string(payload)}
	depth, name := 0, ""
	for isName := false; ; {
		t, err := s.next()
		if err != nil {
			return ""
		}
		switch t.kind {
		case '{', '[':
			depth++
			isName = depth == 1
			continue
		case '}', ']':
			depth--
			isName = depth == 1
			continue
		case '"':
			if depth == 1 && !isName && name == "id" {
				if validID(t.text) {
					return t.text
				}
				return ""
			}
			name = t.text
		}
		isName = depth == 1 && !isName
	}
}
