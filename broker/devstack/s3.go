// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

// The embedded S3 is versitygw with its posix backend: it really verifies
// signatures, conditions and POST policies, and objects are plain files. It
// listens on a private unix socket only; the world speaks to front.go, which
// adds what versitygw lacks. Refused: an S3 that keeps objects in memory
// (photos must survive a restart and be seen with a file manager), and
// versitygw's own TLS listener (it stores a short object when TLS is closed in
// mid-body).

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/middlewares"
)

// DefaultMaxObjectSize is S3's own limit for one PUT, in bytes.
const DefaultMaxObjectSize = 5 << 30

// maxRequests at once; a 503 SlowDown answers those beyond.
const maxRequests = 4096

// maxSocketPath leaves room below the 104 bytes that the shortest sun_path has.
const maxSocketPath = 96

// S3Options says how to start the embedded S3. Dir, Bucket, Certificate and
// AccessKey are required.
type S3Options struct {
	Listen string // address with port, default 127.0.0.1:0
	// View is a loopback address that serves GET and HEAD in plain HTTP, for browsers
	// of this machine, which do not trust Certificate; empty: there is none.
	View        string
	Dir         string          // folder of the buckets: Dir/<bucket>/<key> is the object
	MetaDir     string          // where metadata goes if Dir's file system has no extended attributes; default is "meta" beside Dir
	Bucket      string          // created if missing, private
	Region      string          // default us-east-1
	Certificate tls.Certificate // of the server
	AccessKey   AccessKey       // the only one that is known
	// VirtualHost is the name beneath which buckets are hosts, as in
	// https://<bucket>.<VirtualHost>:<port>/<key>. Default is localhost. Path
	// style works always.
	VirtualHost   string
	VersionsDir   string        // of what was overwritten, beside Dir; empty: nothing is kept of it
	MaxObjectSize int64         // bytes, default DefaultMaxObjectSize
	Silence       time.Duration // longest pause within an upload, default 20 s
	SpoolDir      string        // where large uploads wait until they are complete, default Dir
	Log           *slog.Logger
}

// S3 is a running S3 server.
type S3 struct {
	front    *front
	view     net.Addr // nil: there is none
	inner    *s3api.S3ApiServer
	backend  *posix.Posix
	served   chan error // what the inner server ended with
	cleanups []func()   // in order of creation, run backwards
	runDir   string
	metadata string
	closed   sync.Once
}

// StartS3 serves S3 over HTTPS until Close; ctx bounds the start only.
//
// versitygw moves the whole process into Dir, so a process runs one S3 at a
// time (a second StartS3 is an error) and should hold no relative paths.
func StartS3(ctx context.Context, o S3Options) (_ *S3, err error) {
	if err := o.complete(); err != nil {
		return nil, fmt.Errorf("start S3: %w", err)
	}
	s := &S3{served: make(chan error, 1)}
	defer func() {
		if err != nil {
			if s.front != nil {
				_ = s.front.close()
			}
			s.cleanup()
			err = fmt.Errorf("start S3: %w", err)
		}
	}()
	if err := s.takeWorkingDir(); err != nil {
		return nil, err
	}
	if err := s.takeRunDir(&o); err != nil {
		return nil, err
	}
	listener, err := listen(ctx, "S3", o.Listen)
	if err != nil {
		return nil, err
	}
	s.later(func() { listener.Close() })
	if err := s.openBackend(ctx, &o); err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, err
	}
	virtualHost := net.JoinHostPort(o.VirtualHost, port)
	socket, err := s.serveInner(ctx, &o, virtualHost)
	if err != nil {
		return nil, err
	}
	s.front = newFront(listener, socket, virtualHost, &o)
	if err := s.startView(ctx, o.View); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *S3) startView(ctx context.Context, address string) error {
	if address == "" {
		return nil
	}
	if err := checkLoopback(address); err != nil {
		return err
	}
	listener, err := listen(ctx, "View", address)
	if err != nil {
		return err
	}
	s.view = listener.Addr()
	s.front.serveView(listener)
	return nil
}

