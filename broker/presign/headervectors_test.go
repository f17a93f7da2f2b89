// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/encoding/httpbinding"
)

// The broker itself never signs headers: these vectors are for the firmware,
// which does with the credentials that the broker gives. They are judged here
// because this is where the SDK's signer is at hand.

var updateHeaderVectors = flag.Bool("update", false, "write testdata/sigv4/sdk.json anew")

// headerVector is one request and its signature; testdata/sigv4/README.md.
type headerVector struct {
	Name            string      `json:"name"`
	Method          string      `json:"method"`
	Bucket          string      `json:"bucket"`
	Key             string      `json:"key"`
	Query           string      `json:"query"`
	Region          string      `json:"region"`
	AccessKeyID     string      `json:"accessKeyId"`
	SecretAccessKey string      `json:"secretAccessKey"`
	Time            int64       `json:"time"`
	Payload         string      `json:"payload"`
	Headers         [][2]string `json:"headers"`
	Path            string      `json:"path"`
	SignedHeaders   string      `json:"signedHeaders"`
	Signature       string      `json:"signature"`
}

func (v *headerVector) header(name string) string {
	for _, h := range v.Headers {
		if h[0] == name {
			return h[1]
		}
	}
	return ""
}

// sign fills in what the SDK makes of the request.
func (v *headerVector) sign(t *testing.T) {
	t.Helper()
	raw := "/" + v.Key
	if v.Bucket != "" {
		raw = "/" + v.Bucket + raw
	}
	v.Path = httpbinding.EscapePath(raw, false)
	r := &http.Request{Method: v.Method, Header: http.Header{}, Host: v.header("host"),
		URL: &url.URL{Scheme: "https", Host: v.header("host"), Path: raw, RawPath: v.Path, RawQuery: v.Query}}
	for _, h := range v.Headers {
		if h[0] != "host" {
			r.Header.Set(h[0], h[1])
		}
	}
	keys := aws.Credentials{AccessKeyID: v.AccessKeyID, SecretAccessKey: v.SecretAccessKey, SessionToken: v.header("x-amz-security-token")}
	raws3 := func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }
	if err := v4.NewSigner().SignHTTP(context.Background(), keys, r, v.Payload, "s3", v.Region, time.Unix(v.Time, 0).UTC(), raws3); err != nil {
		t.Fatalf("%s: %v", v.Name, err)
	}
	if got := r.URL.EscapedPath(); got != v.Path {
		t.Fatalf("%s: the path went out as %q, not %q", v.Name, got, v.Path)
	}
	for part := range strings.SplitSeq(r.Header.Get("Authorization"), ", ") {
		if s, ok := strings.CutPrefix(part, "SignedHeaders="); ok {
			v.SignedHeaders = s
		}
		if s, ok := strings.CutPrefix(part, "Signature="); ok {
			v.Signature = s
		}
	}
	names := make([]string, 0, len(v.Headers))
	for _, h := range v.Headers {
		names = append(names, h[0])
	}
	if !slices.IsSorted(names) || strings.Join(names, ";") != v.SignedHeaders || r.Header.Get("X-Amz-Date") != v.header("x-amz-date") {
		t.Fatalf("%s: signed were %s at %s, not %v", v.Name, v.SignedHeaders, r.Header.Get("X-Amz-Date"), names)
	}
}

const sigv4Dir = "../testdata/sigv4"

func readHeaderVectors(t *testing.T, name string) []headerVector {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(sigv4Dir, name))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []headerVector }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

func TestTheSDKSignsAWSsExamplesAsPrinted(t *testing.T) {
	vectors := readHeaderVectors(t, "manual.json")
	if len(vectors) != 4 {
		t.Fatalf("AWS prints four examples, here are %d", len(vectors))
	}
	for _, v := range vectors {
		got := v
		got.sign(t)
		equal(t, v.Name+": path", got.Path, v.Path)
		equal(t, v.Name+": headers", got.SignedHeaders, v.SignedHeaders)
		equal(t, v.Name+": signature", got.Signature, v.Signature)
	}
}

func TestHeaderVectors(t *testing.T) {
	want := headerVectors()
	for i := range want {
		want[i].sign(t)
	}
	if *updateHeaderVectors {
		writeHeaderVectors(t, want)
	}
	got := readHeaderVectors(t, "sdk.json")
	if len(got) != len(want) {
		t.Fatalf("sdk.json has %d cases, not %d: run with -update", len(got), len(want))
	}
	for i, w := range want {
		equal(t, w.Name, fmt.Sprint(got[i]), fmt.Sprint(w))
	}
}

