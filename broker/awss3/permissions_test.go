// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/awss3"
	"thingpass/broker/fleet"
	"thingpass/policies/templates"
)

// permission is what IAM calls a request to S3, by the table "Required
// permissions for Amazon S3 API operations" of its user guide. Path style, bucket
// photos.
func permission(method string, u *url.URL) string {
	_, key, onObject := strings.Cut(strings.TrimPrefix(u.Path, "/photos"), "/")
	onObject = onObject && key != ""
	q := u.Query()
	switch {
	case !onObject && method == http.MethodGet && q.Has("uploads"):
		return "s3:ListBucketMultipartUploads"
	case !onObject && method == http.MethodGet && q.Has("list-type"):
		return "s3:ListBucket"
	case !onObject && method == http.MethodPost: // a form
		return "s3:PutObject"
	case !onObject:
		return "unknown: " + method + " " + u.String()
	case method == http.MethodGet && q.Has("uploadId"):
		return "s3:ListMultipartUploadParts"
	case method == http.MethodDelete && q.Has("uploadId"):
		return "s3:AbortMultipartUpload"
	case method == http.MethodDelete:
		return "s3:DeleteObject"
	case method == http.MethodGet && q.Has("versionId"):
		return "s3:GetObjectVersion"
	case (method == http.MethodGet || method == http.MethodHead) && !q.Has("uploads"):
		return "s3:GetObject"
	case method == http.MethodPut, method == http.MethodPost && (q.Has("uploads") || q.Has("uploadId")):
		return "s3:PutObject"
	}
	return "unknown: " + method + " " + u.String()
}

// A recorder writes down which permissions a bucket needs.
type recorder struct {
	t      *testing.T
	bucket *awss3.Bucket

	mu    sync.Mutex
	found map[string]bool
}

// newRecorder has a bucket whose server refuses everything: that it was asked is
// enough.
func newRecorder(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{t: t, found: map[string]bool{"s3:ListBucket": true}} // for 404 instead of 403, see Head
	f := newFake(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") != "" || req.URL.Query().Has("X-Amz-Signature") { // Probe also tries without
			r.note(req.Method, req.URL)
		}
		refuse(w, http.StatusForbidden, "AccessDenied", "")
	})
	r.bucket = open(t, f.config())
	return r
}

func (r *recorder) note(method string, u *url.URL) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found[permission(method, u)] = true
}

func (r *recorder) signed(method, link string, err error) {
	r.t.Helper()
	u, failed := url.Parse(link)
	if err != nil || failed != nil {
		r.t.Fatal(err, failed)
	}
	r.note(method, u)
}

// TestThePresigningRoleIsWhatIsSignedAndCalled lets the bucket do all that it
// can, writes down what it signs and asks for, and compares that with the policy
// of the broker's role. A method that is new has to be named here.
func TestThePresigningRoleIsWhatIsSignedAndCalled(t *testing.T) {
	t.Parallel()
	r := newRecorder(t)
	does := r.calls(t.Context())
	maps.Copy(does, r.signatures(t.Context(), time.Now()))
	for _, idle := range []string{"Ready", "Place", "Credentials", "CredentialsExpiry", "Hurry", "Sessions", "Files"} { // these do not reach S3
		does[idle] = func() {}
	}
	methods := methodsOf(r.bucket)
	for name, do := range does {
		if !slices.Contains(methods, name) {
			t.Errorf("there is no method %s any more", name)
		}
		do()
	}
	if len(methods) != len(does) {
		t.Errorf("a bucket has %d methods, %d are tried: %q", len(methods), len(does), methods)
	}
	for _, role := range []string{"presign-role", "lambda-role"} {
		if want := actions(t, role); !slices.Equal(sorted(r.found), want) {
			t.Errorf("signed and asked: %q\n%s allows: %q", sorted(r.found), role, want)
		}
	}
}

// TestTheConsoleNeedsOneActionMore: its journal is read, listed and written with what
// the broker's role allows anyway, and only cleared up with a policy of its own.
func TestTheConsoleNeedsOneActionMore(t *testing.T) {
	t.Parallel()
	r, key := newRecorder(t), ".thingpass/journal/x"
	r.found = map[string]bool{}
	files, ctx := r.bucket.Files(), t.Context()
	_, _ = files.Get(ctx, key, 1)
	_ = files.Put(ctx, key, "text/plain", []byte("x"))
	_ = files.PutNew(ctx, key, "text/plain", []byte("x"))
	_, _ = files.List(ctx, fleet.List{Prefix: ".thingpass/"})
	_ = files.Delete(ctx, key)
	if n := reflect.TypeOf(files).NumMethod(); n != 5 {
		t.Errorf("Files has %d methods, 5 are tried", n)
	}
	for _, name := range actions(t, "presign-role") {
		delete(r.found, name)
	}
	if got, want := sorted(r.found), actions(t, "presign-console"); !slices.Equal(got, want) {
		t.Errorf("it needs %q in addition, presign-console allows %q", got, want)
	}
}

