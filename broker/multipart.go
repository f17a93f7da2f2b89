// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
)

const (
	defaultCount = 2 // a thing with a buffer of 4 KB can read so many
	firstPart    = 1
)

// multipartGrant is the JSON of a grant in ModeMultipart [P-12.2].
type multipartGrant struct {
	ID        string      `json:"id"`
	Status    string      `json:"status"`
	Time      int64       `json:"time"`
	Mode      string      `json:"mode"`
	ObjectKey string      `json:"objectKey"`
	UploadID  string      `json:"uploadId,omitempty"`
	Checksum  string      `json:"checksum,omitempty"`
	PartSize  int64       `json:"partSize"`
	PartCount int         `json:"partCount"`
	Stored    string      `json:"stored,omitempty"`
	Parts     []partGrant `json:"parts"`
	ExpiresAt int64       `json:"expiresAt,omitempty"`
}

type partGrant struct {
	Number    int    `json:"number"`
	Size      int64  `json:"size"`
	UploadURL string `json:"uploadUrl"`
}

func (b *multipartGrant) stamp(now int64) { b.Time = now }

// parts answers an upload-request in ModeMultipart [P-12]: find what S3 has of
// the object, and sign what it lacks.
func (r *request) parts(ctx context.Context, k *kind, req uploadRequest) ([]Message, error) {
	w := &req.objects[0]
	put, err := r.decide(k, w)
	entry := Entry{Request: verbUploadRequest, ID: req.id, Mode: ModeMultipart, Kind: k.Name, Key: put.Key, ContentType: put.ContentType,
		Size: w.size, UploadID: req.parts.uploadID, Code: CodeGranted}
	if err != nil {
		return r.conclude(entry, nil, err)
	}
	granted, err := r.grantParts(ctx, k, put, req)
	if err == nil {
		numbers := make([]int, len(granted.Parts))
		for i, p := range granted.Parts {
			numbers[i] = p.Number
		}
		entry.UploadID, entry.Parts, entry.ExpiresAt = granted.UploadID, spans(numbers), granted.ExpiresAt
	}
	return r.conclude(entry, granted, err)
}

func (r *request) grantParts(ctx context.Context, k *kind, put Put, req uploadRequest) (*multipartGrant, error) {
	d := divide(put.Size, k.PartSize)
	from, count := max(req.parts.fromPart, firstPart), req.parts.count
	if count == 0 {
		count = defaultCount
	}
	if from > d.count {
		return nil, refuse(CodePartNotAllowed, "fromPart is %d, the object has %d parts", from, d.count)
	}
	p, err := r.progress(ctx, put, d, req)
	if err != nil {
		return nil, err
	}
	g := &multipartGrant{ID: req.id, Status: statusSuccess, Mode: ModeMultipart, ObjectKey: put.Key, UploadID: p.uploadID, Checksum: p.checksum,
		PartSize: d.partSize, PartCount: d.count, Stored: ranges(p.there, maxStoredRanges), Parts: []partGrant{}}
	for _, n := range next(p.there, from, count) {
		part := NewPart{Key: put.Key, UploadID: p.uploadID, Number: n, Size: d.sizeOf(n), Now: put.Now, TTL: put.TTL}
		err := r.chargePart(ctx, k, part)
		if err != nil && len(g.Parts) > 0 && asRefusal(err).Code == CodeQuotaExceeded {
			break // the parts before it fit
		}
		if err == nil {
			err = r.addPart(ctx, g, part)
		}
		if err != nil {
			return nil, err
		}
	}
	return g, nil
}

// chargePart counts the bytes of a part, which is granted for itself: an upload
// may go on over days, and a size that changes on the way is counted as it is.
func (r *request) chargePart(ctx context.Context, k *kind, part NewPart) error {
	return r.charge(ctx, k, part.Key+"?"+strconv.Itoa(part.Number), part.Size)
}

// addPart signs a part, and adds it to what is granted.
func (r *request) addPart(ctx context.Context, g *multipartGrant, part NewPart) error {
	signed, err := r.broker.multipart.SignPart(ctx, part)
	if err != nil {
		return unsigned(err)
	}
	g.Parts = append(g.Parts, partGrant{part.Number, part.Size, signed.URL})
	if g.ExpiresAt == 0 || signed.Expires.Unix() < g.ExpiresAt {
		g.ExpiresAt = signed.Expires.Unix()
	}
	return nil
}

