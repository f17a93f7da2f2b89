// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package guard_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thingpass/policies"
	"thingpass/policies/plugin/guard"
	"thingpass/policies/registry"
)

// labOf is a guard by one document, which all things have, and svc by its id.
func labOf(t *testing.T, document string, edit func(l *lab, text string) string) *lab {
	t.Helper()
	l := newLab(t, usual) // for its CA
	file := filepath.Join(t.TempDir(), "it.json")
	if err := os.WriteFile(file, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	text := "account: \"123456789012\"\nregion: eu-central-1\npolicies: {it: {file: " + file + "}}\ngroups: {g: {policies: [it]}}\njitp: {groups: [g]}\n"
	if edit != nil {
		text = edit(l, text)
	}
	store, err := registry.InMemory(text)
	if err != nil {
		t.Fatal(err)
	}
	l.store = store
	l.guard = guard.New(store, guard.Options{}, func(line string) { l.said = append(l.said, line) })
	return l
}

func allow(condition string) string {
	return `{"Sid": "All", "Effect": "Allow", "Action": "iot:*", "Resource": "*"` + condition + `}`
}

func document(statements ...string) string {
	return `{"Version": "2012-10-17", "Statement": [` + strings.Join(statements, ", ") + `]}`
}

const (
	noWill  = `{"Sid": "NoWill", "Effect": "Deny", "Action": "iot:Connect", "Resource": "*", "Condition": {"ForAnyValue:StringEquals": {"iot:ConnectAttributes": ["LastWill"]}}}`
	noStay  = `{"Sid": "NoStay", "Effect": "Deny", "Action": "iot:Connect", "Resource": "*", "Condition": {"ForAnyValue:StringEquals": {"iot:ConnectAttributes": ["PersistentConnect"]}}}`
	notBad  = `{"Sid": "NotBad", "Effect": "Deny", "Action": "iot:Publish", "Resource": "arn:aws:iot:eu-central-1:123456789012:topic/bad"}`
	notHere = `{"Sid": "NotHere", "Effect": "Deny", "Action": "iot:Connect", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}`
)

// gone asks about who had a connection.
func (l *lab) gone(access guard.Access, topic, name string) bool {
	return l.guard.Check(99, access, topic, false, func() guard.Asker {
		return guard.Asker{ClientID: name, Name: name, Connection: true}
	})
}

func TestAWillIsSentIfConnectAndPublishAllowIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, document, topic string
		want                  bool
	}{
		{"all is allowed", document(allow("")), "good", true},
		{"its topic is denied", document(allow(""), notBad), "bad", false},
		{"wills are denied", document(allow(""), noWill), "good", false},
		{"persistence is denied", document(allow(""), noStay), "good", true},
	} {
		l := labOf(t, c.document, nil)
		l.connect(1, "cam1")
		l.guard.Disconnected(1)
		if got := l.gone(guard.Write, c.topic, "cam1"); got != c.want {
			t.Errorf("%s: after the connection: %v, want %v", c.what, got, c.want)
		}
		// Mosquitto sends the will of a connection that another displaces while it is
		// there, and closes it then.
		l.connect(1, "cam1")
		l.connect(2, "cam1")
		if got := l.check(1, guard.Write, c.topic); got != c.want {
			t.Errorf("%s: of a displaced connection: %v, want %v", c.what, got, c.want)
		}
		if l.check(1, guard.Read, "good") || !l.check(2, guard.Write, "good") || l.tick() != nil {
			t.Errorf("%s: a displaced connection receives, or ends the other", c.what)
		}
		l.guard.Disconnected(1)
		if !l.check(2, guard.Write, "good") || l.guard.Clients() != 1 {
			t.Errorf("%s: the end of the first ends the second", c.what)
		}
	}
}

func TestMessagesWaitForWhoMayHaveAPersistentSession(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{document(allow("")): true, document(allow(""), noStay): false, document(allow(""), noWill): true} {
		l := labOf(t, text, nil)
		l.connect(1, "cam1")
		if !l.check(1, guard.Read, "a") {
			t.Error("connected, it receives nothing")
		}
		l.guard.Disconnected(1)
		for range 2 {
			if got := l.gone(guard.Read, "a", "cam1"); got != want {
				t.Errorf("%s: away: %v, want %v", text, got, want)
			}
		}
		l.connect(1, "cam1")
		if !l.check(1, guard.Read, "a") {
			t.Error("connected again, it receives nothing")
		}
	}
}

