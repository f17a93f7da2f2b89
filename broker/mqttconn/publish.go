// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"fmt"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"thingpass/broker"
)

const contentType = "application/json"

// replyLife is how long the server keeps a reply for a thing that is away: as
// long as a grant lasts by default. A thing that returns later asks again, and an
// old grant would only cost it a futile upload [P-9.6].
const replyLife = 15 * time.Minute

// publish is hand, when it is the message's turn.
func (l *link) publish(m broker.Message, life time.Duration) (forgotten, lost error) {
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

// hand is post, and waits for the end.
func (l *link) hand(m broker.Message, life time.Duration) (forgotten, lost error) {
	w := make(waiting, 1)
	l.post(m, life, w)
	end := <-w
	return end.forgotten, end.lost
}

// waiting is an owner that somebody waits for.
type waiting chan ending

type ending struct{ forgotten, lost error }

func (w waiting) done(forgotten, lost error) { w <- ending{forgotten, lost} }

// post hands a reply to the server, which drops it after its life; 0 is never. Its
// owner is told when the server has acknowledged it, or at QoS 0 when it is written.
//
// A reply that the server will never take (too large, not allowed) is logged and
// forgotten, and its owner is told why: giving the request again would not help.
// It is lost if the link has ended, maybe because the server did not take the reply
// in time.
func (l *link) post(m broker.Message, life time.Duration, o owner) {
	out := outgoing{Message: m, qos: min(m.QoS, l.session.limits.qos, 1), life: life}
	if err := l.takes(&out); err != nil {
		o.done(l.unpublished(m, err), nil)
		return
	}
	if out.qos == 0 {
		err := l.wire.publish(&out, 0)
		if err == nil {
			l.counts.replies.Add(1)
		}
		o.done(nil, err)
		return
	}
	id, err := l.flights.begin(l.wire.ctx, m, o)
	if err != nil {
		o.done(nil, err)
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
		why := refusal("the server refuses it", ack.code, pubackWords(ack.code), ack.reason)
		f.owner.done(l.unpublished(f.message, why), nil)
		return
	}
	l.counts.replies.Add(1)
	f.owner.done(nil, nil)
}

// late is called when the server has not answered in time: all acknowledgements
// behind this one would wait for ever.
func (l *link) late(f *flight) {
	err := fmt.Errorf("the server did not take a reply within %v", l.conf.PublishTimeout)
	_ = l.unpublished(f.message, err)
	l.wire.fail(err)
}

func (l *link) unpublished(m broker.Message, err error) error {
	l.counts.publishErrors.Add(1)
	l.log.Warn("not published", "topic", clip(m.Topic), "err", err)
	return err
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
