// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"thingpass/broker"
)

// Head asks S3 what it holds under key. The error is broker.ErrNotFound when
// there is nothing; otherwise nobody knows.
func (b *Bucket) Head(ctx context.Context, key string) (broker.Object, error) {
	out, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket:       aws.String(b.name),
		Key:          aws.String(key),
		ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return broker.Object{}, fmt.Errorf("head %s: %w", key, b.headError(err))
	}
	if out.ContentLength == nil {
		return broker.Object{}, fmt.Errorf("head %s: the answer tells no length", key)
	}
	return broker.Object{
		Size:        *out.ContentLength,
		ContentType: aws.ToString(out.ContentType),
		SHA256:      wholeSHA256(out),
		ETag:        aws.ToString(out.ETag),
		Metadata:    out.Metadata,
	}, nil
}

// wholeSHA256 is the checksum of the whole object. A multipart upload may have
// one made of the parts' checksums instead, which says nothing about the bytes.
func wholeSHA256(out *s3.HeadObjectOutput) string {
	sum := aws.ToString(out.ChecksumSHA256)
	raw, err := base64.StdEncoding.DecodeString(sum)
	if err != nil || len(raw) != 32 || out.ChecksumType == types.ChecksumTypeComposite {
		return ""
	}
	return sum
}

// headError adds what the status means. An answer to HEAD has no body, so S3's
// own explanation is missing; `thingpass check` gets it.
func (b *Bucket) headError(err error) error {
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) || answer.Response == nil || answer.Response.Response == nil {
		return err
	}
	switch answer.HTTPStatusCode() {
	case http.StatusNotFound:
		return broker.ErrNotFound
	case http.StatusForbidden:
		return fmt.Errorf("refused: the credentials need s3:GetObject on the objects and s3:ListBucket on bucket %s "+
			"(without s3:ListBucket S3 says 403 for a key that is not there): %w", b.name, err)
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusBadRequest:
		region := answer.Response.Header.Get("X-Amz-Bucket-Region")
		if region != "" && region != b.region {
			return fmt.Errorf("bucket %s is in region %s, not %s: %w", b.name, region, b.region, err)
		}
	}
	return err
}
