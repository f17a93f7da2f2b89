// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"sync/atomic"

	"thingpass/broker"
)

// A delivery is an answered request whose replies are under way. No worker is held
// by it: the last reply that the server takes has the request acknowledged.
type delivery struct {
	job  job
	left atomic.Int32
	lost atomic.Bool
}

// deliver publishes what the handler said, in order, and acknowledges the request
// when the server has it all.
func (p *pool) deliver(j job, replies []broker.Message) {
	d := &delivery{job: j}
	d.left.Store(int32(len(replies)) + 1)
	for i, m := range replies {
		j.link.post(m, j.life(i), d)
	}
	d.done(nil, nil)
}

// done is called for each reply, and once more when all have been posted.
func (d *delivery) done(_, lost error) {
	if lost != nil {
		d.lost.Store(true)
	}
	if d.left.Add(-1) > 0 {
		return
	}
	if d.lost.Load() {
		d.job.link.counts.dropped.Add(1) // the server gives the request again
	} else {
		d.job.answered()
	}
	d.job.link.release()
}
