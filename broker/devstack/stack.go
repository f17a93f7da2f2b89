// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"thingpass/broker/credprovider"
	"thingpass/certs"
	"thingpass/policies/registry"
)

// DefaultObserver is the service that may watch <root>/+/uploaded.
const DefaultObserver = "thingpass-observer"

// DefaultBucket is what the bucket is called unless told otherwise.
const DefaultBucket = "photos"

// A Part of the stack can run alone.
type Part string

// The parts; Both is the default.
const (
	Both     Part = ""
	OnlyMQTT Part = "mqtt"
	OnlyS3   Part = "s3"
)

// Options says how to start the stack. Only Dir is required.
type Options struct {
	// Dir holds everything that outlives a run:
	//
	//	certs/                CA, the broker's certificate, things' certificates
	//	s3/<bucket>/<key>     the objects, as plain files
	//	s3-credentials.json   the access key
	//	broker.yaml           a configuration for `thingpass run`
	//	registry.yaml         who is who and may do what, if there is such a file
	Dir       string
	Listen    string // host or address, default 127.0.0.1; 0.0.0.0 is every address
	Advertise string // host that things use, and that signed URLs contain; default is Listen's
	MQTTPort  int    // 0 is any free port
	S3Port    int    // 0 is any free port
	// ProviderPort is that of the credential provider, which runs with S3; 0 is
	// any free port.
	ProviderPort int
	// ViewPort is where browsers of this machine look at objects, in plain HTTP on the
	// loopback interface; 0 is any free port.
	ViewPort int
	// ConsolePort goes into a new broker.yaml: that of the broker's console; 0 is any
	// free port, which the broker tells.
	ConsolePort int
	Bucket      string // default DefaultBucket
	Region      string // default DefaultRegion
	// Root is that of the topics; default that of the registry, or DefaultRoot.
	Root string
	// Registry is the file that says who is who and may do what; default Dir's
	// registry.yaml, if there is one, and else registry.Default in memory.
	Registry string
	Only     Part
	// Templates has the MQTT server provision things by claim: the certificate of the
	// service thingpass-claim, which is made. None: it does not.
	Templates []Template
	Strict    *Strict // see MQTTOptions
	WebSocket bool    // serve MQTT over WebSocket, too: who signs with the access key is the broker
	WebPort   int     // 0 is any free port
	Log       *slog.Logger
}

// A Stack is a running MQTT server and a running S3, or one of them.
type Stack struct {
	MQTT *MQTT // nil if only S3 runs
	S3   *S3   // nil if only MQTT runs
	// Provider gives things credentials for S3; nil if only MQTT runs.
	Provider *credprovider.Server
	ready    Ready
	registry *registry.Store // nil: there is no file
	unwatch  func()          // ends the watch of that file
}

// Start makes what is missing in o.Dir and starts the stack, which runs until
// Close; ctx bounds the start only. A process runs one S3 at a time (see StartS3).
func Start(ctx context.Context, o Options) (_ *Stack, err error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	h, err := findHosts(o.Listen, o.Advertise)
	if err != nil {
		return nil, err
	}
	// Two processes may prepare one folder at once, each for its part.
	unlock, err := awaitLock(ctx, filepath.Join(o.Dir, ".lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	s := &Stack{unwatch: func() {}}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	if err := s.openRegistry(&o); err != nil {
		return nil, err
	}
	if err := s.start(ctx, &o, h); err != nil {
		return nil, err
	}
	return s, s.writeBrokerConfig(&o)
}

func (o *Options) complete() error {
	switch o.Only {
	case Both, OnlyMQTT, OnlyS3:
	default:
		return fmt.Errorf("only %q: want mqtt or s3", o.Only)
	}
	o.Bucket = cmp.Or(o.Bucket, DefaultBucket)
	o.Region = cmp.Or(o.Region, DefaultRegion)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	var err error
	o.Dir, err = prepareDir(o.Dir)
	return err
}

// prepareDir makes the stack's folder, which holds keys: nobody else may look
// into it, and Git is not to take it.
func prepareDir(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("a folder is needed, to keep certificates and objects in")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("*\n"), 0o644)
}

// start prepares identities and starts what was asked for.
func (s *Stack) start(ctx context.Context, o *Options, h hosts) error {
	d, err := openCerts(o.Dir)
	if err != nil {
		return err
	}
	brokerFiles, err := service(d, s.value("broker"))
	if err != nil {
		return err
	}
	if _, err := service(d, s.value("observer")); err != nil {
		return err
	}
	server, err := d.CA().Server(h.all)
	if err != nil {
		return err
	}
	s.ready = Ready{
		Host:     h.public,
		Local:    h.isLocal(),
		Dir:      o.Dir,
		CAFile:   d.Files(certs.Authority, "").Cert,
		CertsDir: d.Path(),
		Broker:   brokerFiles,
	}
	if o.Only != OnlyS3 {
		if err := s.startMQTT(ctx, o, h, d, server); err != nil {
			return err
		}
	}
	if o.Only != OnlyMQTT {
		if err := s.startS3(ctx, o, h, server); err != nil {
			return err
		}
		return s.startProvider(ctx, o, h, d, server)
	}
	return nil
}

// portOf is that of a TCP listener.
func portOf(addr net.Addr) int { return addr.(*net.TCPAddr).Port }

// keyFile is where the access key is.
func (o *Options) keyFile() string { return filepath.Join(o.Dir, "s3-credentials.json") }

func (s *Stack) startS3(ctx context.Context, o *Options, h hosts, server certs.Identity) error {
	keyFile := o.keyFile()
	key, err := LoadAccessKey(keyFile)
	if err != nil {
		return err
	}
	dir := filepath.Join(o.Dir, "s3")
	s.S3, err = StartS3(ctx, S3Options{
		Listen:      net.JoinHostPort(h.listen, strconv.Itoa(o.S3Port)),
		View:        net.JoinHostPort("127.0.0.1", strconv.Itoa(o.ViewPort)),
		Dir:         dir,
		MetaDir:     filepath.Join(o.Dir, "meta"),
		Bucket:      o.Bucket,
		Region:      o.Region,
		Certificate: server.TLSCertificate(),
		AccessKey:   key,
		VirtualHost: h.virtual(),
		Log:         o.Log,
	})
	if err != nil {
		return err
	}
	s.ready.S3 = &ReadyS3{
		Endpoint: "https://" + net.JoinHostPort(h.public, strconv.Itoa(portOf(s.S3.Addr()))),
		View:     "http://" + s.S3.View().String(),
		Bucket:   o.Bucket,
		Region:   o.Region,
		DataDir:  dir,
		KeyFile:  keyFile,
		Role:     Role,
		Metadata: s.S3.Metadata(),
	}
	return nil
}

// Ready says where everything is.
func (s *Stack) Ready() Ready { return s.ready }

// Close ends what runs, within a few seconds.
func (s *Stack) Close() error {
	s.unwatch()
	done := make(chan error, 1)
	go func() {
		if s.MQTT == nil {
			done <- nil
			return
		}
		done <- s.MQTT.Close()
	}()
	var err error
	if s.Provider != nil {
		err = s.Provider.Close()
	}
	if s.S3 != nil {
		err = errors.Join(err, s.S3.Close())
	}
	return errors.Join(err, <-done)
}
