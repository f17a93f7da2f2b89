// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"
)

const mib = 1 << 20

// A longLog is a log that is sent in parts, by a device that can forget
// everything but the log and its id.
type longLog struct {
	s        *stack
	id       string
	body     []byte
	recorded int64 // when: it belongs to the log, as its size does
	sent     int   // bytes, over all lives of the device
}

func newLongLog(s *stack, id string) *longLog {
	var text []byte
	for n := 0; len(text) < 12*mib; n++ {
		text = fmt.Appendf(text, "%09d all is well\n", n)
	}
	return &longLog{s: s, id: id, body: text[:12*mib], recorded: time.Now().Unix()}
}

// answer publishes a request and returns the reply of that id that is wanted. A
// broker that was killed may have left requests that are answered once more.
func (d *device) answer(verb string, payload []byte, wanted func(grant) bool) grant {
	d.tb.Helper()
	for g := d.ask(verb, payload); ; g = d.reply() {
		if wanted(g) {
			return g
		}
	}
}

// ask asks for the next window. more is added to the request; so many parts must
// be stored.
func (l *longLog) ask(d *device, stored string, more map[string]any) grant {
	l.s.tb.Helper()
	fields := map[string]any{"id": l.id, "kind": "log", "mode": "multipart", "size": len(l.body), "capturedAt": l.recorded}
	for name, value := range more {
		fields[name] = value
	}
	text, err := json.Marshal(fields)
	if err != nil {
		l.s.tb.Fatal(err)
	}
	g := d.answer("upload-request", text, func(g grant) bool { return g.ID == l.id && (g.Stored == stored || g.Status != "success") })
	if g.Status != "success" || g.PartSize != 5*mib || g.PartCount != 3 || g.Checksum != "crc32" {
		l.s.tb.Fatalf("no grant: %+v", g)
	}
	return g
}

// send stores a part that was granted.
func (l *longLog) send(g grant, number int) {
	l.s.tb.Helper()
	i := slices.IndexFunc(g.Parts, func(p partGrant) bool { return p.Number == number })
	if i < 0 {
		l.s.tb.Fatalf("part %d was not granted: %+v", number, g)
	}
	part := l.body[(number-1)*int(g.PartSize):][:g.Parts[i].Size]
	if status, code := l.s.put(grant{ObjectKey: g.ObjectKey, UploadURL: g.Parts[i].UploadURL}, part, nil); status != http.StatusOK {
		l.s.tb.Fatalf("part %d: %d %s", number, status, code)
	}
	l.sent += len(part)
}

func (l *longLog) report(id string, g grant, uploadID string) []byte {
	return fmt.Appendf(nil, `{"id":%q,"objectKey":%q,"size":%d,"uploadId":%q,"crc32":"%08x"}`,
		id, g.ObjectKey, len(l.body), uploadID, crc32.ChecksumIEEE(l.body))
}

func numbers(g grant) (list []int) {
	for _, p := range g.Parts {
		list = append(list, p.Number)
	}
	return list
}

// TestALogInPartsOutlivesThingAndBroker sends 12 MiB in windows of two parts. The
// thing forgets everything after the first part, the broker is killed again and
// again, and no part is sent twice.
func TestALogInPartsOutlivesThingAndBroker(t *testing.T) {
	s := newStack(t)
	observer, err := dial(t, s.mqtt.services, "thingpass-observer", s.mqtt.clientTLS(service(t, s.mqtt.ca, "thingpass-observer")))
	if err != nil {
		t.Fatal(err)
	}
	if err := observer.subscribe("thingpass/+/uploaded"); err != nil {
		t.Fatal(err)
	}
	l := newLongLog(s, "boot-7")
	d := s.connect("cam1")
	first := l.ask(d, "", nil)
	if !slices.Equal(numbers(first), []int{1, 2}) || first.UploadID == "" {
		t.Fatalf("first window: %+v", first)
	}
	l.send(first, 1)

	s.broker.kill9()
	s.startBroker()
	d = s.connect("cam1") // which knows nothing of the upload
	second := l.ask(d, "1", nil)
	if second.UploadID != first.UploadID || !slices.Equal(numbers(second), []int{2, 3}) {
		t.Fatalf("after the reboot: %+v, before: %+v", second, first)
	}
	l.send(second, 3)
	// With another checksum: the server may give this report to a later broker again,
	// when all parts are there.
	wrong := bytes.Replace(l.report("early", second, second.UploadID), []byte(`"crc32":"`), []byte(`"crc32":"0`), 1)
	wrong = append(wrong[:len(wrong)-3], `"}`...)
	early := d.answer("upload-complete", wrong, func(g grant) bool { return g.ID == "early" })
	if early.Code != "parts-missing" || !strings.Contains(early.Error, "part 2") {
		t.Errorf("reported too early: %+v", early)
	}
	s.broker.kill9()
	l.send(second, 2) // a grant outlives the broker that gave it
	s.startBroker()
	if rest := l.ask(d, "1-3", map[string]any{"uploadId": second.UploadID}); len(rest.Parts) != 0 {
		t.Errorf("all are sent: %+v", rest)
	}

	// The server gives the first report to the next broker again, which works on
	// both at once.
	d.publish(&paho.Publish{Topic: "thingpass/cam1/upload-complete", Payload: l.report("done", second, second.UploadID)})
	s.broker.kill9()
	s.startBroker()
	isDone := func(g grant) bool { return g.ID == "done" }
	done := d.answer("upload-complete", l.report("done", second, second.UploadID), isDone)
	for done.Code == "unavailable" {
		done = d.answer("upload-complete", l.report("done", second, second.UploadID), isDone)
	}
	if done.Status != "success" || done.ObjectKey != second.ObjectKey {
		t.Fatalf("report: %+v", done)
	}
	var event struct {
		Thing, Kind, ObjectKey, ContentType string
		Size                                int
	}
	if p := observer.next(); p == nil || json.Unmarshal(p.Payload, &event) != nil {
		t.Fatal("no event")
	}
	if event.Thing != "cam1" || event.Kind != "log" || event.ObjectKey != second.ObjectKey || event.Size != len(l.body) || event.ContentType != "text/plain" {
		t.Errorf("event %+v", event)
	}
	stored, err := os.ReadFile(s.stored()[second.ObjectKey])
	if err != nil || sum(stored) != sum(l.body) {
		t.Errorf("the stored log differs (%d bytes, %v)", len(stored), err)
	}
	if l.sent > len(l.body)+5*mib {
		t.Errorf("%d bytes were sent for %d", l.sent, len(l.body))
	}
	s.mustHaveNoUploads()
	request := fmt.Appendf(nil, `{"id":"boot-7","kind":"log","mode":"multipart","size":%d,"capturedAt":%d}`, len(l.body), l.recorded)
	again := d.answer("upload-request", request, func(g grant) bool { return g.ID == l.id && g.Code != "no-such-upload" })
	if again.Status != "success" || again.UploadID != "" || again.Stored != "1-3" || len(again.Parts) != 0 {
		t.Errorf("asked again after the end: %+v", again)
	}
	s.mustHaveNoUploads()
}

