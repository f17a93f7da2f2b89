// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/paho"
)

// cli is the AWS CLI in a folder of its own: nothing of the machine's
// configuration or environment gets in.
type cli struct {
	tb       testing.TB
	dir      string
	ca       string
	endpoint string
}

// credentialStack is a dev stack in dir, with things cam1 and cam2, and a CLI for
// its S3.
func credentialStack(t *testing.T) (c *cli, ready credentialReady) {
	t.Helper()
	if _, err := exec.LookPath("aws"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("the AWS CLI is not there: .ci/setup test installs it")
	}
	dir := t.TempDir()
	dev := filepath.Join(dir, "dev")
	start(t, "thingpass-dev", "run", "--dir", dev, "--mqtt-port", "0", "--s3-port", "0", "--ready-file", filepath.Join(dir, "ready.json"))
	await(t, "the servers", func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "ready.json"))
		return err == nil && json.Unmarshal(text, &ready) == nil
	})
	for _, thing := range []string{"cam1", "cam2"} {
		if code := start(t, "thingpass-dev", "thing", thing, "--dir", dev).wait(patience); code != 0 {
			t.Fatalf("thing %s: exit code %d", thing, code)
		}
	}
	return &cli{t, dir, ready.CAFile, ready.S3.Endpoint}, ready
}

type credentialReady struct {
	S3 struct {
		Endpoint, Region, DataDir, Role string
		AccessKeyFile                   string
	}
	CredentialProvider struct{ Endpoint, RoleAlias string }
	CAFile             string
	BrokerConfig       string
}

