// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	fleetThings   = 1000
	fleetRequests = 12
	fleetBrokers  = 4
	fleetKills    = 12
)

// TestBrokersDieAndNoThingGoesUnanswered lets a thousand things ask four brokers
// of one group, which are killed and started again at random all the while: every
// request is answered, and always with the same key.
func TestBrokersDieAndNoThingGoesUnanswered(t *testing.T) {
	s := newFleet(t)
	brokers := make([]*child, fleetBrokers)
	for i := range brokers {
		brokers[i] = s.replica(i)
	}
	began := time.Now()
	things := s.sims(fleetThings)
	t.Logf("%d things are connected after %v", len(things), time.Since(began).Round(time.Millisecond))

	began = time.Now()
	var answered atomic.Int64
	progress := make(chan int64, fleetThings*fleetRequests)
	tallies := make([]simTally, len(things))
	var asking sync.WaitGroup
	for i, th := range things {
		asking.Go(func() {
			tallies[i] = th.insist(fleetRequests, func() { progress <- answered.Add(1) })
		})
	}
	go func() {
		asking.Wait()
		close(progress)
	}()
	killed := 0
	for n := range progress {
		if due := int64(killed+1) * fleetThings * fleetRequests / (fleetKills + 1); n >= due && killed < fleetKills {
			victim := rand.IntN(fleetBrokers)
			brokers[victim].kill9()
			brokers[victim] = s.replica(victim)
			killed++
		}
	}
	s.judgeFleet(tallies, killed, time.Since(began))
}

// judgeFleet fails unless everything was answered.
func (s *stack) judgeFleet(tallies []simTally, killed int, took time.Duration) {
	s.tb.Helper()
	var sum simTally
	for _, t := range tallies {
		sum.answers += t.answers
		sum.retries += t.retries
		sum.busy += t.busy
		sum.twice += t.twice
		sum.slowest = max(sum.slowest, t.slowest)
		if t.fault != nil {
			s.tb.Error(t.fault)
		}
	}
	s.tb.Logf("%d of %d requests are answered, %d brokers were killed in %v: %d needed to be asked again, %d came twice, %d were busy; the slowest took %v",
		sum.answers, fleetThings*fleetRequests, killed, took.Round(time.Millisecond), sum.retries, sum.twice, sum.busy, sum.slowest.Round(time.Millisecond))
	if sum.answers != fleetThings*fleetRequests || killed != fleetKills {
		s.tb.Errorf("%d of %d requests are answered, %d of %d brokers were killed", sum.answers, fleetThings*fleetRequests, killed, fleetKills)
	}
}

// newFleet is newStack without a broker yet, and with an S3 that nobody asks:
// grants are made without it.
func newFleet(tb testing.TB) *stack {
	tb.Helper()
	needsMosquitto(tb)
	s := &stack{tb: tb, dir: tb.TempDir()}
	s.mqtt = startServer(tb, s.dir)
	s.writeIdentity("broker", service(tb, s.mqtt.ca, serviceName))
	s.write("mqtt-ca.crt", string(s.mqtt.ca.CertPEM()))
	s.write("key.json", `{"accessKeyId": "AKIDEXAMPLE", "secretAccessKey": "nobody-asks-for-it"}`)
	s.ready.S3.Endpoint, s.ready.S3.Region = "https://127.0.0.1:9", "us-east-1"
	s.ready.S3.KeyFile, s.ready.CAFile = "key.json", "mqtt-ca.crt"
	return s
}

// replica starts the i-th broker of the group, for the first time or again, with
// more settings.
func (s *stack) replica(i int, more ...string) *child {
	s.tb.Helper()
	name := fmt.Sprint("replica-", i)
	conf := strings.NewReplacer("client_id: "+serviceName, "client_id: "+name, "group_watch: 2s", "group_watch: off",
		"audit.jsonl", name+".jsonl").Replace(s.config()) + strings.Join(more, "")
	s.write(name+".yaml", conf)
	c := start(s.tb, "thingpass", "run", "--config", s.path(name+".yaml"))
	c.awaitLine("ready")
	return c
}

// sims connects so many things, each with a certificate of its own, some at a time:
// more would only wait for each other's handshakes.
func (s *stack) sims(n int) []*sim {
	s.tb.Helper()
	things := make([]*sim, n)
	turns := make(chan struct{}, 16)
	var connecting sync.WaitGroup
	for i := range things {
		turns <- struct{}{}
		name := fmt.Sprintf("cam%04d", i)
		conf := s.mqtt.thingTLS(s.tb, name)
		connecting.Go(func() {
			defer func() { <-turns }()
			th, err := dialSim(s.mqtt.things, name, conf)
			if err != nil {
				s.tb.Error(err)
				return
			}
			things[i] = th
		})
	}
	connecting.Wait()
	s.tb.Cleanup(func() {
		for _, th := range things {
			if th != nil {
				_ = th.conn.Close()
			}
		}
	})
	if s.tb.Failed() {
		s.tb.FailNow()
	}
	return things
}
