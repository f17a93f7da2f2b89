// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"thingpass/broker"
	"thingpass/certs"
)

// A runtimeAPI is what AWS runs beside a function: the function asks it for
// events, and tells it how they went (AWS Lambda Developer Guide, runtimes-api).
type runtimeAPI struct {
	*httptest.Server
	events  chan []byte
	results chan result
}

type result struct {
	id     string
	failed bool
	body   string
}

func newRuntimeAPI(t *testing.T) *runtimeAPI {
	t.Helper()
	r := &runtimeAPI{events: make(chan []byte, 1), results: make(chan result, 1)}
	count := 0
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, req *http.Request) {
		select {
		case event := <-r.events:
			count++
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", strconv.Itoa(count))
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(15*time.Second).UnixMilli(), 10))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:thingpass")
			w.Write(event)
		case <-req.Context().Done():
		}
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{what}", func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		w.WriteHeader(http.StatusAccepted)
		r.results <- result{req.PathValue("id"), req.PathValue("what") == "error", string(body)}
	})
	r.Server = httptest.NewServer(mux)
	t.Cleanup(func() { r.CloseClientConnections(); r.Close() })
	return r
}

// invoke hands one event over and waits for its end.
func (r *runtimeAPI) invoke(t *testing.T, event []byte) result {
	t.Helper()
	r.events <- event
	select {
	case got := <-r.results:
		return got
	case <-time.After(30 * time.Second):
		t.Fatal("the function did not end")
	}
	return result{}
}

// A dataPlane is iot-data as far as Publish goes. It verifies signatures.
type dataPlane struct {
	*httptest.Server
	t         *testing.T
	keys      aws.Credentials
	published chan broker.Message
	refuse    chan int // statuses for the next requests
}

func newDataPlane(t *testing.T, server certs.Identity, keys aws.Credentials) *dataPlane {
	t.Helper()
	d := &dataPlane{t: t, keys: keys, published: make(chan broker.Message, 8), refuse: make(chan int, 8)}
	d.Server = httptest.NewUnstartedServer(http.HandlerFunc(d.publish))
	d.TLS = &tls.Config{Certificates: []tls.Certificate{server.TLSCertificate()}}
	d.StartTLS()
	t.Cleanup(d.Close)
	return d
}

func (d *dataPlane) publish(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if !d.signed(r, body) {
		http.Error(w, `{"message":"Forbidden"}`, http.StatusForbidden)
		return
	}
	select {
	case status := <-d.refuse:
		http.Error(w, `{"message":"the test refuses"}`, status)
		return
	default:
	}
	escaped, found := strings.CutPrefix(r.URL.EscapedPath(), "/topics/")
	topic, err := url.PathUnescape(escaped)
	correlation, decodeErr := base64.StdEncoding.DecodeString(r.Header.Get("X-Amz-Mqtt5-Correlation-Data"))
	if r.Method != http.MethodPost || !found || err != nil || decodeErr != nil || r.URL.Query().Get("qos") != "1" ||
		r.URL.Query().Get("contentType") != "application/json" {
		http.Error(w, `{"message":"InvalidRequest"}`, http.StatusBadRequest)
		return
	}
	d.published <- broker.Message{Topic: topic, Payload: body, Correlation: correlation, QoS: 1}
	io.WriteString(w, `{"message":"OK"}`)
}

// signed signs the request again and compares.
func (d *dataPlane) signed(r *http.Request, body []byte) bool {
	sum := sha256.Sum256(body)
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	names, _, _ := strings.Cut(rest, ",")
	again, err := http.NewRequestWithContext(context.Background(), r.Method, "https://"+r.Host+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return false
	}
	for name := range strings.SplitSeq(names, ";") {
		if name != "host" && name != "content-length" {
			again.Header.Set(name, r.Header.Get(name))
		}
	}
	if err := v4.NewSigner().SignHTTP(d.t.Context(), d.keys, again, hex.EncodeToString(sum[:]), "iotdata", "eu-central-1", at); err != nil {
		return false
	}
	return again.Header.Get("Authorization") == r.Header.Get("Authorization")
}

func (d *dataPlane) next(t *testing.T) broker.Message {
	t.Helper()
	select {
	case m := <-d.published:
		return m
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was published")
	}
	return broker.Message{}
}
