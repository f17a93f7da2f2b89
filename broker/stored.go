// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"errors"
	"strings"
)

// Stored takes the bucket's own word that something was stored under key, and
// returns the event that a report of it would have given [P-7.2]. That word is
// believed no more than a thing's: S3 is asked, and the key and the size must be
// those of a kind. To be told twice, late or out of order does no harm.
//
// The error, if any, is a *Refusal. Where its RetryAfter is not zero the same key
// is to be tried again later; otherwise it is done with.
func (b *Broker) Stored(ctx context.Context, key string) ([]Message, error) {
	r := &request{broker: b, now: b.now()}
	entry := Entry{Request: verbStored, Key: printable(key, maxKey), Code: CodeVerified}
	announcement, err := r.arrival(ctx, key, &entry)
	if err != nil {
		refusal := asRefusal(err)
		entry.Code, entry.Reason = refusal.Code, refusal.Text
		if auditErr := r.record(entry); auditErr != nil {
			return nil, unaudited(errors.Join(refusal, auditErr))
		}
		return nil, refusal
	}
	if err := r.record(entry); err != nil {
		return nil, unaudited(err)
	}
	return []Message{{Topic: b.topicOf(r.thing, verbUploaded), Payload: announcement, QoS: 1}}, nil
}

// arrival finds out whose the key is and what is there, and makes the event.
func (r *request) arrival(ctx context.Context, key string, entry *Entry) ([]byte, error) {
	thing, _, _ := strings.Cut(key, "/")
	k := r.broker.kindOf(key, thing)
	if k == nil || !ValidThing(thing) {
		return nil, refuse(CodeKeyNotAllowed, "the key is not one of a thing and the broker's kinds")
	}
	r.thing, entry.Kind = thing, k.Name
	found, err := r.broker.store.Head(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, &Refusal{Code: CodeNotFound, Text: "the object is no longer in the bucket"}
	case err != nil:
		return nil, &Refusal{Code: CodeUnavailable, Text: "the bucket cannot be asked", Cause: err}
	}
	entry.Size, entry.SHA256, entry.ContentType = found.Size, hexSum(found.SHA256), found.ContentType
	if found.Size < k.MinSize || found.Size > k.MaxSize {
		return nil, refuse(CodeSizeNotAllowed, "the object has %d bytes, kind %s allows %d to %d", found.Size, k.Name, k.MinSize, k.MaxSize)
	}
	return r.announcement(k, key, found)
}

// announcement is the payload of `uploaded` [P-7].
func (r *request) announcement(k *kind, key string, found Object) ([]byte, error) {
	return encode(event{Thing: r.thing, Kind: k.Name, ObjectKey: key, Size: found.Size, ContentType: found.ContentType,
		SHA256: hexSum(found.SHA256), ETag: found.ETag, Metadata: found.Metadata, Time: r.now.Unix()})
}
