// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package credprovider_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/credprovider"
	"thingpass/certs"
)

var errTest = errors.New("the test broke it")

// A world is what a provider needs, with faults that a test can switch on.
type world struct {
	t   testing.TB
	ca  *certs.CA
	log bytes.Buffer

	mu       sync.Mutex
	issued   []string
	entries  []broker.Entry
	issueErr error
	auditErr error
	life     time.Duration
	now      func() time.Time

	server *credprovider.Server
}

func (w *world) Issue(_ context.Context, thing string) (broker.Session, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.issueErr != nil {
		return broker.Session{}, w.issueErr
	}
	w.issued = append(w.issued, thing)
	return broker.Session{AccessKeyID: "ASIAFOR" + thing, SecretAccessKey: "the+secret/", SessionToken: "the+token/&=", Expires: w.now().Add(w.life)}, nil
}

func (w *world) Record(entries ...broker.Entry) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.auditErr != nil {
		return w.auditErr
	}
	w.entries = append(w.entries, entries...)
	return nil
}

func (w *world) handler() *credprovider.Handler {
	w.t.Helper()
	h, err := credprovider.New(credprovider.Config{RoleAliases: []string{"thingpass", "Second_role"}, Issuer: w, Audit: w,
		Now: func() time.Time { return w.now() }, Log: slog.New(slog.NewTextHandler(&w.log, nil))})
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, life: time.Hour, now: time.Now}
	var err error
	if w.ca, err = certs.NewCA("test CA"); err != nil {
		t.Fatal(err)
	}
	return w
}

