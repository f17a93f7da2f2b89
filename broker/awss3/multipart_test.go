// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"thingpass/broker"
	"thingpass/broker/awss3"
	"thingpass/broker/fleet"
	"thingpass/policies/templates"
)

const listedID = "2~upload.id_-="

// multipartCalls are all that can be asked about an upload; each returns nothing
// of use beside an error.
func multipartCalls(b *awss3.Bucket) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"create": func(ctx context.Context) error {
			id, err := b.CreateUpload(ctx, broker.NewUpload{Key: testKey, ContentType: "image/jpeg", Checksum: broker.ChecksumCRC32})
			if id != "" {
				return fmt.Errorf("an id, %q, and %w", id, err)
			}
			return err
		},
		"uploads": func(ctx context.Context) error {
			for u, err := range b.ListUploads(ctx, testKey) {
				if err != nil {
					return err
				}
				return fmt.Errorf("an upload, %+v", u)
			}
			return nil
		},
		"parts": func(ctx context.Context) error {
			stored, err := b.ListParts(ctx, testKey, listedID)
			if len(stored.Parts) != 0 || stored.Checksum != "" {
				return fmt.Errorf("parts, %+v, and %w", stored, err)
			}
			return err
		},
		"complete": func(ctx context.Context) error {
			return b.CompleteUpload(ctx, broker.Completion{Key: testKey, UploadID: listedID, Size: 1, Checksum: broker.ChecksumCRC32, Sum: "AAAAAA==",
				Parts: []broker.Part{{Number: 1, Size: 1, ETag: `"e"`, Checksum: "AAAAAA=="}}})
		},
		"abort": func(ctx context.Context) error { return b.AbortUpload(ctx, testKey, listedID) },
	}
}

var knownErrors = []error{broker.ErrNoSuchUpload, broker.ErrExists, broker.ErrWrongChecksum, broker.ErrBadParts, broker.ErrNotFound}

// mustKnowNothing fails unless err says that nobody knows.
func mustKnowNothing(t *testing.T, name string, err error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: taken for an answer", name)
	}
	for _, known := range knownErrors {
		if errors.Is(err, known) {
			t.Errorf("%s: taken for %q: %v", name, known, err)
		}
	}
}

func TestNonsenseIsNoAnswerAboutAnUpload(t *testing.T) {
	const header = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	for name, test := range map[string]struct {
		status int
		body   string
		except string // the call to which it is an answer
	}{
		"a web page":                   {200, "<!DOCTYPE html><html><body>Sign in</body></html>", "abort"},
		"a web page for 404":           {404, "<html><body>Not Found</body></html>", ""},
		"nothing":                      {200, "", "abort"},
		"text":                         {200, "OK", "abort"},
		"JSON":                         {200, `{"ok":true}`, "abort"},
		"another's list":               {200, header + "<ListPartsResult><Bucket>b</Bucket><Key>k</Key><UploadId>x</UploadId></ListPartsResult>", "abort"},
		"cut off in the middle":        {200, header + "<ListPartsResult><Bucket>photos</Bucket><Key>" + testKey + "</Key><UploadId>" + listedID + "</UploadId><Part><PartNu", "abort"},
		"cut off after an upload":      {200, header + "<ListMultipartUploadsResult><Bucket>photos</Bucket><Upload><Key>" + testKey + "</Key>", "abort"},
		"an error with 200":            {200, header + "<Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>", "abort"},
		"blanks, then an error":        {200, header + "\n \n \n<Error><Code>SlowDown</Code></Error>", "abort"},
		"an error without a code":      {500, header + "<Error></Error>", ""},
		"overloaded":                   {503, header + "<Error><Code>SlowDown</Code></Error>", ""},
		"a conflict":                   {409, header + "<Error><Code>ConditionalRequestConflict</Code></Error>", ""},
		"not allowed":                  {403, header + "<Error><Code>AccessDenied</Code></Error>", ""},
		"no such bucket":               {404, header + "<Error><Code>NoSuchBucket</Code></Error>", ""},
		"no such key":                  {404, header + "<Error><Code>NoSuchKey</Code></Error>", ""},
		"another region":               {301, header + "<Error><Code>PermanentRedirect</Code></Error>", ""},
		"an unknown size of the whole": {400, header + "<Error><Code>InvalidRequest</Code></Error>", ""},
		"not implemented":              {501, header + "<Error><Code>NotImplemented</Code></Error>", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/xml")
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})
			for call, do := range multipartCalls(open(t, f.config())) {
				if err := do(t.Context()); call != test.except {
					mustKnowNothing(t, call, err)
				}
			}
		})
	}
}

