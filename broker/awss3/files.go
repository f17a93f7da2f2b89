// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"thingpass/broker/fleet"
	"thingpass/broker/presign"
)

// Files are the bucket's objects as the console reads and keeps them. The
// credentials need s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket.
type Files struct{ b *Bucket }

var _ fleet.Files = Files{}

// Files returns the bucket's objects.
func (b *Bucket) Files() Files { return Files{b} }

// Get returns the whole object.
func (f Files) Get(ctx context.Context, key string, limit int64) ([]byte, error) {
	out, err := f.b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(f.b.name), Key: aws.String(key)})
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, fileError(err))
	}
	defer out.Body.Close()
	body, err := io.ReadAll(io.LimitReader(out.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("get %s: it has more than %d bytes: %w", key, limit, fleet.ErrTooLarge)
	}
	return body, nil
}

// Put stores an object, whatever was there.
func (f Files) Put(ctx context.Context, key, contentType string, body []byte) error {
	return f.put(ctx, key, contentType, body, nil)
}

// PutNew stores an object if there is none yet.
func (f Files) PutNew(ctx context.Context, key, contentType string, body []byte) error {
	return f.put(ctx, key, contentType, body, aws.String("*"))
}

func (f Files) put(ctx context.Context, key, contentType string, body []byte, ifNoneMatch *string) error {
	_, err := f.b.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket:      aws.String(f.b.name),
		Key:         aws.String(key),
		ContentType: aws.String(contentType),
		Body:        bytes.NewReader(body),
		IfNoneMatch: ifNoneMatch,
	})
	if err != nil {
		return fmt.Errorf("put %s: %w", key, fileError(err))
	}
	return nil
}

// Delete removes an object, if it is there.
func (f Files) Delete(ctx context.Context, key string) error {
	_, err := f.b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(f.b.name), Key: aws.String(key)})
	if err != nil {
		return fmt.Errorf("delete %s: %w", key, fileError(err))
	}
	return nil
}

// List returns a page of keys.
func (f Files) List(ctx context.Context, l fleet.List) (fleet.Listing, error) {
	in := &s3.ListObjectsV2Input{Bucket: aws.String(f.b.name), Prefix: aws.String(l.Prefix), EncodingType: types.EncodingTypeUrl}
	if l.Delimiter != "" {
		in.Delimiter = aws.String(l.Delimiter)
	}
	if l.After != "" {
		in.StartAfter = aws.String(l.After)
	}
	if l.Max > 0 {
		in.MaxKeys = aws.Int32(int32(min(l.Max, 1000)))
	}
	out, err := f.b.client.ListObjectsV2(ctx, in)
	if err != nil {
		return fleet.Listing{}, fmt.Errorf("list %s: %w", l.Prefix, fileError(err))
	}
	if aws.ToString(out.Name) != f.b.name {
		return fleet.Listing{}, fmt.Errorf("list %s: %w", l.Prefix, errNoAnswer)
	}
	return listing(out, l.After)
}

func listing(out *s3.ListObjectsV2Output, after string) (fleet.Listing, error) {
	page := fleet.Listing{More: aws.ToBool(out.IsTruncated)}
	for _, o := range out.Contents {
		key, err := decodeKey(out.EncodingType, aws.ToString(o.Key))
		if err != nil {
			return fleet.Listing{}, err
		}
		page.Last = max(page.Last, key)
		page.Objects = append(page.Objects, fleet.Object{Key: key, Size: aws.ToInt64(o.Size), Stored: aws.ToTime(o.LastModified), ETag: aws.ToString(o.ETag)})
	}
	for _, p := range out.CommonPrefixes {
		prefix, err := decodeKey(out.EncodingType, aws.ToString(p.Prefix))
		if err != nil {
			return fleet.Listing{}, err
		}
		page.Last = max(page.Last, prefix)
		page.Prefixes = append(page.Prefixes, prefix)
	}
	if page.More && page.Last <= after {
		return fleet.Listing{}, fmt.Errorf("%w: the list does not go on", errNoAnswer)
	}
	return page, nil
}

// fileError tells what callers go by.
func fileError(err error) error {
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) || answer.Response == nil || answer.Response.Response == nil {
		return err
	}
	switch answer.HTTPStatusCode() {
	case http.StatusNotFound:
		return fleet.ErrNotFound
	case http.StatusPreconditionFailed, http.StatusConflict: // 409: another one is storing it now
		return fleet.ErrExists
	}
	return err
}

// SignView returns a URL by which a browser can look at an object until now + ttl, whatever
// version it is then. It is shown as the image or text it is, and never run: the
// type is in the signed query.
func (b *Bucket) SignView(ctx context.Context, key string, now time.Time, ttl time.Duration) (string, error) {
	credentials, err := b.credentials.Retrieve(ctx)
	if err != nil {
		return "", err
	}
	r := presign.Request{Method: http.MethodGet, Key: key, Expires: ttl,
		Query: []presign.Header{{Name: "response-content-type", Value: viewType(key)}}}
	signed, err := b.signer.Sign(now, presignCredentials(credentials), r)
	if err != nil {
		return "", fmt.Errorf("sign a view of %s: %w", key, err)
	}
	return signed.URL, nil
}

// viewType is what a browser shall take an object for. What a thing says its
// object is could be a page with scripts.
func viewType(key string) string {
	types := map[string]string{".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp",
		".txt": "text/plain; charset=utf-8", ".log": "text/plain; charset=utf-8", ".csv": "text/plain; charset=utf-8", ".json": "text/plain; charset=utf-8"}
	for end, name := range types {
		if strings.HasSuffix(strings.ToLower(key), end) {
			return name
		}
	}
	return "application/octet-stream"
}
