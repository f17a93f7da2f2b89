// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"thingpass/broker"
	"thingpass/broker/awss3"
)

const (
	measuredThing = "camera-0001"
	measuredHash  = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	measuredNow   = 1795424400
	uploadID      = "ibZBv_75gd9r8lH_gqXatLdxMVpAlj6ys9kalUPZwBH8.Nz_8dF4Qz1cE0VtBNsOLaq0oHjEXAMPLE-"
)

// TestSizesAreThoseOfRealMessages holds the constants to what the broker says and
// awss3 signs.
func TestSizesAreThoseOfRealMessages(t *testing.T) {
	for token, want := range map[string]sizes{"": plainSizes, sessionToken(): tokenSizes} {
		if got := measure(t, token); got != want {
			t.Errorf("with a token of %d bytes: measured\n%#v\nthe constants are\n%#v", len(token), got, want)
		}
	}
}

func sessionToken() string { return strings.Repeat("IQoJb3JpZ2luX2VjEXAMPLE+/=", 47)[:1200] }

// measure asks a broker of the usual configuration for everything.
func measure(t *testing.T, token string) sizes {
	t.Helper()
	l := laboratory{t, newMeasured(t, token)}
	s := sizes{
		put:        l.one("upload-request", putRequest("b7Kq-000017", true)),
		batch:      l.many("upload-request", batchRequest),
		pass:       l.one("upload-request", `{"id":"b7Kq-000017","kind":"photo","mode":"pass","contentType":"image/jpeg","capturedAt":1795424398}`),
		multipart:  l.many("upload-request", partsRequest),
		report:     l.one("upload-complete", reportRequest("b7Kq-000017", true)),
		reportMany: l.many("upload-complete", reportsRequest),
		finished: l.one("upload-complete", fmt.Sprintf(`{"id":"done-000003","objectKey":"camera-0001/clip/2026/11/23/b7Kq-000017.mp4","size":10485760,"uploadId":"%s","crc32":"c70bd5a4"}`,
			uploadID)),
		session: l.one("credentials-request", `{"id":"b7Kq-000017","mode":"session"}`),
	}
	out := l.ask("upload-complete", reportRequest("b7Kq-000017", true))
	if len(out) != 2 || !strings.HasSuffix(out[1].Topic, "/uploaded") {
		t.Fatalf("a report is answered with %d messages", len(out))
	}
	s.event = length(out[1])
	return s
}

func length(m broker.Message) int64 { return int64(len(m.Topic) + len(m.Payload)) }

type laboratory struct {
	t *testing.T
	b *broker.Broker
}

func (l laboratory) ask(verb, payload string) []broker.Message {
	l.t.Helper()
	out, err := l.b.Handle(l.t.Context(), broker.Message{Topic: "thingpass/" + measuredThing + "/" + verb, Payload: []byte(payload)})
	if err != nil || len(out) == 0 || !strings.Contains(string(out[0].Payload), `"status":"success"`) || strings.Contains(string(out[0].Payload), `"code"`) {
		l.t.Fatalf("%s %s: %v, %s", verb, payload, err, out[0].Payload)
	}
	return out
}

func (l laboratory) one(verb, payload string) wire {
	l.t.Helper()
	return wire{request: int64(len("thingpass/"+measuredThing+"/"+verb) + len(payload)), reply: length(l.ask(verb, payload)[0])}
}

// many finds what each object adds, and that each adds the same.
func (l laboratory) many(verb string, payload func(n int) string) wire {
	l.t.Helper()
	one, ten, twenty := l.one(verb, payload(1)), l.one(verb, payload(10)), l.one(verb, payload(20))
	w := wire{requestEach: (twenty.request - ten.request) / 10, replyEach: (twenty.reply - ten.reply) / 10}
	w.request, w.reply = ten.request-10*w.requestEach, ten.reply-10*w.replyEach
	for n, real := range map[int64]wire{1: one, 20: twenty} {
		request, reply := w.of(n)
		if abs(request-real.request) > 64 || abs(reply-real.reply) > 64 {
			l.t.Errorf("%s of %d: %d and %d bytes by the constants, in truth %d and %d", verb, n, request, reply, real.request, real.reply)
		}
	}
	return w
}

func abs(n int64) int64 { return max(n, -n) }

