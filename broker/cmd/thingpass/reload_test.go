// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hangup tells the child to reload, and waits until it says that it has (or has
// not).
func (c *child) hangup(t *testing.T, says string) {
	t.Helper()
	before := strings.Count(c.stderr.String(), says)
	c.signal(t, syscall.SIGHUP)
	await(t, "the child to say "+says, func() bool { return strings.Count(c.stderr.String(), says) > before })
}

const hasReloaded = `"msg":"reloaded"`

func TestReloadChangesWhatCanChange(t *testing.T) {
	s := newStack(t)
	c := startChild(t, "run", "--config", s.config(`file: "-"`, "file: audit-1.jsonl"))
	cam := s.thing("cam1")
	if got := cam.ask("upload-request", `{"id":"a","kind":"clip","size":1}`); got["code"] != "unknown-kind" {
		t.Fatalf("before: %v", got)
	}
	s.config(`file: "-"`, "file: audit-2.jsonl", "level: info", "level: debug",
		"  photo:\n", "  clip:\n    types: [video/mp4]\n    max_size: 1MiB\n    quota: {requests_per_minute: 1}\n  photo:\n")
	c.hangup(t, hasReloaded)
	for _, want := range []string{"audit.file", "log.level", "kinds.clip.types", "kinds.clip.quota.requests_per_minute"} {
		if !strings.Contains(c.stderr.String(), want) {
			t.Errorf("not told that %s changed:\n%s", want, c.stderr)
		}
	}
	if got := cam.ask("upload-request", `{"id":"a","kind":"clip","size":1}`); got["status"] != "success" {
		t.Errorf("a new kind: %v", got)
	}
	if got := cam.ask("upload-request", `{"id":"b","kind":"clip","size":1}`); got["code"] != "quota-exceeded" {
		t.Errorf("a new limit: %v", got)
	}
	for name, want := range map[string]string{"audit-1.jsonl": "unknown-kind", "audit-2.jsonl": "granted"} {
		text, err := os.ReadFile(s.path(name))
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %s, %v; want %s", name, text, err, want)
		}
	}

	s.must(os.Rename(s.path("audit-2.jsonl"), s.path("rotated.jsonl")))
	c.hangup(t, hasReloaded)
	cam.ask("upload-request", `{"id":"c","kind":"nothing","size":1}`)
	text, err := os.ReadFile(s.path("audit-2.jsonl"))
	if err != nil || strings.Count(string(text), "\n") != 1 {
		t.Errorf("after the rotation: %s, %v", text, err)
	}
}

func TestReloadNamesWhatNeedsARestart(t *testing.T) {
	s := newStack(t)
	c := startChild(t, "run", "--config", s.config())
	s.config("client_id: thingpass-broker", "client_id: other", "root: thingpass", "root: elsewhere", "connections: 1", "connections: 2",
		"store: memory", "store: redis://u:secret@127.0.0.1:1", "max_size: 8MiB", "max_size: 100")
	c.hangup(t, hasReloaded)
	if want := `"settings":"mqtt.client_id, mqtt.connections, mqtt.root, quota.store"`; !strings.Contains(c.stderr.String(), want) {
		t.Errorf("want %s:\n%s", want, c.stderr)
	}
	if strings.Contains(c.stderr.String(), "secret") {
		t.Errorf("a password is in the log:\n%s", c.stderr)
	}
	if got := s.thing("cam1").ask("upload-request", `{"id":"a","kind":"photo","size":101}`); got["code"] != "size-not-allowed" {
		t.Errorf("what can change did not: %v", got)
	}
	c.hangup(t, "needs a restart") // it is said each time
}

func TestBadConfigurationIsNotReloaded(t *testing.T) {
	s := newStack(t)
	c := startChild(t, "run", "--config", s.config())
	cam := s.thing("cam1")
	const failed = "not reloaded, the configuration of before stays"
	for want, damage := range map[string]func(){
		"broker.yaml:":                      func() { s.config("max_size: 8MiB", "max_size: 1\n    tpyes: [x]") },
		"unknown setting kinds.photo.tpyes": func() { s.config("max_size: 8MiB", "max_size: 1\n    tpyes: [x]") },
		"s3.access_key_file: ":              func() { s.config("max_size: 8MiB", "max_size: 1", "s3-credentials.json", "none.json") },
		"s3.ca: ": func() {
			s.config("max_size: 8MiB", "max_size: 1", "  ca: ca.crt\n  region", "  ca: none.crt\n  region")
		},
		"mqtt.ca, mqtt.cert, mqtt.key: ": func() { s.config("max_size: 8MiB", "max_size: 1", "key: broker.key", "key: none.key") },
		"audit.file: ":                   func() { s.config("max_size: 8MiB", "max_size: 1", `file: "-"`, "file: none/audit.jsonl") },
		"read the configuration: ":       func() { s.must(os.Remove(s.path("broker.yaml"))) },
	} {
		damage()
		c.hangup(t, failed)
		if !strings.Contains(c.stderr.String(), want) {
			t.Errorf("want %s:\n%s", want, c.stderr)
		}
		if got := cam.ask("upload-request", `{"id":"a","kind":"photo","size":100}`); got["status"] != "success" {
			t.Errorf("%s: the old configuration is gone: %v", want, got)
		}
	}
	s.config("max_size: 8MiB", "max_size: 10")
	c.hangup(t, hasReloaded)
	if got := cam.ask("upload-request", `{"id":"a","kind":"photo","size":100}`); got["code"] != "size-not-allowed" {
		t.Errorf("a good one after that: %v", got)
	}
}

