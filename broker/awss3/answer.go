// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"crypto/tls"
	"encoding/xml"
	"io"
	"net/http"
	"strings"
	"time"
)

const maxAnswer = 64 << 10 // bytes; S3's errors have a few hundred

// answer is what S3 said to a probe.
type answer struct {
	status int
	fault  fault
	region string // of the bucket, where S3 tells it
	skew   time.Duration
	dated  bool // skew is known
	tls    *tls.ConnectionState
}

// fault is S3's error document; all empty if the answer was none.
type fault struct {
	XMLName  xml.Name `xml:"Error"`
	Code     string   `xml:"Code"`
	Message  string   `xml:"Message"`
	Region   string   `xml:"Region"`
	Endpoint string   `xml:"Endpoint"`
}

// ask sends one request: with the probe's body if it is a PUT. Errors do not
// hold the URL, which may be signed.
func (b *Bucket) ask(ctx context.Context, method, url string, headers map[string]string) (answer, error) {
	var body io.Reader
	if method == http.MethodPut {
		body = strings.NewReader(probeBody)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return answer{}, withoutURL(err)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	before := time.Now()
	resp, err := b.http.Do(req)
	if err != nil {
		return answer{}, withoutURL(err)
	}
	defer resp.Body.Close()
	got := answer{status: resp.StatusCode, region: resp.Header.Get("X-Amz-Bucket-Region"), tls: resp.TLS}
	got.skew, got.dated = skew(resp.Header.Get("Date"), before, time.Now())
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{}, withoutURL(err)
	}
	if xml.Unmarshal(data, &got.fault) != nil {
		got.fault = fault{}
	}
	if got.region == "" {
		got.region = got.fault.Region
	}
	return got, nil
}

// skew is how far the server's clock is ahead of ours. It counts from the
// middle of the exchange; Date has whole seconds, cut, not rounded.
func skew(date string, before, after time.Time) (time.Duration, bool) {
	t, err := http.ParseTime(date)
	if err != nil {
		return 0, false
	}
	middle := before.Add(after.Sub(before) / 2)
	return t.Add(time.Second / 2).Sub(middle).Round(time.Second), true
}

// authentic reports whether S3 accepted the signature, whatever it said about
// the rest.
func (a answer) authentic() bool {
	switch a.fault.Code {
	case "NoSuchKey":
		return true
	case "AccessDenied":
		return a.status == http.StatusForbidden && !a.outOfTime()
	}
	return a.status == http.StatusOK
}

// outOfTime reports whether S3 found the URL to be expired, or not valid yet: it
// has no code for that of its own.
func (a answer) outOfTime() bool {
	if a.fault.Code == "RequestTimeTooSkewed" {
		return true
	}
	m := strings.ToLower(a.fault.Message)
	return a.fault.Code == "AccessDenied" && (strings.Contains(m, "expired") || strings.Contains(m, "not yet valid") || strings.Contains(m, "not valid yet"))
}