func TestEachCodeOfS3HasItsMeaning(t *testing.T) {
	for code, want := range map[string]error{
		"NoSuchUpload":                broker.ErrNoSuchUpload,
		"PreconditionFailed":          broker.ErrExists,
		"BadDigest":                   broker.ErrWrongChecksum,
		"XAmzContentChecksumMismatch": broker.ErrWrongChecksum,
		"EntityTooSmall":              broker.ErrBadParts,
		"InvalidPart":                 broker.ErrBadParts,
		"InvalidPartOrder":            broker.ErrBadParts,
	} {
		for _, status := range []int{400, 200} { // S3 sends 200 before it knows
			f := newFake(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, code, "") })
			if err := multipartCalls(open(t, f.config()))["complete"](t.Context()); !errors.Is(err, want) {
				t.Errorf("%d %s: got %v, want %v", status, code, err, want)
			}
		}
	}
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, 403, "AccessDenied", "") })
	err := multipartCalls(open(t, f.config()))["parts"](t.Context())
	if err == nil || !strings.Contains(err.Error(), "s3:ListMultipartUploadParts") {
		t.Errorf("the missing permission is not named: %v", err)
	}
}

func TestASilentS3HoldsUpNobody(t *testing.T) {
	release := make(chan struct{})
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost { // as S3 does while it joins
			w.WriteHeader(http.StatusOK)
			_, _ = io.WriteString(w, " ")
			w.(http.Flusher).Flush()
		}
		<-release
	})
	t.Cleanup(func() { close(release) }) // before the server is closed
	b := open(t, f.config())
	b.Hurry(250 * time.Millisecond) // in which a busy machine, too, gets as far as sending its request
	for name, tries := range map[string]int64{"create": 1, "complete": 1, "parts": 2, "uploads": 2, "abort": 2} {
		before := f.requests.Load()
		mustKnowNothing(t, name, multipartCalls(b)[name](t.Context()))
		if n := f.requests.Load() - before; n != tries {
			t.Errorf("%s: %d tries, want %d", name, n, tries)
		}
	}
}

func TestAnAbsentS3IsUnknown(t *testing.T) {
	f := newFake(t, func(http.ResponseWriter, *http.Request) {})
	b := open(t, f.config())
	f.Close()
	for name, do := range multipartCalls(b) {
		mustKnowNothing(t, name, do(t.Context()))
	}
}

// pages answers ListParts with n parts, 1,000 at a time.
func pages(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		after, _ := strconv.Atoi(r.URL.Query().Get("part-number-marker"))
		last := min(after+1000, n)
		fmt.Fprintf(w, `<ListPartsResult><Bucket>photos</Bucket><Key>%s</Key><UploadId>%s</UploadId><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm>`+
			`<ChecksumType>FULL_OBJECT</ChecksumType><IsTruncated>%v</IsTruncated><NextPartNumberMarker>%d</NextPartNumberMarker>`, testKey, listedID, last < n, last)
		for i := after + 1; i <= last; i++ {
			fmt.Fprintf(w, `<Part><PartNumber>%d</PartNumber><ETag>"e%d"</ETag><Size>5242880</Size><ChecksumCRC64NVME>AAAAAAAAAAA=</ChecksumCRC64NVME></Part>`, i, i)
		}
		_, _ = io.WriteString(w, `</ListPartsResult>`)
	}
}

