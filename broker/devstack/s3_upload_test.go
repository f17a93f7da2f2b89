// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thingpass/broker/devstack"
)

// dial opens a TLS connection and returns the TCP connection beneath, too.
func (s *testS3) dial() (*tls.Conn, *net.TCPConn) {
	s.t.Helper()
	raw, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { raw.Close() })
	conn := tls.Client(raw, &tls.Config{RootCAs: s.ca.pool(), ServerName: "localhost"})
	conn.SetDeadline(time.Now().Add(15 * time.Second))
	if err := conn.Handshake(); err != nil {
		s.t.Fatal(err)
	}
	return conn, raw.(*net.TCPConn)
}

// head is the text of req up to and including the empty line.
func head(req *http.Request, extra string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", req.Method, req.URL.RequestURI(), req.Host)
	req.Header.Write(&b)
	return b.String() + extra + "\r\n"
}

func TestUploadThatBreaksOffIsNeverStored(t *testing.T) {
	// No checksum is signed: it is the length alone that must protect.
	for _, size := range []int{100_000, 3 << 20} { // kept in memory, and in a file
		for _, sent := range []int{0, 1, size / 2, size - 1} {
			for name, end := range map[string]func(*tls.Conn, *net.TCPConn){
				"TLS closed cleanly": func(c *tls.Conn, _ *net.TCPConn) { c.Close() },
				"TLS half closed": func(c *tls.Conn, _ *net.TCPConn) {
					c.CloseWrite()
					http.ReadResponse(bufio.NewReader(c), nil)
				},
				"TCP closed": func(_ *tls.Conn, raw *net.TCPConn) { raw.Close() },
				"TCP reset":  func(_ *tls.Conn, raw *net.TCPConn) { raw.SetLinger(0); raw.Close() },
			} {
				t.Run(fmt.Sprintf("%s after %d of %d", name, sent, size), func(t *testing.T) {
					s := startS3(t)
					body := photo(size, "broken")
					req := s.presign(s.put("cam1/broken.jpg", body))
					conn, raw := s.dial()
					text := head(req, fmt.Sprintf("Content-Length: %d\r\n", size))
					if _, err := conn.Write(append([]byte(text), body[:sent]...)); err != nil {
						t.Fatal(err)
					}
					end(conn, raw)
					s.Close() // waits for what is in progress
					s.restart(t)
					s.absent("cam1/broken.jpg")
					s.empty()
				})
			}
		}
	}
}

func TestSilentUploadIsTimedOut(t *testing.T) {
	s := startS3(t, func(o *devstack.S3Options) { o.Silence = 50 * time.Millisecond })
	body := photo(100_000, "silent")
	conn, _ := s.dial()
	text := head(s.presign(s.put("cam1/silent.jpg", body)), "Content-Length: 100000\r\n")
	if _, err := conn.Write(append([]byte(text), body[:50_000]...)); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "PUT", readReply(t, response), 400, "RequestTimeout")
	if !response.Close {
		t.Error("the connection stays open in mid-body")
	}
	s.absent("cam1/silent.jpg")
	s.empty()
}

func TestSlowUploadIsStored(t *testing.T) {
	s := startS3(t, func(o *devstack.S3Options) { o.Silence = 200 * time.Millisecond })
	body := photo(10_000, "slow")
	conn, _ := s.dial()
	text := head(s.presign(s.put("cam1/slow.jpg", body)), "Content-Length: 10000\r\n")
	conn.Write([]byte(text))
	for i := 0; i < len(body); i += 500 { // longer than the silence in all
		time.Sleep(15 * time.Millisecond)
		if _, err := conn.Write(body[i : i+500]); err != nil {
			t.Fatal(err)
		}
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "PUT", readReply(t, response), 200, "")
	s.holds("cam1/slow.jpg", body)
}

func TestUploadNeedsALengthWithinBounds(t *testing.T) {
	s := startS3(t, func(o *devstack.S3Options) { o.MaxObjectSize = 1000 })
	t.Run("chunked", func(t *testing.T) {
		r := s.put("cam1/chunked.jpg", photo(100, "c"))
		r.length = -1
		conn, _ := s.dial()
		fmt.Fprint(conn, head(s.presign(r), "Transfer-Encoding: chunked\r\n")+"64\r\n"+string(r.body)+"\r\n0\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "PUT", readReply(t, response), 411, "MissingContentLength")
		s.absent("cam1/chunked.jpg")
	})
	t.Run("none", func(t *testing.T) {
		r := s.put("cam1/none.jpg", nil)
		conn, _ := s.dial()
		fmt.Fprint(conn, head(s.presign(r), ""))
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "PUT", readReply(t, response), 411, "MissingContentLength")
	})
	t.Run("too large", func(t *testing.T) {
		want(t, "PUT", s.do(s.presign(s.put("cam1/large.jpg", photo(1001, "l")))), 400, "EntityTooLarge")
		s.absent("cam1/large.jpg")
	})
	t.Run("just small enough", func(t *testing.T) {
		body := photo(1000, "l")
		want(t, "PUT", s.do(s.presign(s.put("cam1/large.jpg", body))), 200, "")
		s.holds("cam1/large.jpg", body)
	})
}

