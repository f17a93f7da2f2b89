// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package iotrule is the serverless way in and out: a request comes as the event
// of an AWS IoT rule, the reply leaves through iot-data's Publish.
//
// A subscriber of MQTT knows only the topic. A rule knows more, and stamps it:
// the client id and the certificate of the publisher. So here the topic's thing
// is checked against both, although the IoT policy should have forced it already
// [P-2.1]. The rule must select exactly what [SQL] says.
//
// Events are delivered at least once and in any order, which the protocol allows
// [P-9.2]. An error asks Lambda to deliver the event again.
package iotrule

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"thingpass/broker"
)

// SQL returns the rule's statement for one topic filter, for SQL version
// 2016-03-23. The payload is selected in base64, whole, for a request is not
// always JSON and the rule must not change it.
func SQL(filter string) string {
	return "SELECT encode(*, 'base64') AS payload, topic() AS topic, clientid() AS clientId, principal() AS principal, " +
		"get_mqtt_property('correlation_data') AS correlation FROM '" + filter + "'"
}

// Event is what the rule hands over.
type Event struct {
	Topic       string `json:"topic"`
	ClientID    string `json:"clientId"`    // "n/a" if the message came over HTTPS
	Principal   string `json:"principal"`   // of a certificate: its id, the SHA-256 in 64 hexadecimal digits
	Payload     string `json:"payload"`     // base64
	Correlation string `json:"correlation"` // base64; absent where the publisher gave none
}

// A Handler answers a request; see broker.Broker.
type Handler interface {
	Handle(ctx context.Context, m broker.Message) ([]broker.Message, error)
}

// A Publisher hands a message to the MQTT server.
type Publisher interface {
	Publish(ctx context.Context, m broker.Message) error
}

// A Function answers events. All fields are required but AnyClientID. It is safe
// for concurrent use.
type Function struct {
	Handler   Handler
	Publisher Publisher
	Audit     broker.Auditor
	Log       *slog.Logger
	Now       func() time.Time

	// AnyClientID allows client ids other than the thing's name. It is for
	// certificates that are attached to one thing exclusively: then AWS takes the
	// name in the policy's variable from the certificate.
	AnyClientID bool
}

// Invoke answers one event. What must not be answered is audited, and is no
// error: it would not get better when it is delivered again.
func (f *Function) Invoke(ctx context.Context, e Event) error {
	m, err := e.message()
	if err != nil {
		return fmt.Errorf("the event is not what the rule has to select: %w", err)
	}
	if err := f.authentic(e); err != nil {
		f.Log.Warn("request ignored", "topic", clip(e.Topic), "client", clip(e.ClientID), "err", err)
		return f.Audit.Record(broker.Entry{Time: f.Now(), Topic: clip(e.Topic), Code: broker.CodeIgnored, Reason: err.Error()})
	}
	replies, err := f.Handler.Handle(ctx, m)
	if err != nil {
		f.Log.Info("request refused", "topic", clip(e.Topic), "err", err)
	}
	for _, reply := range replies {
		if err := f.Publisher.Publish(ctx, reply); err != nil {
			return fmt.Errorf("publish to %s: %w", reply.Topic, err)
		}
	}
	return nil
}

// message is the request as a subscriber would have received it.
func (e Event) message() (broker.Message, error) {
	if e.Topic == "" || e.ClientID == "" || e.Principal == "" {
		return broker.Message{}, errors.New("topic, clientId and principal are all needed")
	}
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		return broker.Message{}, errors.New("payload is not base64")
	}
	correlation, err := base64.StdEncoding.DecodeString(e.Correlation)
	if err != nil {
		return broker.Message{}, errors.New("correlation is not base64")
	}
	if len(correlation) == 0 {
		correlation = nil
	}
	return broker.Message{Topic: e.Topic, Payload: payload, Correlation: correlation, QoS: 1}, nil
}

// authentic returns nil if the publisher is what the topic says. An unknown form
// of topic passes: the broker ignores and audits it.
func (f *Function) authentic(e Event) error {
	if !certificateID(e.Principal) {
		return errors.New("the publisher has no X.509 certificate")
	}
	if f.AnyClientID {
		return nil
	}
	levels := strings.Split(e.Topic, "/")
	if len(levels) >= 2 && levels[len(levels)-2] != e.ClientID {
		return errors.New("the client id is not the thing that the topic names")
	}
	return nil
}

// certificateID tells a certificate's id from IAM's and Cognito's principals
// (AWS IoT Developer Guide, iot-sql-functions, principal()).
func certificateID(principal string) bool {
	return len(principal) == 64 && strings.Trim(principal, "0123456789abcdef") == ""
}

// clip shortens what a stranger wrote.
func clip(s string) string {
	const most = 300
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
