// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"thingpass/broker"
	"thingpass/broker/devstack"
	"thingpass/broker/iotrule"
	"thingpass/certs"
)

const certificate = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// TestMain lets the test program be the function, so that what runs is main.
func TestMain(m *testing.M) {
	if os.Getenv("TEST_RUN_FUNCTION") != "" {
		os.Unsetenv("TEST_RUN_FUNCTION")
		main()
		return
	}
	os.Exit(m.Run())
}

// A cloud is all that surrounds the function.
type cloud struct {
	t       *testing.T
	runtime *runtimeAPI
	iot     *dataPlane
	things  *http.Client // what a thing uploads with
	out     *bytes.Buffer
	stop    func()
}

func startCloud(t *testing.T) *cloud {
	t.Helper()
	ca, err := certs.NewCA("test")
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.Server([]string{"127.0.0.1", "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	key := devstack.NewAccessKey()
	s3, err := devstack.StartS3(t.Context(), devstack.S3Options{Dir: filepath.Join(t.TempDir(), "s3"), Bucket: "photos", Region: "eu-central-1",
		Certificate: server.TLSCertificate(), AccessKey: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s3.Close() })
	c := &cloud{t: t, runtime: newRuntimeAPI(t), out: &bytes.Buffer{},
		iot:    newDataPlane(t, server, aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}),
		things: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca.Pool()}}}}
	caFile := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(caFile, ca.CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	c.start(key, "https://"+s3.Addr().String(), caFile)
	return c
}

func (c *cloud) start(key devstack.AccessKey, endpoint, caFile string) {
	c.t.Helper()
	self, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stdout, cmd.Stderr = c.out, c.out
	cmd.Env = []string{"TEST_RUN_FUNCTION=1", "AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(c.runtime.URL, "http://"), "SSL_CERT_FILE=" + caFile,
		"AWS_ACCESS_KEY_ID=" + key.ID, "AWS_SECRET_ACCESS_KEY=" + key.Secret, "THINGPASS_LAMBDA_IOT_ENDPOINT=" + c.iot.URL,
		"THINGPASS_S3_ENDPOINT=" + endpoint, "THINGPASS_S3_PATH_STYLE=true", "THINGPASS_S3_REGION=eu-central-1", "THINGPASS_S3_BUCKET=photos",
		"THINGPASS_CREDENTIALS_ROLE_ARN=" + devstack.Role, "THINGPASS_CREDENTIALS_STS_ENDPOINT=" + endpoint,
		"THINGPASS_KINDS_PHOTO_TYPES=image/jpeg", "THINGPASS_KINDS_PHOTO_MAX_SIZE=8MiB"}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.stop = func() { cmd.Process.Kill(); cmd.Wait() }
	c.t.Cleanup(c.stop)
}

