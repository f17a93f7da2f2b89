// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"hash/crc64"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
)

const (
	mib     = 1 << 20
	clipKey = "cam1/clip/2026/11/23/a1.mp4"
)

// A clip is an object of 12 MiB that is sent in three parts.
type clip struct {
	s     *realS3
	key   string
	id    string
	body  []byte
	parts [][]byte
}

func newClip(s *realS3, key, checksum string) *clip {
	s.t.Helper()
	body := make([]byte, 12*mib)
	for i := range body {
		body[i] = byte(i>>16 ^ i)
	}
	id, err := s.bucket.CreateUpload(s.t.Context(), broker.NewUpload{Key: key, ContentType: "video/mp4",
		Metadata: map[string]string{"fw": "1.4.2"}, Checksum: checksum})
	if err != nil {
		s.t.Fatal(err)
	}
	return &clip{s, key, id, body, [][]byte{body[:5*mib], body[5*mib : 10*mib], body[10*mib:]}}
}

func (c *clip) sign(n int) broker.Grant {
	c.s.t.Helper()
	grant, err := c.s.bucket.SignPart(c.s.t.Context(), broker.NewPart{Key: c.key, UploadID: c.id, Number: n, Size: int64(len(c.parts[n-1])),
		Now: time.Now(), TTL: time.Minute})
	if err != nil {
		c.s.t.Fatal(err)
	}
	return grant
}

func (c *clip) send(numbers ...int) {
	c.s.t.Helper()
	for _, n := range numbers {
		if status, code := c.s.put(c.sign(n), c.parts[n-1], nil); status != 200 {
			c.s.t.Fatalf("part %d: %d %s", n, status, code)
		}
	}
}

func (c *clip) list() broker.Stored {
	c.s.t.Helper()
	stored, err := c.s.bucket.ListParts(c.s.t.Context(), c.key, c.id)
	if err != nil {
		c.s.t.Fatal(err)
	}
	return stored
}

func (c *clip) completion() broker.Completion {
	c.s.t.Helper()
	return broker.Completion{Key: c.key, UploadID: c.id, Size: int64(len(c.body)), Checksum: broker.ChecksumCRC32, Sum: sum32(c.body), Parts: c.list().Parts}
}

func (c *clip) absent() bool {
	_, err := c.s.bucket.Head(c.s.t.Context(), c.key)
	return errors.Is(err, broker.ErrNotFound)
}

func sum32(body []byte) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body)))
}

// sum64 is CRC-64/NVME: reflected, polynomial 0xad93d23594c93659.
func sum64(body []byte) string {
	table := crc64.MakeTable(0x9a6c9329ac4bc9b5)
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, crc64.Checksum(body, table)))
}

func TestRealS3JoinsPartsAndChecksTheWhole(t *testing.T) {
	s := startS3(t)
	for algorithm, sum := range map[string]func([]byte) string{broker.ChecksumCRC32: sum32, broker.ChecksumCRC64NVME: sum64} {
		t.Run(algorithm, func(t *testing.T) {
			c := newClip(s, "cam1/clip/"+algorithm+".mp4", algorithm)
			if stored := c.list(); stored.Checksum != algorithm || len(stored.Parts) != 0 {
				t.Fatalf("at first: %+v", stored)
			}
			c.send(3, 2, 1) // in reverse
			c.send(2)       // one again
			stored := c.list()
			if len(stored.Parts) != 3 || stored.Parts[0].Number != 1 || stored.Parts[0].Size != 5*mib || stored.Parts[2].Size != 2*mib {
				t.Fatalf("parts: %+v", stored)
			}
			end := c.completion()
			end.Checksum, end.Sum = algorithm, sum(c.body)
			if err := s.bucket.CompleteUpload(t.Context(), end); err != nil {
				t.Fatal(err)
			}
			got, err := s.bucket.Head(t.Context(), c.key)
			if err != nil || got.Size != 12*mib || got.ContentType != "video/mp4" || got.Metadata["fw"] != "1.4.2" || got.CRC32+got.CRC64NVME != end.Sum || got.SHA256 != "" {
				t.Errorf("head: %+v, %v", got, err)
			}
			if _, err := s.bucket.ListParts(t.Context(), c.key, c.id); !errors.Is(err, broker.ErrNoSuchUpload) {
				t.Errorf("the upload afterwards: %v", err)
			}
			if status, code := s.put(c.sign(1), c.parts[0], nil); status != 404 || code != "NoSuchUpload" {
				t.Errorf("a part afterwards: %d %s", status, code)
			}
		})
	}
}

