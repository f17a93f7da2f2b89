// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// OffersMultipart tells whether any kind is offered in ModeMultipart: if not,
// there is nothing to Sweep.
func (b *Broker) OffersMultipart() bool { return b.offered(ModeMultipart) }

// Sweep aborts the multipart uploads that were begun before the given moment and
// not ended since: S3 keeps their parts, and the bill, for ever. It touches only
// keys that this broker's kinds have for some thing, so others may use the same
// bucket; and it may run in many brokers at once.
//
// It returns what it aborted. The error is everything that went wrong, which the
// next Sweep finds again.
func (b *Broker) Sweep(ctx context.Context, before time.Time) ([]Upload, error) {
	if b.multipart == nil {
		return nil, nil
	}
	var aborted []Upload
	var errs []error
	for u, err := range b.multipart.ListUploads(ctx, "") {
		if err != nil {
			errs = append(errs, fmt.Errorf("list multipart uploads: %w", err))
			break
		}
		thing, _, _ := strings.Cut(u.Key, "/")
		if !u.Initiated.Before(before) || !ValidThing(thing) || b.kindOf(u.Key, thing) == nil {
			continue
		}
		switch err := b.multipart.AbortUpload(ctx, u.Key, u.ID); {
		case err == nil:
			aborted = append(aborted, u)
		case !errors.Is(err, ErrNoSuchUpload): // another broker was first, or it was completed
			errs = append(errs, fmt.Errorf("abort the upload of %s: %w", u.Key, err))
		}
	}
	return aborted, errors.Join(errs...)
}
