// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"thingpass/broker"
	"thingpass/broker/awss3"
)

const sumOfNothing = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

// A fake answers as a real server cannot be made to: with redirects, outages,
// other regions and odd dates. What S3 verifies is tested against a real one.
type fake struct {
	*httptest.Server
	requests atomic.Int64
}

func newFake(t *testing.T, answer http.HandlerFunc) *fake {
	t.Helper()
	f := &fake{}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.requests.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		answer(w, r)
	}))
	f.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.StartTLS()
	t.Cleanup(f.Close)
	return f
}

func (f *fake) config() awss3.Config {
	roots := x509.NewCertPool()
	roots.AddCert(f.Certificate())
	return awss3.Config{
		Endpoint:    f.URL,
		Region:      "eu-central-1",
		Bucket:      "photos",
		PathStyle:   true,
		RootCAs:     roots,
		Credentials: fixed(aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}),
		GrantTTL:    15 * time.Minute,
	}
}

func fixed(c aws.Credentials) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil })
}

func open(t *testing.T, c awss3.Config) *awss3.Bucket {
	t.Helper()
	b, err := awss3.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// refuse answers as S3 does when it does not do what was asked.
func refuse(w http.ResponseWriter, status int, code, more string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\"?>\n<Error><Code>%s</Code>%s</Error>", code, more)
}

func photo() broker.Put {
	return broker.Put{
		Key:         "cam1/photo/2026/11/23/a.jpg",
		ContentType: "image/jpeg",
		Size:        48211,
		SHA256:      sumOfNothing,
		Metadata:    map[string]string{"captured-at": "1795424398", "fw": "1.4.2"},
		Now:         time.Now(),
		TTL:         15 * time.Minute,
	}
}
