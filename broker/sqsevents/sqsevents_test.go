// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package sqsevents

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"thingpass/broker"
	"thingpass/broker/internal/fakesqs"
)

const (
	patience = 10 * time.Second
	secret   = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

// A world is S3 and the MQTT server as a broker and a consumer see them, with
// faults that a test can switch on.
type world struct {
	mu         sync.Mutex
	objects    map[string]int64
	headErr    error
	publishErr error
	published  map[string]int // events, by topic
	log        bytes.Buffer
}

func (w *world) Head(_ context.Context, key string) (broker.Object, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	size, there := w.objects[key]
	switch {
	case w.headErr != nil:
		return broker.Object{}, w.headErr
	case !there:
		return broker.Object{}, broker.ErrNotFound
	}
	return broker.Object{Size: size}, nil
}

func (*world) SignPut(context.Context, broker.Put) (broker.Grant, error) {
	return broker.Grant{}, errors.New("nothing is signed here")
}

func (*world) Record(...broker.Entry) error { return nil }

func (w *world) Publish(_ context.Context, m broker.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.publishErr != nil {
		return w.publishErr
	}
	w.published[m.Topic]++
	return nil
}

func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

// with lets f change or look at the world.
func (w *world) with(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func (w *world) said(text string) (yes bool) {
	w.with(func() { yes = strings.Contains(w.log.String(), text) })
	return yes
}

func (w *world) events(thing string) (n int) {
	w.with(func() { n = w.published["thingpass/"+thing+"/uploaded"] })
	return n
}

func startQueue(t *testing.T) *fakesqs.Queue {
	t.Helper()
	return fakesqs.Start(t, fakesqs.Options{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: secret, Region: "eu-central-1",
		Visibility: 300 * time.Millisecond, MaxReceives: 3})
}

// run starts a consumer, and returns its world and what ends it.
func run(t *testing.T, q *fakesqs.Queue) (w *world, c *Consumer, stop func()) {
	t.Helper()
	w = &world{objects: map[string]int64{}, published: map[string]int{}}
	for i := range 100 {
		w.objects[fmt.Sprintf("cam%d/photo/2026/11/23/a1.jpg", i)] = 1000
	}
	b, err := broker.New(broker.Config{Kinds: []broker.Kind{{Name: "photo", MaxSize: 1 << 20, Types: []broker.ContentType{{Name: "image/jpeg", Ext: "jpg"}}}},
		Signer: w, Store: w, Audit: w, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	key := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: secret}, nil
	})
	c, err = New(Config{Queue: q.URL(), Endpoint: q.Endpoint(), Region: "eu-central-1", Bucket: "photos", Credentials: key,
		Log: slog.New(slog.NewTextHandler(w, nil)), PauseMin: 20 * time.Millisecond, PauseMax: 50 * time.Millisecond}, b, w)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Run(ctx)
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(func() {
		stop()
		if w.said(secret) {
			t.Error("the secret is in the log")
		}
		if t.Failed() {
			t.Logf("the log:\n%s", w.log.String())
		}
	})
	return w, c, stop
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

func photoOf(thing string) string {
	return s3Event(s3Record("ObjectCreated:Put", "photos", thing+"/photo/2026/11/23/a1.jpg"))
}

func TestWhatIsStoredIsAnnouncedAndDeleted(t *testing.T) {
	q := startQueue(t)
	w, c, _ := run(t, q)
	for i := range 40 {
		q.Send(photoOf(fmt.Sprintf("cam%d", i)))
	}
	q.Send(`{"Service":"Amazon S3","Event":"s3:TestEvent"}`)
	q.Send(s3Event(s3Record("ObjectCreated:Put", "photos", "cam50/photo/2026/11/23/a1.jpg"), s3Record("ObjectCreated:Put", "photos", "cam51/photo/2026/11/23/a1.jpg")))
	q.Send(photoOf("cam52-of-nothing"))                                           // gone again
	q.Send(s3Event(s3Record("ObjectCreated:Put", "photos", "somebody/else.txt"))) // not ours
	await(t, "the queue to be empty", func() bool { return q.Left() == 0 })
	for i := range 40 {
		if n := w.events(fmt.Sprintf("cam%d", i)); n != 1 {
			t.Errorf("cam%d: %d events", i, n)
		}
	}
	if w.events("cam50") != 1 || w.events("cam51") != 1 || len(w.published) != 42 || len(q.Dead()) != 0 {
		t.Errorf("%v, dead: %q", w.published, q.Dead())
	}
	await(t, "all to be counted", func() bool {
		s := c.Stats()
		return s == Stats{Received: 44, Announced: 42, Deleted: 44}
	})
}

func TestWhileNothingCanBeReachedNothingIsDeleted(t *testing.T) {
	for name, fault := range map[string]func(w *world, err error){
		"S3":              func(w *world, err error) { w.headErr = err },
		"the MQTT server": func(w *world, err error) { w.publishErr = err },
	} {
		t.Run(name, func(t *testing.T) {
			q := startQueue(t)
			w, c, _ := run(t, q)
			w.with(func() { fault(w, errors.New("cannot be reached")) })
			q.Send(photoOf("cam1"))
			await(t, "it to be postponed", func() bool { return c.Stats().Postponed > 0 })
			if q.Left() != 1 {
				t.Error("it was deleted")
			}
			w.with(func() { fault(w, nil) })
			await(t, "it to be announced", func() bool { return w.events("cam1") == 1 && q.Left() == 0 })
			if !w.said("cannot be reached") {
				t.Error("the log does not say why")
			}
		})
	}
}

func TestPoisonIsLeftToTheQueue(t *testing.T) {
	q := startQueue(t)
	w, c, _ := run(t, q)
	q.Send("poison")
	for i := range 5 {
		q.Send(photoOf(fmt.Sprintf("cam%d", i)))
	}
	await(t, "the poison to be dead", func() bool { return len(q.Dead()) == 1 && q.Left() == 0 })
	if q.Dead()[0] != "poison" || c.Stats().Mysterious != 3 || !w.said("leaving it to the queue's redrive policy") {
		t.Errorf("dead: %q, %+v", q.Dead(), c.Stats())
	}
	for i := range 5 {
		if w.events(fmt.Sprintf("cam%d", i)) != 1 {
			t.Errorf("cam%d was held up", i)
		}
	}
}

func TestTroubleOfTheQueueIsWaitedOut(t *testing.T) {
	q := startQueue(t)
	q.Fail(7)
	w, c, _ := run(t, q)
	q.Send(photoOf("cam1"))
	await(t, "it to be announced", func() bool { return w.events("cam1") == 1 && q.Left() == 0 })
	if c.Stats().Failures == 0 || !w.said("receive from the queue") {
		t.Errorf("%+v", c.Stats())
	}
}

// A consumer that dies after it announced, and before it deleted, leaves the
// message to another one: consumers of events see it twice, and none is lost.
func TestAnotherOneTakesOver(t *testing.T) {
	q := startQueue(t)
	first, _, stop := run(t, q)
	q.HoldDeletes(true)
	q.Send(photoOf("cam1"))
	await(t, "the deletion to be under way", func() bool { return first.events("cam1") == 1 && q.Held() > 0 })
	second, _, _ := run(t, q)
	await(t, "the other one to be given it", func() bool { return second.events("cam1") == 1 })
	q.HoldDeletes(false)
	await(t, "the queue to be empty", func() bool { return q.Left() == 0 })
	stop()
}

func TestReplicasShareTheWork(t *testing.T) {
	q := startQueue(t)
	a, _, _ := run(t, q)
	b, _, _ := run(t, q)
	for i := range 100 {
		q.Send(photoOf(fmt.Sprintf("cam%d", i)))
	}
	await(t, "the queue to be empty", func() bool { return q.Left() == 0 })
	for i := range 100 {
		thing := fmt.Sprintf("cam%d", i)
		if n := a.events(thing) + b.events(thing); n < 1 {
			t.Errorf("%s: %d events", thing, n)
		}
	}
}

func TestItEndsAtOnce(t *testing.T) {
	_, _, stop := run(t, startQueue(t))
	time.Sleep(100 * time.Millisecond) // into the long poll
	began := time.Now()
	stop()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	if c, err := New(Config{Queue: "https://sqs.test/1/q"}, nil, nil); err == nil || c != nil {
		t.Errorf("%v, %v", c, err)
	}
}
