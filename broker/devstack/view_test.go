// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"net/http"
	"strings"
	"testing"

	"thingpass/broker/devstack"
)

// The view is plain HTTP: it must not become a way round what the front refuses.
func TestTheViewIsForLookingOnly(t *testing.T) {
	s := startS3(t, func(o *devstack.S3Options) { o.View = "127.0.0.1:0" })
	view := "http://" + s.View().String() + "/" + bucket + "/cam1/a.jpg"
	body := photo(1000, "view")
	want(t, "stored by HTTPS", s.do(s.presign(s.put("cam1/a.jpg", body))), 200, "")
	s.http.Transport = http.DefaultTransport

	got := s.do(s.presign(request{method: "GET", url: view}))
	want(t, "looked at", got, 200, "")
	if string(got.body) != string(body) {
		t.Error("another object is shown")
	}
	unsigned, err := http.NewRequestWithContext(t.Context(), "GET", view, nil)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "looked at without a signature", s.do(unsigned), 403, "AccessDenied")
	for _, r := range []request{{method: "PUT", url: view, body: body}, {method: "DELETE", url: view}, {method: "POST", url: view, body: body}} {
		if got := s.do(s.presign(r)); got.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %v", r.method, got)
		}
	}
}

func TestTheViewIsForThisMachineOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "example.com:0", "[::]:0", "9001"} {
		ca := newAuthority(t)
		s, err := devstack.StartS3(t.Context(), devstack.S3Options{Dir: t.TempDir() + "/s3", Bucket: bucket, Certificate: ca.server(t),
			AccessKey: devstack.NewAccessKey(), View: address})
		if err == nil {
			s.Close()
			t.Fatalf("%s is served", address)
		}
		if !strings.Contains(err.Error(), address) {
			t.Errorf("%s: %v", address, err)
		}
	}
}