func putRequest(id string, outer bool) string {
	kind := ""
	if outer {
		kind = `"kind":"photo",`
	}
	return fmt.Sprintf(`{"id":%q,%s"contentType":"image/jpeg","size":200000,"sha256":%q,"capturedAt":1795424398,"metadata":{"fw":"1.4.2","rssi":"-61"}}`, id, kind, measuredHash)
}

func batchRequest(n int) string {
	objects := make([]string, n)
	for i := range objects {
		objects[i] = putRequest(fmt.Sprintf("b7Kq-%06d", i), false)
	}
	return `{"id":"batch-000007","kind":"photo","objects":[` + strings.Join(objects, ",") + `]}`
}

func partsRequest(n int) string {
	return fmt.Sprintf(`{"id":"b7Kq-000017","kind":"clip","mode":"multipart","contentType":"video/mp4","size":1048576000,"capturedAt":1795424398,"metadata":{"fw":"1.4.2"},"count":%d}`, n)
}

func reportRequest(id string, outer bool) string {
	begin := ""
	if outer {
		begin = fmt.Sprintf(`"id":%q,`, id)
	}
	return fmt.Sprintf(`{%s"objectKey":"camera-0001/photo/2026/11/23/%s.jpg","size":200000,"sha256":%q}`, begin, id, measuredHash)
}

func reportsRequest(n int) string {
	objects := make([]string, n)
	for i := range objects {
		objects[i] = reportRequest(fmt.Sprintf("b7Kq-%06d", i), false)
	}
	return `{"id":"report-000007","objects":[` + strings.Join(objects, ",") + `]}`
}

func newMeasured(t *testing.T, token string) *broker.Broker {
	t.Helper()
	now := func() time.Time { return time.Unix(measuredNow, 0) }
	c := aws.Credentials{AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", SessionToken: token}
	bucket, err := awss3.New(awss3.Config{Region: "us-east-1", Bucket: "thingpass-photos", Now: now,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil })})
	if err != nil {
		t.Fatal(err)
	}
	full := &fullBucket{Bucket: bucket}
	b, err := broker.New(broker.Config{
		Kinds: []broker.Kind{
			{Name: "photo", Modes: []string{"put", "pass"}, Types: []broker.ContentType{{Name: "image/jpeg", Ext: "jpg"}}, MaxSize: 8 << 20},
			{Name: "clip", Modes: []string{"multipart"}, Types: []broker.ContentType{{Name: "video/mp4", Ext: "mp4"}}, MaxSize: 1 << 30, TTL: time.Hour},
		},
		Signer: bucket, Passes: bucket, Store: full, Multipart: full, Audit: broker.NewJSONAudit(io.Discard), Now: now,
		Credentials: &broker.Credentials{Issuer: full, Place: bucket.Place()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// fullBucket signs in earnest, and has what is asked for.
type fullBucket struct {
	*awss3.Bucket
	completed bool
}

func (f *fullBucket) Head(_ context.Context, key string) (broker.Object, error) {
	switch clip := strings.Contains(key, "/clip/"); {
	case clip && !f.completed:
		return broker.Object{}, broker.ErrNotFound
	case clip:
		return broker.Object{Size: 10 << 20, CRC32: "xwvVpA==", ETag: `"e-2"`}, nil
	}
	hash := "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="
	return broker.Object{Size: 200000, ContentType: "image/jpeg", SHA256: hash, ETag: `"5d41402abc4b2a76b9719d911017c592"`,
		Metadata: map[string]string{"captured-at": "1795424398", "fw": "1.4.2", "rssi": "-61"}}, nil
}

func (*fullBucket) CreateUpload(context.Context, broker.NewUpload) (string, error) {
	return uploadID, nil
}

func (*fullBucket) ListUploads(context.Context, string) iter.Seq2[broker.Upload, error] {
	return func(func(broker.Upload, error) bool) {}
}

func (*fullBucket) AbortUpload(context.Context, string, string) error { return nil }

func (*fullBucket) ListParts(context.Context, string, string) (broker.Stored, error) {
	return broker.Stored{Checksum: "crc32", Parts: []broker.Part{{Number: 1, Size: 5 << 20}, {Number: 2, Size: 5 << 20}}}, nil
}

func (f *fullBucket) CompleteUpload(context.Context, broker.Completion) error {
	f.completed = true
	return nil
}

func (*fullBucket) Issue(context.Context, string) (broker.Session, error) {
	return broker.Session{AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY",
		SessionToken: sessionToken(), Expires: time.Unix(measuredNow+3600, 0)}, nil
}
