// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package thumbs

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the pictures in place of a thumbnail
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"thingpass/broker/fleet"
)

//go:embed broken.svg
var brokenSVG []byte

//go:embed waiting.svg
var waitingSVG []byte

// How long a browser need not ask again. A key is written once [P-5], so its
// thumbnail does not change.
const (
	keepThumb  = "private, max-age=604800, immutable"
	keepBroken = "private, max-age=3600"
)

// ServeHTTP answers with the thumbnail of the photo whose key is in the query, or
// with a picture that says that there is none.
func (t *Thumbs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "a thumbnail can only be read", http.StatusMethodNotAllowed)
		return
	}
	key := r.URL.Query().Get("key")
	if !ValidKey(key) {
		picturePlaceholder(w, r, http.StatusNotFound, brokenSVG)
		return
	}
	small, err := t.Of(r.Context(), key)
	switch {
	case err == nil:
		write(w, r, "image/jpeg", keepThumb, small)
	case errors.Is(err, errBroken):
		write(w, r, "image/svg+xml", keepBroken, brokenSVG)
	case errors.Is(err, fleet.ErrNotFound):
		picturePlaceholder(w, r, http.StatusNotFound, brokenSVG)
	default:
		w.Header().Set("Retry-After", "15")
		picturePlaceholder(w, r, http.StatusServiceUnavailable, waitingSVG)
	}
}

// write answers with a picture, or 304 if the browser has it.
func write(w http.ResponseWriter, r *http.Request, contentType, keep string, body []byte) {
	sum := sha256.Sum256(body)
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", keep)
	h.Set("ETag", `"`+hex.EncodeToString(sum[:12])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// picturePlaceholder is shown by browsers whatever the status is.
func picturePlaceholder(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}
