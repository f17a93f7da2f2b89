// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"fmt"
	"math"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"thingpass/broker"
)

const contentType = "application/json"

// replyLife is how long the server keeps a reply for a thing that is away: as
// long as a grant lasts by default. A thing that returns later asks again, and an
// old grant would only cost it a futile upload.
const replyLife = 15 * time.Minute

// publish is hand, when it is the message's turn.
func (l *link) publish(m broker.Message, life time.Duration) error {
	if l.pacer != nil {
		wait, _ := l.pacer.reserve(len(m.Topic)+len(m.Payload)+len(m.Correlation)+overhead, math.MaxInt64)
		if wait > 0 {
			l.counts.paced.Add(1)
			l.counts.pacedTime.Add(int64(wait))
		}
		if err := await(l.wire.ctx, wait); err != nil {
			return err
		}
	}
	return l.hand(m, life)
}

// overhead is what a PUBLISH of ours has beside topic, payload and correlation.
const overhead = 40

// hand is post, and waits until the reply has been taken.
func (l *link) hand(m broker.Message, life time.Duration) error {
	w := make(waiting, 1)
	l.post(m, life, w)
	return <-w
}

type waiting chan error

func (w waiting) done(err error) { w <- err }

// post hands a reply to the server, which drops it after its life; 0 is never. Its
// owner is told when the server has acknowledged it, or at QoS 0 when it is written.
//
// A reply that the server will never take (too large, not allowed) is logged and
// forgotten; its owner is told nil, for giving the request again would not help. An
// error means that the link has ended, maybe because the server did not take the
// reply in time.
func (l *link) post(m broker.Message, life time.Duration, o owner) {
	out := outgoing{Message: m, qos: min(m.QoS, l.session.limits.qos, 1), life: life}
	if err := l.takes(&out); err != nil {
		l.unpublished(m, err)
		o.done(nil)
		return
	}
	if out.qos == 0 {
		err := l.wire.publish(&out, 0)
		if err == nil {
			l.counts.replies.Add(1)
		}
		o.done(err)
		return
	}
	id, err := l.flights.begin(l.wire.ctx, m, o)
	if err != nil {
		o.done(err)
		return
	}
	_ = l.wire.publish(&out, id) // if it has ended, so will the flight
}

// takes tells what the server would not take.
func (l *link) takes(out *outgoing) error {
	if most := l.conf.payloadLimit(); most > 0 && len(out.Payload) > most {
		return fmt.Errorf("a payload of %d bytes, and AWS takes %d at most", len(out.Payload), most)
	}
	if size := out.size(); size > l.session.limits.packet {
		return fmt.Errorf("a packet of %d bytes, and the server takes %d at most: raise its limit", size, l.session.limits.packet)
	}
	return out.valid()
}

// landed is called when the server has answered.
func (l *link) landed(f *flight, ack puback) {
	if ack.code >= 0x80 {
		l.unpublished(f.message, refusal("the server refuses it", ack.code, pubackWords(ack.code), ack.reason))
	} else {
		l.counts.replies.Add(1)
	}
	f.owner.done(nil)
}

// late is called when the server has not answered in time: all acknowledgements
// behind this one would wait for ever.
func (l *link) late(f *flight) {
	err := fmt.Errorf("the server did not take a reply within %v", l.conf.PublishTimeout)
	l.unpublished(f.message, err)
	l.wire.fail(err)
}

func (l *link) unpublished(m broker.Message, err error) {
	l.counts.publishErrors.Add(1)
	l.log.Warn("reply not published", "topic", clip(m.Topic), "err", err)
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
