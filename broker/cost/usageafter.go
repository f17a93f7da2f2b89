// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"fmt"
	"math/big"
)

const (
	minutesOfMonth = DaysOfMonth * 24 * 60
	secondsOfMonth = minutesOfMonth * 60

	pollers      = 2  // of package sqsevents, in each broker
	pollSeconds  = 20 // of a long poll
	eventsOfPoll = 10 // of a batch at most

	thumbnailBytes = 10_000

	// As package fleet does.
	scanMinutes     = 10
	scanHours       = 49
	snapshotMinutes = 5
)

// verify counts how the broker comes to know that an object is there, and
// announces it.
func (t tally) verify() {
	switch {
	case t.mode == MQTT:
		return // the rule has stored it
	case t.mode == HTTP && t.Verify == VerifyReport:
		t.add(HTTPRequests, t.Photos(), "a thing reports")
		t.call(t.Photos(), "verifies a report")
		t.add(S3Get, t.Photos(), "HEAD: is it there, and whole?")
		return
	case t.mode == HTTP:
		return
	case t.mode == Multipart: // what came in parts is completed by its report
		t.exchange(t.Photos(), "upload-complete", t.sizes().finished, 0)
		t.add(S3Get, t.Photos(), "the broker lists the parts")
	case t.Verify == VerifyReport:
		t.reports()
	case t.Verify == VerifyEvents && t.broker():
		t.queue()
	default:
		return
	}
	t.add(S3Get, t.Photos(), "HEAD: is it there, and whole?")
	t.announce()
}

func (t tally) reports() {
	if (t.mode == Batch || t.mode == Pass) && t.Batch > 1 {
		count := product(t.Photos(), big.NewRat(1, t.Batch))
		t.exchange(count, fmt.Sprintf("upload-complete of %d", t.Batch), t.sizes().reportMany, t.Batch)
		return
	}
	t.exchange(t.Photos(), "upload-complete", t.sizes().report, 0)
}

// queue is S3's word by way of SQS: sent, received and deleted, and asked for in
// vain. Batches make it less, where there is much.
func (t tally) queue() {
	t.add(SQSRequests, t.Photos(), "S3 sends an event")
	t.add(SQSRequests, product(t.Photos(), whole(2)), "it is received and deleted, one at a time at worst")
	t.add(SQSRequests, big.NewRat(secondsOfMonth*pollers*t.Replicas, pollSeconds), "long polls of %d brokers", t.Replicas)
}

// announce is the event `uploaded` of each object.
func (t tally) announce() {
	n := meter(t.sizes().event)
	t.add(IoTMessages, product(t.Photos(), whole(n)), "`uploaded`, to the server, %s (%d bytes)", fives(n), t.sizes().event)
	each := n + t.QoS // and the PUBACK
	t.add(IoTMessages, product(t.Photos(), whole(t.Listeners), whole(each)), "`uploaded`, to %d listeners", t.Listeners)
}

// connections are those of things and brokers. A thing that signs for itself and
// reports nothing needs none.
func (t tally) connections() {
	if t.mode == HTTP || t.mode == Provider && t.Verify != VerifyReport {
		if t.broker() {
			t.brokers()
		}
		return
	}
	t.add(IoTMinutes, product(whole(t.Things), whole(t.Online), whole(DaysOfMonth)), "connections of things")
	t.add(IoTMessages, product(whole(t.Things), whole(t.Reconnects), whole(2*DaysOfMonth)), "CONNECT and SUBSCRIBE of things")
	if t.broker() {
		t.brokers()
	}
}

func (t tally) brokers() {
	t.add(IoTMinutes, whole(t.Replicas*t.Connections*minutesOfMonth), "%d connections of brokers", t.Replicas*t.Connections)
	if t.ServerCost.Sign() > 0 {
		t.add(Server, whole(1), "machines of %d brokers", t.Replicas)
	}
}

// console is the journal of the operators' console, which package fleet keeps in
// the bucket, and its thumbnails.
func (t tally) console() {
	if !t.Console || !t.broker() {
		return
	}
	replicas, turns := whole(t.Replicas), big.NewRat(secondsOfMonth, int64(t.Journal.Seconds()))
	records := product(t.Photos(), whole(2)) // a grant and a report; nothing is written while nothing happens
	segments := least(product(turns, replicas), records)
	t.add(S3Put, segments, "the console's journal, each %v at most", t.Journal)
	t.add(S3Put, product(turns, replicas), "each broker looks for others' journals (LIST)")
	kept := product(segments, big.NewRat(scanHours, DaysOfMonth*24*1000)) // in pages of 1,000
	t.add(S3Put, product(whole(minutesOfMonth/scanMinutes), replicas, kept), "each %d minutes in the journals of %d hours (LIST)", scanMinutes, scanHours)
	t.add(S3Put, product(whole(minutesOfMonth/snapshotMinutes), replicas), "the console's state, each %d minutes", snapshotMinutes)
	t.add(S3Get, product(segments, whole(t.Replicas-1)), "the console reads others' journals")
	small := product(t.Photos(), least(t.Views, whole(1)))
	t.add(S3Get, small, "thumbnails are made of photos that are looked at")
	t.add(S3Put, small, "and stored")
	t.add(S3Storage, product(small, big.NewRat(t.Retention, DaysOfMonth), big.NewRat(thumbnailBytes, 1e9)), "thumbnails")
}
