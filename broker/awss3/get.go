// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"thingpass/broker"
	"thingpass/broker/presign"
)

// SignGet returns leave to fetch one version of one object.
//
// The version is in the URL where the bucket keeps versions; otherwise the ETag
// is under the signature as If-Match, and S3 answers 412 once the object is
// another. Range is not signed, so that a download can go on where it broke off.
func (b *Bucket) SignGet(ctx context.Context, get broker.Get) (broker.Grant, error) {
	credentials, err := b.credentials.Retrieve(ctx)
	if err != nil {
		return broker.Grant{}, err
	}
	r := presign.Request{Method: http.MethodGet, Key: get.Key, Expires: get.TTL}
	var headers map[string]string
	switch {
	case get.VersionID != "":
		r.Query = []presign.Header{{Name: "versionId", Value: get.VersionID}}
	case get.ETag != "":
		r.Headers = []presign.Header{{Name: "If-Match", Value: get.ETag}}
		headers = map[string]string{"If-Match": get.ETag}
	default:
		return broker.Grant{}, errors.New("sign a download: neither version nor ETag is known")
	}
	signed, err := b.signer.Sign(get.Now, presignCredentials(credentials), r)
	if err != nil {
		return broker.Grant{}, fmt.Errorf("sign a download of %s: %w", get.Key, err)
	}
	return broker.Grant{URL: signed.URL, Headers: headers, Expires: signed.Expires}, nil
}
