// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed static
var staticFiles embed.FS

// A file is one that never changes under its name, which has its hash in it.
type file struct {
	contentType  string
	plain, small []byte // small: gzip
}

var loadStatic = sync.OnceValues(func() (names map[string]string, files map[string]file) {
	names, files = map[string]string{}, map[string]file{}
	for name, contentType := range map[string]string{
		"console.css":  "text/css; charset=utf-8",
		"live.js":      "text/javascript; charset=utf-8",
		"icon.svg":     "image/svg+xml",
		"htmx.LICENSE": "text/plain; charset=utf-8",
	} {
		plain := contents(name)
		sum := sha256.Sum256(plain)
		ext := path.Ext(name)
		names[name] = strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		files[names[name]] = file{contentType, plain, compress(plain)}
	}
	return names, files
})

// contents of a static file. live.js is htmx and its extension in one: as two files,
// htmx would start without the extension whenever the second comes late.
func contents(name string) []byte {
	parts := []string{name}
	if name == "live.js" {
		parts = []string{"htmx.min.js", "hx-sse.min.js"}
	}
	var all []byte
	for _, part := range parts {
		text, _ := staticFiles.ReadFile("static/" + part) // a test asks for all names
		all = append(append(all, text...), '\n')
	}
	return all
}

func compress(plain []byte) []byte {
	var small bytes.Buffer
	z, _ := gzip.NewWriterLevel(&small, gzip.BestCompression)
	_, _ = z.Write(plain) // into memory
	_ = z.Close()
	return small.Bytes()
}

// Static returns the address of a static file, such as "console.css"; "" if there is
// none.
func Static(name string) string {
	names, _ := loadStatic()
	if names[name] == "" {
		return ""
	}
	return "/static/" + names[name]
}

// signInStyle is what package access, which knows no hashes, calls the style sheet.
const signInStyle = "style.css"

func static(w http.ResponseWriter, r *http.Request) {
	names, files := loadStatic()
	name, keep := r.PathValue("name"), "public, max-age=31536000, immutable"
	if name == signInStyle {
		name, keep = names["console.css"], "public, max-age=300"
	}
	f, ok := files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", keep)
	h.Set("Vary", "Accept-Encoding")
	body := f.plain
	if takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = f.small
	}
	_, _ = w.Write(body)
}

func takesGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if name == "gzip" {
			return strings.TrimSpace(q) != "q=0"
		}
	}
	return false
}
