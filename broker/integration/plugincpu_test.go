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
// policies/plugin/README.md has numbers.
func BenchmarkPluginCPU(b *testing.B) {
	for _, things := range []int{1, 200} {
		b.Run(fmt.Sprint(things, "things"), func(b *testing.B) { comparePlugin(b, things) })
	}
}

func comparePlugin(b *testing.B, things int) {
	const rounds, messages = 11, 20_000
	servers := map[string]*testmosquitto.Server{
		"acl":    testmosquitto.Start(b, testmosquitto.Options{ACLFile: "../../policies/mosquitto.acl"}),
		"plugin": testmosquitto.Start(b, testmosquitto.Options{Registry: defaultRegistry(b), Plugin: program(b, pluginFile)}),
	}
	loads := map[string]*cpuLoad{"acl": newCPULoad(b, servers["acl"], things), "plugin": newCPULoad(b, servers["plugin"], things)}
	used := map[string][]float64{}
	for b.Loop() {
		for round := range rounds {
			order := []string{"acl", "plugin"}
			if round%2 == 1 {
				slices.Reverse(order)
			}
			for _, name := range order {
				us := loads[name].cost(messages)
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

// cpuLoad is a broker and things that ask it, and stay connected.
type cpuLoad struct {
	tb     testing.TB
	server *testmosquitto.Server
	broker *wireClient
	things []*wireClient
}

func newCPULoad(tb testing.TB, m *testmosquitto.Server, things int) *cpuLoad {
	tb.Helper()
	l := &cpuLoad{tb: tb, server: m, broker: dialWire(tb, m.Services, m.ServiceTLS("thingpass-broker"), "thingpass-broker")}
	l.broker.subscribe("$share/thingpass/thingpass/+/upload-request")
	for i := range things {
		name := fmt.Sprint("cam", i)
		l.things = append(l.things, dialWire(tb, m.Services, m.ThingTLS(name), name))
	}
	return l
}

// cost is the server's CPU for a message, in microseconds: 20 are under way at a
// time, each of another thing if there are so many.
func (l *cpuLoad) cost(messages int) float64 {
	l.tb.Helper()
	before := ticks(l.tb, l.server.PID())
	var all sync.WaitGroup
	payload := []byte(strings.Repeat("x", 200))
	for worker := range 20 {
		all.Go(func() {
			for i := range messages / 20 {
				n := (worker + 20*i) % len(l.things)
				topic := fmt.Sprint("thingpass/cam", n, "/upload-request")
				if _, err := l.things[n].client.Publish(l.tb.Context(), &paho.Publish{Topic: topic, QoS: 1, Payload: payload}); err != nil {
					l.tb.Error(err)
					return
				}
			}
		})
	}
	for range messages {
		<-l.broker.received
	}
	all.Wait()
	return float64(ticks(l.tb, l.server.PID())-before) * 10_000 / float64(messages) // a tick is 10 ms
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
