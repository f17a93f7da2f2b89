// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"fmt"
	"strings"
)

// ContentType is a media type and the extension of its keys.
type ContentType struct {
	Name string // such as "image/jpeg"
	Ext  string // such as "jpg"
}

var extensions = map[string]string{
	"application/gzip":         "gz",
	"application/json":         "json",
	"application/octet-stream": "bin",
	"application/x-ndjson":     "ndjson",
	"application/zip":          "zip",
	"audio/wav":                "wav",
	"image/jpeg":               "jpg",
	"image/png":                "png",
	"image/webp":               "webp",
	"text/csv":                 "csv",
	"text/plain":               "txt",
	"video/mp4":                "mp4",
}

// ParseContentType reads "image/jpeg", or "application/x-foo=foo" where the
// extension is not a common one.
func ParseContentType(s string) (ContentType, error) {
	name, ext, given := strings.Cut(s, "=")
	major, minor, slash := strings.Cut(name, "/")
	if !slash || !mediaToken(major) || !mediaToken(minor) {
		return ContentType{}, fmt.Errorf(`%q is not a content type such as "image/jpeg"`, s)
	}
	if !given {
		ext = extensions[name]
	}
	if !validName(ext, 16, func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }) {
		return ContentType{}, fmt.Errorf(`content type %q needs an extension of a-z and 0-9, such as "%s=bin"`, name, name)
	}
	return ContentType{Name: name, Ext: ext}, nil
}

func mediaToken(s string) bool {
	return validName(s, 64, func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("+-._", c) >= 0
	})
}
