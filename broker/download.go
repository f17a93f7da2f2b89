// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// A DownloadSigner turns a decision into a URL from which a thing can fetch.
//
// Everything in Get must be under the signature, and Range must not, so that a
// download that broke off can go on. An error means that nothing was granted;
// the thing is told `unavailable`.
type DownloadSigner interface {
	SignGet(ctx context.Context, get Get) (Grant, error)
}

// Get is one version of one object: VersionID's or, where that is empty, the one
// with this ETag. There is never neither.
type Get struct {
	Key             string
	VersionID, ETag string
	Now             time.Time
	TTL             time.Duration
}

// getReply is the JSON of a download's grant [P-13.4], or of the answer that the
// thing has it already [P-13.6].
type getReply struct {
	ID          string            `json:"id"`
	Status      string            `json:"status"`
	Time        int64             `json:"time"`
	Mode        string            `json:"mode"`
	ObjectKey   string            `json:"objectKey"`
	DownloadURL string            `json:"downloadUrl,omitempty"`
	Headers     map[string]string `json:"headers,omitempty"`
	Unchanged   bool              `json:"unchanged,omitempty"`
	Size        int64             `json:"size"`
	ContentType string            `json:"contentType,omitempty"`
	SHA256      string            `json:"sha256,omitempty"`
	ETag        string            `json:"etag,omitempty"`
	VersionID   string            `json:"versionId,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	ExpiresAt   int64             `json:"expiresAt,omitempty"`
}

func (g *getReply) stamp(now int64) { g.Time = now }

// downloadRequest answers a download-request [P-13]: parse, name, ask S3, sign,
// audit, reply.
func (r *request) downloadRequest(ctx context.Context, payload []byte) ([]Message, error) {
	req, err := decodeDownloadRequest(payload)
	if err != nil {
		return r.refuse(verbDownloadRequest, req.id, payload, err)
	}
	k := r.broker.kinds[req.kind]
	if k == nil {
		return r.refuse(verbDownloadRequest, req.id, payload, refuse(CodeUnknownKind, "kind %q is not configured", printable(req.kind, 40)))
	}
	entry := Entry{Request: verbDownloadRequest, ID: req.id, Mode: ModeGet, Kind: k.Name, Code: CodeGranted}
	if err := k.offers(ModeGet); err != nil {
		return r.conclude(entry, nil, err)
	}
	if err := r.admitKind(ctx, k); err != nil {
		return r.refuse(verbDownloadRequest, req.id, payload, err)
	}
	return r.get(ctx, k, &req, entry)
}

func (r *request) get(ctx context.Context, k *kind, req *downloadRequest, entry Entry) ([]Message, error) {
	key, err := r.nameObject(k, req)
	if err != nil {
		entry.Key = printable(req.objectKey, maxKey)
		return r.conclude(entry, nil, err)
	}
	entry.Key = key
	found, err := r.find(ctx, key)
	if err != nil {
		return r.conclude(entry, nil, err)
	}
	answer := describeObject(req.id, key, found)
	entry.Size, entry.SHA256 = answer.Size, answer.SHA256
	if req.has(answer) {
		answer.Unchanged, entry.Code = true, CodeUnchanged
		return r.conclude(entry, answer, nil)
	}
	g, err := r.broker.downloads.SignGet(ctx, Get{Key: key, VersionID: found.VersionID, ETag: found.ETag, Now: r.now, TTL: k.TTL})
	if err != nil {
		return r.conclude(entry, nil, unsigned(err))
	}
	answer.DownloadURL, answer.Headers, answer.ExpiresAt = g.URL, g.Headers, g.Expires.Unix()
	answer.Metadata, entry.ExpiresAt = found.Metadata, answer.ExpiresAt
	return r.conclude(entry, answer, nil)
}

// find asks S3 for the object that there is now. What cannot be pinned is not
// given: a download that goes on later would mix two versions.
func (r *request) find(ctx context.Context, key string) (Object, error) {
	found, err := r.broker.store.Head(ctx, key)
	switch {
	case errors.Is(err, ErrNotFound):
		return Object{}, refuse(CodeNotFound, "there is no such object")
	case err != nil:
		return Object{}, &Refusal{Code: CodeUnavailable, Text: "the bucket cannot be asked; ask again later", Cause: err}
	case found.VersionID == "" && found.ETag == "":
		return Object{}, &Refusal{Code: CodeUnavailable, Text: "the bucket cannot tell which version it has", Cause: errors.New("neither ETag nor version")}
	}
	return found, nil
}

func describeObject(id, key string, found Object) *getReply {
	return &getReply{
		ID:          id,
		Status:      statusSuccess,
		Mode:        ModeGet,
		ObjectKey:   key,
		Size:        found.Size,
		ContentType: found.ContentType,
		SHA256:      knownSHA256(found),
		ETag:        found.ETag,
		VersionID:   found.VersionID,
	}
}

// knownSHA256 is S3's own checksum or, where it keeps none of the whole object,
// what whoever stored it wrote into the metadata.
func knownSHA256(found Object) string {
	if sum := hexSum(found.SHA256); sum != "" {
		return sum
	}
	if noted := strings.ToLower(found.Metadata["sha256"]); len(noted) == 64 && isHex(noted) {
		return noted
	}
	return ""
}

// nameObject returns the key of what is wanted, if this thing may have it.
func (r *request) nameObject(k *kind, req *downloadRequest) (string, error) {
	if k.shared == nil {
		return r.nameOwn(k, req)
	}
	return r.nameShared(k, req)
}

// nameOwn takes a key that this thing was granted before [P-3.3].
func (r *request) nameOwn(k *kind, req *downloadRequest) (string, error) {
	switch {
	case req.hasName || req.hasGroup:
		return "", refuse(CodeBadRequest, "name and group are for shared objects; kind %s has a thing's own: give objectKey", k.Name)
	case req.objectKey == "":
		return "", refuse(CodeBadRequest, "objectKey is missing")
	case !k.made(req.objectKey, r.thing):
		return "", refuse(CodeKeyNotAllowed, "objectKey is not one of this thing and kind")
	}
	return req.objectKey, nil
}

// nameShared judges who asks before what is asked for: a stranger learns nothing.
func (r *request) nameShared(k *kind, req *downloadRequest) (string, error) {
	groups := r.broker.groupsOf(k, r.thing)
	everybody := slices.Contains(k.AllowThings, everyThing) || slices.Contains(k.AllowThings, r.thing)
	if !everybody && len(groups) == 0 {
		return "", refuse(CodeKeyNotAllowed, "kind %s is not for this thing", k.Name)
	}
	if req.hasKey {
		return "", refuse(CodeBadRequest, "objectKey is for a thing's own objects; kind %s has shared ones: give name", k.Name)
	}
	if req.hasName && !k.shared.has("name") {
		return "", refuse(CodeBadRequest, "kind %s has no names to choose from", k.Name)
	}
	group, err := chooseGroup(k, req, groups)
	if err != nil {
		return "", err
	}
	name := DefaultObjectName
	if req.hasName {
		name = req.name
	}
	return k.shared.key(r.thing, group, name), nil
}

// chooseGroup returns the group in whose folder the object is [P-13.3].
func chooseGroup(k *kind, req *downloadRequest, groups []string) (string, error) {
	switch {
	case !k.shared.has("group"):
		if req.hasGroup {
			return "", refuse(CodeBadRequest, "kind %s has no groups to choose from", k.Name)
		}
		return "", nil
	case req.hasGroup && !slices.Contains(groups, req.group):
		return "", refuse(CodeKeyNotAllowed, "this thing is not in the group, or kind %s not for it", k.Name)
	case req.hasGroup:
		return req.group, nil
	case len(groups) > 1:
		return "", refuse(CodeBadRequest, "group is missing: this thing is in more than one")
	}
	return groups[0], nil
}
