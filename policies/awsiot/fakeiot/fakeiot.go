// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package fakeiot stands in for AWS IoT Core's control plane, which no test can
// reach: its REST API as far as package awsiot calls it, with its limits and
// error codes. It decides TestAuthorization with package policies; a test may
// have it decide otherwise, and have any call fail.
package fakeiot

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iot"

	"thingpass/certs"
)

// Account and Region are those of all ARNs.
const (
	Account = "123456789012"
	Region  = "eu-central-1"
)

const accessKey = "AKIDEXAMPLE"

// A Server is one account in one region.
type Server struct {
	URL string

	tb     testing.TB
	ca     *certs.CA
	mu     sync.Mutex
	now    time.Time // grows with each change, so that versions differ in age
	calls  []string
	faults map[string]string // operation → error code, once

	policies     map[string]*policy
	targets      map[string][]string // policy → ARNs
	things       map[string]*thing
	groups       map[string]bool
	certificates map[string]*certificate
	Decide       func(action, resource, decision string) string // nil: as the evaluator says
}

type policy struct {
	versions []version // by age
	next     int
}

type version struct {
	ID        string  `json:"versionId"`
	IsDefault bool    `json:"isDefaultVersion"`
	Created   float64 `json:"createDate"`
	document  string
}

type thing struct {
	Type       string
	Attributes map[string]string
	groups     []string
	principals map[string]string // ARN → EXCLUSIVE_THING or NON_EXCLUSIVE_THING
}

type certificate struct {
	id, status, pem string
	created         time.Time
}

// Start runs a server until the end of the test.
func Start(tb testing.TB) *Server {
	tb.Helper()
	ca, err := certs.NewCA("fake Amazon CA")
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{
		tb: tb, ca: ca, now: time.Unix(1795424400, 0), faults: map[string]string{},
		policies: map[string]*policy{}, targets: map[string][]string{}, things: map[string]*thing{},
		groups: map[string]bool{}, certificates: map[string]*certificate{},
	}
	web := httptest.NewServer(http.HandlerFunc(s.serve))
	tb.Cleanup(web.Close)
	s.URL = web.URL
	return s
}

// Client asks this server.
func (s *Server) Client() *iot.Client {
	return iot.New(iot.Options{
		Region: Region, BaseEndpoint: &s.URL, Credentials: credentials.NewStaticCredentialsProvider(accessKey, "secret", ""),
		RetryMaxAttempts: 1,
	})
}

// Setenv lets a program of the test ask this server with the default chain; the
// endpoint it must be told.
func (s *Server) Setenv() {
	s.tb.Setenv("AWS_ACCESS_KEY_ID", accessKey)
	s.tb.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	s.tb.Setenv("AWS_REGION", Region)
	s.tb.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	s.tb.Setenv("AWS_CONFIG_FILE", os.DevNull)
	s.tb.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
}

// AddGroup makes a thing group.
func (s *Server) AddGroup(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups[name] = true
}

// Fail makes the next call of an operation fail with that code.
func (s *Server) Fail(operation, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[operation] = code
}

// Calls are the operations so far that change something, in their order.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.calls...)
}

// Status is that of a certificate.
func (s *Server) Status(id string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.certificates[id]; c != nil {
		return c.status
	}
	return ""
}

// Document is a policy's default version, and how many there are.
func (s *Server) Document(name string) (string, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.policies[name]
	if p == nil {
		return "", 0
	}
	return p.current().document, len(p.versions)
}

func (p *policy) current() *version {
	for i := range p.versions {
		if p.versions[i].IsDefault {
			return &p.versions[i]
		}
	}
	return nil
}

func arn(resource string) string {
	return "arn:aws:iot:" + Region + ":" + Account + ":" + resource
}

// failure is an error of the API.
type failure struct {
	status int
	code   string
	text   string
}

