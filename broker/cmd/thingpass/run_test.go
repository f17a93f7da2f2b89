// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// upload does what a thing does with a grant.
func (s *stack) upload(grant map[string]any, body []byte) int {
	s.t.Helper()
	url, _ := grant["uploadUrl"].(string)
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPut, url, bytes.NewReader(body))
	s.must(err)
	headers, _ := grant["headers"].(map[string]any)
	for name, value := range headers {
		req.Header.Set(name, fmt.Sprint(value))
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.ca.Pool()}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: patience}).Do(req)
	s.must(err)
	defer resp.Body.Close()
	return resp.StatusCode
}

func TestRunServesAThingFromRequestToVerifiedObject(t *testing.T) {
	s := newStack(t)
	p := startProgram(t, "run", "--config", s.config(`file: "-"`, "file: audit.jsonl"))
	p.awaitReady()
	photo := bytes.Repeat([]byte("\xff\xd8photo"), 5000)
	sum := sha256.Sum256(photo)
	request := fmt.Sprintf(`{"id":"a1","kind":"photo","size":%d,"sha256":"%x","metadata":{"fw":"1.4.2"}}`, len(photo), sum)

	cam := s.thing("cam1")
	grant := cam.ask("upload-request", request)
	if grant["status"] != "success" || !strings.HasPrefix(fmt.Sprint(grant["objectKey"]), "cam1/photo/") {
		t.Fatalf("got %v", grant)
	}
	report := fmt.Sprintf(`{"id":"r1","objectKey":%q,"size":%d,"sha256":%q}`, grant["objectKey"], len(photo), hex.EncodeToString(sum[:]))
	if reply := cam.ask("upload-complete", report); reply["code"] != "not-found" {
		t.Errorf("reported before the upload: %v", reply)
	}
	if status := s.upload(grant, photo); status != http.StatusOK {
		t.Fatalf("upload: %d", status)
	}
	if reply := cam.ask("upload-complete", report); reply["status"] != "success" {
		t.Errorf("reported after the upload: %v", reply)
	}
	stored, err := os.ReadFile(filepath.Join(s.dir, "s3", "photos", fmt.Sprint(grant["objectKey"])))
	if err != nil || !bytes.Equal(stored, photo) {
		t.Errorf("stored %d bytes, %v; want %d", len(stored), err, len(photo))
	}
	if reply := cam.ask("upload-request", `{"id":"a2","kind":"photo","size":99999999}`); reply["code"] != "size-not-allowed" {
		t.Errorf("too large: %v", reply)
	}
	p.stop()
	if code := p.end(); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, p.stderr)
	}
	s.judgeTraces(4)
}

// judgeTraces sees to it that there is a record of each request, readable by its
// owner only.
func (s *stack) judgeTraces(entries int) {
	s.t.Helper()
	audit, err := os.ReadFile(s.path("audit.jsonl"))
	s.must(err)
	if n := strings.Count(string(audit), "\n"); n != entries {
		s.t.Errorf("%d audit lines, want %d:\n%s", n, entries, audit)
	}
	for line := range strings.Lines(string(audit)) {
		if !json.Valid([]byte(line)) {
			s.t.Errorf("not JSON: %s", line)
		}
	}
	info, err := os.Stat(s.path("audit.jsonl"))
	s.must(err)
	if info.Mode().Perm() != 0o600 {
		s.t.Errorf("the audit has mode %v", info.Mode())
	}
}

func TestAuditGoesToStandardOutputUnlessConfigured(t *testing.T) {
	s := newStack(t)
	p := startProgram(t, "run", "--config", s.config())
	p.awaitReady()
	s.thing("cam1").ask("upload-request", `{"id":"a1","kind":"nothing","size":1}`)
	p.stop()
	if code := p.end(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	var entry struct{ Thing, Code string }
	if err := json.Unmarshal([]byte(p.stdout.String()), &entry); err != nil || entry.Thing != "cam1" || entry.Code != "unknown-kind" {
		t.Errorf("stdout is %q (%v)", p.stdout, err)
	}
}

func TestRunTellsTheServiceManager(t *testing.T) {
	s := newStack(t)
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	s.must(err)
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	p := startProgram(t, "run", "--config", s.config())
	for _, want := range []string{"READY=1", "STOPPING=1"} {
		s.must(socket.SetReadDeadline(time.Now().Add(patience)))
		buf := make([]byte, 64)
		n, err := socket.Read(buf)
		if err != nil || string(buf[:n]) != want {
			t.Fatalf("told %q, %v; want %s", buf[:n], err, want)
		}
		p.stop()
	}
}

func TestReadinessIsToldWhateverTheLogSays(t *testing.T) {
	s := newStack(t)
	for format, want := range map[string]string{"text": "\nthingpass: ready: mqtts://", "json": `"msg":"thingpass: ready: mqtts://`} {
		t.Run(format, func(t *testing.T) {
			s.t = t
			p := startProgram(t, "run", "--config", s.config("level: info", "level: error", "format: auto", "format: "+format))
			p.awaitReady()
			if got := "\n" + p.stderr.String(); strings.Count(got, want) != 1 || strings.Count(got, "\n") != 2 {
				t.Errorf("said %s", got)
			}
			p.stop()
			p.end()
		})
	}
}

func TestRunRefusesToStart(t *testing.T) {
	s := newStack(t)
	if err := os.Mkdir(s.path("folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		changes []string
		want    string // on stderr, with DIR for the folder
	}{
		{"bad setting", []string{"bucket:", "buket:"}, "DIR/broker.yaml:N: unknown setting s3.buket, did you mean s3.bucket?\n"},
		{"no CA for S3", []string{"  ca: ca.crt\n  region", "  ca: none.crt\n  region"}, "thingpass: s3.ca: open DIR/none.crt: no such file or directory\n"},
		{"no certificate in the CA's file", []string{"  ca: ca.crt\n  region", "  ca: broker.key\n  region"}, "thingpass: s3.ca: DIR/broker.key has no certificate in PEM form\n"},
		{"no access key", []string{"s3-credentials.json", "none.json"}, "thingpass: s3.access_key_file: read the access key: open DIR/none.json: no such file or directory\n"},
		{"another key", []string{"key: broker.key", "key: s3-credentials.json"}, "thingpass: mqtt.ca, mqtt.cert, mqtt.key: DIR/s3-credentials.json: no PEM key in it\n"},
		{"audit into a folder", []string{`file: "-"`, "file: folder"}, "thingpass: audit.file: open DIR/folder: is a directory\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := startProgram(t, "run", "--config", s.config(test.changes...))
			if code := p.end(); code != exitUsage {
				t.Errorf("exit code %d, want %d", code, exitUsage)
			}
			got := regexp.MustCompile(`yaml:\d+:`).ReplaceAllString(strings.ReplaceAll(p.stderr.String(), s.dir, "DIR"), "yaml:N:")
			if got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestRunWarnsOfSecretsThatOthersMayRead(t *testing.T) {
	s := newStack(t)
	s.must(os.Chmod(s.path("broker.key"), 0o644))
	s.must(os.Chmod(s.path("s3-credentials.json"), 0o640))
	p := startProgram(t, "run", "--config", s.config())
	p.awaitReady()
	for _, name := range []string{"mqtt.key", "s3.access_key_file"} {
		if !strings.Contains(p.stderr.String(), name+": others may read or change ") {
			t.Errorf("no warning about %s:\n%s", name, p.stderr)
		}
	}
}
