// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
)

// A device is a client of MQTT 5 that says exactly what a test wants said. It is
// not our firmware: it knows only what PROTOCOL.md says.
type device struct {
	tb       testing.TB
	name     string
	client   *paho.Client
	received chan *paho.Publish
	pace     metronome
}

// connect connects a new thing of that name, subscribed to its own responses.
func (s *stack) connect(name string) *device {
	s.tb.Helper()
	d, err := dial(s.tb, s.mqtt.things, name, s.mqtt.thingTLS(s.tb, name))
	if err != nil {
		s.tb.Fatal(err)
	}
	if err := d.subscribe("thingpass/" + name + "/response"); err != nil {
		s.tb.Fatal(err)
	}
	return d
}

func dial(tb testing.TB, address, name string, config *tls.Config) (*device, error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	d := &device{tb: tb, name: name, received: make(chan *paho.Publish, 1000)}
	d.client = paho.NewClient(paho.ClientConfig{
		Conn: packets.NewThreadSafeConn(conn), // a bare tls.Conn mixes packets of several writers
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(p paho.PublishReceived) (bool, error) {
			d.received <- p.Packet
			return true, nil
		}},
	})
	if _, err := d.client.Connect(ctx, &paho.Connect{ClientID: name, CleanStart: true, KeepAlive: 30}); err != nil {
		_ = conn.Close()
		return nil, err
	}
	tb.Cleanup(func() { _ = d.client.Disconnect(&paho.Disconnect{}) })
	return d, nil
}

// thrownOut returns the device's next connection, if the server has ended this
// one for what it did: AWS does, Mosquitto does not.
func (s *stack) thrownOut(d *device) *device {
	s.tb.Helper()
	if !enforcing {
		return d
	}
	<-d.client.Done()
	if strict {
		time.Sleep(time.Second) // one CONNECT a second
	}
	return s.connect(d.name)
}

func (d *device) subscribe(filter string) error {
	ctx, cancel := context.WithTimeout(d.tb.Context(), patience)
	defer cancel()
	_, err := d.client.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: 1}}})
	return err
}

// publish returns the reason code of the acknowledgement.
func (d *device) publish(p *paho.Publish) byte {
	d.tb.Helper()
	ctx, cancel := context.WithTimeout(d.tb.Context(), patience)
	defer cancel()
	d.pace.wait()
	p.QoS = 1
	r, err := d.client.Publish(ctx, p)
	if r == nil {
		d.tb.Fatalf("publish to %s: %v", p.Topic, err)
	}
	return r.ReasonCode
}

// grant is a reply as PROTOCOL.md describes it.
type grant struct {
	ID, Status, Mode, ObjectKey, UploadURL, Code, Error string
	KeyPrefix, KeySuffix, DownloadURL, SHA256, ETag     string
	Time, ExpiresAt, RetryAfter, Size, MinSize, MaxSize int64
	Unchanged                                           bool
	Headers, Fields                                     map[string]string
	Objects                                             []grant

	UploadID, Checksum, Stored string // of mode multipart
	PartSize                   int64
	PartCount                  int
	Parts                      []partGrant
}

type partGrant struct {
	Number    int
	Size      int64
	UploadURL string
}

// ask publishes a request and returns the next reply.
func (d *device) ask(verb string, payload []byte) grant {
	d.tb.Helper()
	if code := d.publish(&paho.Publish{Topic: "thingpass/" + d.name + "/" + verb, Payload: payload}); code >= 0x80 {
		d.tb.Fatalf("%s was refused by the server: 0x%x", verb, code)
	}
	return d.reply()
}

func (d *device) reply() (g grant) {
	d.tb.Helper()
	p := d.next()
	if p == nil {
		d.tb.Fatal("no reply")
	}
	if err := json.Unmarshal(p.Payload, &g); err != nil {
		d.tb.Fatalf("reply %q: %v", p.Payload, err)
	}
	return g
}

func (d *device) next() *paho.Publish {
	ctx, cancel := context.WithTimeout(d.tb.Context(), patience)
	defer cancel()
	select {
	case p := <-d.received:
		return p
	case <-ctx.Done():
		return nil
	}
}

// object is what a test uploads.
type object struct {
	id, kind, contentType string
	body                  []byte
}

func jpeg(id string, size int) object {
	body := bytes.Repeat([]byte{0x5a}, max(size, 4))
	copy(body, "\xff\xd8")
	copy(body[len(body)-2:], "\xff\xd9")
	return object{id: id, kind: "photo", contentType: "image/jpeg", body: body}
}

func sum(body []byte) string {
	s := sha256.Sum256(body)
	return hex.EncodeToString(s[:])
}

// request is the upload-request for o, with or without its checksum.
func (o object) request(withSum bool) []byte {
	fields := map[string]any{"id": o.id, "kind": o.kind, "contentType": o.contentType, "size": len(o.body)}
	if withSum {
		fields["sha256"] = sum(o.body)
	}
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err) // a map of strings and an int
	}
	return text
}

func (d *device) granted(o object, withSum bool) grant {
	d.tb.Helper()
	g := d.ask("upload-request", o.request(withSum))
	if g.Status != "success" || g.UploadURL == "" {
		d.tb.Fatalf("no grant: %+v", g)
	}
	return g
}

// s3Client trusts the CA of the dev stack, and nothing else.
func (s *stack) s3Client() *http.Client {
	s.tb.Helper()
	text, err := os.ReadFile(s.ready.CAFile)
	if err != nil {
		s.tb.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}, Timeout: patience}
}

var s3Code = regexp.MustCompile(`<Code>([A-Za-z0-9]+)</Code>`)

// put uploads body as the grant says, after change had a look at the request. It
// returns the status and the code of S3's error.
func (s *stack) put(g grant, body []byte, change func(*http.Request)) (int, string) {
	s.tb.Helper()
	req, err := http.NewRequestWithContext(s.tb.Context(), http.MethodPut, g.UploadURL, bytes.NewReader(body))
	if err != nil {
		s.tb.Fatal(err)
	}
	for name, value := range g.Headers {
		req.Header.Set(name, value)
	}
	if change != nil {
		change(req)
	}
	status, text := s.do(req)
	return status, codeOf(text)
}

// do sends a request to the S3, and returns its status and body.
func (s *stack) do(req *http.Request) (int, []byte) {
	s.tb.Helper()
	resp, err := s.s3Client().Do(req)
	if err != nil {
		s.tb.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.tb.Fatal(err)
	}
	return resp.StatusCode, text
}

func codeOf(text []byte) string {
	if m := s3Code.FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return ""
}

func quote(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings can always be marshalled
	}
	return string(text)
}

// observer connects whoever processes photos, subscribed to what was stored.
func (s *stack) observer() *device {
	s.tb.Helper()
	const name = "thingpass-observer"
	d, err := dial(s.tb, s.mqtt.services, name, s.mqtt.clientTLS(service(s.tb, s.mqtt.ca, name)))
	if err != nil {
		s.tb.Fatal(err)
	}
	if err := d.subscribe("thingpass/+/uploaded"); err != nil {
		s.tb.Fatal(err)
	}
	return d
}
