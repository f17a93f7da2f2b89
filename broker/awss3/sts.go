// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"thingpass/broker"
)

// maxTokenLength bounds what a thing is asked to hold, in bytes. AWS promises no
// length; 700 to 1,500 are usual.
const maxTokenLength = 8 << 10

// endSlack is how far an end may be beyond the duration that was asked for:
// clocks differ.
const endSlack = 5 * time.Minute

// newSTSClient makes the SDK's client from explicit options only, like the
// bucket's: nothing in the environment makes it ask another server.
func (b *Bucket) newSTSClient(endpoint string) *sts.Client {
	o := sts.Options{
		Region:      b.region,
		Credentials: b.credentials,
		HTTPClient:  b.http,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = headTries
			o.MaxBackoff = headBackoff
		}),
	}
	if endpoint != "" {
		o.BaseEndpoint = aws.String(endpoint)
	}
	return sts.New(o)
}

// assumeRole asks STS for a thing's session.
func (s *Sessions) assumeRole(ctx context.Context, thing string) (broker.Session, error) {
	policy := sessionPolicy(s.partition, s.bucket.name, thing, s.access)
	if len(policy) > maxSessionPolicy {
		return broker.Session{}, fmt.Errorf("the policy of %s has %d characters, STS takes %d", thing, len(policy), maxSessionPolicy)
	}
	out, err := s.client.AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn:         aws.String(s.role),
		RoleSessionName: aws.String(roleSessionName(thing)),
		Policy:          aws.String(policy),
		DurationSeconds: aws.Int32(int32(s.duration / time.Second)),
	})
	if err != nil {
		return broker.Session{}, fmt.Errorf("assume %s for %s: %w", s.role, thing, withoutURL(err))
	}
	session, err := s.session(out, time.Now())
	if err != nil {
		return broker.Session{}, fmt.Errorf("assume %s for %s: STS answered with %w", s.role, thing, err)
	}
	return session, nil
}

// session takes an answer of STS, or says why it is none. Errors do not hold
// what the answer says.
func (s *Sessions) session(out *sts.AssumeRoleOutput, now time.Time) (broker.Session, error) {
	if out == nil || out.Credentials == nil || out.Credentials.Expiration == nil {
		return broker.Session{}, errors.New("no credentials, or credentials without an end")
	}
	c := out.Credentials
	session := broker.Session{AccessKeyID: aws.ToString(c.AccessKeyId), SecretAccessKey: aws.ToString(c.SecretAccessKey),
		SessionToken: aws.ToString(c.SessionToken), Expires: *c.Expiration}
	if err := session.Usable(now); err != nil {
		return broker.Session{}, err
	}
	for _, text := range []string{session.AccessKeyID, session.SecretAccessKey, session.SessionToken} {
		if len(text) > maxTokenLength || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return broker.Session{}, errors.New("credentials that no header can carry")
		}
	}
	if session.Expires.Sub(now) > s.duration+endSlack {
		return broker.Session{}, errors.New("a session that lasts longer than was asked for")
	}
	return session, nil
}

// onlyThisThing reports whether STS refused what differs between things. All
// other failures are everybody's: the role, the credentials, the network.
func onlyThisThing(err error) bool {
	var refused smithy.APIError
	if !errors.As(err, &refused) {
		return false
	}
	return refused.ErrorCode() == "MalformedPolicyDocument" || strings.HasPrefix(refused.ErrorCode(), "PackedPolicyTooLarge")
}