func TestRealS3TakesThePartThatWasGrantedAndNothingElse(t *testing.T) {
	s := startS3(t)
	c := newClip(s, clipKey, broker.ChecksumCRC32)
	other := newClip(s, "cam2/clip/2026/11/23/a1.mp4", broker.ChecksumCRC32)
	change := func(grant broker.Grant, old, new string) broker.Grant {
		if !strings.Contains(grant.URL, old) {
			t.Fatalf("no %s in the URL", old)
		}
		grant.URL = strings.ReplaceAll(grant.URL, old, new)
		return grant
	}
	body := c.parts[2]
	for name, test := range map[string]struct {
		grant  broker.Grant
		body   []byte
		header map[string]string
		status int
		code   string
	}{
		"longer":                  {c.sign(3), append(slices.Clone(body), 'x'), nil, 403, "SignatureDoesNotMatch"},
		"shorter":                 {c.sign(3), body[1:], nil, 403, "SignatureDoesNotMatch"},
		"empty":                   {c.sign(3), nil, nil, 403, "SignatureDoesNotMatch"},
		"another number":          {change(c.sign(3), "partNumber=3", "partNumber=1"), body, nil, 403, "SignatureDoesNotMatch"},
		"no number":               {change(c.sign(3), "&partNumber=3", ""), body, nil, 405, "MethodNotAllowed"},
		"another's upload":        {change(c.sign(3), c.id, other.id), body, nil, 403, "SignatureDoesNotMatch"},
		"another's key":           {change(c.sign(3), "/cam1/", "/cam2/"), body, nil, 403, "SignatureDoesNotMatch"},
		"no upload":               {change(change(c.sign(3), "&uploadId="+c.id, ""), "&partNumber=3", ""), body, nil, 403, "SignatureDoesNotMatch"},
		"an unsigned copy source": {c.sign(3), body, map[string]string{"x-amz-copy-source": "/photos/" + clipKey}, 403, "AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, code := s.put(test.grant, test.body, test.header); status != test.status || code != test.code {
				t.Errorf("got %d %s, want %d %s", status, code, test.status, test.code)
			}
		})
	}
	if n := len(c.list().Parts) + len(other.list().Parts); n != 0 {
		t.Errorf("%d parts were stored", n)
	}
	// A URL for an upload of another key is signed, and of no use.
	foreign := &clip{s, clipKey, other.id, c.body, c.parts}
	if status, code := s.put(foreign.sign(1), c.parts[0], nil); status != 404 || code != "NoSuchUpload" {
		t.Errorf("another's upload: %d %s", status, code)
	}
}

func TestRealS3RefusesToJoinWhatIsNotWhole(t *testing.T) {
	s := startS3(t)
	c := newClip(s, clipKey, broker.ChecksumCRC32)
	c.send(1, 2, 3)
	for name, test := range map[string]struct {
		change func(*broker.Completion)
		want   error // nil: any other
	}{
		"another checksum":      {func(e *broker.Completion) { e.Sum = sum32(c.body[1:]) }, broker.ErrWrongChecksum},
		"the other algorithm":   {func(e *broker.Completion) { e.Checksum, e.Sum = broker.ChecksumCRC64NVME, sum64(c.body) }, nil},
		"another size":          {func(e *broker.Completion) { e.Size-- }, nil},
		"a part is missing":     {func(e *broker.Completion) { e.Parts = append(e.Parts[:1:1], e.Parts[2]) }, nil},
		"a part is another":     {func(e *broker.Completion) { e.Parts[1].ETag = e.Parts[0].ETag }, broker.ErrBadParts},
		"in reverse":            {func(e *broker.Completion) { slices.Reverse(e.Parts) }, broker.ErrBadParts},
		"a part that is not":    {func(e *broker.Completion) { e.Parts[2].Number = 4 }, broker.ErrBadParts},
		"no parts":              {func(e *broker.Completion) { e.Parts = nil }, nil},
		"an unknown upload":     {func(e *broker.Completion) { e.UploadID = "0a1b" }, broker.ErrNoSuchUpload},
		"another key":           {func(e *broker.Completion) { e.Key = "cam1/clip/b.mp4" }, broker.ErrNoSuchUpload},
		"a small part in front": {func(e *broker.Completion) { e.Parts[0], e.Parts[2] = e.Parts[2], e.Parts[0] }, broker.ErrBadParts},
	} {
		t.Run(name, func(t *testing.T) {
			end := c.completion()
			test.change(&end)
			err := s.bucket.CompleteUpload(t.Context(), end)
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if !c.absent() {
				t.Fatal("there is an object now")
			}
		})
	}
	if err := s.bucket.CompleteUpload(t.Context(), c.completion()); err != nil {
		t.Errorf("after all that, the upload cannot be completed: %v", err)
	}
}