// progress is what S3 has of an object.
type progress struct {
	uploadID string // "" if the object is complete
	checksum string
	there    []bool // see division.present
}

// progress finds the upload that was named, or else the object, or else an
// upload of its key, or else begins one [P-12.3].
func (r *request) progress(ctx context.Context, put Put, d division, req uploadRequest) (progress, error) {
	checksum := req.checksum
	switch checksum {
	case "":
		checksum = ChecksumCRC32
	case ChecksumCRC32, ChecksumCRC64NVME:
	default:
		return progress{}, refuse(CodeBadRequest, "checksum is %q: %s or %s", printable(checksum, 20), ChecksumCRC32, ChecksumCRC64NVME)
	}
	if id := req.parts.uploadID; id != "" {
		return r.resume(ctx, put.Key, id, d)
	}
	if p, err := r.complete(ctx, put, d); err != nil || p.there != nil {
		return p, err
	}
	if p, err := r.begun(ctx, put.Key, d); err != nil || p.uploadID != "" {
		return p, err
	}
	id, err := r.broker.multipart.CreateUpload(ctx, NewUpload{Key: put.Key, ContentType: put.ContentType, Metadata: put.Metadata, Checksum: checksum})
	if err != nil {
		return progress{}, unreachable(err)
	}
	return progress{uploadID: id, checksum: checksum, there: d.present(nil)}, nil
}

// resume tells how far an upload is. The error is a Refusal, with
// ErrNoSuchUpload inside where there is none.
func (r *request) resume(ctx context.Context, key, id string, d division) (progress, error) {
	stored, err := r.broker.multipart.ListParts(ctx, key, id)
	switch {
	case errors.Is(err, ErrNoSuchUpload), err == nil && stored.Checksum == "": // without one it is none of ours
		return progress{}, noSuchUpload()
	case err != nil:
		return progress{}, unreachable(err)
	}
	return progress{id, stored.Checksum, d.present(stored.Parts)}, nil
}

func noSuchUpload() *Refusal {
	return &Refusal{Code: CodeNoSuchUpload, Text: "S3 has no such multipart upload of this key; ask again without uploadId", Cause: ErrNoSuchUpload}
}

// complete tells whether the object is there: a thing that forgot whether it
// reported must not send everything again.
func (r *request) complete(ctx context.Context, put Put, d division) (progress, error) {
	found, err := r.broker.store.Head(ctx, put.Key)
	switch {
	case errors.Is(err, ErrNotFound):
		return progress{}, nil
	case err != nil:
		return progress{}, unreachable(err)
	case found.Size != put.Size:
		return progress{}, refuse(CodeMismatch, "the object is there, with %d bytes, not %d", found.Size, put.Size)
	}
	p := progress{there: make([]bool, d.count+1)}
	for n := range p.there {
		p.there[n] = n >= firstPart
	}
	switch {
	case found.CRC32 != "":
		p.checksum = ChecksumCRC32
	case found.CRC64NVME != "":
		p.checksum = ChecksumCRC64NVME
	}
	return p, nil
}

// begun finds the upload of this very key that was begun first. Every broker, and
// this one after a restart, finds the same.
func (r *request) begun(ctx context.Context, key string, d division) (progress, error) {
	uploads, err := r.uploadsOf(ctx, key)
	if err != nil {
		return progress{}, unreachable(err)
	}
	for _, u := range uploads {
		p, err := r.resume(ctx, key, u.ID, d)
		if !errors.Is(err, ErrNoSuchUpload) { // it may have ended a moment ago
			return p, err
		}
	}
	return progress{}, nil
}

// uploadsOf returns the uploads of this very key, the earliest first.
func (r *request) uploadsOf(ctx context.Context, key string) ([]Upload, error) {
	var list []Upload
	for u, err := range r.broker.multipart.ListUploads(ctx, key) {
		if err != nil {
			return nil, err
		}
		if u.Key != key { // a longer key; they are listed by key
			break
		}
		list = append(list, u)
	}
	slices.SortFunc(list, earlier)
	return list, nil
}

func earlier(a, b Upload) int {
	if n := a.Initiated.Compare(b.Initiated); n != 0 {
		return n
	}
	return strings.Compare(a.ID, b.ID)
}
