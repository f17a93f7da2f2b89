// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"thingpass/broker"
	"thingpass/broker/awss3"
	"thingpass/broker/fleet"
	"thingpass/broker/fleet/fleettest"
	"thingpass/broker/operate"
)

// tapped is an audit that the console hears, as `thingpass run` has it.
type tapped struct {
	audit broker.Auditor
	fleet *fleet.Fleet
	desk  *operate.Desk
}

func (a tapped) Record(entries ...broker.Entry) error {
	if err := a.audit.Record(entries...); err != nil {
		return err
	}
	_ = a.fleet.Record(entries...)
	a.desk.Record(entries...)
	return nil
}

// signing is a broker that signs for real, and audits to a writer that costs nothing.
func signing(tb testing.TB, change func(*broker.Config)) *broker.Broker {
	tb.Helper()
	bucket, err := awss3.New(awss3.Config{Region: "us-east-1", Bucket: "photos", Credentials: aws.CredentialsProviderFunc(
		func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}, nil
		})})
	if err != nil {
		tb.Fatal(err)
	}
	kind := broker.Kind{Name: "photo", Types: []broker.ContentType{{Name: "image/jpeg", Ext: "jpg"}}, MaxSize: 8 << 20, Metadata: []string{"fw", "rssi"}}
	c := broker.Config{Kinds: []broker.Kind{kind}, Signer: bucket, Store: bucket, Audit: broker.NewJSONAudit(io.Discard), Now: time.Now}
	if change != nil {
		change(&c)
	}
	b, err := broker.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// withConsole is signing, with the console's ears.
func withConsole(tb testing.TB) (*broker.Broker, *fleet.Fleet) {
	tb.Helper()
	files := fleettest.NewMemory()
	f := open(tb, files, func(c *fleet.Config) { c.Now = time.Now })
	f.GoLive()
	desk, err := operate.New(operate.Config{Files: files, Audit: broker.NewJSONAudit(io.Discard), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		tb.Fatal(err)
	}
	return signing(tb, func(c *broker.Config) {
		c.Audit, c.Blocked = tapped{c.Audit, f, desk}, desk.Blocked
	}), f
}

// asking are requests of 200 things for a photo each.
func asking() []broker.Message {
	list := make([]broker.Message, 200)
	for i := range list {
		list[i] = broker.Message{Topic: fmt.Sprintf("thingpass/cam%d/upload-request", i), QoS: 1, Payload: []byte(
			`{"id":"a1","kind":"photo","contentType":"image/jpeg","size":48213,"sha256":"` + strings.Repeat("ab", 32) + `","metadata":{"fw":"1.2.3"}}`)}
	}
	return list
}

func used(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkConsole compares decisions with and without the console's ears, in
// turns. "wait" is what they take before an answer is given, and "cpu" all that
// they make the process do for a request, as parts of a decision without: the
// journal and its compression are in it, the bucket's requests are not.
//
// Seen on 2026-11-26 (2 cores of an AMD EPYC, load average 6): wait 1.03 to 1.06,
// cpu 1.35 to 1.41, which is 3.4 to 4.0 µs. ../BENCHMARKS.md says what that means.
func BenchmarkConsole(b *testing.B) {
	const turn = 4000 // requests; no more than the queue takes
	bare := signing(b, nil)
	heard, f := withConsole(b)
	requests := asking()
	ask := func(to *broker.Broker) time.Duration {
		began := used(b)
		for i := range turn {
			if _, err := to.Handle(b.Context(), requests[i%len(requests)]); err != nil {
				b.Fatal(err)
			}
		}
		return used(b) - began
	}
	ask(bare)
	ask(heard)
	f.Flush()
	var without time.Duration
	var wait, all, adds []float64
	for b.Loop() {
		without = ask(bare)
		began := used(b)
		with := ask(heard)
		f.Flush()
		both := used(b) - began
		without = (without + ask(bare)) / 2 // before and after: the machine may change its pace
		wait, all = append(wait, ratio(with, without)), append(all, ratio(both, without))
		adds = append(adds, float64(both-without)/turn)
	}
	b.ReportMetric(middle(wait), "wait")
	b.ReportMetric(middle(all), "cpu")
	b.ReportMetric(middle(adds), "ns-added")
	b.ReportMetric(float64(without)/turn, "ns-without")
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func middle(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}