// profile makes a profile that gets its credentials by PROTOCOL.md's script: as
// written, but for the address and the names that are given.
func (c *cli) profile(name string, change ...string) {
	c.tb.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "broker", "PROTOCOL.md"))
	if err != nil {
		c.tb.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(#!/bin/sh\n.*?role-aliases.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 1 {
		c.tb.Fatalf("%d scripts in PROTOCOL.md", len(blocks))
	}
	script := filepath.Join(c.dir, name+".sh")
	body := "#!/bin/sh\ncd " + c.dir + "\n" + strings.NewReplacer(change...).Replace(blocks[0][1])
	if err := os.WriteFile(script, []byte(body), 0o700); err != nil {
		c.tb.Fatal(err)
	}
	file, err := os.OpenFile(filepath.Join(c.dir, "config"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		c.tb.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.WriteString("[profile " + name + "]\nregion = us-east-1\ncredential_process = " + script + "\n"); err != nil {
		c.tb.Fatal(err)
	}
}

// repository is its root, whatever folder a test works in.
var repository, _ = filepath.Abs(filepath.Join("..", ".."))

// run returns what the CLI prints, and whether it succeeds.
func (c *cli) run(env []string, args ...string) (string, bool) {
	c.tb.Helper()
	cmd := exec.CommandContext(c.tb.Context(), "aws", append(args, "--endpoint-url", c.endpoint, "--ca-bundle", c.ca, "--output", "json")...)
	cmd.Dir = c.dir
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + c.dir, "AWS_CONFIG_FILE=" + filepath.Join(c.dir, "config"),
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1"}, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// as runs the CLI with a profile.
func (c *cli) as(profile string, args ...string) (string, bool) {
	c.tb.Helper()
	return c.run(nil, append(args, "--profile", profile)...)
}

// owner is the environment of the access key's holder.
func (c *cli) owner(ready credentialReady) []string {
	c.tb.Helper()
	var key struct{ AccessKeyID, SecretAccessKey string }
	text, err := os.ReadFile(ready.S3.AccessKeyFile)
	if err != nil || json.Unmarshal(text, &key) != nil {
		c.tb.Fatalf("%v: %v", ready.S3.AccessKeyFile, err)
	}
	return []string{"AWS_ACCESS_KEY_ID=" + key.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + key.SecretAccessKey, "AWS_DEFAULT_REGION=" + ready.S3.Region}
}

func (c *cli) must(what string, env []string, args ...string) string {
	c.tb.Helper()
	out, ok := c.run(env, args...)
	if !ok {
		c.tb.Fatalf("%s: %s", what, out)
	}
	return out
}

func (c *cli) file(name string, size int) []byte {
	c.tb.Helper()
	body := bytes.Repeat([]byte(name+" "), size/len(name)+1)[:size]
	if err := os.WriteFile(filepath.Join(c.dir, name), body, 0o600); err != nil {
		c.tb.Fatal(err)
	}
	return body
}

// TestTheAWSCLIReachesTheThingsPrefixOnly gets credentials by the script of
// PROTOCOL.md from both providers: the dev stack's, which lets things write, and
// the broker's, which is told to let them read as well.
func TestTheAWSCLIReachesTheThingsPrefixOnly(t *testing.T) {
	needsMosquitto(t) // it is about S3
	t.Parallel()
	c, ready := credentialStack(t)
	photo, film := c.file("photo.jpg", 30_000), c.file("film.mp4", 9<<20) // above 8 MiB the CLI uploads in parts
	owner := c.owner(ready)
	c.must("seed", owner, "s3", "cp", "photo.jpg", "s3://photos/cam2/secret.jpg")
	c.must("seed", owner, "s3", "cp", "photo.jpg", "s3://photos/cam1/own.jpg")
	c.profile("writer", "https://127.0.0.1:9443", ready.CredentialProvider.Endpoint)
	c.profile("reader", "https://127.0.0.1:9443", c.brokersProvider(ready))
	c.profile("liar", "https://127.0.0.1:9443", ready.CredentialProvider.Endpoint, "thingname: cam1", "thingname: cam2")
	c.profile("thief", "https://127.0.0.1:9443", ready.CredentialProvider.Endpoint, "cam1/thing.key", "cam2/thing.key", "cam1/thing.crt", "cam2/thing.crt")

	for profile, reads := range map[string]bool{"writer": false, "reader": true} {
		for name, body := range map[string][]byte{"photo.jpg": photo, "film.mp4": film} {
			if out, ok := c.as(profile, "s3", "cp", name, "s3://photos/cam1/"+profile+"/"+name); !ok {
				t.Errorf("%s: put %s: %s", profile, name, out)
			}
			stored, err := os.ReadFile(filepath.Join(ready.S3.DataDir, "photos", "cam1", profile, name))
			if err != nil || !bytes.Equal(stored, body) {
				t.Errorf("%s: %s is stored as %d bytes, %v", profile, name, len(stored), err)
			}
		}
		for what, args := range map[string][]string{
			"put to a neighbour":    {"s3api", "put-object", "--bucket", "photos", "--key", "cam2/x.jpg", "--body", "photo.jpg"},
			"put to a longer name":  {"s3api", "put-object", "--bucket", "photos", "--key", "cam10/x.jpg", "--body", "photo.jpg"},
			"parts to a neighbour":  {"s3api", "create-multipart-upload", "--bucket", "photos", "--key", "cam2/x.mp4"},
			"list":                  {"s3api", "list-objects-v2", "--bucket", "photos", "--prefix", "cam1/"},
			"delete its own":        {"s3api", "delete-object", "--bucket", "photos", "--key", "cam1/own.jpg"},
			"copy from a neighbour": {"s3api", "copy-object", "--bucket", "photos", "--key", "cam1/stolen.jpg", "--copy-source", "photos/cam2/secret.jpg"},
			"get a neighbour's":     {"s3api", "get-object", "--bucket", "photos", "--key", "cam2/secret.jpg", "stolen.jpg"},
			"list buckets":          {"s3api", "list-buckets"},
		} {
			if out, ok := c.as(profile, args...); ok || !strings.Contains(out, "AccessDenied") {
				t.Errorf("%s: %s: %s", profile, what, out)
			}
		}
		out, ok := c.as(profile, "s3api", "get-object", "--bucket", "photos", "--key", "cam1/own.jpg", "got.jpg")
		if ok != reads || !ok && !strings.Contains(out, "AccessDenied") {
			t.Errorf("%s: get its own: %s", profile, out)
		}
		out, _ = c.as(profile, "s3api", "delete-objects", "--bucket", "photos", "--delete", `{"Objects":[{"Key":"cam1/own.jpg"},{"Key":"cam2/secret.jpg"}]}`)
		if strings.Count(out, `"Code": "AccessDenied"`) != 2 && !strings.Contains(out, "(AccessDenied)") {
			t.Errorf("%s: delete a batch: %s", profile, out)
		}
	}
	for _, profile := range []string{"liar", "thief"} {
		if out, ok := c.as(profile, "s3", "cp", "photo.jpg", "s3://photos/cam1/"+profile+".jpg"); ok || !strings.Contains(out, "403") {
			t.Errorf("%s: %s", profile, out)
		}
	}
	for _, key := range []string{"cam1/own.jpg", "cam2/secret.jpg"} {
		if stored, err := os.ReadFile(filepath.Join(ready.S3.DataDir, "photos", key)); err != nil || !bytes.Equal(stored, photo) {
			t.Errorf("%s: %d bytes, %v", key, len(stored), err)
		}
	}
	if _, err := os.Stat(filepath.Join(c.dir, "stolen.jpg")); err == nil {
		if text, _ := os.ReadFile(filepath.Join(c.dir, "stolen.jpg")); len(text) > 0 {
			t.Error("the neighbour's photo was fetched")
		}
	}
}

// brokersProvider runs a broker with a credential provider, and returns where it
// is.
func (c *cli) brokersProvider(ready credentialReady) string {
	c.tb.Helper()
	dev := filepath.Join(c.dir, "dev", "certs")
	if code := start(c.tb, "thingpass", "certs", "server", "127.0.0.1", "--dir", dev).wait(patience); code != 0 {
		c.tb.Fatal("no certificate for the provider")
	}
	server := filepath.Join(dev, "servers", "127.0.0.1", "server")
	text, err := os.ReadFile(ready.BrokerConfig)
	if err != nil {
		c.tb.Fatal(err)
	}
	config := strings.Replace(string(text), "  role_arn:", "  access: read-write\n  role_arn:", 1) + "\ncredential_provider:\n  listen: 127.0.0.1:0\n  cert: " + server +
		".crt\n  key: " + server + ".key\n  client_ca: " + ready.CAFile + "\n  role_aliases: [thingpass]\n"
	path := filepath.Join(c.dir, "broker.yaml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		c.tb.Fatal(err)
	}
	b := start(c.tb, "thingpass", "run", "--config", path)
	b.awaitLine("ready")
	found := regexp.MustCompile(`credential provider listens.*?(127\.0\.0\.1:[0-9]+)`).FindStringSubmatch(b.text())
	if found == nil {
		c.tb.Fatalf("it does not say where: %s", b.text())
	}
	c.tb.Cleanup(func() {
		if !strings.Contains(b.text(), `"request":"credential-provider"`) || !strings.Contains(b.text(), `"accessKeyId":"ASIA`) {
			c.tb.Errorf("the audit does not tell of the sessions:\n%s", b.text())
		}
	})
	return "https://" + found[1]
}

// TestTheAWSCLICanAskTheDevStacksSTS: another implementation of its protocol.
func TestTheAWSCLICanAskTheDevStacksSTS(t *testing.T) {
	t.Parallel()
	c, ready := credentialStack(t)
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:PutObject"],"Resource":"arn:aws:s3:::photos/cam1/*"}]}`
	assume := []string{"sts", "assume-role", "--role-arn", ready.S3.Role, "--role-session-name", "cam1", "--duration-seconds", "900"}
	out := c.must("assume the role", c.owner(ready), append(assume, "--policy", policy)...)
	var answer struct {
		Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken string }
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	session := []string{"AWS_ACCESS_KEY_ID=" + answer.Credentials.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + answer.Credentials.SecretAccessKey,
		"AWS_SESSION_TOKEN=" + answer.Credentials.SessionToken, "AWS_DEFAULT_REGION=us-east-1"}
	c.file("photo.jpg", 1000)
	c.must("put", session, "s3", "cp", "photo.jpg", "s3://photos/cam1/photo.jpg")
	if out, ok := c.run(session, "s3", "cp", "photo.jpg", "s3://photos/cam2/photo.jpg"); ok || !strings.Contains(out, "AccessDenied") {
		t.Errorf("a neighbour's: %s", out)
	}
	if out, ok := c.run(c.owner(ready), append(assume, "--policy", strings.Replace(policy, "cam1/", "", 1))...); ok || !strings.Contains(out, "MalformedPolicyDocument") {
		t.Errorf("a wide policy: %s", out)
	}
}

// TestAThingAsksTheBrokerForCredentials: both forms, over a real Mosquitto.
func TestAThingAsksTheBrokerForCredentials(t *testing.T) {
	s := newStack(t)
	s.broker.stop()
	s.extra = "credentials:\n  role_arn: " + s.ready.S3.Role + "\n  sts_endpoint: " + s.ready.S3.Endpoint +
		"\n  provider: {endpoint: '" + s.ready.CredentialProvider.Endpoint + "', role_alias: thingpass}\n"
	s.startBroker()
	d := s.connect("cam1")
	for _, mode := range []string{"session", "provider"} {
		if code := d.publish(credentialsRequest("cam1", mode)); code >= 0x80 {
			t.Fatalf("%s: refused by the server: 0x%x", mode, code)
		}
		var reply struct {
			Status, Mode, AccessKeyID, SecretAccessKey, SessionToken, Endpoint, Bucket, Prefix string
			PathStyle                                                                          bool
			Provider                                                                           struct {
				Endpoint string
				Headers  map[string]string
			}
		}
		if err := json.Unmarshal(d.next().Payload, &reply); err != nil {
			t.Fatal(err)
		}
		if reply.Status != "success" || reply.Mode != "credentials" || reply.Endpoint != s.ready.S3.Endpoint || reply.Bucket != bucket || reply.Prefix != "cam1/" || !reply.PathStyle {
			t.Errorf("%s: %+v", mode, reply)
		}
		secrets.Learn("a session's secret", reply.SecretAccessKey)
		secrets.Learn("a session's token", reply.SessionToken)
		if mode == "session" != strings.HasPrefix(reply.AccessKeyID, "ASIA") || mode == "provider" != (reply.Provider.Headers["x-amzn-iot-thingname"] == "cam1") {
			t.Errorf("%s: %+v", mode, reply)
		}
	}
	thief := s.connect("cam2")
	if code := thief.publish(credentialsRequest("cam1", "session")); code != 0x87 {
		t.Errorf("asking in a neighbour's name: 0x%x, want 0x87 (not authorized)", code)
	}
}

func credentialsRequest(thing, mode string) *paho.Publish {
	return &paho.Publish{Topic: "thingpass/" + thing + "/credentials-request", Payload: []byte(`{"id":"c1","mode":"` + mode + `"}`)}
}
