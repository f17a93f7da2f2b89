// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"thingpass/broker"
)

// fakeUploads is the part of a world that holds multipart uploads. What a real S3
// says about bytes is tested in awss3.
type fakeUploads struct {
	uploads     map[string]*fakeUpload // by id
	signedParts []broker.NewPart
	created     []broker.NewUpload
	asked       []string // keys and prefixes of all other calls
	completed   []broker.Completion
	trueSum     string // that CompleteUpload wants; "" takes any
	newID       string // of an upload that begins; "" numbers them

	completeAnswer *error // instead of completing anything

	partErr, createErr, uploadsErr, partsErr, completeErr, abortErr error
}

type fakeUpload struct {
	broker.Upload
	Checksum string
	Parts    map[int]broker.Part
}

func (w *world) begin(key, id string, initiated time.Time, checksum string, parts ...broker.Part) *fakeUpload {
	u := &fakeUpload{Upload: broker.Upload{Key: key, ID: id, Initiated: initiated}, Checksum: checksum, Parts: map[int]broker.Part{}}
	for _, p := range parts {
		u.Parts[p.Number] = p
	}
	if w.uploads == nil {
		w.uploads = map[string]*fakeUpload{}
	}
	w.uploads[id] = u
	return u
}

// touched returns the key of everything that was asked of the uploads.
func (w *world) touched() []string {
	keys := slices.Clone(w.asked)
	for _, n := range w.created {
		keys = append(keys, n.Key)
	}
	for _, p := range w.signedParts {
		keys = append(keys, p.Key)
	}
	for _, c := range w.completed {
		keys = append(keys, c.Key)
	}
	return keys
}

func (w *world) of(key, id string) (*fakeUpload, error) {
	w.asked = append(w.asked, key)
	if u := w.uploads[id]; u != nil && u.Key == key {
		return u, nil
	}
	return nil, broker.ErrNoSuchUpload
}

func (w *world) CreateUpload(_ context.Context, n broker.NewUpload) (string, error) {
	if w.createErr != nil {
		return "", w.createErr
	}
	w.created = append(w.created, n)
	id := cmp.Or(w.newID, fmt.Sprintf("upload-%d", len(w.created)))
	w.begin(n.Key, id, w.now, n.Checksum)
	return id, nil
}

func (w *world) ListUploads(_ context.Context, prefix string) iter.Seq2[broker.Upload, error] {
	w.asked = append(w.asked, prefix)
	list := slices.SortedFunc(maps.Values(w.uploads), func(a, b *fakeUpload) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), -cmp.Compare(a.ID, b.ID)) // S3 promises the first only
	})
	return func(yield func(broker.Upload, error) bool) {
		for _, u := range list {
			if strings.HasPrefix(u.Key, prefix) && !yield(u.Upload, nil) {
				return
			}
		}
		if w.uploadsErr != nil {
			yield(broker.Upload{}, w.uploadsErr)
		}
	}
}

func (w *world) AbortUpload(_ context.Context, key, id string) error {
	_, err := w.of(key, id)
	if w.abortErr != nil {
		return w.abortErr
	}
	if err == nil {
		delete(w.uploads, id)
	}
	return err
}

func (w *world) SignPart(_ context.Context, p broker.NewPart) (broker.Grant, error) {
	if w.partErr != nil {
		return broker.Grant{}, w.partErr
	}
	w.signedParts = append(w.signedParts, p)
	return broker.Grant{URL: fmt.Sprintf("https://s3.test/%s?partNumber=%d&uploadId=%s", p.Key, p.Number, p.UploadID), Expires: p.Now.Add(p.TTL)}, nil
}

func (w *world) ListParts(_ context.Context, key, id string) (broker.Stored, error) {
	if w.partsErr != nil {
		return broker.Stored{}, w.partsErr
	}
	u, err := w.of(key, id)
	if err != nil {
		return broker.Stored{}, err
	}
	parts := slices.SortedFunc(maps.Values(u.Parts), func(a, b broker.Part) int { return a.Number - b.Number })
	return broker.Stored{Checksum: u.Checksum, Parts: parts}, nil
}

func (w *world) CompleteUpload(_ context.Context, c broker.Completion) error {
	u, err := w.of(c.Key, c.UploadID)
	if err != nil {
		return err
	}
	w.completed = append(w.completed, c)
	if w.completeAnswer != nil {
		return *w.completeAnswer
	}
	if _, there := w.objects[c.Key]; there {
		return broker.ErrExists
	}
	if w.completeErr != nil {
		return w.completeErr
	}
	if w.trueSum != "" && c.Sum != w.trueSum {
		return broker.ErrWrongChecksum
	}
	var size int64
	for i, p := range c.Parts {
		if u.Parts[p.Number] != p || p.Number != i+1 {
			return broker.ErrBadParts
		}
		size += p.Size
	}
	if size != c.Size {
		return broker.ErrBadParts
	}
	delete(w.uploads, c.UploadID)
	o := broker.Object{Size: size, ContentType: "video/mp4", ETag: "\"parts-3\""}
	if c.Checksum == broker.ChecksumCRC32 {
		o.CRC32 = c.Sum
	} else {
		o.CRC64NVME = c.Sum
	}
	w.objects[c.Key] = o
	return nil
}
