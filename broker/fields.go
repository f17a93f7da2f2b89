// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"time"
)

const (
	maxID               = 64
	maxMetadata         = 16
	maxMetadataName     = 32
	maxMetadataValue    = 256
	maxMetadataBytes    = 2048 // S3's limit for user metadata
	metadataCapturedAt  = "captured-at"
	firstCapture        = 1577836800 // 2020-01-01T00:00:00Z
	captureAheadAllowed = 24 * time.Hour
)

func validID(id string) bool {
	return validName(id, maxID, func(c byte) bool { return alphanumeric(c) || c == '_' || c == '-' })
}

func (r *jsonReader) id() (string, error) {
	id, err := r.text("id")
	if err != nil {
		return "", err
	}
	if !validID(id) {
		return "", refuse(CodeBadRequest, "id must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -")
	}
	return id, nil
}

// sha256 reads a checksum in hexadecimal digits or base64, and returns it in
// base64 as S3 has it [P-1.5].
func (r *jsonReader) sha256() (string, error) {
	s, err := r.text("sha256")
	if err != nil {
		return "", err
	}
	var sum []byte
	switch len(s) {
	case 64:
		sum, err = hex.DecodeString(s)
	case 44:
		sum, err = base64.StdEncoding.Strict().DecodeString(s)
	}
	if err != nil || len(sum) != 32 {
		return "", refuse(CodeBadRequest, "sha256 must be 64 hexadecimal digits, or 44 characters of base64")
	}
	return base64.StdEncoding.EncodeToString(sum), nil
}

// hexSum returns the hexadecimal form of a checksum in base64, and "" for
// anything else, such as the checksum of parts ("…-2").
func hexSum(base64Sum string) string {
	sum, err := base64.StdEncoding.DecodeString(base64Sum)
	if err != nil || len(sum) != 32 {
		return ""
	}
	return hex.EncodeToString(sum)
}

func (r *jsonReader) metadata() (map[string]string, error) {
	pairs := make(map[string]string, maxMetadata)
	total := 0
	err := r.object(func(r *jsonReader, name string) error {
		value, err := r.text("a value in metadata")
		if err != nil {
			return err
		}
		if total += len(name) + len(value); len(pairs) == maxMetadata || total > maxMetadataBytes {
			return refuse(CodeMetadataNotAllowed, "metadata has more than %d pairs or %d bytes", maxMetadata, maxMetadataBytes)
		}
		if !validMetadataName(name) || name == metadataCapturedAt {
			return refuse(CodeMetadataNotAllowed, "metadata name %q: 1 to 32 characters of a-z, 0-9 and -, and not %s",
				printable(name, 40), metadataCapturedAt)
		}
		if !validMetadataValue(value) {
			return refuse(CodeMetadataNotAllowed, "metadata %s: 1 to %d printable ASCII characters, no space at an end, no two in a row",
				name, maxMetadataValue)
		}
		pairs[name] = value
		return nil
	})
	return pairs, err
}

func validMetadataName(name string) bool {
	return validName(name, maxMetadataName, func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' })
}

// validMetadataValue keeps out what SigV4 would trim or fold, so that the signed
// value and the sent one are always the same bytes.
func validMetadataValue(v string) bool {
	printableASCII := validName(v, maxMetadataValue, func(c byte) bool { return c >= ' ' && c <= '~' })
	return printableASCII && v[0] != ' ' && v[len(v)-1] != ' ' && !strings.Contains(v, "  ")
}