func gone(what string) *failure {
	return &failure{404, "ResourceNotFoundException", what + " does not exist"}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(time.Second)
	operation, body, f := s.route(r)
	if code := s.faults[operation]; code != "" {
		delete(s.faults, operation)
		body, f = nil, &failure{400, code, "as the test wants it"}
	}
	w.Header().Set("Content-Type", "application/json")
	if f == nil && !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="+accessKey+"/") {
		f = &failure{403, "UnrecognizedClientException", "not signed"}
	}
	if f != nil {
		w.Header().Set("X-Amzn-ErrorType", f.code)
		w.WriteHeader(f.status)
		body = map[string]string{"message": f.text}
	}
	if body == nil {
		body = struct{}{}
	}
	if err := json.NewEncoder(w).Encode(body); err != nil {
		s.tb.Error(err)
	}
}

// route finds the operation and carries it out, unless it is to fail.
func (s *Server) route(r *http.Request) (string, any, *failure) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	for len(parts) < 4 {
		parts = append(parts, "")
	}
	shape := r.Method + " " + parts[0]
	if parts[2] != "" {
		shape += " " + parts[2]
	}
	if parts[3] != "" {
		shape += " id"
	}
	o, ok := operations[shape]
	if !ok {
		s.tb.Errorf("fakeiot: %s %s is not known", r.Method, r.URL.Path)
		return "", nil, &failure{404, "UnknownOperationException", shape}
	}
	if s.faults[o.name] != "" {
		return o.name, nil, nil
	}
	q := &query{name: parts[1], id: parts[3], r: r}
	if err := json.NewDecoder(r.Body).Decode(&q.body); err != nil && r.ContentLength > 0 {
		return o.name, nil, &failure{400, "InvalidRequestException", err.Error()}
	}
	if o.writes {
		s.calls = append(s.calls, o.name)
	}
	body, f := o.run(s, q)
	return o.name, body, f
}

// query is a request in parts.
type query struct {
	name, id string
	r        *http.Request
	body     struct {
		PolicyDocument            string
		Target                    string
		ThingTypeName             string
		AttributePayload          struct{ Attributes map[string]string }
		ThingName, ThingGroupName string
		CertificateSigningRequest string
		Principal                 string
		AuthInfos                 []authInfo
	}
}

type operation struct {
	name   string
	writes bool
	run    func(*Server, *query) (any, *failure)
}

var operations = map[string]operation{
	"GET policies":               {"GetPolicy", false, (*Server).getPolicy},
	"POST policies":              {"CreatePolicy", true, (*Server).createPolicy},
	"GET policies version":       {"ListPolicyVersions", false, (*Server).listVersions},
	"POST policies version":      {"CreatePolicyVersion", true, (*Server).createVersion},
	"GET policies version id":    {"GetPolicyVersion", false, (*Server).getVersion},
	"PATCH policies version id":  {"SetDefaultPolicyVersion", true, (*Server).setDefault},
	"DELETE policies version id": {"DeletePolicyVersion", true, (*Server).deleteVersion},
	"POST policy-targets":        {"ListTargetsForPolicy", false, (*Server).listTargets},
	"PUT target-policies":        {"AttachPolicy", true, (*Server).attachPolicy},
	"GET thing-groups":           {"DescribeThingGroup", false, (*Server).describeGroup},
	"PUT thing-groups":           {"AddThingToThingGroup", true, (*Server).addToGroup},
	"POST things":                {"CreateThing", true, (*Server).createThing},
	"GET things":                 {"DescribeThing", false, (*Server).describeThing},
	"GET things principals-v2":   {"ListThingPrincipalsV2", false, (*Server).listPrincipals},
	"PUT things principals":      {"AttachThingPrincipal", true, (*Server).attachPrincipal},
	"DELETE things principals":   {"DetachThingPrincipal", true, (*Server).detachPrincipal},
	"POST certificates":          {"CreateCertificateFromCsr", true, (*Server).createCertificate},
	"GET certificates":           {"DescribeCertificate", false, (*Server).describeCertificate},
	"PUT certificates":           {"UpdateCertificate", true, (*Server).updateCertificate},
	"POST effective-policies":    {"GetEffectivePolicies", false, (*Server).effectivePolicies},
	"POST test-authorization":    {"TestAuthorization", false, (*Server).testAuthorization},
}

func invalid(format string, args ...any) *failure {
	return &failure{400, "InvalidRequestException", fmt.Sprintf(format, args...)}
}
