// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
)

// checkAssembly wants of a report with an uploadId what S3 can check [P-12.9].
func (o *reported) checkAssembly() error {
	switch {
	case o.sha256 != "" || o.checksums.md5 != "":
		return refuse(CodeBadRequest, "sha256 and md5 do not belong to a multipart upload: S3 keeps none of the whole")
	case (o.checksums.crc32 == "") == (o.checksums.crc64nvme == ""):
		return refuse(CodeBadRequest, "a multipart upload is reported with the checksum that was granted: crc32 or crc64nvme")
	}
	return nil
}

func (o *reported) checkAbort() error {
	switch {
	case o.uploadID == "":
		return refuse(CodeBadRequest, "uploadId is missing: only a multipart upload can be aborted")
	case o.hasSize || o.sha256 != "" || o.checksums != checksums{}:
		return refuse(CodeBadRequest, "abort stands alone, without size and checksums")
	}
	return nil
}

// sum returns the checksum of that algorithm in base64, or "".
func (c *checksums) sum(algorithm string) string {
	digits := c.crc32
	if algorithm == ChecksumCRC64NVME {
		digits = c.crc64nvme
	}
	sum, err := hex.DecodeString(digits)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(sum)
}

// assemble makes one object of a report's parts, and verifies it as any other
// [P-12.7, P-12.8]. It may be called again whatever came of it before.
func (r *request) assemble(ctx context.Context, k *kind, o reported) (Object, error) {
	if err := k.offers(ModeMultipart); err != nil {
		return Object{}, err
	}
	if o.size < k.MinSize || o.size > k.MaxSize {
		return Object{}, refuse(CodeSizeNotAllowed, "size is %d, kind %s allows %d to %d", o.size, k.Name, k.MinSize, k.MaxSize)
	}
	ended := r.finish(ctx, k, o)
	if ended != nil && !errors.Is(ended, ErrNoSuchUpload) && !errors.Is(ended, ErrExists) {
		return Object{}, ended
	}
	found, err := r.compare(ctx, o)
	switch {
	case errors.Is(err, ErrNotFound) && errors.Is(ended, ErrNoSuchUpload):
		return Object{}, noSuchUpload()
	case errors.Is(err, ErrNotFound): // S3 is still at it, for another report: the thing must not send it again
		return Object{}, unreachable(err)
	case err == nil && o.checksums.unknownTo(found):
		err = refuse(CodeMismatch, "S3 keeps another checksum of the object: it did not come in these parts")
	}
	if err == nil || asRefusal(err).Code == CodeMismatch {
		r.discard(ctx, o.objectKey)
	}
	if err != nil {
		return Object{}, err
	}
	return found, nil
}

// finish checks the parts, and lets S3 check and join them. The error is a
// Refusal, or ErrNoSuchUpload or ErrExists: then the object decides.
func (r *request) finish(ctx context.Context, k *kind, o reported) error {
	stored, err := r.broker.multipart.ListParts(ctx, o.objectKey, o.uploadID)
	switch {
	case errors.Is(err, ErrNoSuchUpload), err == nil && stored.Checksum == "": // without one it is none of ours
		return ErrNoSuchUpload
	case err != nil:
		return unreachable(err)
	}
	sum := o.checksums.sum(stored.Checksum)
	if sum == "" {
		return refuse(CodeBadRequest, "this upload is reported with its %s", stored.Checksum)
	}
	parts, err := divide(o.size, k.PartSize).whole(stored.Parts)
	if err != nil {
		return err
	}
	err = r.broker.multipart.CompleteUpload(ctx, Completion{Key: o.objectKey, UploadID: o.uploadID, Size: o.size,
		Checksum: stored.Checksum, Sum: sum, Parts: parts})
	switch {
	case err == nil, errors.Is(err, ErrNoSuchUpload), errors.Is(err, ErrExists):
		return err
	case errors.Is(err, ErrWrongChecksum):
		return refuse(CodeMismatch, "the parts' bytes have another %s", stored.Checksum)
	case errors.Is(err, ErrBadParts):
		return refuse(CodePartsMissing, "S3 does not take the parts as they are; ask which are missing, then report again")
	}
	return unreachable(err)
}

// unknownTo tells whether S3 keeps none of the checksums. Of what came in parts
// it keeps one always.
func (c *checksums) unknownTo(found Object) bool {
	return (c.crc32 == "" || hexOf(found.CRC32, 4) == "") && (c.crc64nvme == "" || hexOf(found.CRC64NVME, 8) == "")
}

// discard aborts whatever else was begun for a key that holds its object: it can
// never be completed. What cannot be aborted now is left to Sweep.
func (r *request) discard(ctx context.Context, key string) {
	uploads, err := r.uploadsOf(ctx, key)
	if err != nil {
		return
	}
	for _, u := range uploads {
		_ = r.broker.multipart.AbortUpload(ctx, key, u.ID)
	}
}

// abort ends an upload without an object [P-12.10]. One that is not there is as
// good as aborted.
func (r *request) abort(ctx context.Context, req completeRequest) ([]Message, error) {
	o := req.objects[0]
	entry := Entry{Request: verbUploadComplete, ID: req.id, Mode: ModeMultipart, Key: printable(o.objectKey, maxKey), UploadID: o.uploadID, Code: CodeAborted}
	k, err := r.ownKind(o.objectKey)
	if err == nil {
		entry.Kind = k.Name
		err = k.offers(ModeMultipart)
	}
	if err == nil {
		err = r.broker.multipart.AbortUpload(ctx, o.objectKey, o.uploadID)
		switch {
		case errors.Is(err, ErrNoSuchUpload):
			err = nil
		case err != nil:
			err = unreachable(err)
		}
	}
	return r.conclude(entry, &reply{ID: req.id, Status: statusSuccess, ObjectKey: o.objectKey}, err)
}
