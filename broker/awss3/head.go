// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"

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
		SHA256:      whole(out, out.ChecksumSHA256, 32),
		CRC32:       whole(out, out.ChecksumCRC32, 4),
		CRC64NVME:   whole(out, out.ChecksumCRC64NVME, 8),
		ETag:        aws.ToString(out.ETag),
		MD5:         wholeMD5(out),
		VersionID:   version(out),
		Metadata:    out.Metadata,
	}, nil
}

// whole is a checksum of the whole object, of size bytes. A multipart upload may
// have one made of the parts' checksums instead, which says nothing about the
// bytes.
func whole(out *s3.HeadObjectOutput, base64Sum *string, size int) string {
	sum := aws.ToString(base64Sum)
	raw, err := base64.StdEncoding.DecodeString(sum)
	if err != nil || len(raw) != size || out.ChecksumType == types.ChecksumTypeComposite {
		return ""
	}
	return sum
}

// wholeMD5 is what the ETag says, where it is an MD5: not of parts ("…-2"), and
// not of an object that S3 encrypts with a key other than its own.
func wholeMD5(out *s3.HeadObjectOutput) string {
	plain := out.ServerSideEncryption == "" || out.ServerSideEncryption == types.ServerSideEncryptionAes256
	sum := strings.Trim(aws.ToString(out.ETag), `"`)
	if raw, err := hex.DecodeString(sum); err != nil || len(raw) != 16 || !plain || out.SSECustomerAlgorithm != nil {
		return ""
	}
	return strings.ToLower(sum)
}

// version is what the object can be fetched by, whatever is stored over it. A
// bucket whose versions are switched off calls each of its objects "null".
func version(out *s3.HeadObjectOutput) string {
	if id := aws.ToString(out.VersionId); id != "null" {
		return id
	}
	return ""
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
