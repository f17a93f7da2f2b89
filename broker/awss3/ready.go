// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"math"
	"time"
)

// CheckCredentials returns nil if there are credentials that can sign now. It
// fetches them if there are none, so it is as good as a request.
func (b *Bucket) CheckCredentials(ctx context.Context) error {
	_, err := b.credentials.Retrieve(ctx)
	return err
}

// CredentialsExpiry is when the credentials that are held end, as Unix seconds:
// +Inf if they never do, 0 if none are held. It fetches none.
func (b *Bucket) CredentialsExpiry() float64 {
	held := b.credentials.held.Load()
	switch {
	case held == nil:
		return 0
	case !held.CanExpire:
		return math.Inf(1)
	}
	return float64(held.Expires.UnixNano()) / float64(time.Second)
}
