// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

var stsAuthorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([A-Z0-9]{16,128})/([0-9]{8})/([A-Za-z0-9_-]+)/sts/aws4_request, ?` +
	`SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$`)

var errSTSSignature = stsError{http.StatusForbidden, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."}

// stsSignature returns nil if the holder of the access key signed the request,
// now, and for STS. The official signer signs it again, and both must agree.
func (f *front) stsSignature(r *http.Request, body []byte) error {
	given := stsAuthorization.FindStringSubmatch(r.Header.Get("Authorization"))
	if given == nil || len(r.Header["Authorization"]) != 1 {
		return stsError{http.StatusForbidden, "MissingAuthenticationToken", "Request is missing a signature for STS"}
	}
	id, region, headers := given[1], given[3], strings.Split(given[4], ";")
	switch {
	case strings.HasPrefix(id, "ASIA"):
		return stsError{http.StatusForbidden, "AccessDenied", "a session may not make sessions"}
	case id != f.accessKey.ID, r.Header.Get("X-Amz-Security-Token") != "":
		return stsError{http.StatusForbidden, "InvalidClientTokenId", "The security token included in the request is invalid."}
	case region != f.region:
		return stsError{http.StatusForbidden, "SignatureDoesNotMatch", "Credential should be scoped to a valid region."}
	}
	date, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || date.Sub(f.now()).Abs() > clockSkew {
		return stsError{http.StatusForbidden, "SignatureDoesNotMatch", "Signature expired, or not yet current"}
	}
	ours := f.signAgain(r, body, region, headers, date)
	if ours == nil || !slices.Equal(ours[1:5], given[1:5]) || subtle.ConstantTimeCompare([]byte(ours[5]), []byte(given[5])) != 1 {
		return errSTSSignature
	}
	return nil
}

// signAgain returns the parts of the header that the request should have, or nil.
func (f *front) signAgain(r *http.Request, body []byte, region string, headers []string, date time.Time) []string {
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "https://"+r.Host+"/", nil)
	if err != nil {
		return nil
	}
	for _, name := range headers {
		if values := r.Header.Values(name); len(values) > 0 {
			again.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	if slices.Contains(headers, "content-length") {
		again.ContentLength = int64(len(body))
		again.Header.Del("Content-Length") // the signer adds it
	}
	digest := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: f.accessKey.ID, SecretAccessKey: f.accessKey.Secret}
	if err := v4.NewSigner().SignHTTP(r.Context(), credentials, again, hex.EncodeToString(digest[:]), "sts", region, date); err != nil {
		return nil
	}
	return stsAuthorization.FindStringSubmatch(again.Header.Get("Authorization"))
}

func requestID() string { return strings.ToLower(rand.Text()) }
