// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"thingpass/broker/devstack"
)

// webStack is a stack that lets the broker in over WebSocket only: with the role
// whose credentials the environment has.
func webStack(t *testing.T, lifetime time.Duration) (s *stack, config string) {
	t.Helper()
	key := devstack.NewAccessKey()
	const token = "session/token+=="
	s = newStack(t, func(o *devstack.MQTTOptions) {
		o.Strict = &devstack.Strict{OneQuota: true}
		o.WebSocket = &devstack.WebSocketOptions{Key: key, Token: token, Region: "eu-central-1", Lifetime: lifetime}
	})
	t.Setenv("AWS_ACCESS_KEY_ID", key.ID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", key.Secret)
	t.Setenv("AWS_SESSION_TOKEN", token)
	return s, s.config("mqtts://"+s.mqtt.Addr().String(), "wss://"+s.mqtt.WebAddr().String(),
		"  cert: broker.crt\n  key: broker.key\n", "", "# region: eu-central-1", "region: eu-central-1", "profile: auto", "profile: aws")
}

func (s *stack) hasNoSignature(text string) {
	s.t.Helper()
	if strings.Contains(text, "X-Amz-") || strings.Contains(text, "session/token") {
		s.t.Errorf("a signed URL is in\n%s", text)
	}
}

func TestBrokerWithARoleNeedsNoCertificate(t *testing.T) {
	s, config := webStack(t, 0)
	p := startProgram(t, "run", "--config", config)
	p.awaitReady()
	if reply := s.thing("cam1").ask("upload-request", `{"id":"a1","kind":"photo","size":10}`); reply["status"] != "success" {
		t.Errorf("got %v", reply)
	}
	p.stop()
	if code := p.end(); code != exitOK {
		t.Errorf("exit code %d\n%s", code, p.stderr)
	}
	s.hasNoSignature(p.stderr.String())
}

// AWS ends each WebSocket connection after a day: the broker signs anew.
func TestBrokerReturnsWhenItsWebSocketIsEnded(t *testing.T) {
	s, config := webStack(t, 2*time.Second)
	p := startProgram(t, "run", "--config", config)
	p.awaitReady()
	cam := s.thing("cam1")
	for deadline := time.Now().Add(7 * time.Second); time.Now().Before(deadline); { // three lives
		if reply := cam.ask("upload-request", `{"id":"a1","kind":"photo","size":10}`); reply["status"] != "success" {
			t.Fatalf("got %v", reply)
		}
		time.Sleep(50 * time.Millisecond) // as fast as a thing may
	}
	if n := strings.Count(p.stderr.String(), `"msg":"connected"`); n < 2 {
		t.Errorf("%d connections:\n%s", n, p.stderr)
	}
	s.hasNoSignature(p.stderr.String())
}

func TestCheckSpeaksWebSocket(t *testing.T) {
	s, config := webStack(t, 0)
	code, stdout, stderr := s.check("--config", config)
	if code != exitOK || stderr != "" || !strings.HasSuffix(stdout, "\nall is well\n") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	for _, want := range []string{
		"ok +mqtt: the server knows us by a signed URL",
		`ok +mqtt: may subscribe "\$share/thingpass-check/thingpass/\+/upload-request"`,
		"AWS_SESSION_TOKEN +set\n",
	} {
		if !regexp.MustCompile(want).MatchString(stdout) {
			t.Errorf("%s is not in\n%s", want, stdout)
		}
	}
	for _, wrong := range []struct{ name, value, want string }{
		{"AWS_SECRET_ACCESS_KEY", "not/the/one", "the server refuses our signature (403 Forbidden"},
		{"AWS_SESSION_TOKEN", "another", "the server refuses our signature (403 Forbidden"},
		{"THINGPASS_MQTT_REGION", "eu-west-1", "the server refuses our signature (403 Forbidden"},
		{"THINGPASS_MQTT_SERVER", "wss://127.0.0.1:1", "127.0.0.1:1: "},
		{"THINGPASS_MQTT_SERVER", "wss://" + s.s3.Addr().String(), "the server does not open a WebSocket there"},
	} {
		t.Run(wrong.name+" "+wrong.want, func(t *testing.T) {
			t.Setenv(wrong.name, wrong.value)
			code, stdout, _ := s.check("--config", config)
			if code != exitFailure || !strings.Contains(stdout, "problem  mqtt: ") || !strings.Contains(stdout, wrong.want) {
				t.Errorf("exit code %d, want %q in\n%s", code, wrong.want, stdout)
			}
			s.hasNoSignature(stdout)
		})
	}
}

// AWS IoT wants the token after the signature, as the last parameter; S3 wants it
// under the signature.
func TestTokenIsBesideTheSignature(t *testing.T) {
	at := time.Unix(1_795_424_400, 0)
	target := func(token string) string {
		t.Helper()
		sign := webSocketSigner(credentials.NewStaticCredentialsProvider("AKIA", "secret", token), "eu-central-1", func() time.Time { return at })
		signed, err := sign(context.Background(), "wss://x-ats.iot.eu-central-1.amazonaws.com/mqtt")
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	without, with := target(""), target("a/b+c=")
	if with != without+"&X-Amz-Security-Token=a%2Fb%2Bc%3D" {
		t.Errorf("\n%s\n%s", without, with)
	}
	u, err := url.Parse(without)
	if err != nil || u.Host != "x-ats.iot.eu-central-1.amazonaws.com" || u.Path != "/mqtt" || u.Query().Get("X-Amz-SignedHeaders") != "host" ||
		u.Query().Get("X-Amz-Credential") != "AKIA/"+at.UTC().Format("20060102")+"/eu-central-1/iotdevicegateway/aws4_request" {
		t.Errorf("%s %v", without, err)
	}
}