func TestConnectionServesManyPhotos(t *testing.T) {
	s := startS3(t)
	conn, _ := s.dial()
	in := bufio.NewReader(conn)
	for i := range 20 {
		key := fmt.Sprintf("cam1/%02d.jpg", i)
		body := photo(1000+i*3000, key)
		r := s.put(key, body)
		status, code := 200, ""
		req := s.presign(r)
		if i%4 == 3 { // a refusal by the inner server must not break the connection either
			req.Header.Set("X-Amz-Acl", "public-read")
			status, code = 403, "AccessDenied"
		}
		conn.Write(append([]byte(head(req, fmt.Sprintf("Content-Length: %d\r\n", len(body)))), body...))
		response, err := http.ReadResponse(in, req)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		want(t, key, readReply(t, response), status, code)
		if response.Close {
			t.Fatalf("%s: the server ends the connection", key)
		}
		if status == 200 {
			s.holds(key, body)
		}
	}
}

func TestLargePhotoGoesThroughAFile(t *testing.T) {
	s := startS3(t)
	for _, size := range []int{0, 1, 1<<20 - 1, 1 << 20, 1<<20 + 1, 9 << 20} {
		key := fmt.Sprintf("cam1/%d.bin", size)
		body := photo(size, "large")
		r := s.put(key, body)
		r.header = map[string]string{"X-Amz-Checksum-Sha256": sum(body)}
		req := s.presign(r)
		if size == 0 {
			req.Body = http.NoBody
		}
		want(t, key, s.do(req), 200, "")
		s.holds(key, body)
	}
	s.noSpool()
}

func TestExpectContinueIsAnswered(t *testing.T) {
	s := startS3(t)
	body := photo(3000, "e")
	conn, _ := s.dial()
	conn.Write([]byte(head(s.presign(s.put("cam1/e.jpg", body)), "Content-Length: 3000\r\nExpect: 100-continue\r\n")))
	in := bufio.NewReader(conn)
	line, err := in.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("%q %v, want 100 Continue", line, err)
	}
	in.ReadString('\n')
	conn.Write(body)
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	want(t, "PUT", readReply(t, response), 200, "")
	s.holds("cam1/e.jpg", body)
}

// A client that dribbles its head, or sends none, costs a connection for a while only.
func TestGarbageIsAnsweredAndForgotten(t *testing.T) {
	s := startS3(t)
	for _, text := range []string{
		"\x16\x03\x01 nonsense\r\n\r\n",
		"GET\r\n\r\n",
		"PATCH /create-user HTTP/1.1\r\nHost: x\r\n\r\n",
		"PUT http://elsewhere/photos/x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
		"GET /photos/%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 100_000) + "\r\n\r\n",
		"PUT /photos/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"PUT /photos/x HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello",
		"PUT /photos/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	} {
		conn, _ := s.dial()
		go conn.Write([]byte(text))
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%.40q: %v", text, err)
			continue
		}
		if response.StatusCode < 400 || response.StatusCode > 499 {
			t.Errorf("%.40q: %d", text, response.StatusCode)
		}
		conn.Close()
	}
	body := photo(100, "after")
	want(t, "afterwards", s.do(s.presign(s.put("cam1/after.jpg", body))), 200, "")
	s.holds("cam1/after.jpg", body)
}

// restart starts a new server on the same folder, at another port.
func (s *testS3) restart(t testing.TB) {
	t.Helper()
	s.Close()
	dir := s.dir
	again := startS3(t, func(o *devstack.S3Options) { o.Dir, o.AccessKey = dir, s.key })
	*s = *again
}

// empty fails if the bucket holds any object, or the spool any file.
func (s *testS3) empty() {
	s.t.Helper()
	err := filepath.WalkDir(filepath.Join(s.dir, bucket), func(path string, d os.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), ".") { // versitygw's own
			return filepath.SkipDir
		}
		if err == nil && !d.IsDir() {
			s.t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
	s.noSpool()
}

func (s *testS3) noSpool() {
	s.t.Helper()
	left, err := filepath.Glob(filepath.Join(s.dir, ".upload-*"))
	if err != nil || len(left) > 0 {
		s.t.Errorf("spool files are left: %v %v", left, err)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	s := startS3(t)
	body := photo(5000, "kept")
	r := s.put("cam1/kept.jpg", body)
	r.header = map[string]string{"Content-Type": "image/jpeg", "X-Amz-Meta-Fw": "1.4.2", "X-Amz-Checksum-Sha256": sum(body), "If-None-Match": "*"}
	want(t, "PUT", s.do(s.presign(r)), 200, "")
	s.restart(t)
	s.holds("cam1/kept.jpg", body)
	got := s.do(s.presign(request{method: "HEAD", url: s.objectURL("cam1/kept.jpg"), header: map[string]string{"X-Amz-Checksum-Mode": "ENABLED"}}))
	for name, value := range map[string]string{
		"Content-Type": "image/jpeg", "Content-Length": "5000", "X-Amz-Meta-Fw": "1.4.2", "X-Amz-Checksum-Sha256": sum(body),
	} {
		if got.header.Get(name) != value {
			t.Errorf("%s: %q after a restart, want %q", name, got.header.Get(name), value)
		}
	}
	r.url = s.objectURL("cam1/kept.jpg")
	want(t, "create again", s.do(s.presign(r)), 412, "PreconditionFailed")
	if !bytes.Equal(body, photo(5000, "kept")) {
		t.Error("the test's own photo changed")
	}
}
