// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"thingpass/broker"
)

var _ broker.MultipartStore = (*Bucket)(nil)

// checksums are S3's names for the broker's.
var checksums = map[string]types.ChecksumAlgorithm{
	broker.ChecksumCRC32:     types.ChecksumAlgorithmCrc32,
	broker.ChecksumCRC64NVME: types.ChecksumAlgorithmCrc64nvme,
}

// once is for what must not be tried again without asking what came of it.
func once(o *s3.Options) { o.RetryMaxAttempts = 1 }

// CreateUpload begins a multipart upload. It is tried once: a second try after a
// lost answer would begin a second upload.
func (b *Bucket) CreateUpload(ctx context.Context, u broker.NewUpload) (string, error) {
	out, err := b.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket:            aws.String(b.name),
		Key:               aws.String(u.Key),
		ContentType:       aws.String(u.ContentType),
		Metadata:          u.Metadata,
		ChecksumAlgorithm: checksums[u.Checksum],
		ChecksumType:      types.ChecksumTypeFullObject,
	}, once)
	if err != nil {
		return "", fmt.Errorf("begin an upload of %s: %w", u.Key, b.multipartError(err))
	}
	id := aws.ToString(out.UploadId)
	if id == "" || aws.ToString(out.Key) != u.Key {
		return "", fmt.Errorf("begin an upload of %s: %w", u.Key, errNoAnswer)
	}
	if out.ChecksumType != types.ChecksumTypeFullObject || out.ChecksumAlgorithm != checksums[u.Checksum] {
		return "", errors.Join(fmt.Errorf("begin an upload of %s: the server keeps no %s of a whole object that comes in parts: use another one",
			u.Key, u.Checksum), b.AbortUpload(ctx, u.Key, id))
	}
	return id, nil
}

// ListUploads yields the uploads in progress, page by page.
func (b *Bucket) ListUploads(ctx context.Context, prefix string) iter.Seq2[broker.Upload, error] {
	return func(yield func(broker.Upload, error) bool) {
		in := &s3.ListMultipartUploadsInput{Bucket: aws.String(b.name), Prefix: aws.String(prefix), EncodingType: types.EncodingTypeUrl}
		for more := true; more; {
			page, err := b.listUploads(ctx, in)
			if err != nil {
				yield(broker.Upload{}, fmt.Errorf("list uploads: %w", err))
				return
			}
			for _, u := range page.uploads {
				if !yield(u, nil) {
					return
				}
			}
			more = page.more
		}
	}
}

type uploadPage struct {
	uploads []broker.Upload
	more    bool
}

// listUploads gets one page, and sets in to ask for the next.
func (b *Bucket) listUploads(ctx context.Context, in *s3.ListMultipartUploadsInput) (uploadPage, error) {
	out, err := b.client.ListMultipartUploads(ctx, in)
	if err != nil {
		return uploadPage{}, b.multipartError(err)
	}
	if aws.ToString(out.Bucket) != b.name {
		return uploadPage{}, errNoAnswer
	}
	page := uploadPage{more: aws.ToBool(out.IsTruncated)}
	for _, u := range out.Uploads {
		key, err := decodeKey(out.EncodingType, aws.ToString(u.Key))
		if err != nil || u.UploadId == nil || u.Initiated == nil {
			return uploadPage{}, errNoAnswer
		}
		if strings.HasPrefix(key, aws.ToString(in.Prefix)) {
			page.uploads = append(page.uploads, broker.Upload{Key: key, ID: *u.UploadId, Initiated: *u.Initiated})
		}
	}
	if !page.more {
		return page, nil
	}
	marker, err := decodeKey(out.EncodingType, aws.ToString(out.NextKeyMarker))
	if err != nil || marker == aws.ToString(in.KeyMarker) && aws.ToString(out.NextUploadIdMarker) == aws.ToString(in.UploadIdMarker) {
		return uploadPage{}, fmt.Errorf("%w: the list does not go on", errNoAnswer)
	}
	in.KeyMarker, in.UploadIdMarker = aws.String(marker), out.NextUploadIdMarker
	return page, nil
}

// decodeKey reads a key as it stands in a list: others may have keys that XML
// cannot hold.
func decodeKey(encoding types.EncodingType, key string) (string, error) {
	if encoding != types.EncodingTypeUrl {
		return key, nil
	}
	return url.QueryUnescape(key)
}

// AbortUpload ends an upload, and removes its parts. A part that is on its way
// meanwhile may stay: the next sweep removes it.
func (b *Bucket) AbortUpload(ctx context.Context, key, id string) error {
	_, err := b.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket:   aws.String(b.name),
		Key:      aws.String(key),
		UploadId: aws.String(id),
	})
	if err != nil {
		return fmt.Errorf("abort an upload of %s: %w", key, b.multipartError(err))
	}
	return nil
}