func event(t *testing.T, thing, verb, payload string) []byte {
	t.Helper()
	text, err := json.Marshal(iotrule.Event{Topic: "thingpass/" + thing + "/" + verb, ClientID: "cam1", Principal: certificate,
		Payload: base64.StdEncoding.EncodeToString([]byte(payload)), Correlation: base64.StdEncoding.EncodeToString([]byte("mark"))})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

type reply struct {
	Status, Code, UploadURL, ObjectKey string
	Prefix, SessionToken               string
	Headers                            map[string]string
}

// answered invokes the function and returns what the thing reads.
func (c *cloud) answered(verb, payload string) (r reply) {
	c.t.Helper()
	if got := c.runtime.invoke(c.t, event(c.t, "cam1", verb, payload)); got.failed {
		c.t.Fatalf("invocation failed: %s", got.body)
	}
	m := c.iot.next(c.t)
	if m.Topic != "thingpass/cam1/response" || string(m.Correlation) != "mark" {
		c.t.Fatalf("published %+v", m)
	}
	if err := json.Unmarshal(m.Payload, &r); err != nil {
		c.t.Fatal(err)
	}
	return r
}

func TestAThingUploadsThroughTheFunction(t *testing.T) {
	c := startCloud(t)
	photo := "not really a JPEG"
	grant := c.answered("upload-request", fmt.Sprintf(`{"id":"a1","kind":"photo","size":%d}`, len(photo)))
	if grant.Status != "success" {
		t.Fatalf("%+v", grant)
	}
	put, err := http.NewRequestWithContext(t.Context(), http.MethodPut, grant.UploadURL, strings.NewReader(photo))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range grant.Headers {
		put.Header.Set(name, value)
	}
	answer, err := c.things.Do(put)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("PUT: %s", answer.Status)
	}
	done := c.answered("upload-complete", fmt.Sprintf(`{"id":"d1","objectKey":%q,"size":%d}`, grant.ObjectKey, len(photo)))
	if m := c.iot.next(t); done.Status != "success" || m.Topic != "thingpass/cam1/uploaded" || !strings.Contains(string(m.Payload), grant.ObjectKey) {
		t.Fatalf("%+v, then %+v", done, m)
	}
	if refused := c.answered("upload-request", `{"id":"b","kind":"video","size":1}`); refused.Code != string(broker.CodeUnknownKind) {
		t.Fatalf("%+v", refused)
	}
	if session := c.answered("credentials-request", `{"id":"c"}`); session.Prefix != "cam1/" || session.SessionToken == "" {
		t.Fatalf("status %s, code %s, prefix %s", session.Status, session.Code, session.Prefix)
	}
	c.stop()
	audited(t, c.out.String(), "granted", "verified", "unknown-kind")
	if strings.Contains(c.out.String(), "ASIA") == strings.Contains(c.out.String(), "sessionToken") {
		t.Error("the audit names the session by its access key id, and never holds its token")
	}
}

// audited wants an audit line for each decision, and no secret in anything.
func audited(t *testing.T, out string, codes ...string) {
	t.Helper()
	for _, code := range codes {
		if !strings.Contains(out, `"code":"`+code+`"`) {
			t.Errorf("no audit line says %s:\n%s", code, out)
		}
	}
	if strings.Contains(out, "X-Amz-Signature") {
		t.Errorf("a signature was printed:\n%s", out)
	}
}

func TestAStrangerGetsSilence(t *testing.T) {
	c := startCloud(t)
	if got := c.runtime.invoke(t, event(t, "cam2", "upload-request", `{"id":"a1","kind":"photo","size":1}`)); got.failed {
		t.Fatalf("failed: %s: it would be delivered again", got.body)
	}
	if n := len(c.iot.published); n != 0 {
		t.Fatalf("%d messages", n)
	}
	c.stop()
	audited(t, c.out.String(), "ignored")
}

// A reply that cannot be published fails the invocation, for Lambda to try again;
// a passing fault does not.
func TestFaultsOfTheDataPlane(t *testing.T) {
	c := startCloud(t)
	c.iot.refuse <- http.StatusInternalServerError
	if r := c.answered("upload-request", `{"id":"a1","kind":"photo","size":1}`); r.Status != "success" {
		t.Fatalf("%+v", r)
	}
	c.iot.refuse <- http.StatusForbidden
	if got := c.runtime.invoke(t, event(t, "cam1", "upload-request", `{"id":"a1","kind":"photo","size":1}`)); !got.failed || strings.Contains(got.body, "X-Amz-Signature") {
		t.Fatalf("%+v", got)
	}
	if got := c.runtime.invoke(t, []byte(`{"topic":"thingpass/cam1/upload-request"}`)); !got.failed {
		t.Fatal("an event of a wrong rule did not fail")
	}
	if r := c.answered("upload-request", `{"id":"a1","kind":"photo","size":1}`); r.Status != "success" {
		t.Fatalf("the function does not go on: %+v", r)
	}
}

func TestAWrongConfigurationIsSaid(t *testing.T) {
	var out bytes.Buffer
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = []string{"TEST_RUN_FUNCTION=1", "THINGPASS_S3_BUCKET=photos", "THINGPASS_S3_REGION=eu-central-1"}
	cmd.Stderr = &out
	if err := cmd.Run(); err == nil || !strings.Contains(out.String(), "THINGPASS_LAMBDA_IOT_ENDPOINT") || !strings.Contains(out.String(), "kinds") {
		t.Fatalf("%v: %s", err, out.String())
	}
}
