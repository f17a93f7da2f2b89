// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"errors"
	"strings"
	"sync"
)

// uploadComplete answers an upload-complete [P-6]: ask S3, compare, audit, reply,
// announce.
func (r *request) uploadComplete(ctx context.Context, payload []byte) ([]Message, error) {
	req, err := decodeUploadComplete(payload)
	if err != nil {
		return r.refuse(verbUploadComplete, req.id, payload, err)
	}
	if req.objects[0].abort {
		return r.abort(ctx, req)
	}
	results := r.verifyAll(ctx, req)
	entries := make([]reply, len(results))
	var events []Message
	var errs []error
	for i, v := range results {
		entries[i] = v.reply
		errs = append(errs, v.err)
		if v.event != nil {
			events = append(events, Message{Topic: r.broker.topicOf(r.thing, verbUploaded), Payload: v.event, QoS: 1})
		}
	}
	body := outer(req.id, "", req.batch, entries)
	m, err := r.answer(&body)
	if err != nil {
		return nil, errors.Join(append(errs, err)...)
	}
	return append([]Message{m}, events...), errors.Join(errs...)
}

type verification struct {
	reply reply
	event []byte // nil where there is nothing to announce
	err   error
}

// verifyAll asks S3 for all objects at once: one after the other, twenty would
// take twenty round trips.
func (r *request) verifyAll(ctx context.Context, req completeRequest) []verification {
	results := make([]verification, len(req.objects))
	var wg sync.WaitGroup
	for i, o := range req.objects[1:] {
		wg.Go(func() { results[i+1] = r.verify(ctx, req.id, o) })
	}
	results[0] = r.verify(ctx, req.id, req.objects[0])
	wg.Wait()
	return results
}

// verify compares one report with what S3 has [P-6.1].
func (r *request) verify(ctx context.Context, id string, o reported) verification {
	entry := Entry{Request: verbUploadComplete, ID: id, Key: printable(o.objectKey, maxKey), Size: o.size, SHA256: hexSum(o.sha256),
		UploadID: o.uploadID, Code: CodeVerified}
	if o.uploadID != "" {
		entry.Mode = ModeMultipart
	}
	k, found, err := r.lookUp(ctx, o)
	if k != nil {
		entry.Kind = k.Name
	}
	var announcement []byte
	if err == nil && k.offers(ModePass) == nil && o.uploadID == "" { // whose grant charged nothing; what another mode charged is free now
		err = r.chargeStored(ctx, k, o.objectKey, found.Size)
	}
	if err == nil {
		announcement, err = r.announcement(k, o.objectKey, found)
	}
	if err != nil {
		refusal := asRefusal(err)
		entry.Code, entry.Reason = refusal.Code, refusal.Text
		return verification{reply: reportRefusal(o, refusal), err: errors.Join(refusal, r.record(entry))}
	}
	if err := r.record(entry); err != nil {
		refusal := unaudited(err)
		return verification{reply: reportRefusal(o, refusal), err: refusal}
	}
	return verification{reply: reply{Status: statusSuccess, ObjectKey: o.objectKey, Size: &o.size}, event: announcement}
}

func reportRefusal(o reported, refusal *Refusal) reply {
	body := refusalReply("", refusal)
	if refusal.Code != CodeKeyNotAllowed {
		body.ObjectKey = o.objectKey
	}
	return body
}

func (r *request) lookUp(ctx context.Context, o reported) (*kind, Object, error) {
	k, err := r.ownKind(o.objectKey)
	if err != nil {
		return nil, Object{}, err
	}
	var found Object
	if o.uploadID == "" {
		found, err = r.compare(ctx, o)
	} else {
		found, err = r.assemble(ctx, k, o)
	}
	return k, found, err
}

func (r *request) ownKind(key string) (*kind, error) {
	k := r.broker.kindOf(key, r.thing)
	if k == nil {
		return nil, refuse(CodeKeyNotAllowed, "objectKey is not one of this thing and the broker's kinds")
	}
	return k, nil
}

// compare asks S3 for the object, and holds it against the report.
func (r *request) compare(ctx context.Context, o reported) (Object, error) {
	found, err := r.broker.store.Head(ctx, o.objectKey)
	switch {
	case errors.Is(err, ErrNotFound):
		return Object{}, &Refusal{Code: CodeNotFound, Text: "the object is not in the bucket; upload it, then report again", Cause: err}
	case err != nil:
		return Object{}, unreachable(err)
	case found.Size != o.size:
		return Object{}, refuse(CodeMismatch, "the object has %d bytes, not %d", found.Size, o.size)
	}
	stored, claimed := hexSum(found.SHA256), hexSum(o.sha256)
	if stored != "" && claimed != "" && stored != claimed {
		return Object{}, refuse(CodeMismatch, "the object has another SHA-256")
	}
	if name := o.checksums.differs(found); name != "" {
		return Object{}, refuse(CodeMismatch, "the object has another %s", name)
	}
	return found, nil
}

// kindOf returns the kind whose layout made the key for this thing, or nil. It is
// the one that the key names: see layout.
func (b *Broker) kindOf(key, thing string) *kind {
	name, _, _ := strings.Cut(strings.TrimPrefix(key, thing+"/"), "/")
	if k := b.kinds[name]; k != nil && k.made(key, thing) {
		return k
	}
	return nil
}
