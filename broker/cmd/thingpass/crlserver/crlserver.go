// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package crlserver serves revocation lists over HTTP:
//
//	/crl.pem               all, in PEM           application/x-pem-file
//	/ca.crl                one, in DER           application/pkix-crl (RFC 5280, 4.2.1.13)
//	/intermediate-1.crl    …
//
// Each request reads the newest list from the disk. Lists are public: they are
// signed, and no secret is in them; so is no encryption needed.
package crlserver

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"time"

	"thingpass/certs"
)

// New serves the lists of a directory.
func New(dir *certs.Dir) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "use GET", http.StatusMethodNotAllowed)
			return
		}
		lists, err := dir.CRLs()
		if err != nil {
			http.Error(w, "the list cannot be read", http.StatusInternalServerError)
			return
		}
		serve(w, r, lists)
	})
}

func serve(w http.ResponseWriter, r *http.Request, lists []certs.CRL) {
	if r.URL.Path == "/crl.pem" && len(lists) > 0 {
		var text bytes.Buffer
		newest, next := lists[0].ThisUpdate, lists[0].NextUpdate
		for _, l := range lists {
			_ = pem.Encode(&text, &pem.Block{Type: "X509 CRL", Bytes: l.DER()}) // a Buffer takes all
			if l.ThisUpdate.After(newest) {
				newest = l.ThisUpdate
			}
			if l.NextUpdate.Before(next) {
				next = l.NextUpdate
			}
		}
		send(w, r, text.Bytes(), "application/x-pem-file", newest, next)
		return
	}
	for _, l := range lists {
		if r.URL.Path == "/"+l.Slug+".crl" {
			send(w, r, l.DER(), "application/pkix-crl", l.ThisUpdate, l.NextUpdate)
			return
		}
	}
	http.NotFound(w, r)
}

// send leaves If-None-Match, If-Modified-Since and Range to net/http.
func send(w http.ResponseWriter, r *http.Request, data []byte, kind string, made, next time.Time) {
	sum := sha256.Sum256(data)
	w.Header().Set("Content-Type", kind)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	w.Header().Set("Cache-Control", "no-cache") // ask again: an old list lets in who was revoked
	w.Header().Set("Expires", next.UTC().Format(http.TimeFormat))
	http.ServeContent(w, r, "", made, bytes.NewReader(data))
}
