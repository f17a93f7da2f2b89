// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"thingpass/policies/awsiot/fakeiot"
)

// A fakeAWS takes what the AWS CLI sends, to all services, and writes it down.
// Policies, things and certificates of AWS IoT are fakeiot's work; everything else
// succeeds. What the CLI itself does not take never gets here.
type fakeAWS struct {
	*httptest.Server
	iot *fakeiot.Server
	web *httputil.ReverseProxy
	ctx context.Context // of the test

	cloud cloudStack

	mu   sync.Mutex
	sent map[string]string // by "service operation name": the document, or the body
}

func newFakeAWS(tb testing.TB) *fakeAWS {
	tb.Helper()
	f := &fakeAWS{iot: fakeiot.Start(tb), ctx: tb.Context(), sent: map[string]string{}}
	target, err := url.Parse(f.iot.URL)
	if err != nil {
		tb.Fatal(err)
	}
	f.web = httputil.NewSingleHostReverseProxy(target)
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	tb.Cleanup(f.Close)
	return f
}

var scope = regexp.MustCompile(`Credential=[^/]+/[0-9]{8}/[^/]+/([^/]+)/aws4_request`)

func (f *fakeAWS) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	service := scope.FindStringSubmatch(r.Header.Get("Authorization"))
	if err != nil || service == nil {
		http.Error(w, "not signed", http.StatusForbidden)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	switch service[1] {
	case "iot", "execute-api":
		f.things(w, r, body)
	case "iam":
		f.roles(w, body)
	case "sqs":
		f.queues(w, r, body)
	case "cloudformation":
		f.stacks(w, body)
	case "s3":
		f.note("s3 "+r.Method+" "+r.URL.RequestURI(), string(body))
	default:
		http.Error(w, "service "+service[1]+" is not known", http.StatusBadRequest)
	}
}

func (f *fakeAWS) things(w http.ResponseWriter, r *http.Request, body []byte) {
	switch parts := strings.Split(r.URL.Path, "/"); {
	case r.Method == http.MethodPost && parts[1] == "thing-groups":
		f.iot.AddGroup(parts[2])
		fmt.Fprintf(w, `{"thingGroupName":%q}`, parts[2])
	case parts[1] == "endpoint":
		fmt.Fprintf(w, `{"endpointAddress":"example-%s.iot.eu-central-1.amazonaws.com"}`, strings.ToLower(r.URL.Query().Get("endpointType")[4:]))
	case parts[1] == "role-aliases", parts[1] == "provisioning-templates":
		f.note("iot "+strings.Join(parts[1:], " "), string(body))
		fmt.Fprint(w, "{}")
	default:
		f.web.ServeHTTP(w, r)
	}
}

// queues speaks both of SQS's protocols: which one depends on the CLI's age.
func (f *fakeAWS) queues(w http.ResponseWriter, r *http.Request, body []byte) {
	queue := f.URL + "/123456789012/thingpass-events"
	target := r.Header.Get("X-Amz-Target")
	if target != "" {
		f.note("sqs "+target[strings.LastIndexByte(target, '.')+1:], string(body))
		fmt.Fprintf(w, `{"QueueUrl":%q}`, queue)
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	operation := form.Get("Action")
	f.note("sqs "+operation, fmt.Sprint(form))
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprintf(w, `<%sResponse><%sResult><QueueUrl>%s</QueueUrl></%sResult></%sResponse>`, operation, operation, queue, operation, operation)
}

// roles speaks IAM's query protocol.
func (f *fakeAWS) roles(w http.ResponseWriter, body []byte) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	operation := form.Get("Action")
	f.note("iam "+strings.TrimSpace(operation+" "+form.Get("RoleName")+" "+form.Get("PolicyName")), form.Get("AssumeRolePolicyDocument")+form.Get("PolicyDocument")+form.Get("PolicyArn"))
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprintf(w, `<%sResponse><%sResult/></%sResponse>`, operation, operation, operation)
}

func (f *fakeAWS) note(what, document string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent[what] = document
}

// got returns what was sent, and fails the test if nothing was.
func (f *fakeAWS) got(tb testing.TB, what string) string {
	tb.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	document, found := f.sent[what]
	if !found {
		tb.Errorf("nothing was sent as %q; there are %q", what, keysOf(f.sent))
	}
	return document
}

func keysOf(m map[string]string) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

// field is one of a JSON object's, as text.
func field(tb testing.TB, object, name string) string {
	tb.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(object), &m); err != nil {
		tb.Fatalf("%v: %s", err, object)
	}
	return fmt.Sprint(m[name])
}
