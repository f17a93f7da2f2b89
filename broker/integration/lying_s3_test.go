// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// lyingS3 stands before the real S3 and speaks TLS for it. It passes requests on,
// but each thing has a first photo that it may treat otherwise.
type lyingS3 struct {
	target string // host:port of the real one
	client *http.Client

	mu   sync.Mutex
	lies map[string]*liedTo // by thing
}

// liedTo is a thing whose first photo is lied about, so many times.
type liedTo struct {
	lie   lie
	times int
	key   string // of that photo, once it is known
}

// A lie answers a request, whose body it may read, and tells whether the
// connection lives on. honest asks the real S3.
type lie func(c net.Conn, r *http.Request, honest func() *http.Response) (lives bool)

// behindALiar lets things reach the S3 only through one that lies.
func (s *stack) behindALiar() *lyingS3 {
	s.tb.Helper()
	id, err := s.mqtt.ca.Server([]string{"127.0.0.1"})
	if err != nil {
		s.tb.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{id.TLSCertificate()}})
	if err != nil {
		s.tb.Fatal(err)
	}
	s.tb.Cleanup(func() { _ = listener.Close() })
	l := &lyingS3{target: strings.TrimPrefix(s.ready.S3.Endpoint, "https://"), client: s.s3Client(), lies: map[string]*liedTo{}}
	l.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.serve(conn)
		}
	}()
	s.trustToo(s.mqtt.ca.CertPEM())
	s.broker.stop()
	s.ready.S3.Endpoint = "https://" + listener.Addr().String()
	s.startBroker()
	return l
}

func (l *lyingS3) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	requests := bufio.NewReaderSize(conn, 16<<10)
	for {
		r, err := http.ReadRequest(requests)
		if err != nil {
			return
		}
		honest := func() *http.Response { return l.pass(r) }
		if tell := l.lieFor(r, requests); tell != nil {
			if !tell(conn, r, honest) {
				return
			}
			continue
		}
		if resp := honest(); resp == nil || resp.Write(conn) != nil {
			return
		}
	}
}

// pass asks the real S3.
func (l *lyingS3) pass(r *http.Request) *http.Response {
	out := r.Clone(r.Context())
	out.RequestURI = ""
	out.URL = &url.URL{Scheme: "https", Host: l.target, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	resp, err := l.client.Do(out)
	if err != nil {
		return nil
	}
	return resp
}

var keyField = regexp.MustCompile(`name="key"\r\n\r\n([^\r]*)`)

// lieFor returns how to answer, or nil for honestly. The key of a form is in its
// first bytes.
func (l *lyingS3) lieFor(r *http.Request, rest *bufio.Reader) lie {
	key := strings.TrimPrefix(r.URL.Path, "/"+bucket+"/")
	switch r.Method {
	case http.MethodPut:
	case http.MethodPost:
		for n := 0; n < 16<<10; n = rest.Buffered() {
			head, err := rest.Peek(max(n+1, rest.Buffered()))
			if m := keyField.FindSubmatch(head); m != nil {
				key = string(m[1])
				break
			}
			if err != nil {
				return nil
			}
		}
	default:
		return nil
	}
	thing, _, _ := strings.Cut(key, "/")
	l.mu.Lock()
	defer l.mu.Unlock()
	to := l.lies[thing]
	if to == nil || to.times == 0 || to.key != "" && to.key != key {
		return nil
	}
	to.key = key
	to.times--
	return to.lie
}

func (l *lyingS3) lieTo(thing string, tell lie, times int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lies[thing] = &liedTo{lie: tell, times: times}
}

// says reads the request and answers with these bytes. The connection lives on
// if they end in "keep".
func says(answer string) lie {
	text, lives := strings.CutSuffix(answer, "keep")
	return func(c net.Conn, r *http.Request, _ func() *http.Response) bool {
		_, err := io.Copy(io.Discard, r.Body)
		if err == nil {
			_, err = io.WriteString(c, text)
		}
		return err == nil && lives
	}
}

// repeats reads the request and answers with these bytes, the last again and
// again, until nobody listens.
func repeats(pause time.Duration, once, again string) lie {
	return func(c net.Conn, r *http.Request, _ func() *http.Response) bool {
		_, err := io.Copy(io.Discard, r.Body)
		_ = c.SetDeadline(time.Now().Add(patience))
		for text := once; err == nil; text = again {
			_, err = io.WriteString(c, text)
			time.Sleep(pause)
		}
		return false
	}
}

// hangsUp reads so many bytes of the body, says something, and ends the
// connection: in good order, or with a reset.
func hangsUp(after int64, last string, reset bool) lie {
	return func(c net.Conn, r *http.Request, _ func() *http.Response) bool {
		_, _ = io.CopyN(io.Discard, r.Body, after)
		_, _ = io.WriteString(c, last)
		if reset {
			tcp := c.(*tls.Conn).NetConn().(*net.TCPConn)
			_ = tcp.SetLinger(0)
			_ = tcp.Close()
		}
		return false
	}
}

// says nothing, and listens for as long as anybody waits.
func silence(c net.Conn, r *http.Request, _ func() *http.Response) bool {
	_, _ = io.Copy(io.Discard, r.Body)
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.Copy(io.Discard, c)
	return false
}

// tells the truth in another form: before is said first, and form makes the
// answer of the real one's body.
func otherwise(before string, form func(status, body string) string, lives bool) lie {
	return func(c net.Conn, _ *http.Request, honest func() *http.Response) bool {
		resp := honest()
		if resp == nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err == nil {
			_, err = io.WriteString(c, before+form(resp.Status, string(body)))
		}
		return err == nil && lives
	}
}

// told returns the key that was lied about, and how often that will be done still.
func (l *lyingS3) told(thing string) (key string, left int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lies[thing].key, l.lies[thing].times
}
