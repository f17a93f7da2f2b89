// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"errors"
	"iter"
	"time"
)

// A MultipartStore is what ModeMultipart needs of S3, the true keeper of its
// state: the broker itself remembers no upload.
type MultipartStore interface {
	Uploads
	Parts
}

// Uploads are the multipart uploads of a bucket that are neither completed nor
// aborted.
//
// An error means that nobody knows, but for ErrNoSuchUpload of AbortUpload.
type Uploads interface {
	// CreateUpload returns the id of a new upload, whose checksum will be one of
	// the whole object.
	CreateUpload(ctx context.Context, u NewUpload) (id string, err error)

	// ListUploads yields the uploads of all keys that begin with prefix, by key.
	// An error is the last that it yields.
	ListUploads(ctx context.Context, prefix string) iter.Seq2[Upload, error]

	// AbortUpload ends an upload, and removes its parts.
	AbortUpload(ctx context.Context, key, id string) error
}

// Parts are what an upload consists of.
type Parts interface {
	// SignPart returns leave to store one part of exactly that size.
	SignPart(ctx context.Context, part NewPart) (Grant, error)

	// ListParts returns all parts that S3 has, by number. The error is
	// ErrNoSuchUpload if the key has no such upload (any more); any other means
	// that nobody knows.
	ListParts(ctx context.Context, key, id string) (Stored, error)

	// CompleteUpload makes one object of the parts, if the key holds none yet and
	// size and checksum are right. Errors are ErrNoSuchUpload, ErrExists,
	// ErrWrongChecksum and ErrBadParts; after any other, nobody knows whether the
	// object is there.
	CompleteUpload(ctx context.Context, c Completion) error
}

// What a MultipartStore knows about why something was not done.
var (
	ErrNoSuchUpload  = errors.New("no such multipart upload")
	ErrExists        = errors.New("the key holds an object already")
	ErrWrongChecksum = errors.New("the parts' bytes have another checksum")
	ErrBadParts      = errors.New("the parts are not those that were listed, or too small")
)

// The checksums that S3 can keep of a whole object that came in parts.
const (
	ChecksumCRC32     = "crc32"
	ChecksumCRC64NVME = "crc64nvme"
)

// NewUpload is an upload that is to begin.
type NewUpload struct {
	Key         string
	ContentType string
	Metadata    map[string]string // names without "x-amz-meta-"
	Checksum    string            // ChecksumCRC32 or ChecksumCRC64NVME
}

// Upload is one that was begun.
type Upload struct {
	Key       string
	ID        string
	Initiated time.Time
}

// NewPart is one part that may be stored.
type NewPart struct {
	Key      string
	UploadID string
	Number   int
	Size     int64 // exact, in bytes
	Now      time.Time
	TTL      time.Duration
}

// Stored is what S3 has of an upload.
type Stored struct {
	Checksum string // that S3 will keep of the whole: ChecksumCRC32, ChecksumCRC64NVME, or "" for any other
	Parts    []Part
}

// Part is one that S3 has.
type Part struct {
	Number   int
	Size     int64
	ETag     string // as S3 gives it, in quotes
	Checksum string // base64, of the upload's algorithm; "" where S3 tells none
}

// Completion is how an upload is to end.
type Completion struct {
	Key      string
	UploadID string
	Size     int64  // of the whole
	Checksum string // the algorithm
	Sum      string // of the whole, base64
	Parts    []Part
}
