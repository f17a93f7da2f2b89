// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/coder/websocket"
	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"thingpass/broker/devstack"
)

const emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// signing is how a URL is signed; the zero value of a field is the right one.
type signing struct {
	key         devstack.AccessKey
	token       string
	tokenInside bool // the signature, as S3 wants it
	service     string
	region      string
	path        string
	expires     string
	age         time.Duration
}

// sign makes the URL with the SDK's signer, the judge of what is right.
func (m *testMQTT) sign(key devstack.AccessKey, s signing) string {
	m.t.Helper()
	if s.key.ID != "" {
		key = s.key
	}
	who := aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}
	if s.tokenInside {
		who.SessionToken = s.token
	}
	target := "https://" + m.WebAddr().String() + or(s.path, "/mqtt") + "?X-Amz-Expires=" + or(s.expires, "60")
	request, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	signed, _, err := v4.NewSigner().PresignHTTP(m.t.Context(), who, request, emptySum, or(s.service, "iotdevicegateway"),
		or(s.region, devstack.DefaultRegion), time.Now().Add(-s.age))
	if err != nil {
		m.t.Fatal(err)
	}
	if s.token != "" && !s.tokenInside {
		signed += "&X-Amz-Security-Token=" + url.QueryEscape(s.token)
	}
	return signed
}

func (m *testMQTT) web(target string, subprotocols ...string) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(m.t.Context(), 5*time.Second)
	defer cancel()
	return websocket.Dial(ctx, target, &websocket.DialOptions{
		Subprotocols: subprotocols,
		HTTPClient:   &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: m.ca.pool()}}},
	})
}

func webServer(key devstack.AccessKey, token string, lifetime time.Duration) func(*devstack.MQTTOptions) {
	return func(o *devstack.MQTTOptions) {
		o.WebSocket = &devstack.WebSocketOptions{Key: key, Token: token, Lifetime: lifetime}
	}
}

func TestWebSocketOpensForTheRightSignatureOnly(t *testing.T) {
	key, other := devstack.NewAccessKey(), devstack.NewAccessKey()
	plain := startMQTT(t, webServer(key, "", 0))
	session := startMQTT(t, webServer(key, "to/ken+==", 0))
	for _, test := range []struct {
		name   string
		server *testMQTT
		s      signing
		change func(string) string
		ok     bool
	}{
		{"right", plain, signing{}, nil, true},
		{"right, without Expires", plain, signing{}, nil, true},
		{"right, with a token", session, signing{token: "to/ken+=="}, nil, true},
		{"the token inside the signature", session, signing{token: "to/ken+==", tokenInside: true}, nil, false},
		{"no token", session, signing{}, nil, false},
		{"another token", session, signing{token: "other"}, nil, false},
		{"a token where none belongs", plain, signing{token: "to/ken+=="}, nil, false},
		{"another secret", plain, signing{key: devstack.AccessKey{ID: key.ID, Secret: other.Secret}}, nil, false},
		{"another key", plain, signing{key: other}, nil, false},
		{"for S3", plain, signing{service: "s3"}, nil, false},
		{"for iotdata", plain, signing{service: "iotdata"}, nil, false},
		{"another region", plain, signing{region: "eu-west-1"}, nil, false},
		{"expired", plain, signing{age: 61 * time.Second}, nil, false},
		{"nearly expired", plain, signing{age: 50 * time.Second}, nil, true},
		{"from tomorrow", plain, signing{age: -24 * time.Hour}, nil, false},
		{"longer than 7 days", plain, signing{expires: "604801"}, nil, false},
		{"another path", plain, signing{path: "/other"}, nil, false},
		{"another path than signed", plain, signing{path: "/other"}, func(u string) string { return strings.Replace(u, "/other", "/mqtt", 1) }, false},
		{"a longer life than signed", plain, signing{}, func(u string) string { return strings.Replace(u, "Expires=60", "Expires=600", 1) }, false},
		{"an additional parameter", plain, signing{}, func(u string) string { return u + "&x=1" }, false},
		{"a doubled parameter", plain, signing{}, func(u string) string { return u + "&X-Amz-Expires=60" }, false},
		{"no signature", plain, signing{}, func(u string) string { u, _, _ = strings.Cut(u, "&X-Amz-Signature"); return u }, false},
		{"nothing", plain, signing{}, func(u string) string { u, _, _ = strings.Cut(u, "?"); return u }, false},
		{"another host than signed", plain, signing{}, func(u string) string { return strings.Replace(u, "127.0.0.1", "localhost", 1) }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			target := test.server.sign(key, test.s)
			if test.change != nil {
				target = test.change(target)
			}
			ws, answer, err := test.server.web(target, "mqtt")
			if test.ok {
				if err != nil {
					t.Fatal(err)
				}
				_ = ws.CloseNow()
				return
			}
			if err == nil || answer == nil || answer.StatusCode != http.StatusForbidden {
				t.Errorf("%v, answer %+v", err, answer)
			}
		})
	}
	if log := plain.log.String(); strings.Contains(log, "X-Amz-Signature") || strings.Contains(log, key.Secret) {
		t.Errorf("the log has a secret:\n%s", log)
	}
}

func TestWebSocketWantsTheSubprotocol(t *testing.T) {
	key := devstack.NewAccessKey()
	m := startMQTT(t, webServer(key, "", 0))
	ws, _, err := m.web(m.sign(key, signing{}))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("read: %v", err)
	}
}

// The holder of the key is the broker, with its rights and no others.
func TestWhoSignsIsTheBroker(t *testing.T) {
	key := devstack.NewAccessKey()
	m := startMQTT(t, webServer(key, "", 0), strict)
	for id, reason := range map[string]byte{brokerName: 0, "cam1": 0x87} {
		ws, _, err := m.web(m.sign(key, signing{}), "mqtt")
		if err != nil {
			t.Fatal(err)
		}
		received := make(chan string, 10)
		c := paho.NewClient(paho.ClientConfig{
			Conn: packets.NewThreadSafeConn(websocket.NetConn(context.Background(), ws, websocket.MessageBinary)),
			OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
				received <- string(p.Packet.Payload)
				return true, nil
			}},
		})
		ack, err := c.Connect(t.Context(), &paho.Connect{ClientID: id, KeepAlive: 30, CleanStart: true})
		if ack == nil || ack.ReasonCode != reason {
			t.Fatalf("%s: %+v %v", id, ack, err)
		}
		if reason != 0 {
			continue
		}
		if _, err := c.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "thingpass/+/upload-request", QoS: 1}}}); err != nil {
			t.Fatal(err)
		}
		large := strings.Repeat("x", 100_000)
		m.thing("cam2").publish("thingpass/cam2/upload-request", large)
		if got := <-received; got != large {
			t.Errorf("%d bytes came", len(got))
		}
		_ = c.Disconnect(&paho.Disconnect{})
	}
}

func TestWebSocketEndsAfterItsLifetime(t *testing.T) {
	key := devstack.NewAccessKey()
	m := startMQTT(t, webServer(key, "", 100*time.Millisecond))
	ws, _, err := m.web(m.sign(key, signing{}), "mqtt")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("read: %v", err)
	}
}
