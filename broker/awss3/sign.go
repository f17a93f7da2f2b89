// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"

	"thingpass/broker"
	"thingpass/broker/presign"
)

// SignPut returns leave to store exactly the object of put, once.
//
// Length, type, checksum and metadata are signed, and so is If-None-Match: the
// first upload wins [P-5.2]. The grant ends after put.TTL or with the
// credentials, whichever comes first [P-4.3].
func (b *Bucket) SignPut(ctx context.Context, put broker.Put) (broker.Grant, error) {
	credentials, err := b.credentials.Retrieve(ctx)
	if err != nil {
		return broker.Grant{}, err
	}
	headers := putHeaders(put)
	signed, err := b.signer.Sign(put.Now, presignCredentials(credentials), presign.Request{
		Method:  http.MethodPut,
		Key:     put.Key,
		Headers: headers,
		Expires: put.TTL,
	})
	if err != nil {
		return broker.Grant{}, fmt.Errorf("sign %s: %w", put.Key, err)
	}
	return broker.Grant{URL: signed.URL, Headers: sent(headers), Expires: signed.Expires}, nil
}

// putHeaders are the headers under the signature besides Host. Content-Length
// comes first, for sent.
func putHeaders(put broker.Put) []presign.Header {
	headers := make([]presign.Header, 0, 4+len(put.Metadata))
	headers = append(headers,
		presign.Header{Name: "Content-Length", Value: strconv.FormatInt(put.Size, 10)},
		presign.Header{Name: "Content-Type", Value: put.ContentType},
		presign.Header{Name: "If-None-Match", Value: "*"})
	if put.SHA256 != "" {
		headers = append(headers, presign.Header{Name: "x-amz-checksum-sha256", Value: put.SHA256})
	}
	for name, value := range put.Metadata {
		headers = append(headers, presign.Header{Name: "x-amz-meta-" + name, Value: value})
	}
	return headers
}

// sent is what the thing is told to send: its HTTP client writes Host and
// Content-Length by itself.
func sent(headers []presign.Header) map[string]string {
	m := make(map[string]string, len(headers))
	for _, h := range headers[1:] {
		m[h.Name] = h.Value
	}
	return m
}

func presignCredentials(c aws.Credentials) presign.Credentials {
	p := presign.Credentials{
		AccessKeyID:     c.AccessKeyID,
		SecretAccessKey: c.SecretAccessKey,
		SessionToken:    c.SessionToken,
	}
	if c.CanExpire {
		p.Expires = c.Expires
	}
	return p
}