func TestRealS3NeverOverwritesByParts(t *testing.T) {
	s := startS3(t)
	c := newClip(s, clipKey, broker.ChecksumCRC32)
	c.send(1, 2, 3)
	first, body := picture(clipKey)
	if status, code := s.put(s.sign(first), body, nil); status != 200 {
		t.Fatalf("%d %s", status, code)
	}
	if err := s.bucket.CompleteUpload(t.Context(), c.completion()); !errors.Is(err, broker.ErrExists) {
		t.Errorf("got %v", err)
	}
	if got, err := s.bucket.Head(t.Context(), clipKey); err != nil || got.Size != first.Size {
		t.Errorf("head: %+v, %v", got, err)
	}
}

func TestRealS3ListsUploadsInTheOrderTheyBegan(t *testing.T) {
	s := startS3(t)
	list := func(prefix string) (ids []string) {
		for u, err := range s.bucket.ListUploads(t.Context(), prefix) {
			if err != nil {
				t.Fatal(err)
			}
			if time.Since(u.Initiated).Abs() > time.Minute {
				t.Errorf("%s was initiated at %v", u.Key, u.Initiated)
			}
			ids = append(ids, u.ID)
		}
		return ids
	}
	first := newClip(s, clipKey, broker.ChecksumCRC32)
	second := newClip(s, clipKey, broker.ChecksumCRC32)
	other := newClip(s, "Room:7_b-c/clip/x y+z=&~!'()*%41.mp4", broker.ChecksumCRC32)
	first.send(3) // makes it no younger
	if got := list(clipKey); !slices.Equal(got, []string{first.id, second.id}) {
		t.Errorf("got %q, want %q and %q", got, first.id, second.id)
	}
	if got := list("Room:7_b-c/"); !slices.Equal(got, []string{other.id}) {
		t.Errorf("got %q, want %q", got, other.id)
	}
	if got := list(""); len(got) != 3 {
		t.Errorf("all: %q", got)
	}
	if err := s.bucket.AbortUpload(t.Context(), clipKey, first.id); err != nil {
		t.Error(err)
	}
	if err := s.bucket.AbortUpload(t.Context(), clipKey, first.id); !errors.Is(err, broker.ErrNoSuchUpload) {
		t.Errorf("again: %v", err)
	}
	if err := s.bucket.AbortUpload(t.Context(), clipKey, other.id); !errors.Is(err, broker.ErrNoSuchUpload) {
		t.Errorf("of another key: %v", err)
	}
	if got := list(clipKey); !slices.Equal(got, []string{second.id}) {
		t.Errorf("left: %q", got)
	}
}

func TestAnUploadIDCannotClimb(t *testing.T) {
	s := startS3(t)
	other := newClip(s, "cam2/clip/2026/11/23/a1.mp4", broker.ChecksumCRC32)
	other.send(3)
	mine := newClip(s, clipKey, broker.ChecksumCRC32)
	for _, id := range []string{".", "..", mine.id + "/../" + mine.id, url.PathEscape("../" + other.id)} {
		if stored, err := s.bucket.ListParts(t.Context(), clipKey, id); err == nil && len(stored.Parts) > 0 {
			t.Errorf("%q: %+v", id, stored)
		}
	}
}

func TestPartsOfASessionEndWithIt(t *testing.T) {
	s := startS3(t)
	c := newClip(s, clipKey, broker.ChecksumCRC32)
	grant, err := s.bucket.SignPart(t.Context(), broker.NewPart{Key: clipKey, UploadID: c.id, Number: 3, Size: 2 * mib, Now: time.Now().Add(-2 * time.Minute), TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if status, code := s.put(grant, bytes.Clone(c.parts[2]), nil); status != 403 || code != "AccessDenied" {
		t.Errorf("an expired URL: %d %s", status, code)
	}
}
