// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"fmt"
	"time"

	"thingpass/broker/presign"
)

// The bounds of a session's duration: STS's own. A role allows 1 h unless told
// otherwise, and 1 h is all where the broker's own credentials are a role's.
const (
	MinSessionDuration     = 15 * time.Minute
	MaxSessionDuration     = 12 * time.Hour
	DefaultSessionDuration = time.Hour
)

// SessionConfig says how sessions are made. RoleARN is required.
type SessionConfig struct {
	RoleARN  string        // the role that all things' sessions are made from
	Duration time.Duration // DefaultSessionDuration if zero
	Access   Access        // WriteOnly if empty
	Endpoint string        // of STS; empty: AWS's in the bucket's region
}

// Check returns an error that names the first setting that makes no sense.
func (c SessionConfig) Check() error {
	if err := CheckRoleARN(c.RoleARN); err != nil {
		return err
	}
	if c.Duration != 0 && (c.Duration < MinSessionDuration || c.Duration > MaxSessionDuration) {
		return fmt.Errorf("duration is %v, STS allows %v to %v", c.Duration, MinSessionDuration, MaxSessionDuration)
	}
	if c.Access != "" {
		if err := c.Access.Check(); err != nil {
			return err
		}
	}
	if c.Endpoint == "" {
		return nil
	}
	_, err := presign.NewEndpoint(c.Endpoint, "bucket", "region", true)
	return err
}
