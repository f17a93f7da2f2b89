// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"thingpass/broker/internal/testredis"
)

// TestBrokersShareAQuota lets one thing ask two brokers of a group, which count in
// one Redis: not one byte more than the limit is granted, whoever is asked. When
// Redis is killed, each broker does what it is told to do then.
func TestBrokersShareAQuota(t *testing.T) {
	s, redis := newFleet(t), testredis.Start(t)
	limits := "quota:\n  store: " + redis.URL() + "\n  bytes_per_day: 1000\n"
	first, second := s.replica(0, limits+"  on_failure: refuse\n"), s.replica(1, limits+"  on_failure: refuse\n")
	cam := s.sims(1)[0]

	if got := cam.codes(t, "r", 30); got["granted"] != 10 || got["quota-exceeded"] != 20 {
		t.Errorf("of 30 requests for 100 bytes each, with 1000 bytes a day: %v", got)
	}
	redis.Kill9()
	if got := cam.codes(t, "away", 30); got["unavailable"] != 30 {
		t.Errorf("without Redis: %v", got)
	}
	redis.Restart()
	await(t, "Redis to be asked again", func() bool { return cam.codes(t, "back", 4)["unavailable"] == 0 })
	if got := cam.codes(t, "after", 30); got["quota-exceeded"] != 30 {
		t.Errorf("after Redis came back: %v", got)
	}
	for _, b := range []*child{first, second} {
		if log := b.text(); !strings.Contains(log, "the quota's Redis cannot be asked") || strings.Contains(log, redis.Password()) {
			t.Errorf("the log of %s:\n%s", b.name, tail(log))
		}
		b.stop()
	}
	s.replica(0, limits+"  on_failure: allow\n")
	s.replica(1, limits+"  on_failure: allow\n") // or the server would keep half of the requests for it
	redis.Kill9()
	if got := cam.codes(t, "allowed", 30); got["granted"] != 30 {
		t.Errorf("without Redis, and with on_failure: allow: %v", got)
	}
}

// codes asks for so many objects of 100 bytes, one after the other, and counts the
// answers by their code.
func (s *sim) codes(t *testing.T, prefix string, n int) map[string]int {
	t.Helper()
	codes := map[string]int{}
	for i := range n {
		s.ask(fmt.Sprint(prefix, i))
		select {
		case g := <-s.replies:
			if g.Code == "" {
				g.Code = "granted"
			}
			codes[g.Code]++
		case <-time.After(patience):
			t.Fatal("no answer")
		}
	}
	return codes
}
