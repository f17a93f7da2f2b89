// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/devstack"
	"thingpass/certs"
)

// The tests run this very program as a child: the test binary becomes it.
const beProgram = "THINGPASS_DEV_TEST_BE_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(beProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

// child is a running thingpass-dev.
type child struct {
	t         testing.TB
	cmd       *exec.Cmd
	done      chan error
	out, logs bytes.Buffer // of the ended child
	ready     devstack.Ready
}

func start(t testing.TB, args ...string) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.Command(os.Args[0], args...), done: make(chan error, 1)}
	c.cmd.Env = append(os.Environ(), beProgram+"=1")
	c.cmd.Stdout, c.cmd.Stderr = &c.out, &c.logs
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.done <- c.cmd.Wait() }()
	t.Cleanup(func() { _ = c.cmd.Process.Kill() })
	return c
}

// launch starts `run` in dir on these ports and waits until it is ready.
func launch(t testing.TB, dir string, mqtt, s3 int, args ...string) *child {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ready.json")
	c := start(t, append([]string{"run", "--dir", dir, "--mqtt-port", strconv.Itoa(mqtt), "--s3-port", strconv.Itoa(s3), "--ready-file", file}, args...)...)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(file)
		if err == nil {
			if err := json.Unmarshal(text, &c.ready); err != nil {
				t.Fatalf("the ready file is not whole: %v\n%s", err, text)
			}
			return c
		}
		select {
		case err := <-c.done:
			t.Fatalf("ended before it was ready: %v\n%s", err, &c.logs)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("not ready after 20 s")
		}
	}
}

// signal sends a signal and returns how the child ended.
func (c *child) signal(s os.Signal) error {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
	select {
	case err := <-c.done:
		return err
	case <-time.After(5 * time.Second):
		c.t.Fatalf("still there 5 s after %v", s)
		return nil
	}
}

// store is a client of a child's S3.
type store struct {
	t     testing.TB
	http  *http.Client
	ready devstack.Ready
	key   devstack.AccessKey
}

func (c *child) store() *store {
	c.t.Helper()
	key, err := devstack.LoadAccessKey(c.ready.S3.KeyFile)
	if err != nil {
		c.t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool(c.t, c.ready.CAFile)}, MaxIdleConnsPerHost: 8}
	c.t.Cleanup(transport.CloseIdleConnections)
	return &store{c.t, &http.Client{Transport: transport, Timeout: 10 * time.Second}, c.ready, key}
}

func pool(t testing.TB, file string) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(text) {
		t.Fatalf("%s holds no certificate", file)
	}
	return p
}

