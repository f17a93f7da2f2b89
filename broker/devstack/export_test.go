// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import mqtt "github.com/mochi-mqtt/server/v2"

// Matches is matches.
func Matches(filter, topic string) bool { return matches(filter, topic) }

// AllowSubscriptions lets everybody subscribe to everything, so that a test can
// see how messages are dealt. mochi takes the yes of any hook.
func (m *MQTT) AllowSubscriptions() error { return m.server.AddHook(&allow{strict: m.hook}, nil) }

type allow struct {
	mqtt.HookBase
	strict *hook
}

func (*allow) ID() string           { return "allow" }
func (*allow) Provides(b byte) bool { return b == mqtt.OnACLCheck }

func (a *allow) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	conn, ok := owner(cl)
	return ok && (write || conn.asksFor(topic) || a.strict.mayDeliver(cl, conn, topic))
}
