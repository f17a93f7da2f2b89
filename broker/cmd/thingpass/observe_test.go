// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"thingpass/broker/internal/fakesqs"
	"thingpass/broker/mqttconn"
	"thingpass/broker/sqsevents"
)

const listening = "listen: 127.0.0.1:0"

// scrape returns what the program tells at a path.
func (p *program) scrape(path string) (status int, body string) {
	p.t.Helper()
	m := regexp.MustCompile(`http://([0-9.:]+)/metrics`).FindStringSubmatch(p.stderr.String())
	if m == nil {
		p.t.Fatalf("it does not say where it listens:\n%s", p.stderr)
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + m[1] + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func (p *program) tells(metric string) bool {
	p.t.Helper()
	_, text := p.scrape("/metrics")
	return strings.Contains(text, "\n"+metric+"\n")
}

func TestOperatorsSeeWhatHappens(t *testing.T) {
	s := newStack(t)
	p := startProgram(t, "run", "--config", s.config(`listen: "off"`, listening))
	p.awaitReady()
	photo := bytes.Repeat([]byte("x"), 700)
	cam := s.thing("cam1")
	grant := cam.ask("upload-request", `{"id":"a1","kind":"photo","size":700}`)
	if status := s.upload(grant, photo); status != http.StatusOK {
		t.Fatalf("upload: %d", status)
	}
	cam.ask("upload-complete", fmt.Sprintf(`{"id":"r1","objectKey":%q,"size":700}`, grant["objectKey"]))
	cam.ask("upload-request", `{"id":"a2","kind":"photo","size":99999999}`)
	await(t, "the last request to be acknowledged", func() bool { return p.tells(`thingpass_request_seconds_count{verb="upload-request"} 2`) })
	_, text := p.scrape("/metrics")
	for _, want := range []string{
		`thingpass_decisions_total{code="granted",kind="photo",mode="put",verb="upload-request"} 1`,
		`thingpass_decisions_total{code="size-not-allowed",kind="photo",mode="put",verb="upload-request"} 1`,
		`thingpass_granted_bytes_total{kind="photo"} 700`,
		`thingpass_verified_bytes_total{kind="photo"} 700`,
		"thingpass_mqtt_connected 1",
		"thingpass_mqtt_connections 1",
		"thingpass_mqtt_connects_total 1",
		"thingpass_mqtt_shed_total 0",
		"thingpass_credentials_expiry_timestamp_seconds +Inf",
		"thingpass_audit_errors_total 0",
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("not told: %s", want)
		}
	}
	if strings.Contains(text, "cam1") || strings.Contains(text, "a1.jpg") {
		t.Error("a thing or a key is among the metrics")
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
	if status, body := p.scrape("/readyz"); status != 200 {
		t.Errorf("ready: %d %s", status, body)
	}
	s.must(s.mqtt.Close())
	await(t, "it to miss the MQTT server", func() bool {
		status, body := p.scrape("/readyz")
		return status == 503 && strings.Contains(body, `"mqtt":"0 of 1 connections are subscribed"`) && strings.Contains(body, `"audit":"ok"`)
	})
	if status, _ := p.scrape("/healthz"); status != 200 {
		t.Errorf("alive: %d", status)
	}
}

// TestAFullDiskRefusesEveryGrant fills a real disk below the audit, and makes room
// again.
func TestAFullDiskRefusesEveryGrant(t *testing.T) {
	s := newStack(t)
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("mounting a small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	p := startProgram(t, "run", "--config", s.config(`file: "-"`, "file: "+filepath.Join(disk, "audit.jsonl"), `listen: "off"`, listening))
	p.awaitReady()
	cam := s.thing("cam1")
	const request = `{"id":"a1","kind":"photo","size":700}`
	if reply := cam.ask("upload-request", request); reply["status"] != "success" {
		t.Fatalf("before: %v", reply)
	}
	ballast := filepath.Join(disk, "ballast")
	for size := 60 << 10; size > 0; size -= 1 << 10 { // to the last page
		if os.WriteFile(ballast, make([]byte, size), 0o600) == nil {
			break
		}
	}
	refused := false
	for range 100 { // the page that the file has is still to be filled
		if reply := cam.ask("upload-request", request); reply["code"] == "unavailable" && reply["uploadUrl"] == nil && reply["retryAfter"] != nil {
			refused = true
			break
		}
	}
	if !refused {
		t.Fatal("grants are given without an audit")
	}
	await(t, "it not to be ready", func() bool {
		status, body := p.scrape("/readyz")
		return status == 503 && strings.Contains(body, "no space left on device")
	})
	if p.tells("thingpass_audit_errors_total 0") {
		t.Error("errors of the audit are not counted")
	}
	s.must(os.Remove(ballast))
	await(t, "it to be ready, without a request", func() bool { status, _ := p.scrape("/readyz"); return status == 200 })
	if reply := cam.ask("upload-request", request); reply["status"] != "success" {
		t.Errorf("after: %v", reply)
	}
	text, err := os.ReadFile(filepath.Join(disk, "audit.jsonl"))
	s.must(err)
	for line := range strings.Lines(string(text)) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %q", line)
		}
	}
}

func TestAnAuditOnAFullDeviceRefuses(t *testing.T) {
	s := newStack(t)
	p := startProgram(t, "run", "--config", s.config(`file: "-"`, "file: /dev/full", `listen: "off"`, listening))
	p.awaitReady()
	if reply := s.thing("cam1").ask("upload-request", `{"id":"a1","kind":"photo","size":700}`); reply["code"] != "unavailable" {
		t.Errorf("got %v", reply)
	}
	await(t, "it not to be ready", func() bool { status, _ := p.scrape("/readyz"); return status == 503 })
}

func TestTheAuditIsPutAside(t *testing.T) {
	s := newStack(t)
	p := startProgram(t, "run", "--config", s.config(`file: "-"`, "file: audit.jsonl", "max_size: 100MiB", "max_size: 64KiB"))
	p.awaitReady()
	cam := s.thing("cam1")
	const requests = 40
	for i := range requests {
		var objects []string
		for n := range 20 {
			objects = append(objects, fmt.Sprintf(`{"id":"r%d-%d","size":100}`, i, n))
		}
		cam.ask("upload-request", fmt.Sprintf(`{"id":"b%d","kind":"photo","objects":[%s]}`, i, strings.Join(objects, ",")))
	}
	lines := 0
	files, err := filepath.Glob(s.path("audit.jsonl*"))
	s.must(err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		s.must(err)
		lines += strings.Count(string(text), `"code":"granted"`)
	}
	if len(files) < 3 || lines != 20*requests {
		t.Errorf("%d lines in %q", lines, files)
	}
}

func TestRunRefusesWhatOthersHave(t *testing.T) {
	s := newStack(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	defer taken.Close()
	first := startProgram(t, "run", "--config", s.config(`file: "-"`, "file: audit.jsonl"))
	first.awaitReady()
	for want, changes := range map[string][]string{
		"thingpass: audit.file: " + s.path("audit.jsonl") + ": another process writes to it: give each broker a file of its own\n": {`file: "-"`, "file: audit.jsonl"},
		"thingpass: http.listen: listen tcp " + taken.Addr().String() + ": bind: address already in use\n":                         {`listen: "off"`, "listen: " + taken.Addr().String()},
	} {
		p := startProgram(t, "run", "--config", s.config(changes...))
		if code := p.end(); code != exitUsage || p.stderr.String() != want {
			t.Errorf("exit code %d\n got %s\nwant %s", code, p.stderr, want)
		}
	}
}

// TestWhatNobodyReportsIsAnnounced stores a photo, lets its thing fall silent, and
// lets the bucket tell instead.
func TestWhatNobodyReportsIsAnnounced(t *testing.T) {
	s := newStack(t)
	var key struct{ AccessKeyID, SecretAccessKey string }
	text, err := os.ReadFile(s.path("s3-credentials.json"))
	s.must(err)
	s.must(json.Unmarshal(text, &key))
	q := fakesqs.Start(t, fakesqs.Options{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey, Region: "us-east-1",
		Visibility: time.Second, MaxReceives: 5})
	p := startProgram(t, "run", "--config", s.config(`file: "-"`, "file: audit.jsonl", `listen: "off"`, listening,
		"# sqs_queue: https://sqs.eu-central-1.amazonaws.com/111122223333/photos", "sqs_queue: "+q.URL(),
		"# sqs_endpoint: https://sqs.example.com", "sqs_endpoint: "+q.Endpoint()))
	p.awaitReady()
	grant := s.thing("cam1").ask("upload-request", `{"id":"a1","kind":"photo","size":700}`)
	if status := s.upload(grant, make([]byte, 700)); status != http.StatusOK {
		t.Fatalf("upload: %d", status)
	}
	q.Send(fmt.Sprintf(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"photos"},"object":{"key":%q}}}]}`, grant["objectKey"]))
	await(t, "the message to be deleted", func() bool { return q.Left() == 0 })
	for _, want := range []string{"thingpass_sqs_announced_total 1", `thingpass_verified_bytes_total{kind="photo"} 700`,
		`thingpass_decisions_total{code="verified",kind="photo",mode="",verb="stored"} 1`} {
		await(t, want, func() bool { return p.tells(want) })
	}
	audit, err := os.ReadFile(s.path("audit.jsonl"))
	s.must(err)
	if !regexp.MustCompile(`"thing":"cam1","request":"stored",.*"code":"verified"`).Match(audit) {
		t.Errorf("the audit is\n%s", audit)
	}
}

func TestEveryStatisticIsAMetric(t *testing.T) {
	if fields := reflect.TypeFor[mqttconn.Stats]().NumField(); fields != len(mqttStatistics) {
		t.Errorf("mqttconn counts %d things, %d are told", fields, len(mqttStatistics))
	}
	if fields := reflect.TypeFor[sqsevents.Stats]().NumField(); fields != len(eventStatistics) {
		t.Errorf("sqsevents counts %d things, %d are told", fields, len(eventStatistics))
	}
}
