// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

// What AWS IoT Core refuses and Mosquitto takes, so that it fails on a desk.
//
// Sources: [Q] is the AWS General Reference, "AWS IoT Core endpoints and quotas";
// [M] is the page "MQTT" of the AWS IoT Developer Guide. Where they do not say
// what happens, what is worst for a client does: a discarded publish is not
// acknowledged, and a second is any second, not one of a clock.
//
// Not imitated: the 10 and 20 messages a second at which AWS delivers what it
// has stored, limits of accounts and regions, policies that take minutes.

import (
	"errors"
	"fmt"
	"strings"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

const (
	awsClientID      = 128        // bytes [Q]
	awsTopic         = 256        // bytes, without $share/<name>/ [Q, M]
	awsSlashes       = 7          // likewise
	awsShareName     = 128        // characters [M]
	awsPerSubscribe  = 8          // filters in a SUBSCRIBE [Q]
	awsSubscriptions = 50         // per connection [Q]
	awsUnacked       = 100        // QoS 1 messages, each way [Q]
	awsLeastPacket   = 512        // of a client's Maximum Packet Size [Q]
	awsProperties    = 8 << 10    // bytes of user properties, and of correlation data [Q]
	awsContentType   = 256        // bytes [Q]
	awsShortestAlive = 30         // seconds; less is made 30 [Q]
	awsLongestAlive  = 1200       // seconds; more, and 0, are made 1200 [Q]
	awsExpiry        = 7 * 86_400 // seconds of message expiry [Q]
)

// Strict has the MQTT server refuse what AWS IoT Core refuses. The zero value
// has AWS's quotas.
type Strict struct {
	// OneQuota lets what a client publishes and what it receives share the quota
	// of publishes. [Q] says "inbound and outbound", which may mean either.
	OneQuota  bool
	Publishes int // a second and connection, default 100 [Q]
	Bytes     int // a second and connection, default 512 KiB [Q]
}

// narrowConnect returns the refusal of a CONNECT that AWS would not take, and
// sets the keep-alive as AWS does.
func (h *hook) narrowConnect(cl *mqtt.Client, pk packets.Packet) (packets.Code, error) {
	will := pk.Connect
	switch {
	case h.strict == nil:
		return packets.CodeSuccess, nil
	case len(will.ClientIdentifier) > awsClientID:
		return packets.ErrClientIdentifierNotValid, fmt.Errorf("client id of %d bytes, at most %d", len(will.ClientIdentifier), awsClientID)
	case pk.Properties.MaximumPacketSize != 0 && pk.Properties.MaximumPacketSize < awsLeastPacket:
		return packets.ErrUnspecifiedError, fmt.Errorf("a client that takes packets of %d bytes only, at least %d", pk.Properties.MaximumPacketSize, awsLeastPacket)
	case will.WillFlag && len(will.WillPayload) > maxPayload:
		return packets.ErrUnspecifiedError, fmt.Errorf("a will of %d bytes, at most %d", len(will.WillPayload), maxPayload)
	case will.WillFlag && tooDeep(will.WillTopic) != nil:
		return packets.ErrTopicNameInvalid, fmt.Errorf("will: %w", tooDeep(will.WillTopic))
	case !h.sessions.mayConnect(will.ClientIdentifier):
		return packets.ErrQuotaExceeded, errors.New("a client id may connect once a second")
	}
	alive := cl.State.Keepalive
	switch {
	case alive == 0 || alive > awsLongestAlive:
		alive = awsLongestAlive
	case alive < awsShortestAlive:
		alive = awsShortestAlive
	}
	cl.State.ServerKeepalive = alive != cl.State.Keepalive && cl.Properties.ProtocolVersion == 5
	cl.State.Keepalive = alive
	return packets.CodeSuccess, nil
}

// narrowPublish returns the refusal of a PUBLISH that ends the connection.
func (h *hook) narrowPublish(pk packets.Packet) (packets.Code, error) {
	if h.strict == nil {
		return packets.CodeSuccess, nil
	}
	users := 0
	for _, u := range pk.Properties.User {
		users += len(u.Key) + len(u.Val)
	}
	p := pk.Properties
	switch err := tooDeep(pk.TopicName); {
	case err != nil:
		return packets.ErrTopicNameInvalid, err
	case users > awsProperties || len(p.CorrelationData) > awsProperties || len(p.ContentType) > awsContentType:
		return packets.ErrQuotaExceeded, fmt.Errorf("%d bytes of user properties, %d of correlation data, %d of content type", users, len(p.CorrelationData), len(p.ContentType))
	}
	return packets.CodeSuccess, nil
}

// tooDeep judges a topic, or a filter without $share/<name>/.
func tooDeep(topic string) error {
	if n := strings.Count(topic, "/"); n > awsSlashes || len(topic) > awsTopic {
		return fmt.Errorf("topic of %d slashes and %d bytes, at most %d and %d", n, len(topic), awsSlashes, awsTopic)
	}
	return nil
}

// swallow makes a packet one that mochi passes over: an acknowledgement of
// nothing.
func swallow() packets.Packet {
	return packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}}
}

