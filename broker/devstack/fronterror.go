// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"crypto/rand"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// clockSkew is what S3 allows between a signature's date and its own clock.
const clockSkew = 15 * time.Minute

// s3Error is an answer in S3's words.
type s3Error struct {
	status  int
	code    string
	message string
}

func (e s3Error) Error() string { return e.code }

var (
	entityTooLarge = s3Error{http.StatusBadRequest, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size."}
	missingLength  = s3Error{http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header."}
)

// refuse answers as S3 does when it will not do what was asked. An error that
// is no s3Error is our own fault: it is logged, and the client told to try again.
func (f *front) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var known s3Error
	if !errors.As(err, &known) {
		if r.Context().Err() == nil {
			f.log.Error("s3 request not served", "method", r.Method, "path", r.URL.Path, "error", err)
		}
		known = s3Error{http.StatusServiceUnavailable, "ServiceUnavailable", "Please reduce your request rate or try again."}
	}
	id := rand.Text()
	text, err := xml.Marshal(struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string
		Message   string
		Resource  string
		RequestID string `xml:"RequestId"`
	}{Code: known.code, Message: known.message, Resource: r.URL.Path, RequestID: id})
	if err != nil {
		text = nil // the status says enough
	}
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("X-Amz-Request-Id", id)
	// Whatever is left of the body would be taken for the next request.
	w.Header().Set("Connection", "close")
	w.WriteHeader(known.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(append([]byte(xml.Header), text...))
	}
}

// checkDate refuses a presigned URL whose time has not come yet. versitygw
// looks at its end only; dates that are no dates are versitygw's to refuse.
func checkDate(rawQuery string, now time.Time) error {
	for pair := range strings.SplitSeq(rawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err != nil || name != "X-Amz-Date" {
			continue
		}
		value, err := url.QueryUnescape(value)
		if err != nil {
			continue
		}
		if err := notAhead(value, now); err != nil {
			return err
		}
	}
	return nil
}

// notAhead refuses a signature whose time has not come yet.
func notAhead(text string, now time.Time) error {
	date, err := time.Parse("20060102T150405Z", text)
	if err == nil && date.After(now.Add(clockSkew)) {
		return s3Error{http.StatusForbidden, "AccessDenied", "Request is not yet valid"}
	}
	return nil
}

// checkKey refuses what S3 does, and the names of folders that are no names. S3
// has no folders, and keeps the latter as they are.
func checkKey(key string) error {
	if len(key) > maxKey {
		return s3Error{http.StatusBadRequest, "KeyTooLongError", "Your key is too long"}
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "." || segment == ".." {
			return s3Error{http.StatusBadRequest, "InvalidArgument", "This server keeps objects as files, and takes no key with . or .. between slashes."}
		}
	}
	return nil
}