// put uploads create-only and returns the status, or 0 if nobody answered.
func (s *store) put(key string, body []byte) int {
	req, err := http.NewRequest("PUT", fmt.Sprintf("%s/%s/%s?X-Amz-Expires=300", s.ready.S3.Endpoint, s.ready.S3.Bucket, key), bytes.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return 0
	}
	req.Header.Set("If-None-Match", "*")
	signed, _, err := v4.NewSigner().PresignHTTP(context.Background(), aws.Credentials{AccessKeyID: s.key.ID, SecretAccessKey: s.key.Secret},
		req, "UNSIGNED-PAYLOAD", "s3", s.ready.S3.Region, time.Now())
	if err != nil {
		s.t.Error(err)
		return 0
	}
	again, err := http.NewRequest("PUT", signed, bytes.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return 0
	}
	again.Header.Set("If-None-Match", "*")
	response, err := s.http.Do(again)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

func photo(n int) []byte {
	seed := sha256.Sum256([]byte(strconv.Itoa(n)))
	return bytes.Repeat(seed[:], 200+n%1000)
}

func TestPhotosSurviveKill9(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dev")
	c := launch(t, dir, 0, 0, "--only", "s3", "--log", "warn")
	_, text, _ := net.SplitHostPort(strings.TrimPrefix(c.ready.S3.Endpoint, "https://"))
	port, _ := strconv.Atoi(text)
	next := make(chan int, 400) // photos still to be stored
	for n := range 400 {
		next <- n
	}
	var mu sync.Mutex
	stored := make(map[int]bool)
	for round := range 4 {
		s := c.store()
		kill := make(chan struct{}, 1)
		var uploads sync.WaitGroup
		for range 4 {
			uploads.Go(func() {
				for {
					var n int
					select {
					case n = <-next:
					default:
						return
					}
					switch status := s.put(fmt.Sprintf("cam1/%03d.jpg", n), photo(n)); status {
					case 200, 412: // 412: stored, but the answer was lost
						mu.Lock()
						stored[n] = true
						if len(stored) >= (round+1)*90 {
							select {
							case kill <- struct{}{}:
							default:
							}
						}
						mu.Unlock()
					case 0, 503:
						next <- n
						return // this server is dead
					default:
						t.Errorf("photo %d: %d", n, status)
						return
					}
				}
			})
		}
		if round < 3 {
			<-kill
			_ = c.signal(syscall.SIGKILL)
			uploads.Wait()
			c = launch(t, dir, 0, port, "--only", "s3", "--log", "warn")
			continue
		}
		uploads.Wait()
	}
	if len(stored) != 400 {
		t.Errorf("%d of 400 photos stored", len(stored))
	}
	files, err := filepath.Glob(filepath.Join(c.ready.S3.DataDir, c.ready.S3.Bucket, "cam1", "*"))
	if err != nil || len(files) != 400 {
		t.Errorf("%d files (%v)", len(files), err)
	}
	for n := range 400 {
		got, err := os.ReadFile(filepath.Join(c.ready.S3.DataDir, c.ready.S3.Bucket, fmt.Sprintf("cam1/%03d.jpg", n)))
		if err != nil || !bytes.Equal(got, photo(n)) {
			t.Errorf("photo %d: %d bytes, %v", n, len(got), err)
		}
	}
	if got := c.store().put("cam1/000.jpg", []byte("other")); got != 412 {
		t.Errorf("a second upload after all that: %d", got)
	}
}

func TestServersRestartAfterKill9(t *testing.T) {
	dir := t.TempDir()
	first := launch(t, dir, 0, 0)
	_ = first.signal(syscall.SIGKILL)
	second := launch(t, dir, first.ready.MQTT.Port, 0)
	files, err := devstack.Thing(dir, "cam1")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", second.ready.MQTT.Address(), &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool(t, first.ready.CAFile)})
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// A stop is quick and clean, whoever is connected and whatever they are doing.
func TestSignalsEndItCleanly(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		c := launch(t, t.TempDir(), 0, 0)
		config := &tls.Config{RootCAs: pool(t, c.ready.CAFile)}
		upload, err := tls.Dial("tcp", strings.TrimPrefix(c.ready.S3.Endpoint, "https://"), config)
		if err != nil {
			t.Fatal(err)
		}
		defer upload.Close()
		fmt.Fprintf(upload, "PUT /photos/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
		silent, err := net.Dial("tcp", c.ready.MQTT.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		if err := c.signal(signal); err != nil {
			t.Errorf("%v: %v\n%s", signal, err, &c.logs)
		}
		if strings.Contains(c.logs.String(), "panic") {
			t.Errorf("%v:\n%s", signal, &c.logs)
		}
	}
}

func TestSummaryTellsWhereEverythingIs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dev")
	c := launch(t, dir, 0, 0, "--bucket", "pictures", "--root", "acme", "--template", "fleet=cam-,spare")
	if err := c.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{c.ready.MQTT.Server, c.ready.S3.Endpoint, "bucket pictures", filepath.Join(dir, "s3", "pictures"),
		filepath.Join(dir, "certs/clients/thingpass-claim/service.crt"), "for the templates fleet spare", c.ready.CAFile, "thingpass run --config " + filepath.Join(dir, "broker.yaml")} {
		if !strings.Contains(c.out.String(), part) {
			t.Errorf("%q is not in\n%s", part, &c.out)
		}
	}
	if strings.Contains(c.out.String(), "ESP32") {
		t.Errorf("an ESP32 is told to connect to a loopback address:\n%s", &c.out)
	}
	far := launch(t, dir, 0, 0, "--listen", "127.0.0.1", "--advertise", "hub.lan")
	if err := far.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"An ESP32 needs:", "mqtts://hub.lan:", "https://hub.lan:", "thingpass/NAME/upload-request"} {
		if !strings.Contains(far.out.String(), part) {
			t.Errorf("%q is not in\n%s", part, &far.out)
		}
	}
}

func TestReadyFileGoesWithTheProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ready.json")
	if err := os.WriteFile(path, []byte("an earlier run's"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := start(t, "run", "--dir", t.TempDir(), "--mqtt-port", "0", "--s3-port", "0", "--ready-file", path)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(path); err == nil && strings.HasPrefix(string(text), "{") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("not ready after 20 s")
		}
	}
	if err := c.signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the ready file is still there: %v", err)
	}
}