func TestChangedAccessKeyIsUsed(t *testing.T) {
	s := newStack(t)
	c := startChild(t, "run", "--config", s.config())
	cam := s.thing("cam1")
	signedBy := func() string {
		url := fmt.Sprint(cam.ask("upload-request", `{"id":"a","kind":"photo","size":100}`)["uploadUrl"])
		_, id, _ := strings.Cut(url, "X-Amz-Credential=")
		id, _, _ = strings.Cut(id, "%2F")
		return id
	}
	first := signedBy()
	s.write("s3-credentials.json", []byte(`{"accessKeyId": "SECOND", "secretAccessKey": "s3cret"}`))
	c.hangup(t, hasReloaded)
	if got := signedBy(); got != "SECOND" || first == got {
		t.Errorf("after the reload signed by %s, before by %s", got, first)
	}
	s.write("s3-credentials.json", []byte(`{"accessKeyId": "THIRDONE", "secretAccessKey": "s3cret"}`))
	await(t, "the key to be noticed without a signal", func() bool { return signedBy() == "THIRDONE" })
	if strings.Contains(c.stderr.String(), "s3cret") {
		t.Errorf("a secret is in the log:\n%s", c.stderr)
	}
}

// A request that is being worked on ends as it began; the next ones go by the new
// configuration meanwhile.
func TestReloadLeavesRequestsInFlightAlone(t *testing.T) {
	s := newStack(t)
	silent, asked := silentS3(t, s)
	c := startChild(t, "run", "--config", s.config(s.s3.Addr().String(), silent))
	cam := s.thing("cam1")
	report := `{"id":%q,"objectKey":"cam1/photo/2026/11/23/a.jpg","size":1}`
	cam.tell("upload-complete", fmt.Sprintf(report, "old"))
	select {
	case <-asked:
	case <-time.After(patience):
		t.Fatal("S3 was not asked")
	}
	s.config()
	c.hangup(t, hasReloaded)
	if got := cam.ask("upload-complete", fmt.Sprintf(report, "new")); got["id"] != "new" || got["code"] != "not-found" {
		t.Errorf("the new one: %v", got)
	}
	select {
	case got := <-cam.replies:
		if got["id"] != "old" || got["code"] != "unavailable" {
			t.Errorf("the old one: %v", got)
		}
	case <-time.After(2 * patience):
		t.Error("the old one was lost")
	}
}

func TestNothingIsLostWhileReloading(t *testing.T) {
	s := newStack(t)
	c := startChild(t, "run", "--config", s.config(`file: "-"`, "file: audit.jsonl"))
	cam := s.thing("cam1")
	done := make(chan bool)
	go func() {
		defer close(done)
		for range 10 {
			c.hangup(t, hasReloaded)
		}
	}()
	asked := 0
	for going := true; going; asked++ {
		id := fmt.Sprintf("r%d", asked)
		if got := cam.ask("upload-request", fmt.Sprintf(`{"id":%q,"kind":"photo","size":100}`, id)); got["id"] != id || got["status"] != "success" {
			t.Errorf("%s: %v", id, got)
		}
		select {
		case <-done:
			going = false
		default:
		}
	}
	text, err := os.ReadFile(s.path("audit.jsonl"))
	if n := strings.Count(string(text), `"code":"granted"`); err != nil || n != asked {
		t.Errorf("%d of %d grants are in the audit, %v", n, asked, err)
	}
	if len(cam.replies) != 0 {
		t.Errorf("%d answers too many", len(cam.replies))
	}
}

func TestReloadIsToldToTheServiceManager(t *testing.T) {
	s := newStack(t)
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	s.must(err)
	defer socket.Close()
	told := func() string {
		s.must(socket.SetReadDeadline(time.Now().Add(patience)))
		buf := make([]byte, 256)
		n, err := socket.Read(buf)
		s.must(err)
		return string(buf[:n])
	}
	t.Setenv("NOTIFY_SOCKET", path)
	c := startChild(t, "run", "--config", s.config())
	if got := told(); got != "READY=1" {
		t.Fatalf("told %q", got)
	}
	c.hangup(t, hasReloaded)
	micros := int64(0)
	if got := told(); !scan(got, "RELOADING=1\nMONOTONIC_USEC=%d", &micros) || micros <= 0 {
		t.Errorf("told %q", got)
	}
	if got := told(); got != "READY=1" {
		t.Errorf("told %q", got)
	}
	s.write("broker.yaml", []byte("nonsense"))
	c.hangup(t, "not reloaded")
	if got := told(); !strings.HasPrefix(got, "RELOADING=1\n") {
		t.Errorf("told %q", got)
	}
	if got := told(); got != "READY=1" {
		t.Errorf("told %q after a configuration that cannot be used", got)
	}
}

func scan(text, format string, values ...any) bool {
	n, err := fmt.Sscanf(text, format, values...)
	return err == nil && n == len(values)
}

// A verb that nothing was subscribed for cannot be heard until a restart.
func TestReloadTellsOfAModeThatNeedsASubscription(t *testing.T) {
	s := newStack(t)
	s.config()
	text, err := os.ReadFile(s.path("broker.yaml"))
	s.must(err)
	settings, _, _ := strings.Cut(string(text), "\nkinds:\n")
	write := func(more string) {
		s.write("broker.yaml", []byte(settings+"\nkinds:\n  photo:\n    types: [image/jpeg]\n    max_size: 8MiB\n"+more))
	}
	write("")
	c := startChild(t, "run", "--config", s.path("broker.yaml"))
	c.hangup(t, hasReloaded)
	if strings.Contains(c.stderr.String(), "needs a restart") {
		t.Errorf("nothing changed:\n%s", c.stderr)
	}
	write("    modes: [put, get]\n")
	c.hangup(t, hasReloaded)
	if want := `"settings":"subscription to thingpass/+/download-request"`; !strings.Contains(c.stderr.String(), want) {
		t.Errorf("want %s:\n%s", want, c.stderr)
	}
}
