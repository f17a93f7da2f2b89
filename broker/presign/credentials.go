// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Credentials sign a URL. Printed or logged, they show no secret.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string    // empty for long-lived keys
	Expires         time.Time // zero: never
}

// String tells which credentials they are.
func (c Credentials) String() string {
	kind := "long-lived"
	if c.SessionToken != "" {
		kind = "session"
	}
	return fmt.Sprintf("%s credentials %s", kind, c.AccessKeyID)
}

// GoString is String, so that %#v shows no secret either.
func (c Credentials) GoString() string { return c.String() }

// LogValue is String, for slog's JSON.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// check refuses what cannot be a key: mostly a stray newline or space around a
// secret, which S3 would only call a wrong signature.
func (c *Credentials) check() error {
	switch {
	case c.AccessKeyID == "" || c.SecretAccessKey == "":
		return errors.New("credentials are incomplete: set both access key and secret")
	case !visible(c.AccessKeyID) || strings.Contains(c.AccessKeyID, "/"):
		return errors.New("access key has a space, a slash or a control character: copy it again")
	case !visible(c.SecretAccessKey):
		return errors.New("secret key has a space or a control character: copy it again")
	case !visible(c.SessionToken):
		return errors.New("session token has a space or a control character: copy it again")
	}
	return nil
}