func writeHeaderVectors(t *testing.T, vectors []headerVector) {
	t.Helper()
	var b strings.Builder
	b.WriteString("{\"cases\":[\n")
	for i, v := range vectors {
		if i > 0 {
			b.WriteString(",\n")
		}
		var line strings.Builder
		enc := json.NewEncoder(&line)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		b.WriteString(" " + strings.TrimSpace(line.String()))
	}
	b.WriteString("\n]}\n")
	if err := os.WriteFile(filepath.Join(sigv4Dir, "sdk.json"), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// headerVectors are requests that differ in one thing each from the plainest
// that a thing sends.
func headerVectors() []headerVector {
	var all []headerVector
	add := func(name string, change func(v *headerVector)) {
		v := plainHeaderVector()
		v.Name = name
		change(&v)
		v.set("x-amz-date", time.Unix(v.Time, 0).UTC().Format("20060102T150405Z"))
		v.set("x-amz-content-sha256", v.Payload)
		all = append(all, v)
	}
	add("plain", func(*headerVector) {})
	for name, key := range oddKeys() {
		add("key "+name, func(v *headerVector) { v.Key = key })
		add("key "+name+", path style", func(v *headerVector) { v.Key, v.Bucket = key, "photos" })
	}
	slices.SortFunc(all, func(a, b headerVector) int { return strings.Compare(a.Name, b.Name) })
	for _, moment := range []string{"2000-01-01T00:00:00Z", "2000-02-29T23:59:59Z", "2000-03-01T00:00:00Z", "2023-12-31T23:59:59Z",
		"2024-01-01T00:00:00Z", "2024-02-29T12:00:00Z", "2026-11-23T09:00:00Z", "2027-02-28T23:59:59Z", "2027-03-01T00:00:00Z",
		"2038-01-19T03:14:08Z", "2096-02-29T01:02:03Z", "2099-12-31T23:59:59Z"} {
		at, _ := time.Parse(time.RFC3339, moment)
		add("time "+moment, func(v *headerVector) { v.Time = at.Unix() })
	}
	for _, n := range []int{1, 64, 1200, 2500, 8192} {
		add(fmt.Sprintf("token of %d", n), func(v *headerVector) {
			v.set("x-amz-security-token", strings.Repeat("IQoJb3JpZ2luX2VjEXAMPLE+/=", n/26+1)[:n])
		})
	}
	for _, n := range []int{1, 16, 40, 59, 60, 61, 64, 65, 200} {
		add(fmt.Sprintf("secret of %d", n), func(v *headerVector) { v.SecretAccessKey = strings.Repeat("wJalrXUtnFEMI/K7MDENG+", 10)[:n] })
	}
	for _, region := range []string{"us-east-1", "auto", "cn-north-1", "x"} {
		add("region "+region, func(v *headerVector) { v.Region = region })
	}
	for _, query := range []string{"lifecycle=", "partNumber=1&uploadId=abc%2Fd%20e", "list-type=2&prefix=cam1%2F"} {
		add("query "+query, func(v *headerVector) { v.Query = query })
	}
	for _, method := range []string{"GET", "HEAD", "DELETE", "POST"} {
		add("method "+method, func(v *headerVector) { v.Method = method })
	}
	add("payload known", func(v *headerVector) {
		v.Payload = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
	})
	add("host with a port", func(v *headerVector) { v.set("host", "127.0.0.1:9000") })
	add("range", func(v *headerVector) { v.Method = "GET"; v.set("range", "bytes=1024-") })
	add("all that a photo has", func(v *headerVector) {
		for _, h := range [][2]string{{"content-type", "image/jpeg"}, {"if-none-match", "*"},
			{"x-amz-checksum-sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}, {"x-amz-meta-captured-at", "1795424400"},
			{"x-amz-meta-fw", "1.4.2 (beta) ~!@#$%^&*"}, {"x-amz-meta-room", "a b"}, {"x-amz-security-token", strings.Repeat("t", 900)}} {
			v.set(h[0], h[1])
		}
	})
	add("many metadata", func(v *headerVector) {
		for i := range 16 {
			v.set(fmt.Sprintf("x-amz-meta-%c-%d", 'p'-i, i), strings.Repeat("v", i+1))
		}
	})
	return all
}

func plainHeaderVector() headerVector {
	return headerVector{Method: "PUT", Key: "cam1/photo/2026/11/23/boot9-000001.jpg", Region: "eu-central-1",
		AccessKeyID: "ASIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY", Time: 1795424400,
		Payload: "UNSIGNED-PAYLOAD", Headers: [][2]string{{"host", "photos.s3.eu-central-1.amazonaws.com"}}}
}

// set adds a header or replaces it, and keeps them sorted.
func (v *headerVector) set(name, value string) {
	v.Headers = slices.DeleteFunc(v.Headers, func(h [2]string) bool { return h[0] == name })
	v.Headers = append(v.Headers, [2]string{name, value})
	slices.SortFunc(v.Headers, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
}

// oddKeys are keys that signers have stumbled over.
func oddKeys() map[string]string {
	printable := make([]byte, 0, 95)
	for c := byte(' '); c <= '~'; c++ {
		printable = append(printable, c)
	}
	return map[string]string{
		"empty":             "",
		"space":             "cam1/a b  c ",
		"plus":              "cam1/a+b++",
		"tilde":             "cam1/~a~.~",
		"percent":           "cam1/100%/%41%2f%",
		"escaped already":   "cam1/a%20b",
		"slashes":           "/cam1//a///b//",
		"dots":              "cam1/../cam2/./x/..",
		"only dots":         "..",
		"unicode":           "cam1/für/ሴ/📷.jpg",
		"not composed":      "cam1/u\u0308",
		"query marks":       "cam1/a?b=c&d#e;f",
		"printable":         string(printable),
		"1024 plain":        "cam1/" + strings.Repeat("a", 1019),
		"1024 to escape":    "cam1/" + strings.Repeat("ü", 509) + "x",
		"1024 of slashes":   strings.Repeat("/", 1024),
		"escape at the end": "cam1/=",
	}
}

// Where botocore is installed, a third implementation has its say.
func TestBotocoreSignsTheSame(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil || exec.Command(python, "-c", "import botocore").Run() != nil {
		t.Skip("botocore is not installed")
	}
	script := filepath.Join(sigv4Dir, "resign.py")
	out, err := exec.Command(python, script, filepath.Join(sigv4Dir, "manual.json"), filepath.Join(sigv4Dir, "sdk.json")).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