func TestTheAddressCounts(t *testing.T) {
	t.Parallel()
	l := labOf(t, document(allow(""), notHere), nil)
	for address, want := range map[string]bool{"192.0.2.7": false, "::ffff:192.0.2.7": false, "198.51.100.7": true, "fe80::1%eth0": true} {
		_, got := l.guard.Connect(1, guard.Request{Certificate: l.der("cam1"), ClientID: "cam1", Address: address, Clean: true})
		if got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

// After a restart Mosquitto has a session, its client id and the name that Connect
// gave it, and nothing else.
func TestAServiceThatIsRegisteredByItsIDIsFoundAfterARestart(t *testing.T) {
	t.Parallel()
	var der []byte
	l := labOf(t, document(allow("")), func(l *lab, text string) string {
		id, err := l.ca.Service("svc")
		if err != nil {
			t.Fatal(err)
		}
		der = id.Leaf.Raw
		return text + "certificates: [{id: " + policies.CertificateID(id.Leaf) + ", policies: [it]}]\n"
	})
	name, ok := l.guard.Connect(1, guard.Request{Certificate: der, ClientID: "svc-1"})
	if !ok {
		t.Fatal(l.said)
	}
	later := guard.New(l.store, guard.Options{}, func(string) {})
	for who, want := range map[string]bool{name: true, "svc": false} {
		got := later.Check(7, guard.Read, "a", false, func() guard.Asker { return guard.Asker{ClientID: "svc-1", Name: who} })
		if got != want {
			t.Errorf("%s: %v", who, got)
		}
	}
}

func TestWhoCameAroundThePluginGetsNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t, usual)
	l.connect(1, "cam1")
	for _, access := range []guard.Access{guard.Read, guard.Write, guard.Subscribe} {
		if l.guard.Check(2, access, "thingpass/cam1/response", false, func() guard.Asker {
			return guard.Asker{ClientID: "cam1", Name: "cam1", Connected: true, Connection: true}
		}) {
			t.Errorf("access %d", access)
		}
	}
	if !strings.Contains(strings.Join(l.said, "\n"), "use_identity_as_username false") {
		t.Errorf("%q", l.said)
	}
}

func TestADeniedSubscriptionMayEndTheConnection(t *testing.T) {
	t.Parallel()
	l := newLab(t, usual)
	l.guard = guard.New(l.store, guard.Options{EndOnSubscribe: true}, func(string) {})
	l.connect(1, "cam1")
	if l.check(1, guard.Subscribe, "#") || l.check(1, guard.Write, "thingpass/cam1/upload-request") {
		t.Error("goes on")
	}
	if kick := l.tick(); !slices.Equal(kick, []string{"cam1"}) {
		t.Errorf("kicked: %q", kick)
	}
}

// Another registry counts at the next message of each client, and for those that
// say nothing within some ticks; no tick takes long.
func TestAnotherRegistryCountsAtOnceForEverybody(t *testing.T) {
	t.Parallel()
	const fleet = 10_000
	l := labOf(t, document(allow("")), nil)
	der := l.der("cam0")
	for i := range fleet {
		l.guard.Connect(guard.Handle(i), guard.Request{Certificate: der, ClientID: "cam0", Clean: true})
	}
	if err := l.store.Edit(func(d *registry.Draft) error { return d.SetBlocked("cam0", true) }); err != nil {
		t.Fatal(err)
	}
	l.guard.Changed()
	kick, more := l.guard.Tick()
	if !more || len(kick) == fleet {
		t.Fatalf("one tick judges %d", len(kick))
	}
	for i := range fleet {
		if i%97 == 0 && (l.check(guard.Handle(i), guard.Read, "a") || l.check(guard.Handle(i), guard.Write, "a")) {
			t.Fatalf("client %d acts by the old registry", i)
		}
	}
	ticks := 1
	for ; more; ticks++ {
		kick, more = l.guard.Tick()
	}
	if len(kick) != fleet {
		t.Errorf("%d of %d are kicked", len(kick), fleet)
	}
	t.Logf("%d ticks", ticks)
}

func TestWhatIsRememberedOfTheAbsentIsBounded(t *testing.T) {
	t.Parallel()
	l := newLab(t, usual)
	for i := range 10_100 {
		name := fmt.Sprint("cam", i%10_050) // the first ones are forgotten, and found again
		if !l.guard.Check(1, guard.Write, "thingpass/"+name+"/upload-request", false, func() guard.Asker {
			return guard.Asker{ClientID: name, Name: name}
		}) {
			t.Fatal(name)
		}
	}
	if n := l.guard.Absent(); n == 0 || n > 10_000 {
		t.Errorf("%d are remembered", n)
	}
}

// Who is thrown out by a new registry does not leave a will by the old one.
func TestARevokedClientLeavesNoWill(t *testing.T) {
	t.Parallel()
	l := labOf(t, document(allow("")), nil)
	l.connect(1, "cam1")
	if err := l.store.Edit(func(d *registry.Draft) error { return d.SetBlocked("cam1", true) }); err != nil {
		t.Fatal(err)
	}
	l.guard.Changed()
	for range 2 { // kicked at the second, if the server is slow
		if kick := l.tick(); !slices.Equal(kick, []string{"cam1"}) {
			t.Fatalf("kicked: %q", kick)
		}
	}
	l.check(1, guard.Read, "a")
	l.guard.Disconnected(1)
	if l.gone(guard.Write, "good", "cam1") || l.gone(guard.Read, "good", "cam1") {
		t.Error("its will is sent, or messages wait for it")
	}
}