func start(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	server, err := w.ca.Server([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	w.server, err = credprovider.Listen(t.Context(), credprovider.ServerConfig{Listen: "127.0.0.1:0", Certificate: server.TLSCertificate(), ClientCAs: w.ca.Pool(), Handler: w.handler()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.server.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) thing(name string, opts ...certs.Option) *tls.Certificate {
	w.t.Helper()
	id, err := w.ca.Thing(name, opts...)
	if err != nil {
		w.t.Fatal(err)
	}
	c := id.TLSCertificate()
	return &c
}

// client shows the certificate, or none.
func (w *world) client(cert *tls.Certificate) *http.Client {
	config := &tls.Config{RootCAs: w.ca.Pool()}
	if cert != nil { // whatever CAs the server names
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cert, nil }
	}
	transport := &http.Transport{TLSClientConfig: config}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

// answer is what a provider said.
type answer struct {
	status      int
	header      http.Header
	body        string
	Message     string
	Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken, Expiration string }
}

func (w *world) ask(client *http.Client, path string, change func(*http.Request)) (answer, error) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), "GET", "https://"+w.server.Addr().String()+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("x-amzn-iot-thingname", "cam1")
	if change != nil {
		change(req)
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
	if err := json.Unmarshal(body, &a); len(body) > 0 && err != nil {
		w.t.Fatalf("%d %q: %v", a.status, body, err)
	}
	return a, nil
}

const goodPath = "/role-aliases/thingpass/credentials"

func TestCredentialsComeInAWSsForm(t *testing.T) {
	w := start(t)
	client := w.client(w.thing("cam1"))
	for range 2 { // the second on the same connection
		a, err := w.ask(client, goodPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		w.mu.Lock()
		e := w.entries[len(w.entries)-1]
		w.mu.Unlock()
		want := fmt.Sprintf(`{"credentials":{"accessKeyId":"ASIAFORcam1","secretAccessKey":"the+secret/","sessionToken":"the+token/&=","expiration":%q}}`+"\n",
			time.Unix(e.ExpiresAt, 0).UTC().Format("2006-01-02T15:04:05Z"))
		if a.status != 200 || a.body != want || a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%d %v\n%s\nwant\n%s", a.status, a.header, a.body, want)
		}
		if e.Thing != "cam1" || e.Code != broker.CodeGranted || e.AccessKeyID != "ASIAFORcam1" || e.Request != "credential-provider" || e.ID != a.header.Get("x-amzn-RequestId") {
			t.Errorf("audit %+v", e)
		}
	}
	if text := w.log.String() + fmt.Sprintf("%+v", w.entries); strings.Contains(text, "the+") {
		t.Errorf("a secret is told: %s", text)
	}
	if a, err := w.ask(client, "/role-aliases/Second_role/credentials", nil); err != nil || a.status != 200 {
		t.Errorf("%v %+v", err, a)
	}
}

func TestWhatIsRefusedIsRefusedInAWSsWords(t *testing.T) {
	w := start(t)
	client := w.client(w.thing("cam1"))
	name := func(names ...string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Del("x-amzn-iot-thingname")
			for _, n := range names {
				r.Header.Add("x-amzn-iot-thingname", n)
			}
		}
	}
	method := func(m string) func(*http.Request) { return func(r *http.Request) { r.Method = m } }
	for what, test := range map[string]struct {
		path    string
		change  func(*http.Request)
		status  int
		message string
		kind    string
	}{
		"no name":             {goodPath, name(), 403, "Invalid thing name passed", "AccessDeniedException"},
		"an empty name":       {goodPath, name(""), 403, "Invalid thing name passed", "AccessDeniedException"},
		"another's name":      {goodPath, name("cam2"), 403, "Invalid thing name passed", "AccessDeniedException"},
		"in capitals":         {goodPath, name("CAM1"), 403, "Invalid thing name passed", "AccessDeniedException"},
		"a longer name":       {goodPath, name("cam10"), 403, "Invalid thing name passed", "AccessDeniedException"},
		"two names":           {goodPath, name("cam1", "cam2"), 403, "Invalid thing name passed", "AccessDeniedException"},
		"the name twice":      {goodPath, name("cam1", "cam1"), 403, "Invalid thing name passed", "AccessDeniedException"},
		"a list":              {goodPath, name("cam1, cam2"), 403, "Invalid thing name passed", "AccessDeniedException"},
		"another alias":       {"/role-aliases/other/credentials", nil, 404, "Role alias does not exist", "ResourceNotFoundException"},
		"alias in capitals":   {"/role-aliases/Thingpass/credentials", nil, 404, "Role alias does not exist", "ResourceNotFoundException"},
		"an empty alias":      {"/role-aliases//credentials", nil, 404, "Role alias does not exist", "ResourceNotFoundException"},
		"an escaped alias":    {"/role-aliases/thing%70ass/credentials", nil, 404, "Role alias does not exist", "ResourceNotFoundException"},
		"a slash behind":      {goodPath + "/", nil, 404, "Not Found", "ResourceNotFoundException"},
		"a longer path":       {"/role-aliases/x/thingpass/credentials", nil, 404, "Not Found", "ResourceNotFoundException"},
		"another path":        {"/credentials", nil, 404, "Not Found", "ResourceNotFoundException"},
		"dots":                {"/x/.." + goodPath, nil, 404, "Not Found", "ResourceNotFoundException"},
		"the root":            {"/", nil, 404, "Not Found", "ResourceNotFoundException"},
		"a POST":              {goodPath, method("POST"), 405, "Method Not Allowed", "MethodNotAllowedException"},
		"a DELETE":            {goodPath, method("DELETE"), 405, "Method Not Allowed", "MethodNotAllowedException"},
		"a body":              {goodPath, func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("{}")), 2 }, 400, "Bad Request", "InvalidRequestException"},
		"a body of no length": {goodPath, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("{}")); r.ContentLength = -1 }, 400, "Bad Request", "InvalidRequestException"},
	} {
		a, err := w.ask(client, test.path, test.change)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if a.status != test.status || a.Message != test.message || a.header.Get("x-amzn-ErrorType") != test.kind || a.Credentials.AccessKeyID != "" {
			t.Errorf("%s: %d %s %q", what, a.status, a.body, a.header.Get("x-amzn-ErrorType"))
		}
		if want := fmt.Sprintf("{\"message\":%q}\n", test.message); a.body != want {
			t.Errorf("%s: %q", what, a.body)
		}
		if e := w.entries[len(w.entries)-1]; e.Thing != "cam1" || e.Code == broker.CodeGranted || e.Reason != test.message || e.AccessKeyID != "" {
			t.Errorf("%s: audit %+v", what, e)
		}
	}
	if len(w.issued) != 0 {
		t.Errorf("issued for %q", w.issued)
	}
}

