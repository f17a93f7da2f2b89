// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"thingpass/broker"
)

const contentType = "application/json"

// replyLife is how long the server keeps a reply for a thing that is away: as
// long as a grant lasts by default. A thing that returns later asks again, and an
// old grant would only cost it a futile upload.
const replyLife = 15 * time.Minute

// publish is hand, when it is the message's turn.
func (l *link) publish(m broker.Message, life time.Duration) (forgotten, err error) {
	if err := l.keepPace(m); err != nil {
		return nil, err
	}
	return l.hand(m, life)
}

// keepPace waits for the message's turn; the error means that the link has ended.
func (l *link) keepPace(m broker.Message) error {
	if l.pacer == nil {
		return nil
	}
	waited, err := l.pacer.wait(l.wire.ctx, len(m.Topic)+len(m.Payload)+len(m.Correlation)+overhead)
	if waited > 0 {
		l.counts.paced.Add(1)
		l.counts.pacedTime.Add(int64(waited))
	}
	return err
}

// overhead is what a PUBLISH of ours has beside topic, payload and correlation.
const overhead = 40

// hand hands a reply to the server: QoS 1 until the server has acknowledged
// it, QoS 0 until it is written. The server drops it after its life; 0 is never.
//
// A reply that the server will never take (too large, not allowed) is logged and
// forgotten, and the first result says why; giving the request again would not
// help. The second means that the link has ended, or has just been ended because the server
// did not take the reply in time.
func (l *link) hand(m broker.Message, life time.Duration) (forgotten, err error) {
	p := &paho.Publish{
		QoS:        min(m.QoS, l.session.limits.qos, 1),
		Topic:      m.Topic,
		Payload:    m.Payload,
		Properties: &paho.PublishProperties{ContentType: contentType, CorrelationData: m.Correlation},
	}
	if life > 0 {
		p.Properties.MessageExpiry = seconds(life)
	}
	if most := l.conf.payloadLimit(); most > 0 && len(m.Payload) > most {
		return l.unpublished(m, fmt.Errorf("a payload of %d bytes, and AWS takes %d at most", len(m.Payload), most)), nil
	}
	if size := packetSize(p); size > l.session.limits.packet {
		return l.unpublished(m, fmt.Errorf("a packet of %d bytes, and the server takes %d at most: raise its limit", size, l.session.limits.packet)), nil
	}
	ctx, cancel := context.WithTimeout(l.wire.ctx, l.conf.PublishTimeout)
	defer cancel()
	ack, err := l.paho.Publish(ctx, p)
	switch {
	case err == nil:
		l.counts.replies.Add(1)
		return nil, nil
	case ack != nil:
		return l.unpublished(m, refusal("the server refuses it", ack.ReasonCode, pubackWords(ack.ReasonCode), reasonString(ack))), nil
	case errors.Is(err, paho.ErrInvalidArguments):
		return l.unpublished(m, err), nil
	}
	if l.wire.ctx.Err() == nil { // all acknowledgements behind this one would wait for ever
		err = fmt.Errorf("the server did not take a reply within %v: %w", l.conf.PublishTimeout, err)
		_ = l.unpublished(m, err)
		l.wire.fail(err)
	}
	return nil, err
}

func (l *link) unpublished(m broker.Message, err error) error {
	l.counts.publishErrors.Add(1)
	l.log.Warn("not published", "topic", clip(m.Topic), "err", err)
	return err
}

func reasonString(r *paho.PublishResponse) string {
	if r.Properties == nil {
		return ""
	}
	return r.Properties.ReasonString
}

func pubackWords(code byte) string {
	switch code {
	case packets.PubackNotAuthorized:
		return "its policy or ACL must allow us this topic"
	case packets.PubackQuotaExceeded:
		return "a quota is exceeded"
	}
	return ""
}

// packetSize is the length of p on the wire.
func packetSize(p *paho.Publish) int {
	n := 0
	for _, b := range p.Packet().Buffers() {
		n += len(b)
	}
	header := 2
	for rest := n >> 7; rest > 0; rest >>= 7 {
		header++
	}
	return header + n
}
