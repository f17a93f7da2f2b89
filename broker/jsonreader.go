// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"
)

// A jsonReader walks through one JSON object strictly [P-1.2]. encoding/json's
// Unmarshal is too kind for a request: it takes the last of doubled fields,
// matches names whatever their case, and mends invalid UTF-8.
type jsonReader struct {
	dec *json.Decoder
}

// readObject reads a request's payload [P-1.1] as one JSON object, and calls
// field for each of its names; field must read the value.
func readObject(payload []byte, field func(r *jsonReader, name string) error) error {
	if len(payload) > MaxPayload {
		return refuse(CodePayloadTooLarge, "the payload has %d bytes, at most %d are taken", len(payload), MaxPayload)
	}
	if !utf8.Valid(payload) {
		return refuse(CodeBadRequest, "the payload is not valid UTF-8")
	}
	r := &jsonReader{dec: json.NewDecoder(bytes.NewReader(payload))}
	r.dec.UseNumber()
	if err := r.object(field); err != nil {
		return err
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return refuse(CodeBadRequest, "there is something after the JSON object")
	}
	return nil
}

func (r *jsonReader) token() (json.Token, error) {
	t, err := r.dec.Token()
	if err != nil {
		return nil, refuse(CodeBadRequest, "not JSON at byte %d: %v", r.dec.InputOffset(), err)
	}
	return t, nil
}

func (r *jsonReader) object(field func(r *jsonReader, name string) error) error {
	t, err := r.token()
	if err != nil {
		return err
	}
	if t != json.Delim('{') {
		return refuse(CodeBadRequest, "a JSON object is wanted, not %s", describe(t))
	}
	seen := make([]string, 0, 16)
	for r.dec.More() {
		name, err := r.token()
		if err != nil {
			return err
		}
		for _, other := range seen {
			if other == name {
				return refuse(CodeBadRequest, "field %q is there twice", printable(other, 40))
			}
		}
		seen = append(seen, name.(string)) // the decoder allows no other token here
		if len(seen) > maxFields {
			return refuse(CodeBadRequest, "more than %d fields in one object", maxFields)
		}
		if err := field(r, name.(string)); err != nil {
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
	if t != json.Delim('[') {
		return refuse(CodeBadRequest, "a JSON array is wanted, not %s", describe(t))
	}
	for r.dec.More() {
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
	s, ok := t.(string)
	if !ok {
		return "", refuse(CodeBadRequest, "%s must be a string, not %s", name, describe(t))
	}
	return s, nil
}

// integer reads a number without fraction or exponent [P-1.4].
func (r *jsonReader) integer(name string) (int64, error) {
	t, err := r.token()
	if err != nil {
		return 0, err
	}
	number, ok := t.(json.Number)
	if !ok {
		return 0, refuse(CodeBadRequest, "%s must be an integer, not %s", name, describe(t))
	}
	n, err := strconv.ParseInt(number.String(), 10, 64)
	if err != nil {
		return 0, refuse(CodeBadRequest, "%s must be an integer that fits 64 bits, not %s", name, printable(number.String(), 24))
	}
	return n, nil
}

func describe(t json.Token) string {
	switch v := t.(type) {
	case json.Delim:
		if v == '[' {
			return "an array"
		}
		return "an object"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case bool:
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
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.UseNumber()
	depth, name := 0, ""
	for isName := false; ; {
		t, err := dec.Token()
		if err != nil {
			return ""
		}
		switch v := t.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				depth++
			} else {
				depth--
			}
			isName = depth == 1
			continue
		case string:
			if depth == 1 && !isName && name == "id" {
				if validID(v) {
					return v
				}
				return ""
			}
			name = v
		}
		isName = depth == 1 && !isName
	}
}