// narrowSubscribe judges a SUBSCRIBE before mochi sees it. AWS gives no SUBACK to
// one with QoS 2, and ends the connection for a Subscription Identifier [M].
func (h *hook) narrowSubscribe(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if h.strict == nil {
		return pk, nil
	}
	if len(pk.Properties.SubscriptionIdentifier) > 0 {
		h.refused(cl, "SUBSCRIBE", errors.New("subscription identifiers are not supported"))
		_ = h.server.DisconnectClient(cl, packets.ErrSubscriptionIdentifiersNotSupported)
		return pk, packets.ErrRejectPacket
	}
	for _, sub := range pk.Filters {
		if sub.Qos > 1 {
			h.refused(cl, "SUBSCRIBE", errors.New("QoS 2 is not supported, and not answered"))
			return swallow(), nil
		}
	}
	return pk, nil
}

// OnSubscribe marks the filters as those that are asked about (asksFor). In Strict
// it replaces those that AWS refuses by one that mochi does, and keeps their reasons
// for OnSubscribed.
func (h *hook) OnSubscribe(cl *mqtt.Client, pk packets.Packet) packets.Packet {
	conn, ok := owner(cl)
	if !ok {
		return pk
	}
	filters, asking := make(packets.Subscriptions, len(pk.Filters)), make([]string, len(pk.Filters))
	conn.verdicts = make([]byte, len(pk.Filters))
	for i, sub := range pk.Filters {
		if code, err := h.narrowFilter(cl, pk.Filters, i); err != nil {
			h.refused(cl, "SUBSCRIBE", err)
			sub.Filter, conn.verdicts[i] = "", code.Code
		}
		sub.Filter = strings.Clone(sub.Filter)
		filters[i], asking[i] = sub, sub.Filter
	}
	conn.asking.Store(&asking)
	pk.Filters = filters
	return pk
}

// narrowFilter returns the refusal of the filter with number i.
func (h *hook) narrowFilter(cl *mqtt.Client, filters packets.Subscriptions, i int) (packets.Code, error) {
	if h.strict == nil {
		return packets.CodeSuccess, nil
	}
	known := cl.State.Subscriptions.GetAll()
	_, again := known[filters[i].Filter]
	code, err := judgeFilter(filters[i].Filter)
	if err == nil && (len(filters) > awsPerSubscribe || !again && len(known)+i >= awsSubscriptions) {
		code, err = packets.ErrQuotaExceeded, fmt.Errorf("%d filters at once and %d before, at most %d and %d", len(filters), len(known), awsPerSubscribe, awsSubscriptions)
	}
	return code, err
}

// OnSubscribed sees the reasons before they are sent.
func (h *hook) OnSubscribed(cl *mqtt.Client, _ packets.Packet, reasons []byte) {
	conn, ok := owner(cl)
	if !ok {
		return
	}
	for i, code := range conn.verdicts {
		if code != 0 && cl.Properties.ProtocolVersion == 5 {
			reasons[i] = code
		}
	}
	conn.asking.Store(nil)
}

func judgeFilter(filter string) (packets.Code, error) {
	plain, name, shared := splitShare(filter)
	if shared && (name == "" || len(name) > awsShareName || strings.ContainsAny(name, "+#") || plain == "") {
		return packets.ErrTopicFilterInvalid, fmt.Errorf("no shared subscription: %.300q", filter)
	}
	if err := tooDeep(plain); err != nil {
		return packets.ErrTopicFilterInvalid, err
	}
	return packets.CodeSuccess, nil
}

// splitShare takes $share/<name>/<filter> apart.
func splitShare(filter string) (plain, name string, shared bool) {
	rest, shared := strings.CutPrefix(filter, "$share/")
	if !shared {
		return filter, "", false
	}
	name, plain, _ = strings.Cut(rest, "/")
	return plain, name, true
}

// matches tells whether AWS delivers a topic to a filter. Unlike in the
// specification, a/# does not match a [M].
func matches(filter, topic string) bool {
	f, t := strings.Split(filter, "/"), strings.Split(topic, "/")
	for i, level := range f {
		if level == "#" {
			return i < len(t)
		}
		if i >= len(t) || level != "+" && level != t[i] {
			return false
		}
	}
	return len(f) == len(t)
}
