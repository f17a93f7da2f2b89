// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"errors"
	"fmt"

	"github.com/aws/smithy-go"

	"thingpass/broker"
)

// errNoAnswer is what something said that is not S3, whatever its status: a proxy
// or a captive portal. Nothing may be concluded from it.
var errNoAnswer = errors.New("the answer is not S3's")

// multipartError turns S3's code into the broker's error, where it has one.
//
// A conflict (409) has none: two brokers that complete the same upload at once may
// see one, and it passes.
func (b *Bucket) multipartError(err error) error {
	var fault smithy.APIError
	if !errors.As(err, &fault) {
		return err
	}
	known := error(nil)
	switch fault.ErrorCode() {
	case "NoSuchUpload":
		known = broker.ErrNoSuchUpload
	case "PreconditionFailed":
		known = broker.ErrExists
	case "BadDigest", "XAmzContentChecksumMismatch":
		known = broker.ErrWrongChecksum
	case "EntityTooSmall", "InvalidPart", "InvalidPartOrder":
		known = broker.ErrBadParts
	case "AccessDenied":
		return fmt.Errorf("refused: the credentials need s3:PutObject, s3:AbortMultipartUpload and s3:ListMultipartUploadParts on the objects, "+
			"and s3:ListBucketMultipartUploads on bucket %s: %w", b.name, err)
	default:
		return err
	}
	return fmt.Errorf("%w: %w", known, err)
}
