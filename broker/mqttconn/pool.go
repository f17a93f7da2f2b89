// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"thingpass/broker"
)

// A job is a request on its way.
type job struct {
	link    *link
	packet  *paho.Publish
	receipt *receipt
	arrived time.Time
	// deadline is when the thing no longer wants an answer; zero: it did not say.
	deadline time.Time
}

// deadline is when a packet's Message Expiry Interval ends. The server has taken
// from it what the packet waited there [MQTT-3.3.2-6].
func deadline(p *paho.Publish, now time.Time) time.Time {
	if p.Properties == nil || p.Properties.MessageExpiry == nil {
		return time.Time{}
	}
	return now.Add(time.Duration(*p.Properties.MessageExpiry) * time.Second)
}

// life is how long the i-th message of an answer is worth delivering: the first
// is the reply; what comes after it is for others, and lasts.
func (j job) life(i int) time.Duration {
	if i > 0 {
		return 0
	}
	return max(j.left(), time.Second)
}

// left is how long an answer is worth delivering: what the thing said, but not
// longer than replyLife.
func (j job) left() time.Duration {
	if j.deadline.IsZero() {
		return replyLife
	}
	return min(replyLife, time.Until(j.deadline))
}

// answered acknowledges a request whose replies the server has.
func (j job) answered() {
	j.acknowledge()
	if told := j.link.conf.OnServed; told != nil {
		told(j.packet.Topic, time.Since(j.arrived))
	}
}

// acknowledge lets the server forget the request.
func (j job) acknowledge() { j.link.session.settle(j.receipt) }

func (j job) message() broker.Message {
	return broker.Message{
		Topic:       j.packet.Topic,
		Payload:     j.packet.Payload,
		Correlation: j.packet.Properties.CorrelationData,
		QoS:         j.packet.QoS,
	}
}

// A pool is the queue and the workers of all connections of a Client.
type pool struct {
	*Client
	jobs    *queue
	ctx     context.Context // of Handle
	cancel  context.CancelFunc
	workers sync.WaitGroup
	shedLog atomic.Int64 // when shedding was last logged, Unix seconds
}

func newPool(c *Client) *pool {
	p := &pool{Client: c, jobs: newQueue(c.conf.Queue, c.conf.Workers)}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

func (p *pool) start() {
	for range p.conf.Workers {
		p.workers.Go(func() {
			for j, done, ok := p.jobs.pop(); ok; j, done, ok = p.jobs.pop() {
				p.counts.queued.Add(-1)
				p.counts.working.Add(1)
				p.serve(j)
				p.counts.working.Add(-1)
				done()
			}
		})
	}
}

// stop ends the workers, after every link has ended. A Handle that does not
// return soon after its context has ended is left behind; stop returns their
// number.
func (p *pool) stop() (stuck int) {
	p.cancel()
	p.jobs.close()
	done := make(chan struct{})
	go func() {
		p.workers.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Second):
		stuck = int(p.counts.working.Load())
	}
	return stuck
}

// offer puts a job into the queue, if there is room.
func (p *pool) offer(j job) verdict {
	p.counts.queued.Add(1)
	v := p.jobs.push(j)
	if v != taken {
		p.counts.queued.Add(-1)
	}
	return v
}

// ignore acknowledges a request without an answer.
func (p *pool) ignore(j job) {
	p.counts.unanswered.Add(1)
	j.acknowledge()
	j.link.release()
}

// serve answers a request and acknowledges it, in this order. If the link has
// ended it does neither: the server gives the request again. If the request has
// expired, it is acknowledged only [P-9.6].
func (p *pool) serve(j job) {
	switch {
	case j.link.wire.ctx.Err() != nil:
		p.counts.dropped.Add(1)
		j.link.release()
		return
	case j.left() <= 0:
		p.counts.expired.Add(1)
		p.log.Info("request expired while it waited: not answered", "topic", clip(j.packet.Topic))
		j.acknowledge()
		j.link.release()
		return
	}
	replies := p.handle(j.message())
	if j.link.pacer == nil {
		p.deliver(j, replies)
		return
	}
	p.workers.Go(func() { p.reply(j, replies) }) // no worker is held while a reply waits for its turn
}

// reply publishes what the handler said, and acknowledges the request.
func (p *pool) reply(j job, replies []broker.Message) {
	defer j.link.release()
	for i, m := range replies {
		if _, err := j.link.publish(m, j.life(i)); err != nil {
			p.counts.dropped.Add(1)
			return
		}
	}
	j.answered()
}

// handle asks the handler. A panic counts as no answer.
func (p *pool) handle(m broker.Message) (replies []broker.Message) {
	defer func() {
		if fault := recover(); fault != nil {
			replies = nil
			p.panicked(m, fault)
		}
	}()
	ctx := newLimited(p.ctx, p.conf.HandleTimeout)
	defer ctx.end()
	replies, err := p.handler.Handle(ctx, m)
	if err != nil {
		p.counts.refused.Add(1)
		p.log.Info("request refused", "topic", clip(m.Topic), "err", err)
	}
	return replies
}

// shed refuses a request as busy, at QoS 0 so that it costs little, and
// acknowledges it. It runs where requests are received, which a wait would stop:
// so a refusal waits elsewhere, and where too many do, there is none [P-9.7].
func (p *pool) shed(j job, v verdict) {
	p.counts.shed.Add(1)
	if now := time.Now().Unix(); p.shedLog.Swap(now) < now-9 {
		p.log.Warn("more requests than we can take: refusing as busy", "queue", p.conf.Queue, "workers", p.conf.Workers,
			"shed", p.counts.shed.Load(), "unanswered", p.counts.unanswered.Load())
	}
	switch {
	case v == ignored || j.link.pacer != nil && j.link.pacer.crowded():
		p.ignore(j)
		return
	case j.link.pacer == nil:
		p.refuse(j, p.busy(j.message()))
		return
	}
	refusals := p.busy(j.message())
	p.workers.Go(func() { p.refuse(j, refusals) })
}

// refuse publishes refusals and acknowledges the request.
func (p *pool) refuse(j job, refusals []broker.Message) {
	defer j.link.release()
	for _, m := range refusals {
		m.QoS = 0
		if _, err := j.link.publish(m, replyLife); err != nil {
			return
		}
	}
	j.acknowledge()
}

func (p *pool) busy(m broker.Message) (replies []broker.Message) {
	defer func() {
		if fault := recover(); fault != nil {
			replies = nil
			p.panicked(m, fault)
		}
	}()
	replies, err := p.handler.Busy(m)
	if err != nil {
		p.log.Info("request refused", "topic", clip(m.Topic), "err", err)
	}
	return replies
}

func (p *pool) panicked(m broker.Message, fault any) {
	p.counts.panics.Add(1)
	p.log.Error("the handler panicked; the request is acknowledged and gets no answer",
		"topic", clip(m.Topic), "panic", clip(fmt.Sprint(fault)), "stack", string(debug.Stack()))
}

// clip shortens what a stranger wrote for the log.
func clip(s string) string {
	const most = 256
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