// The broker takes the configuration as it is written.
func TestBrokerReadsTheConfig(t *testing.T) {
	c := launch(t, t.TempDir(), 0, 0)
	got, err := config.Load(c.ready.BrokerConfig, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.MQTT.Server != c.ready.MQTT.Server || got.MQTT.Cert != c.ready.Broker.Cert || got.S3.Endpoint != c.ready.S3.Endpoint ||
		!got.S3.PathStyle || got.S3.AccessKeyFile != c.ready.S3.KeyFile || got.Kinds["photo"].MaxSize != 8<<20 {
		t.Errorf("%+v", got)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	port := strconv.Itoa(busy.Addr().(*net.TCPAddr).Port)
	used := t.TempDir()
	launch(t, used, 0, 0)
	for _, probe := range []struct {
		args []string
		want string
	}{
		{[]string{"run", "--mqtt-port", port}, "thingpass-dev: start MQTT: another program listens on 127.0.0.1:" + port +
			" already: stop it (`ss -ltnp` tells which it is), or choose another port with --mqtt-port, 0 for any free one\n"},
		{[]string{"run", "--mqtt-port", "0", "--s3-port", port}, "or choose another port with --s3-port, 0 for any free one\n"},
		{[]string{"run", "--mqtt-port", "0", "--s3-port", "0", "--dir", used}, "another process runs an S3 on " + filepath.Join(used, "s3") + ": stop it, or use another folder\n"},
		{[]string{"run", "--s3-port", "65536"}, "thingpass-dev: --s3-port 65536: want 0 to 65535\n"},
		{[]string{"run", "--only", "s4"}, "thingpass-dev: only \"s4\": want mqtt or s3\n"},
		{[]string{"run", "--log", "loud"}, "thingpass-dev: --log loud: want debug, info, warn or error\n"},
		{[]string{"run", "--mqtt-port", "0", "--only", "mqtt", "--template", "a/b=cam-"}, "provisioning template \"a/b\": a name has 1 to 36 letters, digits, _ and -\n"},
		{[]string{"run", "--mqtt-port", "0", "--only", "mqtt", "--template", "fleet=+"}, "the prefix \"+\" cannot begin a thing's name\n"},
		{[]string{"run", "extra"}, "unknown command \"extra\""},
		{[]string{"run", "--prot", "1"}, "unknown flag: --prot"},
		{[]string{"rnu"}, "unknown command \"rnu\""},
		{[]string{"thing"}, "thingpass-dev: thing: want one name, as in: thingpass-dev thing cam1\n"},
		{[]string{"thing", "a/b"}, "a/b"},
		{[]string{"thing", devstack.DefaultBroker}, "the MQTT server keeps that name for service thingpass-broker: choose another\n"},
	} {
		args := probe.args
		if probe.args[0] != "rnu" && !strings.Contains(strings.Join(args, " "), "--dir") {
			args = append(args, "--dir", t.TempDir())
		}
		var out, logs bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // in case it starts
		code := execute(ctx, args, &out, &logs)
		cancel()
		if code != 1 || !strings.Contains(logs.String(), probe.want) {
			t.Errorf("%v: exit %d, %q, want %q", probe.args, code, &logs, probe.want)
		}
	}
}

func TestThingCommandTellsWhatToFlash(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dev")
	tell := func() string {
		var out, logs bytes.Buffer
		if code := execute(t.Context(), []string{"thing", "porch", "--dir", dir}, &out, &logs); code != 0 {
			t.Fatalf("exit %d: %s", code, &logs)
		}
		return out.String()
	}
	files := certs.Files{Cert: filepath.Join(dir, "certs", "clients", "porch", "thing.crt"), Key: filepath.Join(dir, "certs", "clients", "porch", "thing.key")}
	text := tell()
	for _, part := range []string{files.Cert, files.Key, "thingpass/porch/upload-request", "thingpass/porch/response", "after the first thingpass-dev run"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
	c := launch(t, dir, 0, 0, "--root", "acme")
	text = tell()
	for _, part := range []string{"has its certificate already", c.ready.MQTT.Server, "acme/porch/response"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in\n%s", part, text)
		}
	}
}
