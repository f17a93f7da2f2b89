// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

const alertCertificateRequired tls.AlertError = 116 // RFC 8446, 6

// explain tells what a failed exchange means to somebody who sets the broker up.
func explain(err error) string {
	var (
		dns       *net.DNSError
		unknown   x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		notTLS    tls.RecordHeaderError
		alert     tls.AlertError
		transport net.Error
	)
	switch {
	case errors.As(err, &dns):
		return fmt.Sprintf("no address for the name %s: correct s3.endpoint, s3.region or the DNS (%v)", dns.Name, err)
	case errors.As(err, &unknown):
		return fmt.Sprintf("the server's certificate is from a CA that is not trusted here: set s3.ca to that CA's file (%v)", err)
	case errors.As(err, &hostname):
		return fmt.Sprintf("the server's certificate is for another name: use a name from it in s3.endpoint, or path_style: true (%v)", err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("the server's certificate is not valid now: renew it, or set this machine's clock (%v)", err)
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &notTLS):
		return fmt.Sprintf("the server does not speak TLS: use http:// in s3.endpoint, or its TLS port (%v)", err)
	case errors.As(err, &alert) && alert == alertCertificateRequired:
		return fmt.Sprintf("the server wants a client certificate, which S3 does not: is s3.endpoint the MQTT server's address? (%v)", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Sprintf("nobody listens there: start the server, or correct s3.endpoint (%v)", err)
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.As(err, &transport) && transport.Timeout():
		return fmt.Sprintf("no answer in time: check address, port and firewall (%v)", err)
	}
	return err.Error()
}

// withoutURL takes the URL off an error of net/http: it may be signed.
func withoutURL(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

func explainCredentials(err error) string {
	var refused *net.OpError
	if errors.As(err, &refused) || strings.Contains(err.Error(), "EC2 IMDS") {
		return fmt.Sprintf("no credentials found: set s3.access_key_file, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "+
			"AWS_PROFILE, or give this machine a role (%v)", err)
	}
	return err.Error()
}

// explainAnswer tells what S3's refusal of a correct request means.
func (b *Bucket) explainAnswer(a answer) string {
	switch {
	case a.outOfTime():
		return "S3 takes the signature for expired or not yet valid: set this machine's clock (NTP)"
	case a.region != "" && a.region != b.region:
		return fmt.Sprintf("bucket %s is in region %s, not %s: set s3.region to %[2]s", b.name, a.region, b.region)
	}
	if text, ok := b.explainCode(a.fault); ok {
		return text
	}
	said := strings.TrimSuffix(fmt.Sprintf("%s: %s", a.fault.Code, a.fault.Message), ": ")
	switch {
	case a.fault.Code == "" && a.status == http.StatusBadRequest && strings.HasPrefix(b.endpoint.String(), "http:"):
		return "the server refuses plain HTTP: write https:// in s3.endpoint"
	case a.fault.Code == "" && a.status < http.StatusInternalServerError:
		return fmt.Sprintf("something that is not S3 answers with %d: is s3.endpoint the address of the S3 service, not of its web page?", a.status)
	case a.status >= http.StatusInternalServerError:
		return fmt.Sprintf("S3 is in trouble (%d %s): try again later", a.status, said)
	}
	return fmt.Sprintf("S3 answers with %d %s", a.status, said)
}

func (b *Bucket) explainCode(f fault) (string, bool) {
	switch f.Code {
	case "NoSuchBucket":
		return fmt.Sprintf("there is no bucket %s: create it, or correct s3.bucket", b.name), true
	case "AccessDenied":
		return "access denied: give the credentials s3:GetObject, s3:PutObject and s3:ListBucket", true
	case "InvalidAccessKeyId", "XAdminUserNotFound":
		return "the access key is not known there: is it deleted, or another installation's?", true
	case "SignatureDoesNotMatch":
		return "the signature is wrong: the secret does not belong to the access key, or a proxy changes the Host header", true
	case "ExpiredToken", "TokenRefreshRequired":
		return "the session token has expired: get new credentials", true
	case "InvalidToken", "InvalidTokenId":
		return "the session token is not valid: give all three parts of the credentials, from one session", true
	case "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError":
		if !strings.Contains(strings.ToLower(f.Message), "region") {
			return "", false // there are other ways to get these
		}
		fallthrough
	case "PermanentRedirect", "IllegalLocationConstraintException":
		return fmt.Sprintf("bucket %s is not in region %s: correct s3.region", b.name, b.region), true
	case "TemporaryRedirect":
		return "the bucket is new and its name not yet known everywhere: try again in an hour", true
	case "AllAccessDisabled", "AccountProblem":
		return "the account is closed or suspended: ask its owner", true
	}
	return "", false
}