// mustHaveNoUploads looks for parts where versitygw keeps them.
func (s *stack) mustHaveNoUploads() {
	s.tb.Helper()
	left, err := filepath.Glob(filepath.Join(s.ready.S3.DataDir, bucket, ".sgwtmp", "multipart", "*", "*"))
	if err != nil || len(left) != 0 {
		s.tb.Errorf("left of uploads: %q, %v", left, err)
	}
}

// TestPartsOfANeighbourAreOutOfReach tries all that a thing could do with what it
// overheard of another's upload.
func TestPartsOfANeighbourAreOutOfReach(t *testing.T) {
	s := newStack(t)
	l := newLongLog(s, "boot-1")
	victim, thief := s.connect("cam1"), s.connect("cam2")
	theirs := l.ask(victim, "", nil)
	l.send(theirs, 1)
	own := l.ask(thief, "", nil)
	if own.UploadID == theirs.UploadID || !strings.HasPrefix(own.ObjectKey, "cam2/") {
		t.Fatalf("the thief got %+v", own)
	}
	request := func(more string) string {
		return fmt.Sprintf(`{"id":"boot-1","kind":"log","mode":"multipart","size":%d,"capturedAt":%d%s}`, len(l.body), l.recorded, more)
	}
	for name, test := range map[string]struct{ verb, payload, code string }{
		"a part of it":               {"upload-request", request(fmt.Sprintf(`,"uploadId":%q`, theirs.UploadID)), "no-such-upload"},
		"its key":                    {"upload-request", request(fmt.Sprintf(`,"objectKey":%q`, theirs.ObjectKey)), "key-not-allowed"},
		"key and upload":             {"upload-request", request(fmt.Sprintf(`,"objectKey":%q,"uploadId":%q`, theirs.ObjectKey, theirs.UploadID)), "key-not-allowed"},
		"climbing":                   {"upload-request", request(fmt.Sprintf(`,"uploadId":"../%s"`, theirs.UploadID)), "bad-request"},
		"its report":                 {"upload-complete", string(l.report("x", theirs, theirs.UploadID)), "key-not-allowed"},
		"a report of parts":          {"upload-complete", string(l.report("x", own, theirs.UploadID)), "no-such-upload"},
		"its abort":                  {"upload-complete", fmt.Sprintf(`{"id":"x","objectKey":%q,"uploadId":%q,"abort":true}`, theirs.ObjectKey, theirs.UploadID), "key-not-allowed"},
		"an abort that hits nothing": {"upload-complete", fmt.Sprintf(`{"id":"x","objectKey":%q,"uploadId":%q,"abort":true}`, own.ObjectKey, theirs.UploadID), ""},
	} {
		if r := thief.ask(test.verb, []byte(test.payload)); r.Code != test.code || len(r.Parts) != 0 {
			t.Errorf("%s: %+v, want %q", name, r, test.code)
		}
	}
	if again := l.ask(victim, "1", nil); again.UploadID != theirs.UploadID {
		t.Errorf("the victim's upload: %+v", again)
	}
	if n := len(s.stored()); n != 0 {
		t.Errorf("%d objects were stored", n)
	}
}
