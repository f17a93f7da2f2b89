// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

// The front is what a thing speaks to. It does what S3 does and versitygw does
// not:
//
//   - it reads a whole request before it forwards any of it, so that an upload
//     that breaks off is never stored, however politely TLS was closed;
//   - it refuses a signature that is dated in the future;
//   - it asks for a Content-Length;
//   - it refuses keys that lead elsewhere in a file system: to versitygw,
//     cam1/../cam2/x is cam2/x, but for a policy it begins with cam1/;
//   - it takes forms apart, and passes on what S3 would see in them (frontform.go);
//   - it answers as STS, too (sts.go);
//   - it keeps the connection open for the next photo, and closes it on a
//     client that has fallen silent.
//
// What it forwards is byte for byte what was signed: the request line is
// written as it was read. httputil.ReverseProxy is not used for that reason: it
// parses and rebuilds paths and queries, and a signature covers them as sent.

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	headerTimeout = 10 * time.Second // for a request's head
	silence       = 20 * time.Second // longest pause within a body, as S3's RequestTimeout
	keepAlive     = 2 * time.Minute  // between two requests
	stopTimeout   = 2 * time.Second
	maxHeader     = 8 << 10 // S3's own limit for the head of a request, bytes
	maxKey        = 1024    // S3's own limit, bytes
)

// front is an HTTP/1.1 server that forwards complete requests to a socket.
type front struct {
	listener    net.Listener
	server      *http.Server
	view        *http.Server // plain, for looking; nil: there is none
	socket      string       // of versitygw
	virtualHost string       // with port
	accessKey   AccessKey
	region      string
	maxSize     int64 // bytes
	spoolDir    string
	log         *slog.Logger
	now         func() time.Time
	silence     time.Duration
}

func newFront(listener net.Listener, socket, virtualHost string, o *S3Options) *front {
	f := &front{
		listener:    listener,
		socket:      socket,
		virtualHost: virtualHost,
		accessKey:   o.AccessKey,
		region:      o.Region,
		maxSize:     o.MaxObjectSize,
		spoolDir:    o.SpoolDir,
		log:         o.Log,
		now:         time.Now,
		silence:     orDefault(o.Silence, silence),
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true) // S3 speaks nothing newer
	f.server = &http.Server{
		Handler:           f,
		Protocols:         &protocols,
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{o.Certificate}, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       keepAlive,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelInfo),
	}
	go func() {
		if err := f.server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			o.Log.Error("s3 ended by itself: restart it", "error", err)
		}
	}()
	return f
}

// close waits a little for the requests in progress, then ends them.
func (f *front) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	var err error
	for _, server := range []*http.Server{f.server, f.view} {
		if server != nil && server.Shutdown(ctx) != nil {
			err = errors.Join(err, server.Close())
		}
	}
	return err
}

// ServeHTTP answers one request: refuse, or read it whole and forward it.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := f.now()
	sw := &statusWriter{ResponseWriter: w, control: http.NewResponseController(w), silence: f.silence}
	defer func() { // the query is not logged: it is the signature
		f.log.Info("s3", "method", r.Method, "path", r.URL.Path, "status", sw.status,
			"received", r.ContentLength, "ms", f.now().Sub(start).Milliseconds(), "remote", r.RemoteAddr)
	}()
	if err := f.serve(sw, r); err != nil {
		f.refuse(sw, r, err)
	}
}

func (f *front) serve(w *statusWriter, r *http.Request) error {
	if f.isSTS(r) {
		return f.serveSTS(w, r)
	}
	if err := f.precheck(r); err != nil {
		return err
	}
	read := f.spool
	if boundary := formBoundary(r); boundary != "" {
		read = func(w *statusWriter, r *http.Request) (io.ReadCloser, error) { return f.spoolForm(w, r, boundary) }
	}
	body, err := read(w, r)
	if err != nil {
		return err
	}
	defer body.Close()
	return f.forward(w, r, body)
}

// precheck refuses what needs no body to be refused.
func (f *front) precheck(r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodOptions:
	default:
		return s3Error{http.StatusMethodNotAllowed, "MethodNotAllowed", "The specified method is not allowed against this resource."}
	}
	if !strings.HasPrefix(r.RequestURI, "/") {
		return s3Error{http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI."}
	}
	if !awsChunked(r) && (r.ContentLength < 0 || r.Method == http.MethodPut && r.Header.Get("Content-Length") == "") {
		return missingLength
	}
	if len(r.Header["Content-Type"]) > 1 { // which one counts decides whether it is a form
		return s3Error{http.StatusBadRequest, "InvalidRequest", "Content-Type is there twice."}
	}
	if r.ContentLength > f.maxSize {
		return entityTooLarge
	}
	if err := checkKey(f.key(r)); err != nil {
		return err
	}
	return checkDate(r.URL.RawQuery, f.now())
}

// awsChunked tells whether a body comes in chunks of unknown total, whose payload
// is announced instead: the one case in which S3 does without a Content-Length.
// The AWS CLI and SDKs upload like that, with a checksum behind the payload.
func awsChunked(r *http.Request) bool {
	return r.ContentLength < 0 && strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") &&
		r.Header.Get("X-Amz-Decoded-Content-Length") != ""
}

// key is the object that a request names, by path style or by virtual host.
func (f *front) key(r *http.Request) string {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if strings.HasSuffix(r.Host, "."+f.virtualHost) {
		return path
	}
	_, key, _ := strings.Cut(path, "/")
	return key
}

// forward sends a complete request to versitygw and passes its answer on.
func (f *front) forward(w *statusWriter, r *http.Request, body io.Reader) error {
	conn, err := (&net.Dialer{}).DialContext(r.Context(), "unix", f.socket)
	if err != nil {
		return fmt.Errorf("reach versitygw: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(r.Context(), func() { conn.Close() })() // the client has gone

	// versitygw may answer, and close, before it has read everything; its
	// answer counts then, not our broken write.
	go func() { _ = writeRequest(conn, r, body) }()
	response, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		return fmt.Errorf("read versitygw's answer: %w", err)
	}
	defer response.Body.Close()
	dropHopByHop(response.Header)
	for name, values := range response.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(response.StatusCode)
	if _, err := io.Copy(w, response.Body); err != nil {
		panic(http.ErrAbortHandler) // too late for an error: let the client see a broken answer
	}
	return nil
}

// writeRequest repeats a request as it was read, request line included.
func writeRequest(w io.Writer, r *http.Request, body io.Reader) error {
	header := r.Header.Clone()
	dropHopByHop(header)
	header.Del("Expect") // answered by the front already
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n", r.Method, r.RequestURI, r.Host)
	if err := header.Write(out); err != nil {
		return err
	}
	out.WriteString("\r\n")
	if _, err := io.Copy(out, body); err != nil {
		return err
	}
	return out.Flush()
}

// dropHopByHop removes what concerns one connection only (RFC 9110, 7.6.1).
func dropHopByHop(h http.Header) {
	for _, list := range h["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"} {
		h.Del(name)
	}
}

// statusWriter remembers the status, and gives up on a client that takes nothing.
type statusWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	silence time.Duration
	status  int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	if err := w.control.SetWriteDeadline(time.Now().Add(w.silence)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return w.ResponseWriter.Write(p)
}
