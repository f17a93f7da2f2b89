// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"thingpass/broker/internal/testmosquitto"
)

// What the plugin costs Mosquitto: the process's CPU for the same messages, with
// our ACL file and with the plugin, in turns. The ratio is that of the medians.
//
//	go test -run '^$' -bench PluginCPU -benchtime 1x ./broker/integration
//
// Mosquitto 2.0.11 of Debian, TLS 1.3, QoS 1 from a thing to the broker, 20 at a
// time, 20,000 a round, 5 rounds each; two cores of an EPYC that others use, too
// (2026-11):
//
//	ACL file 49 us a message, plugin 51 us: 1.04. Without the memory of what was
//	allowed (shim.c) it was 1.14: the way into Go costs more than the decision.
func BenchmarkPluginCPU(b *testing.B) {
	const rounds, messages = 5, 20_000
	servers := map[string]*testmosquitto.Server{
		"acl":    testmosquitto.Start(b, testmosquitto.Options{ACLFile: "../../policies/mosquitto.acl"}),
		"plugin": testmosquitto.Start(b, testmosquitto.Options{Registry: defaultRegistry(b), Plugin: program(b, pluginFile)}),
	}
	used := map[string][]float64{}
	for b.Loop() {
		for round := range rounds {
			for _, name := range []string{"acl", "plugin"} {
				us := cpuOf(b, servers[name], messages)
				used[name] = append(used[name], us)
				b.Logf("round %d, %s: %.2f us a message", round+1, name, us)
			}
		}
	}
	middle := func(name string) float64 {
		slices.Sort(used[name])
		return used[name][len(used[name])/2]
	}
	b.ReportMetric(middle("acl"), "acl-us/msg")
	b.ReportMetric(middle("plugin"), "plugin-us/msg")
	b.ReportMetric(middle("plugin")/middle("acl"), "ratio")
}

// cpuOf is the server's CPU for a message, in microseconds.
func cpuOf(tb testing.TB, m *testmosquitto.Server, messages int) float64 {
	tb.Helper()
	broker := dialWire(tb, m.Services, m.ServiceTLS("thingpass-broker"), "thingpass-broker")
	thing := dialWire(tb, m.Services, m.ThingTLS("cam1"), "cam1")
	broker.subscribe("$share/thingpass/thingpass/+/upload-request")
	before := ticks(tb, m.PID())
	var all sync.WaitGroup
	payload := []byte(strings.Repeat("x", 200))
	for range 20 {
		all.Go(func() {
			for range messages / 20 {
				if _, err := thing.client.Publish(tb.Context(), &paho.Publish{Topic: "thingpass/cam1/upload-request", QoS: 1, Payload: payload}); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	for range messages {
		<-broker.received
	}
	all.Wait()
	used := ticks(tb, m.PID()) - before
	_ = thing.client.Disconnect(&paho.Disconnect{})
	_ = broker.client.Disconnect(&paho.Disconnect{})
	return float64(used) * 10_000 / float64(messages) // a tick is 10 ms
}

// ticks are utime and stime of a process.
func ticks(tb testing.TB, pid int) int {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		tb.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		tb.Fatal(err1, err2)
	}
	return user + system
}