func TestAllPartsAreListedHoweverMany(t *testing.T) {
	for _, n := range []int{0, 1, 1000, 1001, 2500, 10_000} {
		f := newFake(t, pages(n))
		stored, err := open(t, f.config()).ListParts(t.Context(), testKey, listedID)
		if err != nil || len(stored.Parts) != n || stored.Checksum != broker.ChecksumCRC64NVME {
			t.Errorf("%d parts: got %d, %s, %v", n, len(stored.Parts), stored.Checksum, err)
		}
		if requests := f.requests.Load(); requests != int64(max(1, (n+999)/1000)) {
			t.Errorf("%d parts took %d requests", n, requests)
		}
		if n > 0 && (stored.Parts[n-1].Number != n || stored.Parts[n-1].Checksum != "AAAAAAAAAAA=") {
			t.Errorf("last: %+v", stored.Parts[n-1])
		}
	}
}

func TestAListThatDoesNotGoOnIsGivenUp(t *testing.T) {
	for name, body := range map[string]string{
		"the same page again":     `<IsTruncated>true</IsTruncated><Part><PartNumber>1</PartNumber><Size>1</Size></Part>`,
		"empty pages":             `<IsTruncated>true</IsTruncated>`,
		"parts in another order":  `<Part><PartNumber>2</PartNumber><Size>1</Size></Part><Part><PartNumber>1</PartNumber><Size>1</Size></Part>`,
		"a part without a number": `<Part><Size>1</Size></Part>`,
		"a part without a size":   `<Part><PartNumber>1</PartNumber></Part>`,
	} {
		f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `<ListPartsResult><Key>%s</Key><UploadId>%s</UploadId>%s</ListPartsResult>`, testKey, listedID, body)
		})
		mustKnowNothing(t, name, multipartCalls(open(t, f.config()))["parts"](t.Context()))
		if n := f.requests.Load(); n > 2 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
	endless := newFake(t, pages(50_000))
	mustKnowNothing(t, "50,000 parts", multipartCalls(open(t, endless.config()))["parts"](t.Context()))
	stuck := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `<ListMultipartUploadsResult><Bucket>photos</Bucket><IsTruncated>true</IsTruncated></ListMultipartUploadsResult>`)
	})
	mustKnowNothing(t, "uploads", multipartCalls(open(t, stuck.config()))["uploads"](t.Context()))
}

func TestUploadsAreListedOverPagesWithTheirTrueKeys(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("encoding-type") != "url" || q.Get("prefix") != "cam1/" {
			t.Errorf("asked %s", r.URL.RawQuery)
		}
		page, key, next := 1, "cam1/a b+c\x01", "u1"
		if q.Get("upload-id-marker") == "u1" {
			page, key, next = 2, "cam1/ü", ""
			if q.Get("key-marker") != "cam1/a b+c\x01" {
				t.Errorf("marker %q", q.Get("key-marker"))
			}
		}
		fmt.Fprintf(w, `<ListMultipartUploadsResult><Bucket>photos</Bucket><EncodingType>url</EncodingType><IsTruncated>%v</IsTruncated>`+
			`<NextKeyMarker>%s</NextKeyMarker><NextUploadIdMarker>%s</NextUploadIdMarker>`+
			`<Upload><Key>%s</Key><UploadId>u%d</UploadId><Initiated>2026-11-23T09:00:00.000Z</Initiated></Upload></ListMultipartUploadsResult>`,
			page == 1, url.QueryEscape(key), next, url.QueryEscape(key), page)
	})
	var got []string
	for u, err := range open(t, f.config()).ListUploads(t.Context(), "cam1/") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, u.Key+" "+u.ID+" "+u.Initiated.UTC().Format(time.RFC3339))
	}
	if len(got) != 2 || got[0] != "cam1/a b+c\x01 u1 2026-11-23T09:00:00Z" || got[1] != "cam1/ü u2 2026-11-23T09:00:00Z" {
		t.Errorf("got %q", got)
	}
}

