// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"thingpass/broker"
	"thingpass/broker/presign"
)

const maxPartPages = 11 // of 1,000; S3 allows 10,000 parts

// SignPart returns leave to store one part of exactly that size: number, upload
// and length are signed. As long as the upload is not completed, the part can be
// replaced with the same URL.
func (b *Bucket) SignPart(ctx context.Context, part broker.NewPart) (broker.Grant, error) {
	credentials, err := b.credentials.Retrieve(ctx)
	if err != nil {
		return broker.Grant{}, err
	}
	signed, err := b.signer.Sign(part.Now, presignCredentials(credentials), presign.Request{
		Method:  http.MethodPut,
		Key:     part.Key,
		Headers: []presign.Header{{Name: "Content-Length", Value: strconv.FormatInt(part.Size, 10)}},
		Query:   []presign.Header{{Name: "partNumber", Value: strconv.Itoa(part.Number)}, {Name: "uploadId", Value: part.UploadID}},
		Expires: part.TTL,
	})
	if err != nil {
		return broker.Grant{}, fmt.Errorf("sign part %d of %s: %w", part.Number, part.Key, err)
	}
	return broker.Grant{URL: signed.URL, Headers: map[string]string{}, Expires: signed.Expires}, nil
}

// ListParts asks S3 for all parts of an upload.
func (b *Bucket) ListParts(ctx context.Context, key, id string) (broker.Stored, error) {
	in := &s3.ListPartsInput{Bucket: aws.String(b.name), Key: aws.String(key), UploadId: aws.String(id)}
	var stored broker.Stored
	for range maxPartPages {
		more, err := b.listParts(ctx, in, &stored)
		if err != nil {
			return broker.Stored{}, fmt.Errorf("list the parts of %s: %w", key, err)
		}
		if !more {
			return stored, nil
		}
	}
	return broker.Stored{}, fmt.Errorf("list the parts of %s: there are more than S3 allows", key)
}

// listParts adds one page, and sets in to ask for the next.
func (b *Bucket) listParts(ctx context.Context, in *s3.ListPartsInput, stored *broker.Stored) (more bool, err error) {
	out, err := b.client.ListParts(ctx, in)
	if err != nil {
		return false, b.multipartError(err)
	}
	if aws.ToString(out.UploadId) != *in.UploadId || aws.ToString(out.Key) != *in.Key {
		return false, errNoAnswer
	}
	stored.Checksum = ""
	for ours, theirs := range checksums {
		if out.ChecksumType == types.ChecksumTypeFullObject && out.ChecksumAlgorithm == theirs {
			stored.Checksum = ours
		}
	}
	last := 0
	if n := len(stored.Parts); n > 0 {
		last = stored.Parts[n-1].Number
	}
	for _, p := range out.Parts {
		part := broker.Part{Number: int(aws.ToInt32(p.PartNumber)), ETag: aws.ToString(p.ETag), Size: aws.ToInt64(p.Size),
			Checksum: aws.ToString(p.ChecksumCRC32)}
		if stored.Checksum == broker.ChecksumCRC64NVME {
			part.Checksum = aws.ToString(p.ChecksumCRC64NVME)
		}
		if part.Number <= last || p.Size == nil {
			return false, fmt.Errorf("%w: part %d after part %d", errNoAnswer, part.Number, last)
		}
		last = part.Number
		stored.Parts = append(stored.Parts, part)
	}
	if more = aws.ToBool(out.IsTruncated); more && len(out.Parts) == 0 {
		return false, fmt.Errorf("%w: the list does not go on", errNoAnswer)
	}
	in.PartNumberMarker = aws.String(strconv.Itoa(last))
	return more, nil
}

// CompleteUpload joins the parts. S3 checks the whole: its size, its checksum,
// and that the key holds nothing yet. It is tried once, with more patience than
// anything else: S3 may take a while, and what came of a lost answer shows the
// next time.
func (b *Bucket) CompleteUpload(ctx context.Context, c broker.Completion) error {
	in := &s3.CompleteMultipartUploadInput{
		Bucket:          aws.String(b.name),
		Key:             aws.String(c.Key),
		UploadId:        aws.String(c.UploadID),
		MpuObjectSize:   aws.Int64(c.Size),
		IfNoneMatch:     aws.String("*"),
		ChecksumType:    types.ChecksumTypeFullObject,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: make([]types.CompletedPart, len(c.Parts))},
	}
	crc64 := c.Checksum == broker.ChecksumCRC64NVME
	if crc64 {
		in.ChecksumCRC64NVME = aws.String(c.Sum)
	} else {
		in.ChecksumCRC32 = aws.String(c.Sum)
	}
	for i, p := range c.Parts {
		part := types.CompletedPart{ETag: aws.String(p.ETag), PartNumber: aws.Int32(int32(p.Number))}
		if crc64 && p.Checksum != "" {
			part.ChecksumCRC64NVME = aws.String(p.Checksum)
		} else if p.Checksum != "" {
			part.ChecksumCRC32 = aws.String(p.Checksum)
		}
		in.MultipartUpload.Parts[i] = part
	}
	out, err := b.client.CompleteMultipartUpload(ctx, in, once, func(o *s3.Options) { o.HTTPClient = b.patient })
	if err != nil {
		return fmt.Errorf("complete the upload of %s: %w", c.Key, b.multipartError(err))
	}
	if aws.ToString(out.ETag) == "" {
		return fmt.Errorf("complete the upload of %s: %w", c.Key, errNoAnswer)
	}
	return nil
}
