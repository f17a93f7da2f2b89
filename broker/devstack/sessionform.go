// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"errors"
	"net/http"
	"strings"

	"github.com/versity/versitygw/auth"
)

// judgeSession refuses a form that a session sends for a key outside its prefix.
// versitygw asks whether the session may store into the bucket, as if there were
// no key; so what EvaluatePolicy says to that rests on this check.
func (f *front) judgeSession(bucket string, read *form) error {
	fields := map[string]string{}
	for _, field := range read.fields { // none is there twice, but metadata
		fields[strings.ToLower(field.name)] = field.value
	}
	id, _, _ := strings.Cut(fields["x-amz-credential"], "/")
	if !strings.HasPrefix(id, "ASIA") {
		return nil
	}
	session, err := accounts{f.accessKey}.open(id, fields["x-amz-security-token"])
	switch {
	case errors.Is(err, auth.ErrInvalidSessionToken):
		return s3Error{http.StatusBadRequest, "InvalidToken", "The provided token is malformed or otherwise not valid."}
	case err != nil:
		return s3Error{http.StatusBadRequest, errExpiredToken.Code, errExpiredToken.Description}
	}
	if _, tagged := fields["tagging"]; tagged || !session.policy.allows("s3:PutObject", objectARN+bucket+"/"+fields["key"]) {
		return s3Error{http.StatusForbidden, "AccessDenied", "Access Denied"}
	}
	return nil
}

// bucket is the one that a request names, by path style or by virtual host.
func (f *front) bucket(r *http.Request) string {
	if name, virtual := strings.CutSuffix(r.Host, "."+f.virtualHost); virtual {
		return name
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return name
}
