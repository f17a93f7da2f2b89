// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package thumbs makes small pictures of the photos in the bucket: each once, kept
// in the bucket beside the fleet's own objects, for all replicas and restarts.
//
// A photo comes from a thing, and a thing may be anybody's. So at most one or two
// are decoded at a time, none before its size is known, and one that cannot be
// decoded is remembered as such. What else the file had (where it was taken, by
// what) does not reach the small picture.
package thumbs

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"strings"
	"time"

	"thingpass/broker"
	"thingpass/broker/fleet"
)

// The defaults of Config.
const (
	DefaultMaxBytes  = 16 << 20
	DefaultMaxPixels = 40_000_000
	DefaultTimeout   = 15 * time.Second
	defaultParallel  = 1
	maxParallel      = 2
	maxWaiting       = 512 // thumbnails that are asked for at the same time
)

const (
	maxKey       = 1024 // bytes, S3
	maxThumb     = 256 << 10
	cacheBytes   = 16 << 20
	troubleTime  = 15 * time.Second // before the bucket is asked again after it failed
	storeTimeout = 10 * time.Second
)

var (
	errBusy   = errors.New("too many thumbnails are being made")
	errBroken = errors.New("it cannot be decoded") // remembered
)

// Config is what thumbnails are made with.
type Config struct {
	Files  fleet.Files // where they are kept
	Prefix string      // of their keys; "": fleet.DefaultPrefix
	// Read is Files.Get for photos; nil: Files.Get.
	Read      func(ctx context.Context, key string, limit int64) ([]byte, error)
	MaxBytes  int64         // of a photo; 0: DefaultMaxBytes
	MaxPixels int           // of a photo; 0: DefaultMaxPixels
	Parallel  int           // photos that are decoded at a time; 0: 1, at most 2
	Timeout   time.Duration // for a thumbnail, waiting included; 0: DefaultTimeout
	Log       *slog.Logger  // nil: none
}

// Thumbs serves thumbnails. It is safe for concurrent use.
type Thumbs struct {
	cfg     Config
	decode  chan struct{} // a place for each decoder
	cache   *cache
	flights flights
}

// New returns a handler of GET …?key=<key of the photo>.
func New(cfg Config) *Thumbs {
	cfg.Prefix = cmp.Or(cfg.Prefix, fleet.DefaultPrefix)
	cfg.MaxBytes = cmp.Or(cfg.MaxBytes, DefaultMaxBytes)
	cfg.MaxPixels = cmp.Or(cfg.MaxPixels, DefaultMaxPixels)
	cfg.Timeout = cmp.Or(cfg.Timeout, DefaultTimeout)
	cfg.Parallel = min(cmp.Or(cfg.Parallel, defaultParallel), maxParallel)
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	if cfg.Read == nil {
		cfg.Read = cfg.Files.Get
	}
	return &Thumbs{cfg: cfg, decode: make(chan struct{}, cfg.Parallel), cache: newCache(cacheBytes), flights: flights{most: maxWaiting}}
}

// ValidKey reports whether key can be that of a thing's object: below the name of a
// thing, as S3 allows it. The fleet's own objects are below none.
func ValidKey(key string) bool {
	thing, rest, _ := strings.Cut(key, "/")
	return len(key) <= maxKey && broker.ValidThing(thing) && rest != "" && strings.ToValidUTF8(key, "") == key && !strings.ContainsRune(key, 0)
}

// keyOf is where the thumbnail of a photo is kept. No thing has a dot in its name,
// so the two forms never meet.
func (t *Thumbs) keyOf(photo string) string {
	if key := t.cfg.Prefix + "thumbs/" + photo + ".jpg"; len(key) <= maxKey {
		return key
	}
	sum := sha256.Sum256([]byte(photo))
	return t.cfg.Prefix + "thumbs/.long/" + hex.EncodeToString(sum[:]) + ".jpg"
}

// Of returns the thumbnail of a photo, a JPEG. It is made if there is none yet, even
// if the caller goes away meanwhile.
func (t *Thumbs) Of(ctx context.Context, photo string) ([]byte, error) {
	if p, ok := t.cache.get(photo); ok {
		return p.jpeg, p.err
	}
	return t.flights.do(ctx, photo, func() ([]byte, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.cfg.Timeout)
		defer cancel()
		jpeg, err := t.find(ctx, photo)
		switch {
		case err == nil || errors.Is(err, errBroken):
			t.cache.put(photo, picture{jpeg: jpeg, err: err}, 0)
		case !errors.Is(err, fleet.ErrNotFound):
			t.cfg.Log.Warn("a thumbnail could not be made", "key", photo, "err", err)
			t.cache.put(photo, picture{err: err}, troubleTime)
		}
		return jpeg, err
	})
}

// find returns the thumbnail that is kept, or makes and keeps it.
func (t *Thumbs) find(ctx context.Context, photo string) ([]byte, error) {
	kept, err := t.cfg.Files.Get(ctx, t.keyOf(photo), maxThumb)
	switch {
	case err == nil && string(kept) == brokenMark:
		return nil, errBroken
	case err == nil && isJPEG(kept):
		return kept, nil
	case err != nil && !errors.Is(err, fleet.ErrNotFound):
		return nil, err
	}
	made, err := t.makeOf(ctx, photo)
	keep := made
	if errors.Is(err, errBroken) {
		t.cfg.Log.Info("a photo has no thumbnail", "key", photo, "err", err)
		keep = []byte(brokenMark)
	} else if err != nil {
		return nil, err
	}
	storing, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if err := t.cfg.Files.Put(storing, t.keyOf(photo), contentType(keep), keep); err != nil {
		t.cfg.Log.Warn("a thumbnail could not be kept; it will be made again", "key", photo, "err", err)
	}
	return made, err
}

// brokenMark is kept in place of a thumbnail that cannot be made.
const brokenMark = "no thumbnail\n"

func contentType(kept []byte) string {
	if isJPEG(kept) {
		return "image/jpeg"
	}
	return "text/plain"
}

// makeOf reads and decodes a photo when it is its turn: what waits holds no memory.
func (t *Thumbs) makeOf(ctx context.Context, photo string) ([]byte, error) {
	select {
	case t.decode <- struct{}{}:
		defer func() { <-t.decode }()
	case <-ctx.Done():
		return nil, errBusy
	}
	file, err := t.cfg.Read(ctx, photo, t.cfg.MaxBytes)
	if errors.Is(err, fleet.ErrTooLarge) || int64(len(file)) > t.cfg.MaxBytes {
		return nil, errors.Join(errBroken, fleet.ErrTooLarge)
	}
	if err != nil {
		return nil, err
	}
	return shrink(file, t.cfg.MaxPixels)
}
