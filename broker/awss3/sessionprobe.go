// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"thingpass/broker"
	"thingpass/broker/presign"
)

const (
	// probeThing is the thing whose session the probe tries: its prefix holds
	// probeKey.
	probeThing     = "thingpass-check"
	probeNeighbour = probeThing + "0/never-stored"
)

// Probe assumes the role as for a thing, and tries what the session may do and
// what it may not. It stores nothing, as long as the server verifies checksums.
func (s *Sessions) Probe(ctx context.Context) []Finding {
	session, err := s.assumeRole(ctx, probeThing)
	if err != nil {
		return []Finding{{"role", Problem, s.explainRole(err)}}
	}
	findings := []Finding{{"role", OK, fmt.Sprintf("%s can be assumed, for %v", s.role, time.Until(session.Expires).Round(time.Minute))}}
	return append(findings, s.judgeSession(ctx, session))
}

func (s *Sessions) judgeSession(ctx context.Context, session broker.Session) Finding {
	own, err := s.tryPut(ctx, session, probeKey)
	if err != nil {
		return Finding{"session", Problem, explain(err)}
	}
	if f := s.bucket.judgePut(own); f.Level != OK {
		if own.fault.Code == "AccessDenied" {
			f.Text = fmt.Sprintf("a session may not store: let the policy of %s allow s3:PutObject on %s/*", s.role, s.bucket.name)
		}
		return Finding{"session", Problem, f.Text}
	}
	foreign, err := s.tryPut(ctx, session, probeNeighbour)
	if err != nil {
		return Finding{"session", Problem, explain(err)}
	}
	if !refused(foreign) {
		return Finding{"session", Problem, "a session may store outside its prefix: this server does not honour session policies; " +
			"do not give credentials to things with it"}
	}
	return Finding{"session", OK, "a session gets as far as its own prefix, and no further"}
}

// tryPut uploads wrong bytes, which S3 does not store.
func (s *Sessions) tryPut(ctx context.Context, session broker.Session, key string) (answer, error) {
	put := probePut(time.Now())
	headers := putHeaders(put)
	signed, err := s.bucket.signer.Sign(put.Now, presign.Credentials{AccessKeyID: session.AccessKeyID, SecretAccessKey: session.SecretAccessKey,
		SessionToken: session.SessionToken, Expires: session.Expires}, presign.Request{Method: http.MethodPut, Key: key, Headers: headers, Expires: put.TTL})
	if err != nil {
		return answer{}, err
	}
	return s.bucket.ask(ctx, http.MethodPut, signed.URL, sent(headers))
}

// explainRole tells what STS's refusal means to somebody who sets the broker up.
func (s *Sessions) explainRole(err error) string {
	var refused smithy.APIError
	if !errors.As(err, &refused) {
		return strings.ReplaceAll(explain(err), "s3.endpoint", "credentials.sts_endpoint")
	}
	switch message := refused.ErrorMessage(); {
	case refused.ErrorCode() == "AccessDenied":
		return fmt.Sprintf("%s cannot be assumed: let the broker's credentials do sts:AssumeRole on it, and let its trust policy name them (%s)", s.role, message)
	case strings.Contains(message, "MaxSessionDuration"), strings.Contains(message, "role chaining"):
		return fmt.Sprintf("sessions of %v are longer than the role allows (1 h where the broker's own credentials are a role's): "+
			"make credentials.duration shorter, or raise the role's maximum (%s)", s.duration, message)
	case refused.ErrorCode() == "RegionDisabledException":
		return fmt.Sprintf("STS is switched off in region %s: switch it on for the account (%s)", s.bucket.region, message)
	case refused.ErrorCode() == "InvalidClientTokenId", refused.ErrorCode() == "SignatureDoesNotMatch", refused.ErrorCode() == "ExpiredToken":
		return fmt.Sprintf("STS does not take the broker's credentials: %s (%s)", refused.ErrorCode(), message)
	}
	return fmt.Sprintf("%s cannot be assumed: %v", s.role, err)
}
