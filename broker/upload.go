// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"
)

// uploadRequest answers an upload-request [P-3, P-4]: parse, name, sign, audit,
// reply.
func (r *request) uploadRequest(ctx context.Context, payload []byte) ([]Message, error) {
	req, err := decodeUploadRequest(payload)
	if err != nil {
		return r.refuse(verbUploadRequest, req.id, payload, err)
	}
	k := r.broker.kinds[req.kind]
	if k == nil {
		return r.refuse(verbUploadRequest, req.id, payload, refuse(CodeUnknownKind, "kind %q is not configured", printable(req.kind, 40)))
	}
	if err := r.admitKind(ctx, k); err != nil {
		return r.refuse(verbUploadRequest, req.id, payload, err)
	}
	if err := k.offers(req.mode); err != nil {
		return r.refuse(verbUploadRequest, req.id, payload, err)
	}
	switch req.mode {
	case ModePut:
		return r.put(ctx, k, req)
	case ModePass:
		return r.pass(ctx, k, req)
	case ModeMultipart:
		return r.parts(ctx, k, req)
	}
	return r.refuse(verbUploadRequest, req.id, payload, refuse(CodeModeNotAllowed, "mode %s is not for uploads", req.mode))
}

// put decides on each object on its own [P-3.5]. The audit lines are written
// before anything is given; if they cannot be, everybody gets `unavailable`.
func (r *request) put(ctx context.Context, k *kind, req uploadRequest) ([]Message, error) {
	paper := takePaper(len(req.objects))
	defer paper.giveBack()
	replies, entries := paper.replies, paper.entries
	var errs []error
	for i := range req.objects {
		if err := r.grant(ctx, k, &req.objects[i], &replies[i], &entries[i]); err != nil {
			errs = append(errs, err)
		}
	}
	if err := r.record(entries...); err != nil {
		refusal := unaudited(err)
		errs = append(errs, refusal)
		for i := range replies {
			if replies[i].Status == statusSuccess {
				replies[i] = refusalReply(replies[i].ID, refusal)
			}
		}
	}
	body := outer(req.id, ModePut, req.batch, replies)
	return r.send(&body, errors.Join(errs...))
}

// outer puts the answers to one request's objects together [P-4.4].
func outer(id, mode string, batch bool, entries []reply) reply {
	body := entries[0]
	if batch {
		body = reply{Status: statusSuccess, Objects: entries}
		if !slices.ContainsFunc(entries, func(e reply) bool { return e.Status == statusSuccess }) {
			body.Status, body.Code, body.Error, body.RetryAfter = statusError, entries[0].Code, entries[0].Error, entries[0].RetryAfter
		}
	}
	if body.Status == statusSuccess {
		body.Mode = mode
	}
	body.ID = id
	return body
}

// grant decides on one object. It fills in the answer and what is to be audited.
func (r *request) grant(ctx context.Context, k *kind, w *wanted, answer *reply, entry *Entry) error {
	put, err := r.decide(k, w)
	*entry = Entry{Request: verbUploadRequest, ID: w.id, Mode: ModePut, Kind: k.Name, Key: put.Key, ContentType: put.ContentType, Size: w.size,
		SHA256: hexSum(w.sha256), Code: CodeGranted}
	var g Grant
	if err == nil {
		err = r.charge(ctx, k, put.Key, put.Size)
	}
	if err == nil {
		g, err = r.sign(ctx, put)
		entry.ExpiresAt = g.Expires.Unix()
	}
	if err != nil {
		refusal := asRefusal(err)
		entry.Code, entry.Reason, entry.ExpiresAt = refusal.Code, refusal.Text, 0
		*answer = refusalReply(w.id, refusal)
		return refusal
	}
	*answer = reply{ID: w.id, Status: statusSuccess, ObjectKey: put.Key, UploadURL: g.URL, Headers: g.Headers, ExpiresAt: g.Expires.Unix()}
	return nil
}

func (r *request) sign(ctx context.Context, put Put) (Grant, error) {
	g, err := r.broker.signer.SignPut(ctx, put)
	if err != nil {
		return Grant{}, unsigned(err)
	}
	return g, nil
}

// decide checks what is wanted against the kind's rules, and names the key.
func (r *request) decide(k *kind, w *wanted) (Put, error) {
	t, err := k.contentType(w.contentType)
	if err != nil {
		return Put{}, err
	}
	if err := k.checkSize(w); err != nil {
		return Put{}, err
	}
	if err := k.checkMetadata(w.metadata); err != nil {
		return Put{}, err
	}
	day, err := r.day(w)
	if err != nil {
		return Put{}, err
	}
	key := k.layout.key(r.thing, k.Name, w.id, t.Ext, day)
	if w.objectKey != "" {
		id, err := k.layout.parse(w.objectKey, r.thing, k.Name, t.Ext)
		if err != nil || id != w.id {
			return Put{}, refuse(CodeKeyNotAllowed, "objectKey is not one of this thing, kind, id and contentType")
		}
		key = w.objectKey
	}
	return Put{Key: key, ContentType: t.Name, Size: w.size, SHA256: w.sha256, Metadata: metadataOf(w), Now: r.now, TTL: k.TTL}, nil
}

func (k *kind) checkSize(w *wanted) error {
	if !w.hasSize {
		return refuse(CodeBadRequest, "size is missing")
	}
	if w.size < k.MinSize || w.size > k.MaxSize {
		return refuse(CodeSizeNotAllowed, "size is %d, kind %s allows %d to %d", w.size, k.Name, k.MinSize, k.MaxSize)
	}
	return nil
}

func (k *kind) checkMetadata(pairs map[string]string) error {
	for name := range pairs {
		if k.Metadata != nil && !slices.Contains(k.Metadata, name) {
			return refuse(CodeMetadataNotAllowed, "kind %s does not take metadata %s", k.Name, name)
		}
	}
	return nil
}

// day returns the date of the key [P-3.2].
func (r *request) day(w *wanted) (time.Time, error) {
	if !w.hasCapturedAt {
		return r.now.UTC(), nil
	}
	if latest := r.now.Add(captureAheadAllowed).Unix(); w.capturedAt < firstCapture || w.capturedAt > latest {
		return time.Time{}, refuse(CodeBadRequest, "capturedAt is %d, %d to %d are taken", w.capturedAt, int64(firstCapture), latest)
	}
	return time.Unix(w.capturedAt, 0).UTC(), nil
}

func metadataOf(w *wanted) map[string]string {
	if !w.hasCapturedAt {
		return w.metadata
	}
	pairs := maps.Clone(w.metadata)
	if pairs == nil {
		pairs = make(map[string]string, 1)
	}
	pairs[metadataCapturedAt] = strconv.FormatInt(w.capturedAt, 10)
	return pairs
}
