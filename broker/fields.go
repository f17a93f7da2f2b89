// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"encoding/base64"
	"encoding/hex"
	"slices"
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
	var sum [33]byte // with room for what 44 characters can hold
	var n int
	switch len(s) {
	case 64:
		n, err = hex.Decode(sum[:], []byte(s))
	case 44:
		n, err = base64.StdEncoding.Strict().Decode(sum[:], []byte(s))
	}
	if err != nil || n != 32 {
		return "", refuse(CodeBadRequest, "sha256 must be 64 hexadecimal digits, or 44 characters of base64")
	}
	var text [44]byte
	base64.StdEncoding.Encode(text[:], sum[:32])
	return string(text[:]), nil
}

// hexSum returns the hexadecimal form of a checksum in base64, and "" for
// anything else, such as the checksum of parts ("…-2").
func hexSum(base64Sum string) string { return hexOf(base64Sum, 32) }

// hexOf is hexSum for a checksum of size bytes, at most 32.
func hexOf(base64Sum string, size int) string {
	var room [33]byte // what 44 characters can hold
	if len(base64Sum) > 44 {
		return ""
	}
	n, err := base64.StdEncoding.Decode(room[:], []byte(base64Sum))
	if err != nil || n != size {
		return ""
	}
	var digits [64]byte
	return string(hex.AppendEncode(digits[:0], room[:size]))
}

// checksums are those of a report beside sha256, in hexadecimal digits; "" where
// the thing gave none.
type checksums struct{ md5, crc32, crc64nvme string }

func (c *checksums) read(r *jsonReader, name string) error {
	field, digits := &c.md5, 32
	switch name {
	case "crc32":
		field, digits = &c.crc32, 8
	case "crc64nvme":
		field, digits = &c.crc64nvme, 16
	}
	text, err := r.text(name)
	if err != nil {
		return err
	}
	if len(text) != digits || !isHex(text) {
		return refuse(CodeBadRequest, "%s must be %d hexadecimal digits", name, digits)
	}
	*field = strings.ToLower(text)
	return nil
}

func isHex(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil
}

// differs returns the name of a checksum that S3 keeps otherwise, or "" [P-6.5].
func (c *checksums) differs(found Object) string {
	for _, sum := range [...]struct{ name, claimed, stored string }{
		{"MD5", c.md5, found.MD5},
		{"CRC32", c.crc32, hexOf(found.CRC32, 4)},
		{"CRC64NVME", c.crc64nvme, hexOf(found.CRC64NVME, 8)},
	} {
		if sum.claimed != "" && sum.stored != "" && sum.claimed != sum.stored {
			return sum.name
		}
	}
	return ""
}

func (r *jsonReader) metadata() (map[string]string, error) {
	pairs := make(map[string]string)
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

// metadataNames reads the names that each upload of a pass carries with a value
// of its own.
func (r *jsonReader) metadataNames() (names []string, err error) {
	err = r.array(func(r *jsonReader) error {
		name, err := r.text("a name in metadataNames")
		switch {
		case err != nil:
			return err
		case len(names) == maxMetadata:
			return refuse(CodeMetadataNotAllowed, "metadataNames has more than %d names", maxMetadata)
		case !validMetadataName(name):
			return refuse(CodeMetadataNotAllowed, "metadata name %q: 1 to 32 characters of a-z, 0-9 and -", printable(name, 40))
		case slices.Contains(names, name):
			return refuse(CodeMetadataNotAllowed, "metadata name %s is there twice", name)
		}
		names = append(names, name)
		return nil
	})
	return names, err
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
