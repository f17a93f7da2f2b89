// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"thingpass/broker/internal/testmosquitto"
)

// What may go wrong around the plugin: settings, wills, garbage, big registries.

// mosquittoSays runs the server with a changed configuration that it must refuse.
func mosquittoSays(t *testing.T, m *testmosquitto.Server, change func(conf string) string) string {
	t.Helper()
	conf, err := os.ReadFile(filepath.Join(m.Dir, "mosquitto.conf"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mosquitto.conf")
	if err := os.WriteFile(path, []byte(change(string(conf))), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `PATH="$PATH:/usr/sbin:/usr/local/sbin"; exec timeout 20 mosquitto -c "$1"`, "sh", path)
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState.ExitCode() == 124 {
		t.Errorf("it starts: %v\n%s", err, out)
	}
	return string(out)
}

func TestThePluginDoesNotStartByHalf(t *testing.T) {
	m := pluginServer(t, defaultRegistry(t))
	m.Stop()
	registry := filepath.Join(m.Dir, "registry.yaml")
	option := "plugin_opt_registry " + registry
	broken := filepath.Join(m.Dir, "broken.yaml")
	if err := os.WriteFile(broken, []byte(defaultRegistry(t)+"things: {cam1: {groups: [nowhere]}}\nthigns: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, instead string
		want          []string
	}{
		{"no registry", "", []string{"add a line plugin_opt_registry FILE"}},
		{"a file that is not there", option + ".not", []string{"registry.yaml.not", "no such file"}},
		{"a broken registry", "plugin_opt_registry " + broken, []string{"broken.yaml:", "nowhere", "thigns"}},
		{"an unknown option", option + "\nplugin_opt_regstry x", []string{"there is no option plugin_opt_regstry"}},
		{"an unknown value", option + "\nplugin_opt_denied_subscribe maybe", []string{"say refuse or disconnect"}},
	} {
		out := mosquittoSays(t, m, func(conf string) string { return strings.Replace(conf, option, c.instead, 1) })
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no word of %q:\n%s", c.what, want, out)
			}
		}
	}
}

// Settings with which Mosquitto would not ask the plugin, or not let it act, let
// nobody in.
func TestSettingsThatGoAroundThePluginLetNobodyDoAnything(t *testing.T) {
	needsMosquitto(t)
	plugin := program(t, pluginFile)
	t.Run("per_listener_settings", func(t *testing.T) {
		m := testmosquitto.Start(t, testmosquitto.Options{Registry: defaultRegistry(t), Plugin: plugin})
		m.Stop()
		rewrite(t, m, func(conf string) string {
			rules := conf[strings.Index(conf, "plugin "):strings.Index(conf, "set_tcp_nodelay")]
			conf = strings.Replace(conf, rules, "", 1)
			conf = strings.Replace(conf, "per_listener_settings false", "per_listener_settings true", 1)
			return conf + rules
		})
		m.Restart()
		if got := refusedConnect(t, m.Services, m.ThingTLS("cam1"), &paho.Connect{ClientID: "cam1", CleanStart: true}); got != 0x87 {
			t.Errorf("reason 0x%x", got)
		}
		m.Await("set per_listener_settings false", 1)
	})
	t.Run("use_identity_as_username", func(t *testing.T) {
		m := testmosquitto.Start(t, testmosquitto.Options{Registry: defaultRegistry(t), Plugin: plugin})
		m.Stop()
		rewrite(t, m, func(conf string) string {
			return strings.ReplaceAll(conf, "use_identity_as_username false", "use_identity_as_username true")
		})
		m.Restart()
		w := dialWire(t, m.Services, m.ThingTLS("cam1"), "cam2") // Mosquitto lets it in
		ack, _ := w.client.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "thingpass/cam1/response"}}})
		if ack == nil || ack.Reasons[0] != 0x87 {
			t.Errorf("subscribes: %+v", ack)
		}
		r, _ := w.client.Publish(t.Context(), &paho.Publish{Topic: "thingpass/cam1/upload-request", QoS: 1})
		if r == nil || r.ReasonCode != 0x87 {
			t.Errorf("publishes: %+v", r)
		}
		m.Await("its listener wants use_identity_as_username false", 1)
	})
}

