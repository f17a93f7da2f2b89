// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"slices"
	"strings"
	"time"
)

// A PassSigner turns a decision into a form by which a thing can store many
// objects below a prefix [P-11].
//
// Everything in Pass must be under the signature; the form must not outlive the
// credentials that signed it. An error means that nothing was granted; the thing
// is told `unavailable`.
type PassSigner interface {
	SignPass(ctx context.Context, pass Pass) (PassGrant, error)
}

// Pass is what the objects have in common that may be stored by one form.
type Pass struct {
	KeyPrefix        string // ends with "/"
	ContentType      string
	MinSize, MaxSize int64             // in bytes
	Metadata         map[string]string // the same for all; names without "x-amz-meta-"
	MetadataNames    []string          // that each object has with a value of its own, likewise
	SHA256           bool              // each object brings its checksum
	Now              time.Time
	TTL              time.Duration
}

// PassGrant is leave to store objects until Expires.
type PassGrant struct {
	URL     string
	Fields  map[string]string // of the form, to be sent exactly so
	Expires time.Time
}

// passReply is the JSON of a pass [P-11.3].
type passReply struct {
	ID        string            `json:"id"`
	Status    string            `json:"status"`
	Time      int64             `json:"time"`
	Mode      string            `json:"mode"`
	KeyPrefix string            `json:"keyPrefix"`
	KeySuffix string            `json:"keySuffix"`
	UploadURL string            `json:"uploadUrl"`
	Fields    map[string]string `json:"fields"`
	MinSize   int64             `json:"minSize"`
	MaxSize   int64             `json:"maxSize"`
	ExpiresAt int64             `json:"expiresAt"`
}

func (p *passReply) stamp(now int64) { p.Time = now }

// pass answers an upload-request in mode pass.
func (r *request) pass(ctx context.Context, k *kind, req uploadRequest) ([]Message, error) {
	entry := Entry{Request: verbUploadRequest, ID: req.id, Mode: ModePass, Kind: k.Name, Code: CodeGranted}
	pass, suffix, err := r.decidePass(k, &req)
	if err != nil {
		return r.conclude(entry, nil, err)
	}
	entry.KeyPrefix, entry.ContentType = pass.KeyPrefix, pass.ContentType
	if err := r.afford(ctx, k); err != nil {
		return r.conclude(entry, nil, err)
	}
	g, err := r.broker.passes.SignPass(ctx, pass)
	if err != nil {
		return r.conclude(entry, nil, unsigned(err))
	}
	entry.ExpiresAt = g.Expires.Unix()
	return r.conclude(entry, &passReply{
		ID:        req.id,
		Status:    statusSuccess,
		Mode:      ModePass,
		KeyPrefix: pass.KeyPrefix,
		KeySuffix: suffix,
		UploadURL: g.URL,
		Fields:    g.Fields,
		MinSize:   pass.MinSize,
		MaxSize:   pass.MaxSize,
		ExpiresAt: g.Expires.Unix(),
	}, nil)
}

// decidePass checks what is wanted against the kind's rules. It also returns
// what keys end with.
func (r *request) decidePass(k *kind, req *uploadRequest) (pass Pass, suffix string, err error) {
	w := &req.single
	t, err := k.contentType(w.contentType)
	if err != nil {
		return Pass{}, "", err
	}
	if err := k.checkPassMetadata(w.metadata, req.metadataNames); err != nil {
		return Pass{}, "", err
	}
	if slices.Contains(req.given, "checksum") && req.checksum != passChecksum {
		return Pass{}, "", refuse(CodeBadRequest, "checksum is %q, a pass takes %q", printable(req.checksum, 40), passChecksum)
	}
	day, err := r.day(w)
	if err != nil {
		return Pass{}, "", err
	}
	return Pass{
		KeyPrefix:     string(k.layout.appendPrefix(nil, r.thing, k.Name, day)),
		ContentType:   t.Name,
		MinSize:       k.MinSize,
		MaxSize:       k.MaxSize,
		Metadata:      w.metadata,
		MetadataNames: req.metadataNames,
		SHA256:        req.checksum == passChecksum,
		Now:           r.now,
		TTL:           k.PassTTL,
	}, k.layout.after(t.Ext), nil
}

const passChecksum = "sha256"

// checkPassMetadata judges both kinds of metadata [P-11.2].
func (k *kind) checkPassMetadata(fixed map[string]string, names []string) error {
	if err := k.checkMetadata(fixed); err != nil {
		return err
	}
	for name, value := range fixed {
		if strings.Contains(value, "${") {
			return refuse(CodeMetadataNotAllowed, "metadata %s: S3 would replace what follows ${ in a form", name)
		}
	}
	for _, name := range names {
		if _, twice := fixed[name]; twice {
			return refuse(CodeMetadataNotAllowed, "metadata %s is both fixed and of each upload", name)
		}
		if name == metadataCapturedAt {
			continue
		}
		if err := k.checkMetadata(map[string]string{name: ""}); err != nil {
			return err
		}
	}
	return nil
}
