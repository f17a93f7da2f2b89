// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// xmlError is an error as S3 words it.
func xmlError(status, headers, code string) string {
	body := "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>" + code + "</Code><Message>m</Message></Error>"
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: application/xml\r\n%sContent-Length: %d\r\n\r\n%skeep", status, headers, len(body), body)
}

const anyStatus = -1

// An ending is how a photo ends: by the reason, the status and the code that the
// thing tells, and with so many questions and transfers (0: any number).
type ending struct {
	reason         string // "": stored
	status         int
	code           string
	asks, attempts int
}

// lies are all that an S3, or something between us and it, may answer. once is how
// the photo ends if it is only once that it is lied to, always if it goes on.
var lies = map[string]struct {
	lie          lie
	once, always ending
}{
	"expired": {says(xmlError("403 Forbidden", "", "AccessDenied")),
		ending{asks: 2, attempts: 2}, ending{reason: "retries", status: 403, code: "AccessDenied"}},
	"not-expired-but-412": {says(xmlError("412 Precondition Failed", "", "PreconditionFailed")),
		ending{asks: 2, attempts: 2}, ending{reason: "retries", status: 412}},
	"stored-nothing": {says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nkeep"),
		ending{asks: 2, attempts: 2}, ending{reason: "retries", status: 200}},
	"internal-error": {says(xmlError("500 Internal Server Error", "", "InternalError")),
		ending{asks: 1, attempts: 2}, ending{reason: "retries", status: 500, code: "InternalError"}},
	"slow-down": {says(xmlError("503 Slow Down", "Retry-After: 1\r\n", "SlowDown")),
		ending{asks: 1, attempts: 2}, ending{reason: "retries", status: 503, code: "SlowDown"}},
	"retry-in-a-year": {says(xmlError("503 Slow Down", "Retry-After: 31536000\r\n", "SlowDown")),
		ending{reason: "deadline", status: 503, code: "SlowDown"}, ending{reason: "deadline", status: 503, code: "SlowDown"}},
	"redirect": {says(xmlError("307 Temporary Redirect", "Location: https://127.0.0.1:1/photos/elsewhere.jpg\r\n", "TemporaryRedirect")),
		ending{asks: 2, attempts: 2}, ending{reason: "retries", status: 307, code: "TemporaryRedirect"}},
	"redirect-to-itself": {func(c net.Conn, r *http.Request, h func() *http.Response) bool {
		return says("HTTP/1.1 302 Found\r\nLocation: "+r.URL.String()+"\r\nContent-Length: 0\r\n\r\nkeep")(c, r, h)
	}, ending{asks: 2, attempts: 2}, ending{reason: "retries", status: 302}},
	"too-large": {says(xmlError("400 Bad Request", "", "EntityTooLarge")),
		ending{reason: "rejected", status: 400, code: "EntityTooLarge", asks: 1, attempts: 1}, ending{reason: "rejected", status: 400, code: "EntityTooLarge", asks: 1, attempts: 1}},
	"too-slow": {says(xmlError("400 Bad Request", "Connection: close\r\n", "RequestTimeout")),
		ending{asks: 1, attempts: 2}, ending{reason: "retries", status: 400, code: "RequestTimeout"}},
	"no-such-bucket": {says(xmlError("404 Not Found", "", "NoSuchBucket")),
		ending{reason: "rejected", status: 404, code: "NoSuchBucket", asks: 1, attempts: 1}, ending{reason: "rejected", status: 404, code: "NoSuchBucket", asks: 1, attempts: 1}},

	// Answers that break off.
	"half-an-error": {says("HTTP/1.1 400 Bad Request\r\nContent-Length: 300\r\n\r\n<Error><Code>EntityToo"),
		ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"half-a-success": {says("HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n<half"),
		ending{asks: 2, attempts: 2}, ending{reason: "retries", status: 200}},
	"half-a-head": {says("HTTP/1.1 200 OK\r\nContent-Le"),
		ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"no-answer": {hangsUp(1<<30, "", false),
		ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"closed-in-mid-body": {hangsUp(10_000, "", false),
		ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"reset-in-mid-body": {hangsUp(10_000, "", true),
		ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"success-in-mid-body": {hangsUp(10_000, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false),
		ending{}, ending{reason: "retries", status: anyStatus}},

	// Lengths that are wrong.
	"longer-than-it-says": {says("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nmuch longerkeep"),
		ending{asks: 2, attempts: 2}, ending{reason: "retries", status: 200}},
	"shorter-than-it-says": {says("HTTP/1.1 503 Busy\r\nContent-Length: 3000\r\n\r\nshortkeep"),
		ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"length-in-words": {says("HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\nkeep"),
		ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"length-below-zero": {says("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nkeep"),
		ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"length-of-all": {says("HTTP/1.1 503 Busy\r\nContent-Length: 18446744073709551616\r\n\r\nkeep"),
		ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"two-lengths": {says("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxkeep"),
		ending{asks: 1, attempts: 2}, ending{reason: "retries"}},

	// Answers without an end.
	"silence":         {silence, ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"slow-loris":      {repeats(50*time.Millisecond, "HTTP/1.1 200 OK\r\nX-A: ", "a"), ending{reason: "deadline"}, ending{reason: "deadline"}},
	"endless-header":  {repeats(0, "HTTP/1.1 200 OK\r\nX-A: ", strings.Repeat("a", 4096)), ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"endless-headers": {repeats(0, "HTTP/1.1 200 OK\r\n", strings.Repeat("X-A: a\r\n", 100)), ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"endless-body": {repeats(0, "HTTP/1.1 503 Busy\r\n\r\n", strings.Repeat("body ", 1000)),
		ending{asks: 1, attempts: 2}, ending{reason: "retries", status: 503}},
	"endless-chunks": {repeats(0, "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n", strings.Repeat("1\r\na\r\n", 1000)),
		ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"endless-continue": {repeats(0, "", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100)), ending{asks: 1, attempts: 2}, ending{reason: "retries"}},

	// No HTTP/1.1.
	"garbage":       {says("\x00\xff\xfe\x16\x03\x01garbage"), ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"another":       {says("SSH-2.0-OpenSSH_9.2\r\n"), ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"http-2":        {says("HTTP/2 200\r\n\r\n"), ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"status-9999":   {says("HTTP/1.1 9999 What\r\nContent-Length: 0\r\n\r\n"), ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"bare-newlines": {says("HTTP/1.1 200 OK\nContent-Length: 0\n\n"), ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"trailers": {says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: a\r\n\r\n"),
		ending{asks: 1, attempts: 2}, ending{reason: "retries"}},
	"bad-chunks": {says("HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"),
		ending{asks: 1, attempts: 2}, ending{reason: "retries"}},

	// The truth in another form: nothing is to be sent twice.
	"continue-first": {otherwise(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 3), plain, true), ending{asks: 1, attempts: 1}, ending{asks: 1, attempts: 1}},
	"http-1-0": {otherwise("", func(status, body string) string { return "HTTP/1.0 " + status + "\r\n\r\n" + body }, false),
		ending{asks: 1, attempts: 1}, ending{asks: 1, attempts: 1}},
	"in-chunks": {otherwise("", func(status, body string) string {
		return "HTTP/1.1 " + status + "\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n"
	}, true), ending{asks: 1, attempts: 1}, ending{asks: 1, attempts: 1}},
}

func plain(status, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

// A subject is a thing that is lied to.
type subject struct {
	name string
	want ending
	c    *child
}

// TestAThingOutlivesAnS3ThatLies lets an S3 lie about each thing's first photo,
// once or always. Each ends as it should, and the second photo is stored.
func TestAThingOutlivesAnS3ThatLies(t *testing.T) {
	t.Parallel()
	needsMosquitto(t)
	const atATime = 16
	s := newStack(t)
	liar := s.behindALiar()
	dir := folder(t, 30_000, 2000)
	ended, running := make(chan subject, atATime), 0
	begin := func(what, mode, often string, tell lie, times int, want ending) {
		if running == atATime {
			(<-ended).judge(s, liar)
			running--
		}
		name := mode + "-" + often + "-" + what
		liar.lieTo(name, tell, times)
		deadline := "30"
		if want.reason == "deadline" {
			deadline = "6"
		}
		c := s.thing(name, "--mode", mode, "--camera", dir, "--interval", "0", "--attempts", "5", "--retry-wait", "10", "--io-timeout", "1500", "--deadline", deadline)
		running++
		go func() {
			<-c.done
			ended <- subject{name, want, c}
		}()
	}
	for what, l := range lies {
		begin(what, "put", "once", l.lie, 1, l.once)
		begin(what, "put", "always", l.lie, -1, l.always)
		pass := l.once
		if what == "not-expired-but-412" { // forms have no If-None-Match, so it means something else
			pass = ending{reason: "rejected", status: 412, code: "PreconditionFailed", asks: 1, attempts: 1}
		}
		begin(what, "pass", "once", l.lie, 1, pass)
	}
	for range running {
		(<-ended).judge(s, liar)
	}
}

func (j subject) judge(s *stack, liar *lyingS3) {
	s.tb.Helper()
	photos := j.c.photos()
	if len(photos) != 2 || photos[1].Result != "stored" {
		s.tb.Errorf("%s: the next photo: %+v\n%s", j.name, photos, j.c.text())
		return
	}
	if key, left := liar.told(j.name); key == "" || left > 0 {
		s.tb.Errorf("%s: nobody lied to it", j.name)
	}
	j.want.judge(s.tb, j.name, photos[0])
	want := 1
	if photos[0].Result == "stored" {
		want = 2
	}
	if n := len(s.storedSums(j.name)); n != want {
		s.tb.Errorf("%s: %d objects are stored, want %d", j.name, n, want)
	}
}

func (e ending) judge(tb testing.TB, name string, p photoLine) {
	tb.Helper()
	stored := e.reason == ""
	if (p.Result == "stored") != stored || p.Reason != e.reason || e.status != anyStatus && p.Status != e.status || e.code != "" && p.Code != e.code {
		tb.Errorf("%s: ends as %+v, want %+v", name, p, e)
	}
	if e.asks > 0 && p.Asks != e.asks || e.attempts > 0 && p.Attempts != e.attempts {
		tb.Errorf("%s: %d questions and %d transfers, want %d and %d", name, p.Asks, p.Attempts, e.asks, e.attempts)
	}
}