// calls are the methods that ask S3.
func (r *recorder) calls(ctx context.Context) map[string]func() {
	b := r.bucket
	return map[string]func(){
		"Probe":       func() { b.Probe(ctx) },
		"Head":        func() { _, _ = b.Head(ctx, "cam1/a.jpg") },
		"AbortUpload": func() { _ = b.AbortUpload(ctx, "cam1/b.mp4", "id") },
		"ListParts":   func() { _, _ = b.ListParts(ctx, "cam1/b.mp4", "id") },
		"CreateUpload": func() {
			_, _ = b.CreateUpload(ctx, broker.NewUpload{Key: "cam1/b.mp4", Checksum: broker.ChecksumCRC32})
		},
		"ListUploads": func() {
			for _, err := range b.ListUploads(ctx, "cam1/") {
				if err == nil {
					r.t.Error("uploads out of nothing")
				}
			}
		},
		"CompleteUpload": func() {
			_ = b.CompleteUpload(ctx, broker.Completion{Key: "cam1/b.mp4", UploadID: "id", Size: 1, Checksum: broker.ChecksumCRC32, Sum: "AAAAAA==",
				Parts: []broker.Part{{Number: 1, Size: 1, ETag: `"x"`}}})
		},
	}
}

// signatures are the methods that sign.
func (r *recorder) signatures(ctx context.Context, now time.Time) map[string]func() {
	b := r.bucket
	return map[string]func(){
		"SignPut": func() {
			grant, err := b.SignPut(ctx, broker.Put{Key: "cam1/a.jpg", ContentType: "image/jpeg", Size: 1, Now: now, TTL: time.Minute})
			r.signed(http.MethodPut, grant.URL, err)
		},
		"SignPart": func() {
			grant, err := b.SignPart(ctx, broker.NewPart{Key: "cam1/b.mp4", UploadID: "id", Number: 1, Size: 1, Now: now, TTL: time.Minute})
			r.signed(http.MethodPut, grant.URL, err)
		},
		"SignGet": func() {
			for _, get := range []broker.Get{{ETag: `"x"`}, {VersionID: "v"}} {
				get.Key, get.Now, get.TTL = "firmware/x.bin", now, time.Minute
				grant, err := b.SignGet(ctx, get)
				r.signed(http.MethodGet, grant.URL, err)
			}
		},
		"SignView": func() {
			link, err := b.SignView(ctx, "cam1/a.jpg", now, time.Minute)
			r.signed(http.MethodGet, link, err)
		},
		"SignPass": func() {
			pass, err := b.SignPass(ctx, broker.Pass{KeyPrefix: "cam1/", ContentType: "image/jpeg", MinSize: 1, MaxSize: 2, Now: now, TTL: time.Minute})
			r.signed(http.MethodPost, pass.URL, err)
		},
	}
}

func methodsOf(b *awss3.Bucket) (names []string) {
	for m := range reflect.TypeOf(b).NumMethod() {
		names = append(names, reflect.TypeOf(b).Method(m).Name)
	}
	return names
}

func sorted(set map[string]bool) (list []string) {
	for name := range set {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// actions are what a role's policy is needed for in S3.
func actions(t *testing.T, role string) []string {
	t.Helper()
	reasons, err := templates.Why(role, templates.Values{Account: "123456789012", Region: "eu-central-1", Bucket: "photos"})
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]bool{}
	for _, reason := range reasons.Statements {
		for _, o := range reason.Needs {
			if strings.HasPrefix(o.Action, "s3:") {
				set[o.Action] = true
			}
		}
	}
	return sorted(set)
}

// TestThePolicyOfASessionIsWhatTheRoleAllows: what STS is sent for a thing and
// what the roles of package templates allow are the same actions, so that neither
// is there in vain.
func TestThePolicyOfASessionIsWhatTheRoleAllows(t *testing.T) {
	t.Parallel()
	sent := make(chan url.Values, 1)
	f := &fake{Server: httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ParseForm() == nil {
			select {
			case sent <- r.PostForm:
			default:
			}
		}
		refuse(w, http.StatusForbidden, "AccessDenied", "")
	}))}
	t.Cleanup(f.Close)
	b := open(t, f.config())
	s, err := b.Sessions(awss3.SessionConfig{RoleARN: "arn:aws:iam::123456789012:role/thingpass-things", Endpoint: f.URL})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := s.Issue(ctx, "cam1"); err == nil {
		t.Fatal("a session out of nothing")
	}
	form := <-sent
	if got := "sts:" + form.Get("Action"); got != "sts:AssumeRole" {
		t.Errorf("the broker asks for %s", got)
	}
	for _, role := range []string{"session-role", "credentials-role"} {
		want := actions(t, role)
		for _, action := range want {
			if !strings.Contains(form.Get("Policy"), `"`+action+`"`) {
				t.Errorf("%s allows %s, which no session has: %s", role, action, form.Get("Policy"))
			}
		}
		if n := strings.Count(form.Get("Policy"), `"s3:`); n != len(want) {
			t.Errorf("a session has %d actions, %s %d", n, role, len(want))
		}
	}
}
