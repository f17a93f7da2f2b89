// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"math"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Credentials returns those that the bucket signs with now, for another service
// of the same account. It is cheap: they are kept, and refreshed ahead of time.
func (b *Bucket) Credentials(ctx context.Context) (aws.Credentials, error) {
	return b.credentials.Retrieve(ctx)
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