func TestAServerWithoutChecksumsOfTheWholeIsNotUsed(t *testing.T) {
	var aborted string
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			aborted = r.URL.Query().Get("uploadId")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		fmt.Fprintf(w, `<InitiateMultipartUploadResult><Bucket>photos</Bucket><Key>%s</Key><UploadId>%s</UploadId></InitiateMultipartUploadResult>`, testKey, listedID)
	})
	err := multipartCalls(open(t, f.config()))["create"](t.Context())
	if err == nil || !strings.Contains(err.Error(), "keeps no crc32") || aborted != listedID {
		t.Errorf("got %v, aborted %q", err, aborted)
	}
}

func TestACompletionCarriesEveryCheck(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		for name, want := range map[string]string{"If-None-Match": "*", "x-amz-mp-object-size": "1", "x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-type": "FULL_OBJECT"} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if r.URL.Query().Get("uploadId") != listedID {
			t.Errorf("upload %q", r.URL.Query().Get("uploadId"))
		}
		_, _ = io.WriteString(w, "\n \n <CompleteMultipartUploadResult><ETag>\"e-1\"</ETag></CompleteMultipartUploadResult>")
	})
	if err := multipartCalls(open(t, f.config()))["complete"](t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAPartsURLSignsNumberUploadAndLength(t *testing.T) {
	f := newFake(t, nil)
	b := open(t, f.config())
	part := broker.NewPart{Key: testKey, UploadID: "a+b=/&c", Number: 10_000, Size: 5 << 20, Now: time.Now(), TTL: time.Hour}
	grant, err := b.SignPart(t.Context(), part)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(grant.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("partNumber") != "10000" || q.Get("uploadId") != "a+b=/&c" || q.Get("X-Amz-SignedHeaders") != "content-length;host" || len(grant.Headers) != 0 {
		t.Errorf("%s with %v", u.RawQuery, grant.Headers)
	}
	if left := time.Until(grant.Expires); left < 59*time.Minute || left > time.Hour {
		t.Errorf("expires in %v", left)
	}
}

// The document of policies/ is what S3 takes, and does no more than its name says: of
// objects, it deletes those of the console's journal alone.
func TestTheLifecycleDocumentAbortsLeftoversAndNothingElse(t *testing.T) {
	text, err := templates.Render("lifecycle", templates.Values{})
	if err != nil {
		t.Fatal(err)
	}
	var document types.BucketLifecycleConfiguration
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&document); err != nil {
		t.Fatal(err)
	}
	if len(document.Rules) != 2 {
		t.Fatalf("%d rules", len(document.Rules))
	}
	if journal := document.Rules[1].Filter; journal == nil || journal.Prefix == nil || *journal.Prefix != fleet.DefaultPrefix+"journal/" {
		t.Errorf("it would delete other objects than the console's journal: %+v", document.Rules[1])
	}
	rule := document.Rules[0]
	if rule.Status != types.ExpirationStatusEnabled || rule.ID == nil || rule.Filter == nil || rule.Filter.Prefix == nil || *rule.Filter.Prefix != "" {
		t.Errorf("rule %+v", rule)
	}
	if a := rule.AbortIncompleteMultipartUpload; a == nil || a.DaysAfterInitiation == nil || *a.DaysAfterInitiation < 2 {
		t.Errorf("abort %+v: want at least two days, more than the broker's own sweep", a)
	}
	if rule.Expiration != nil || rule.NoncurrentVersionExpiration != nil || rule.Transitions != nil || rule.NoncurrentVersionTransitions != nil {
		t.Error("it would delete or move objects")
	}
}
