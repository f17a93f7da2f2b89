// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package whynot

import (
	"net/netip"
	"strings"

	"thingpass/policies/explain"
)

// entry reads an entry of AWS IoT: of CloudWatch Logs (cwl-format) or a lifecycle
// event (life-cycle-events), or one of the dev stack as JSON. The event is nil
// where nothing went wrong.
func entry(f fields) (event *Event, ok bool) {
	if f.text("msg") == "mqtt refused" {
		return refused(f.text), true
	}
	kind := f.text("eventType")
	if kind == "" {
		return nil, false
	}
	e := &Event{
		Time: f.text("timestamp"), Client: f.text("clientId"), Account: f.text("accountId"), HTTP: strings.EqualFold(f.text("protocol"), "HTTP"),
		Principal: first(f.text("principalId"), f.text("principalIdentifier")), Reason: f.text("reason"), Details: f.text("details"),
	}
	e.IP, _ = netip.ParseAddr(first(f.text("sourceIp"), f.text("ipAddress")))
	switch kind {
	case "connected", "subscribed", "unsubscribed":
		return nil, true
	case "connect_failed":
		e.Operation, e.Will = &explain.Operation{Verb: explain.Connect}, true
		e.Reason = first(f.text("connectFailureReason"), "AUTHORIZATION_FAILED")
		return e, true
	case "disconnected", "Disconnect":
		e.Reason = first(f.text("disconnectReason"), e.Reason)
		if harmless(e.Reason) {
			return nil, true
		}
		return e, true
	}
	if !strings.EqualFold(f.text("status"), "Failure") && !strings.Contains(kind, "Error") {
		return nil, true
	}
	e.Operation = operation(kind, f)
	if e.Reason == "" {
		e.Reason = first(e.Details, kind)
	}
	return e, true
}

// operation is what the client asked for. Entries of rules and jobs have none.
func operation(kind string, f fields) *explain.Operation {
	topic := f.text("topicName")
	thing := first(f.text("deviceShadowName"), f.text("thingName"))
	switch kind {
	case "Connect":
		return &explain.Operation{Verb: explain.Connect}
	case "Publish-In":
		return named(explain.Publish, topic)
	case "Publish-Out":
		return named(explain.Receive, topic)
	case "Subscribe":
		return named(explain.Subscribe, topic)
	case "GetRetainedMessage":
		return named("iot:GetRetainedMessage", topic)
	case "GetThingShadow", "UpdateThingShadow", "DeleteThingShadow":
		return named("iot:"+kind, thing)
	case "GetPendingJobExecution", "GetPendingJobExecutions":
		return named("iot:GetPendingJobExecutions", thing)
	case "DescribeJobExecution", "UpdateJobExecution", "StartNextPendingJobExecution":
		return named("iot:"+kind, thing)
	}
	return nil
}

func named(verb, name string) *explain.Operation {
	if name == "" {
		return nil
	}
	return &explain.Operation{Verb: verb, Name: name}
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// harmless ends of connections are the client's own.
func harmless(reason string) bool { return reason == "" || reason == "CLIENT_INITIATED_DISCONNECT" }

// authorization is true of what policies decide.
func (e Event) authorization() bool {
	r := strings.ToUpper(e.Reason)
	return strings.HasPrefix(r, "AUTHORIZATION") || r == "FORBIDDEN" || r == "ACCESS_DENIED" || r == "REFUSED"
}

// reasons are AWS's words that have another cause than a policy
// (life-cycle-events, "Disconnect reason"; cwl-format), and what to look at.
var reasons = map[string]string{
	"AUTH_ERROR": "authentication or authorization failed: on a live connection, the PUBLISH or SUBSCRIBE before it was denied, and AWS closes for that; " +
		"look at the entries of this client just before",
	"DUPLICATE_CLIENTID":          "another connection came with the same client id: two devices have one name, or the device reconnected before its old connection had ended",
	"DUPLICATE_CLIENT_ID":         "another connection came with the same client id: two devices have one name, or the device reconnected before its old connection had ended",
	"FORBIDDEN_ACCESS":            "the client is not allowed to connect at all, such as from its address",
	"MQTT_KEEP_ALIVE_TIMEOUT":     "the client was silent for one and a half times its keep-alive: lost power or network, or blocked for too long",
	"CLIENT_ERROR":                "the client broke the protocol: QoS 2, a payload over 128 KB, a topic over 256 bytes or 7 slashes, a second CONNECT",
	"CONNECTION_LOST":             "the connection was cut: the network, not a policy",
	"SERVER_ERROR":                "an error of AWS's",
	"SERVER_INITIATED_DISCONNECT": "AWS closed it for reasons of its own: connect again",
	"API_INITIATED_DISCONNECT":    "somebody called DeleteConnection",
	"THROTTLED":                   "the client was faster than the limits of a connection: 100 publishes a second",
	"WEBSOCKET_TTL_EXPIRATION":    "a WebSocket may be open for 24 hours",
	"CUSTOMAUTH_TTL_EXPIRATION":   "the custom authorizer's time was up",
}