// Whom a registry does not admit gets nothing, and the log alone says why.
func TestWhoIsNotAdmittedGetsNothing(t *testing.T) {
	w := newWorld(t)
	h := w.handler()
	h.Admit = func(leaf *x509.Certificate, thing string) error {
		if leaf.Subject.CommonName != thing || thing == "cam1" {
			return errTest
		}
		return nil
	}
	for thing, want := range map[string]int{"cam1": http.StatusForbidden, "cam2": http.StatusOK} {
		id, err := w.ca.Thing(thing)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest("GET", "/role-aliases/thingpass/credentials", nil)
		r.Header.Set(broker.ThingNameHeader, thing)
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{id.Leaf}, VerifiedChains: [][]*x509.Certificate{{id.Leaf}}}
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		if answer.Code != want || strings.Contains(answer.Body.String(), errTest.Error()) {
			t.Errorf("%s: %d %s", thing, answer.Code, answer.Body)
		}
	}
	if len(w.issued) != 1 || !strings.Contains(w.log.String(), errTest.Error()) {
		t.Errorf("issued to %q; log: %s", w.issued, w.log.String())
	}
}

func TestWithoutAValidCertificateThereIsNoConnection(t *testing.T) {
	w := start(t)
	stranger, err := certs.NewCA("test CA")
	if err != nil {
		t.Fatal(err)
	}
	id, err := stranger.Thing("cam1")
	if err != nil {
		t.Fatal(err)
	}
	theirs := id.TLSCertificate()
	server, err := w.ca.Server([]string{"cam1"})
	if err != nil {
		t.Fatal(err)
	}
	servers := server.TLSCertificate()
	past := time.Now().Add(-48 * time.Hour)
	for what, cert := range map[string]*tls.Certificate{
		"none":       nil,
		"another CA": &theirs,
		"expired":    w.thing("cam1", certs.Between(past, past.Add(time.Hour))),
		"a server's": &servers,
	} {
		if a, err := w.ask(w.client(cert), goodPath, nil); err == nil {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	resp, err := http.Get("http://" + w.server.Addr().String() + goodPath)
	if err == nil {
		defer resp.Body.Close()
		if resp.StatusCode != 400 {
			t.Errorf("without TLS: %d", resp.StatusCode)
		}
	}
	if len(w.issued) != 0 {
		t.Errorf("issued for %q", w.issued)
	}
}

func TestAHandlerBehindAnotherServerRefusesWhomNobodyVerified(t *testing.T) {
	w := newWorld(t)
	leaf, err := x509.ParseCertificate(w.thing("cam1").Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	chains := [][]*x509.Certificate{{leaf}}
	plain := leaf
	for what, test := range map[string]struct {
		state *tls.ConnectionState
		now   time.Time
	}{
		"no TLS":          {nil, time.Now()},
		"no certificate":  {&tls.ConnectionState{}, time.Now()},
		"not verified":    {&tls.ConnectionState{PeerCertificates: []*x509.Certificate{plain}}, time.Now()},
		"ended meanwhile": {&tls.ConnectionState{PeerCertificates: []*x509.Certificate{plain}, VerifiedChains: chains}, leaf.NotAfter.Add(time.Second)},
		"not valid yet":   {&tls.ConnectionState{PeerCertificates: []*x509.Certificate{plain}, VerifiedChains: chains}, leaf.NotBefore.Add(-time.Second)},
	} {
		w.now = func() time.Time { return test.now }
		got := serve(t, w, "GET", goodPath, []string{"cam1"}, test.state)
		if got.Code != 403 || got.Body.String() != `{"message":"Certificate is invalid on this endpoint"}`+"\n" || got.Header().Get("x-amzn-ErrorType") != "AccessDeniedException" {
			t.Errorf("%s: %d %s", what, got.Code, got.Body)
		}
	}
	if len(w.issued) != 0 {
		t.Errorf("issued for %q", w.issued)
	}
}

func TestNoSessionOrNoAuditMeansNoCredentials(t *testing.T) {
	w := start(t)
	client := w.client(w.thing("cam1"))
	for what, breaks := range map[string]func(){
		"no issuer": func() { w.issueErr = errTest },
		"too short": func() { w.life = broker.MinSessionLife - time.Minute },
		"no audit":  func() { w.auditErr = errTest },
	} {
		w.issueErr, w.life, w.auditErr = nil, time.Hour, nil
		breaks()
		a, err := w.ask(client, goodPath, nil)
		if err != nil || a.status != 503 || a.Message != "Service Unavailable" || a.header.Get("Retry-After") == "" || strings.Contains(a.body, "ASIA") {
			t.Errorf("%s: %v %d %s", what, err, a.status, a.body)
		}
	}
	if !strings.Contains(w.log.String(), "the test broke it") {
		t.Errorf("the log does not say why: %s", w.log.String())
	}
}

func TestTheBrokersRefusalsAreSaidInAWSsWords(t *testing.T) {
	w := start(t)
	client := w.client(w.thing("cam1"))
	for code, want := range map[broker.Code]struct {
		status  int
		message string
		wait    string
	}{
		broker.CodeQuotaExceeded:  {429, "Rate exceeded", "41"},
		broker.CodeKeyNotAllowed:  {403, "Access Denied", ""},
		broker.CodeModeNotAllowed: {403, "Access Denied", ""},
		broker.CodeUnavailable:    {503, "Service Unavailable", "5"},
		broker.CodeInternal:       {503, "Service Unavailable", "30"},
	} {
		refusal := &broker.Refusal{Code: code, Text: "the text"}
		if code == broker.CodeQuotaExceeded {
			refusal.Wait = 40*time.Second + time.Millisecond
		}
		w.issueErr = fmt.Errorf("asked: %w", refusal)
		a, err := w.ask(client, goodPath, nil)
		if err != nil || a.status != want.status || a.Message != want.message || a.header.Get("Retry-After") != want.wait {
			t.Errorf("%s: %v %d %s %q", code, err, a.status, a.body, a.header.Get("Retry-After"))
		}
	}
}

func TestOversizeAndGarbageEndTheConnection(t *testing.T) {
	w := start(t)
	cert := w.thing("cam1")
	for what, request := range map[string]string{
		"a long header": "GET " + goodPath + " HTTP/1.1\r\nHost: x\r\nx-amzn-iot-thingname: cam1\r\nX-Long: " + strings.Repeat("x", 16<<10) + "\r\n\r\n",
		"a long path":   "GET /" + strings.Repeat("x", 16<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"garbage":       "\x00\x01\x02\r\n\r\n",
		"two lengths":   "GET " + goodPath + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"MQTT":          "\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00\r\n\r\n",
	} {
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", w.server.Addr().String(),
			&tls.Config{RootCAs: w.ca.Pool(), Certificates: []tls.Certificate{*cert}})
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = conn.Write([]byte(request)) // it may be cut off
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil && (resp.StatusCode < 400 || resp.StatusCode == 403) {
			t.Errorf("%s: %d", what, resp.StatusCode)
		}
		conn.Close()
	}
	if len(w.issued) != 0 {
		t.Errorf("issued for %q", w.issued)
	}
}

func TestWhatCannotWorkIsRefusedAtOnce(t *testing.T) {
	w := newWorld(t)
	good := credprovider.Config{RoleAliases: []string{"thingpass"}, Issuer: w, Audit: w, Now: time.Now}
	for what, change := range map[string]func(*credprovider.Config){
		"no issuer": func(c *credprovider.Config) { c.Issuer = nil },
		"no audit":  func(c *credprovider.Config) { c.Audit = nil },
		"no clock":  func(c *credprovider.Config) { c.Now = nil },
		"no alias":  func(c *credprovider.Config) { c.RoleAliases = nil },
		"bad alias": func(c *credprovider.Config) { c.RoleAliases = []string{"a/b"} },
	} {
		c := good
		change(&c)
		if _, err := credprovider.New(c); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	if _, err := credprovider.Listen(t.Context(), credprovider.ServerConfig{Listen: "127.0.0.1:0", Handler: w.handler()}); err == nil {
		t.Error("a server without certificates starts")
	}
}
