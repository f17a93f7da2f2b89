// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"thingpass/broker"
	"thingpass/broker/awss3"
)

// benchBroker signs for real, and audits to a writer that costs nothing.
func benchBroker(tb testing.TB) *broker.Broker {
	tb.Helper()
	bucket, err := awss3.New(awss3.Config{Region: "us-east-1", Bucket: "photos", Credentials: aws.CredentialsProviderFunc(
		func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}, nil
		})})
	if err != nil {
		tb.Fatal(err)
	}
	kind := broker.Kind{Name: "photo", Types: []broker.ContentType{{Name: "image/jpeg", Ext: "jpg"}}, MaxSize: 8 << 20, Metadata: []string{"fw", "rssi"}}
	b, err := broker.New(broker.Config{Kinds: []broker.Kind{kind}, Signer: bucket, Store: bucket, Audit: broker.NewJSONAudit(io.Discard), Now: time.Now})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// manyPhotos asks for n photos, in one request.
func manyPhotos(n int) []byte {
	const fields = `"contentType":"image/jpeg","size":48213,"sha256":"` + sumHex + `","metadata":{"fw":"1.2.3"}}`
	if n == 1 {
		return []byte(`{"id":"a1","kind":"photo",` + fields)
	}
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`{"id":"photo-%d",`, i) + fields
	}
	return []byte(`{"id":"a1","kind":"photo","objects":[` + strings.Join(items, ",") + `]}`)
}

func BenchmarkHandle(b *testing.B) {
	for _, n := range []int{1, 20} {
		b.Run(fmt.Sprintf("%d-objects", n), func(b *testing.B) {
			broker, request := benchBroker(b), manyPhotos(n)
			b.ReportAllocs()
			began := processorTime(b)
			for b.Loop() {
				if _, err := broker.Handle(b.Context(), message(request)); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((processorTime(b)-began).Nanoseconds())/float64(b.N*n), "cpu-ns/object")
		})
	}
}

// processorTime is what this process has used, the garbage collector included. On
// a shared machine it says more than the time that passed.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func message(payload []byte) broker.Message {
	return broker.Message{Topic: "thingpass/cam1/upload-request", Payload: payload, QoS: 1}
}
