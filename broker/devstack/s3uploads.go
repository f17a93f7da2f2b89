// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3response"
)

// uploadsBackend tells when a multipart upload was initiated. versitygw tells
// when its folder changed last, which every part does: the first of two uploads
// would be another one after each part.
//
// It also lets nobody look while an upload is being completed: versitygw hides the
// upload before the object can be seen, and S3 never shows neither.
//
// What is left of versitygw's own: it answers a completion of an upload that is
// no more with 200 as long as the key holds an object, without a look at
// If-None-Match; S3 says NoSuchUpload or PreconditionFailed. Nobody may take that
// 200 for more than a reason to ask for the object.
type uploadsBackend struct {
	*posix.Posix
	dir        string // of the buckets
	completing *sync.RWMutex
}

// initiated is a file beside the parts, whose names are numbers.
const initiated = "initiated"

func (b uploadsBackend) mark(bucket, key, id string) string {
	return filepath.Join(b.dir, bucket, posix.MetaTmpMultipartDir, fmt.Sprintf("%x", sha256.Sum256([]byte(key))), id, initiated)
}

// CreateMultipartUpload notes the time.
func (b uploadsBackend) CreateMultipartUpload(ctx context.Context, in s3response.CreateMultipartUploadInput) (s3response.InitiateMultipartUploadResult, error) {
	out, err := b.Posix.CreateMultipartUpload(ctx, in)
	if err != nil {
		return out, err
	}
	return out, os.WriteFile(b.mark(*in.Bucket, *in.Key, out.UploadId), nil, 0o600)
}

// CompleteMultipartUpload is alone with the uploads.
func (b uploadsBackend) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput) (s3response.CompleteMultipartUploadResult, string, error) {
	b.completing.Lock()
	defer b.completing.Unlock()
	return b.Posix.CompleteMultipartUpload(ctx, in)
}

// ListParts waits until no upload is being completed.
func (b uploadsBackend) ListParts(ctx context.Context, in *s3.ListPartsInput) (s3response.ListPartsResult, error) {
	b.completing.RLock()
	defer b.completing.RUnlock()
	return b.Posix.ListParts(ctx, in)
}

// ListMultipartUploads puts the times right, and each page in order again.
func (b uploadsBackend) ListMultipartUploads(ctx context.Context, in *s3.ListMultipartUploadsInput) (s3response.ListMultipartUploadsResult, error) {
	b.completing.RLock()
	defer b.completing.RUnlock()
	out, err := b.Posix.ListMultipartUploads(ctx, in)
	for i, u := range out.Uploads {
		if info, err := os.Stat(b.mark(*in.Bucket, u.Key, u.UploadID)); err == nil { // it may have ended just now
			out.Uploads[i].Initiated = info.ModTime()
		}
	}
	slices.SortStableFunc(out.Uploads, func(a, b s3response.Upload) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), a.Initiated.Compare(b.Initiated))
	})
	return out, err
}
