// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package integration_test runs the programs as their users do: a real
// Mosquitto with mutual TLS and policies/mosquitto.acl, or an MQTT server that
// refuses what AWS IoT Core refuses (see serverVariable), the S3 of the dev stack,
// the broker, and virtual things, each a process of its own.
package integration_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thingpass/broker/internal/fakesqs"
	"thingpass/certs"
)

const (
	serviceName = "thingpass-broker"
	bucket      = "photos"
)

// A stack is everything that a thing needs to store photos.
type stack struct {
	tb     testing.TB
	dir    string
	mqtt   *server
	s3     *child
	broker *child
	ready  readyFile
	extra  string         // settings besides the usual ones
	queue  *fakesqs.Queue // that tells the broker what is stored; nil: none
}

// readyFile is what `thingpass-dev --ready-file` writes.
type readyFile struct {
	S3 struct {
		Endpoint string `json:"endpoint"`
		View     string `json:"view"`
		Bucket   string `json:"bucket"`
		Region   string `json:"region"`
		DataDir  string `json:"dataDir"`
		KeyFile  string `json:"accessKeyFile"`
		Role     string `json:"role"`
	} `json:"s3"`
	CredentialProvider struct {
		Endpoint string `json:"endpoint"`
	} `json:"credentialProvider"`
	CAFile string `json:"caFile"`
}

func newStack(tb testing.TB) *stack {
	tb.Helper()
	s := &stack{tb: tb, dir: tb.TempDir()}
	tb.Cleanup(s.judgeTraces)
	s.startS3()
	s.mqtt = startServer(tb, s.dir)
	s.writeIdentity("broker", service(tb, s.mqtt.ca, serviceName))
	s.write("mqtt-ca.crt", string(s.mqtt.ca.CertPEM()))
	s.startBroker()
	return s
}

func service(tb testing.TB, ca *certs.CA, name string) certs.Identity {
	tb.Helper()
	id, err := ca.Service(name)
	if err != nil {
		tb.Fatal(err)
	}
	return id
}

func (s *stack) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stack) write(name, text string) {
	s.tb.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.tb.Fatal(err)
	}
}

func (s *stack) writeIdentity(name string, id certs.Identity) {
	s.tb.Helper()
	s.write(name+".crt", string(id.CertPEM()))
	s.write(name+".key", string(id.KeyPEM()))
	secrets.LearnPEM("the key of "+name, id.KeyPEM())
}

// startS3 starts the S3 for the first time, on a free port.
func (s *stack) startS3() { s.runS3("0") }

// restartS3 starts it again at the same address, with the same files.
func (s *stack) restartS3() {
	endpoint := s.ready.S3.Endpoint
	s.runS3(endpoint[strings.LastIndexByte(endpoint, ':')+1:])
}

func (s *stack) runS3(port string) {
	s.tb.Helper()
	_ = os.Remove(s.path("ready.json")) // of the run before
	s.s3 = start(s.tb, "thingpass-dev", "run", "--only", "s3", "--dir", s.path("dev"), "--bucket", bucket,
		"--s3-port", port, "--ready-file", s.path("ready.json"))
	await(s.tb, "the S3 to be ready", func() bool {
		text, err := os.ReadFile(s.path("ready.json"))
		select {
		case <-s.s3.done:
			s.tb.Fatalf("the S3 ended:\n%s", s.s3.text())
		default:
		}
		return err == nil && json.Unmarshal(text, &s.ready) == nil
	})
	if err := secrets.LearnAccessKey(s.ready.S3.KeyFile); err != nil {
		s.tb.Fatal(err)
	}
}

// startBroker starts the broker; a second call after kill9 starts it again.
func (s *stack) startBroker() {
	s.tb.Helper()
	s.write("broker.yaml", s.config())
	s.broker = start(s.tb, "thingpass", "run", "--config", s.path("broker.yaml"))
	s.broker.awaitLine("ready")
	s.tb.Cleanup(func() { mustNotLeak(s.tb, "metrics", s.metrics()) })
}

func (s *stack) config() string {
	events := ""
	if s.queue != nil {
		events = fmt.Sprintf("events: {sqs_queue: %q, sqs_endpoint: %q}\n", s.queue.URL(), s.queue.Endpoint())
	}
	return s.extra + events + fmt.Sprintf(`
mqtt:
  server: mqtts://%s
  ca: mqtt-ca.crt
  cert: broker.crt
  key: broker.key
  client_id: %s
  group_watch: 2s
  %s
s3:
  endpoint: %s
  region: %s
  bucket: %s
  path_style: true
  ca: %s
  access_key_file: %s
audit:
  file: audit.jsonl
http:
  listen: 127.0.0.1:0
log:
  level: debug
groups:
  cams: [cam1, cam2]
  bells: [bell1]
kinds:
  photo:
    modes: [put, pass, get]
    types: [image/jpeg]
    max_size: 8MiB
    ttl: 15m
  firmware:
    modes: [get]
    object: firmware/{group}/{name}.bin
    allow_groups: [cams, bells]
  brief:
    types: [image/jpeg, text/plain]
    max_size: 64KiB
    ttl: 1s
  hasty:
    modes: [pass]
    types: [image/jpeg]
    max_size: 64KiB
    pass_ttl: 1s
  log:
    types: [text/plain]
    modes: [put, multipart]
    max_size: 64MiB
  shot:
    types: [image/jpeg]
    modes: [multipart]
    max_size: 64MiB
`, s.mqtt.services, serviceName, s.mqtt.settings, s.ready.S3.Endpoint, s.ready.S3.Region, bucket, s.ready.CAFile, s.ready.S3.KeyFile)
}

// audit returns the lines of the audit file.
func (s *stack) audit() []string {
	s.tb.Helper()
	text, err := os.ReadFile(s.path("audit.jsonl"))
	if err != nil {
		s.tb.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// stored returns the path of every object in the bucket, by key.
func (s *stack) stored() map[string]string {
	s.tb.Helper()
	root := filepath.Join(s.ready.S3.DataDir, bucket)
	objects := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		key, err := filepath.Rel(root, path)
		if !strings.HasPrefix(key, ".") {
			objects[key] = path
		}
		return err
	})
	if err != nil {
		s.tb.Fatal(err)
	}
	return objects
}