func rewrite(t *testing.T, m *testmosquitto.Server, change func(string) string) {
	t.Helper()
	path := filepath.Join(m.Dir, "mosquitto.conf")
	conf, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := change(string(conf))
	if changed == string(conf) {
		t.Fatal("nothing changes")
	}
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
}

// willful connects with a will.
func willful(t *testing.T, m *testmosquitto.Server, config *tlsConfig, id, topic string) net.Conn {
	t.Helper()
	conn, err := tls.Dial("tcp", m.Services, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := paho.NewClient(paho.ClientConfig{Conn: packets.NewThreadSafeConn(conn)})
	ack, err := c.Connect(t.Context(), &paho.Connect{ClientID: id, CleanStart: true, WillMessage: &paho.WillMessage{Topic: topic, Payload: []byte("x")}})
	if err != nil || ack.ReasonCode != 0 {
		t.Fatalf("%s: %+v %v", id, ack, err)
	}
	return conn
}

func TestThePluginJudgesWills(t *testing.T) {
	m := startWithDocument(t, aclCase{name: "x", text: `{"Version": "2012-10-17", "Statement": [
	  {"Sid": "Say", "Effect": "Allow", "Action": "iot:Publish", "Resource": "` + policyPlace.ARN("topic/wills/${iot:Connection.Thing.ThingName}/*") + `"},
	  {"Sid": "OneWill", "Effect": "Deny", "Action": "iot:Connect", "Resource": "*",
	   "Condition": {"ArnEquals": {"iot:LastWillTopic": "` + policyPlace.ARN("topic/wills/dev-1/forbidden") + `"}}}]}`})
	god := dialWire(t, m.Services, m.ServiceTLS("god"), "god")
	god.subscribe("wills/#", aclMarker)
	config := m.ThingTLS("dev-1")
	for i, topic := range []string{"wills/dev-1/a", "wills/dev-2/a", "wills/dev-1/forbidden"} {
		_ = willful(t, m, config, "dev-1", topic).Close() // without a word
		m.Await("Client dev-1 closed its connection", i+1)
	}
	god.publish(aclMarker, "end")
	if got := god.until(aclMarker); len(got) != 1 || !got["wills/dev-1/a"] {
		t.Errorf("after a cut: %v", got)
	}
	// And of a connection that another displaces.
	for _, topic := range []string{"wills/dev-1/forbidden", "wills/dev-1/b", "wills/dev-1/c"} {
		willful(t, m, config, "dev-1", topic)
	}
	god.publish(aclMarker, "end")
	if got := god.until(aclMarker); len(got) != 1 || !got["wills/dev-1/b"] {
		t.Errorf("displaced: %v", got)
	}
	if log := m.Log(); !strings.Contains(log, `what=WILL why="iot:Connect does not allow a will to wills/dev-1/forbidden"`) {
		t.Errorf("the log:\n%s", log)
	}
}

// rawConnect sends bytes after the handshake, and waits for the end or an answer.
func rawConnect(t *testing.T, m *testmosquitto.Server, config *tlsConfig, packets ...string) {
	t.Helper()
	conn, err := tls.Dial("tcp", m.Services, config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	buffer := make([]byte, 256)
	for _, p := range packets {
		if _, err := conn.Write([]byte(p)); err != nil {
			return // it has hung up
		}
		if _, err := conn.Read(buffer); err != nil {
			return
		}
	}
}

func mqttString(s string) string { return string([]byte{byte(len(s) >> 8), byte(len(s))}) + s }

// packet311 is one of MQTT 3.1.1.
func packet311(first byte, body string) string {
	n := len(body)
	length := []byte{byte(n)}
	if n > 127 {
		length = []byte{byte(n&127 | 128), byte(n >> 7)}
	}
	return string(append([]byte{first}, length...)) + body
}

func connectPacket(id string) string {
	return packet311(0x10, "\x00\x04MQTT\x04\x02\x00\x0a"+mqttString(id))
}

func TestGarbageDoesNotHurtThePlugin(t *testing.T) {
	m := pluginServer(t, defaultRegistry(t))
	config := m.ThingTLS("cam1")
	for _, id := range []string{"", "+", "#", "cam1/#", "cam1\x00cam2", "\xff\xfe", "$share", strings.Repeat("c", 1024), "%s%n%s", `"\`, "cam1\nthingpass refused", "ü"} {
		rawConnect(t, m, config, connectPacket(id))
	}
	for _, topic := range []string{"", "a\x00b", "\xff", "+", "thingpass/cam1/#", "thingpass/cam1/upload-request\x00", "$SYS/broker/uptime", "$share/g/a",
		"$CONTROL/dynamic-security/v1", strings.Repeat("/", 300), strings.Repeat("t", 8000), "%n%n%n", "thingpass/cam1/\r\n", "ü/\u200b"} {
		rawConnect(t, m, config, connectPacket("cam1"), packet311(0x32, mqttString(topic)+"\x00\x01x")) // PUBLISH, QoS 1
		rawConnect(t, m, config, connectPacket("cam1"), packet311(0x33, mqttString(topic)+"\x00\x01x")) // and retained
		rawConnect(t, m, config, connectPacket("cam1"), packet311(0x82, "\x00\x01"+mqttString(topic)+"\x00"))
	}
	w := dialWire(t, m.Services, config, "cam1")
	w.publish("thingpass/cam1/upload-request", "x")
	if log := m.Log(); !strings.Contains(log, "iot:Publish topic/%n%n%n: no statement allows it") || strings.Contains(log, "failed, and is refused") || strings.Contains(log, "\nthingpass refused") {
		t.Errorf("the log:\n%s", log)
	}
}

// fleetRegistry has that many things, each with a certificate of its own.
func fleetRegistry(things int) string {
	var b strings.Builder
	b.WriteString(registryHead("policies: {thing: {builtin: thing}, broker: {builtin: broker}}\ngroups: {g: {policies: [thing]}}\nthings:\n"))
	for i := range things {
		fmt.Fprintf(&b, "  cam%d: {groups: [g], attributes: {site: north}}\n", i)
	}
	b.WriteString("certificates:\n  - {commonName: thingpass-broker, policies: [broker]}\n")
	for i := range things {
		fmt.Fprintf(&b, "  - {id: %064x, things: [cam%d]}\n", i, i)
	}
	b.WriteString("jitp: {groups: [g]}\n")
	return b.String()
}

// TestThePluginStaysSmall: a registry of 10,000 things and 100,000 messages; what
// the second half of them takes in memory is nothing.
func TestThePluginStaysSmall(t *testing.T) {
	m := pluginServer(t, fleetRegistry(10_000))
	broker := dialWire(t, m.Services, m.ServiceTLS("thingpass-broker"), "thingpass-broker")
	broker.subscribe("$share/thingpass/thingpass/+/upload-request")
	thing := dialWire(t, m.Services, m.ThingTLS("cam77"), "cam77")
	send := func(messages int) {
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				for range messages / 20 {
					if _, err := thing.client.Publish(t.Context(), &paho.Publish{Topic: "thingpass/cam77/upload-request", QoS: 1, Payload: []byte("x")}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for range messages {
			<-broker.received
		}
		all.Wait()
	}
	half := 50_000
	if testing.Short() {
		half = 5_000
	}
	send(half)
	before := residentKB(t, m.PID())
	send(half)
	after := residentKB(t, m.PID())
	t.Logf("%d MB after %d messages, %d MB after as many again", before>>10, half, after>>10)
	if after > before+4<<10 {
		t.Errorf("%d KB became %d KB", before, after)
	}
	began := time.Now()
	m.Reload("is read again")
	t.Logf("read again after %v", time.Since(began))
	thing.publish("thingpass/cam77/upload-request", "x")
	m.Stop()
	if !m.Exited() {
		t.Error("it does not end")
	}
}

func residentKB(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb
}

func TestADeniedSubscriptionEndsTheConnectionIfSoSet(t *testing.T) {
	m := pluginServer(t, defaultRegistry(t))
	m.Stop()
	rewrite(t, m, func(conf string) string {
		return strings.Replace(conf, "plugin_opt_registry", "plugin_opt_denied_subscribe disconnect\nplugin_opt_registry", 1)
	})
	m.Restart()
	w := dialWire(t, m.Services, m.ThingTLS("cam1"), "cam1")
	ack, _ := w.client.Subscribe(t.Context(), &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "#"}}})
	if ack == nil || ack.Reasons[0] != 0x87 {
		t.Errorf("%+v", ack)
	}
	select {
	case <-w.client.Done():
	case <-time.After(patience):
		t.Error("the connection lives on")
	}
}