// complete fills defaults in and refuses what cannot work.
func (o *S3Options) complete() error {
	var err error
	if o.Dir == "" || o.Bucket == "" {
		return errors.New("both a folder and a bucket are needed")
	}
	if !validBucket(o.Bucket) {
		return fmt.Errorf("bucket %q: a name has 3 to 63 of a-z 0-9 - and begins and ends with a letter or digit", o.Bucket)
	}
	if len(o.Certificate.Certificate) == 0 {
		return errors.New("a server certificate is needed")
	}
	if o.AccessKey.ID == "" || o.AccessKey.Secret == "" {
		return errors.New("an access key is needed")
	}
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return err
	}
	o.Listen = orDefault(o.Listen, "127.0.0.1:0")
	o.Region = orDefault(o.Region, DefaultRegion)
	o.VirtualHost = orDefault(o.VirtualHost, "localhost")
	o.MetaDir = orDefault(o.MetaDir, filepath.Join(filepath.Dir(o.Dir), "meta"))
	if o.MetaDir, err = filepath.Abs(o.MetaDir); err != nil {
		return err
	}
	if o.VersionsDir != "" {
		if o.VersionsDir, err = filepath.Abs(o.VersionsDir); err != nil {
			return err
		}
	}
	o.SpoolDir = orDefault(o.SpoolDir, o.Dir)
	o.MaxObjectSize = orDefault(o.MaxObjectSize, DefaultMaxObjectSize)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// serveInner starts versitygw on a private socket and returns the socket's path.
func (s *S3) serveInner(ctx context.Context, o *S3Options, virtualHost string) (string, error) {
	socket, err := s.privateSocket()
	if err != nil {
		return "", err
	}
	ready := make(chan struct{})
	s.inner, err = s3api.New(uploadsBackend{s.backend, o.Dir, new(sync.RWMutex)},
		middlewares.RootUserConfig{Access: o.AccessKey.ID, Secret: o.AccessKey.Secret},
		o.Region, accounts{key: o.AccessKey}, nil, nil, nil, nil,
		s3api.WithQuiet(),
		s3api.WithConcurrencyLimiter(maxRequests, maxRequests), // its default is none at all
		s3api.WithSocketPerm(0o600),
		s3api.WithHostStyle(virtualHost),
		s3api.WithOnListen(func() { close(ready) }),
	)
	if err != nil {
		return "", fmt.Errorf("set versitygw up: %w", err)
	}
	go func() { s.served <- s.inner.ServeMultiPort([]string{socket}) }()
	select {
	case <-ready:
		s.later(s.stopInner)
		return socket, nil
	case err := <-s.served:
		return "", fmt.Errorf("serve on the private socket: %w", err)
	case <-ctx.Done():
		return "", fmt.Errorf("wait for versitygw: %w", ctx.Err())
	}
}

// takeRunDir takes the folder of what a running S3 needs, which no other user
// may enter, and with it the sole right to Dir.
func (s *S3) takeRunDir(o *S3Options) error {
	s.runDir = filepath.Join(filepath.Dir(o.Dir), "."+filepath.Base(o.Dir)+"-run")
	if err := os.MkdirAll(s.runDir, 0o700); err != nil {
		return fmt.Errorf("make a folder for the private socket: %w", err)
	}
	unlock, err := lock(filepath.Join(s.runDir, "lock"))
	if errors.Is(err, errLocked) {
		return fmt.Errorf("another process runs an S3 on %s: stop it, or use another folder", o.Dir)
	}
	if err != nil {
		return err
	}
	s.later(unlock)
	return nil
}

// privateSocket names the inner server's socket. Such names are short by law,
// so a folder deep down gets its socket elsewhere.
func (s *S3) privateSocket() (string, error) {
	// versitygw takes a name with a colon for host:port, and removes what an
	// earlier run left.
	if socket := filepath.Join(s.runDir, "socket"); len(socket) <= maxSocketPath && !strings.Contains(socket, ":") {
		return socket, nil
	}
	dir, err := os.MkdirTemp("/tmp", "thingpass-") // mode 0700
	if err != nil {
		return "", fmt.Errorf("make a folder for the private socket: %w", err)
	}
	s.later(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "socket"), nil
}

// stopInner lets versitygw finish what it is doing, for a while.
func (s *S3) stopInner() {
	done := make(chan struct{})
	go func() { defer close(done); _ = s.inner.ShutDown() }()
	select {
	case <-done:
	case <-time.After(stopTimeout):
	}
}

// Addr is where the server listens.
func (s *S3) Addr() net.Addr { return s.front.listener.Addr() }

// View is where browsers look, or nil.
func (s *S3) View() net.Addr { return s.view }

// Metadata says where the objects' metadata is kept: "extended attributes", or
// the folder for file systems that have none.
func (s *S3) Metadata() string { return s.metadata }

// Close ends the server within a few seconds, uploads in progress included: a
// half-sent object is never stored.
func (s *S3) Close() error {
	var err error
	s.closed.Do(func() {
		err = s.front.close()
		s.cleanup()
	})
	return err
}

func (s *S3) later(f func()) { s.cleanups = append(s.cleanups, f) }

func (s *S3) cleanup() {
	for i := len(s.cleanups) - 1; i >= 0; i-- {
		s.cleanups[i]()
	}
	s.cleanups = nil
}
