// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"fmt"
	"math/big"
)

// A Part is what makes up an item's count.
type Part struct {
	What  string
	Count *big.Rat
}

// A tally is what a mode uses in a month.
type tally struct {
	Scenario
	mode  Mode
	parts map[Item][]Part
}

func (t tally) add(item Item, count *big.Rat, format string, args ...any) {
	if count.Sign() > 0 {
		t.parts[item] = append(t.parts[item], Part{fmt.Sprintf(format, args...), count})
	}
}

// count counts what a mode uses, or says why it cannot be used.
func (s Scenario) count(m Mode) (t tally, impossible string) {
	t = tally{s, m, map[Item][]Part{}}
	if most := t.largest(); s.Size > most {
		return t, fmt.Sprintf("a photo has %s bytes, and this way takes %s at most", grouped(whole(s.Size), 0), grouped(whole(most), 0))
	}
	t.bucket()
	switch m {
	case Put, Lambda, Basic:
		t.each()
	case Batch:
		t.batches()
	case Pass:
		t.passes()
	case Multipart:
		t.multipart()
	case Credentials:
		t.session()
	case MQTT:
		t.whole()
	case HTTP:
		t.http()
	}
	t.verify()
	t.connections()
	t.console()
	return t, ""
}

// largest is the size of an object that the mode can carry, bytes.
func (t tally) largest() int64 {
	switch t.mode {
	case Multipart:
		return maxSize
	case MQTT:
		return maxMQTT
	}
	return maxPut
}

// broker tells whether a broker answers; otherwise rules call functions, or
// nobody is asked.
func (t tally) broker() bool {
	switch t.mode {
	case Lambda, Basic, MQTT, HTTP:
		return false
	case Provider:
		return t.Verify != VerifyNone
	}
	return true
}

// bucket counts what every mode needs of S3.
func (t tally) bucket() {
	t.add(S3Storage, t.Stored(), "photos, kept %s days", grouped(whole(t.Retention), 0))
	viewed := product(t.Photos(), t.Views)
	t.add(S3Get, viewed, "photos are looked at")
	t.add(TransferOut, t.Fetched(), "to those who look at them")
	if t.mode != Multipart {
		t.add(S3Put, t.Photos(), "photos are stored")
	}
}

// each is a request for each photo.
func (t tally) each() {
	t.exchange(t.Photos(), "upload-request", t.sizes().put, 0)
}

func (t tally) batches() {
	requests := product(t.Photos(), big.NewRat(1, t.Batch))
	t.exchange(requests, fmt.Sprintf("upload-request for %d", t.Batch), t.sizes().batch, t.Batch)
}

// passes are no more than photos.
func (t tally) passes() {
	t.exchange(t.perDay(86_400, int64(t.PassTTL.Seconds())), "upload-request for a pass", t.sizes().pass, 0)
}

// session is a session for an hour: a thing asks for the next before it ends, and
// gets it once half of its life is over [P-14.4].
func (t tally) session() {
	t.exchange(t.perDay(86_400, 3600), "credentials-request", t.sizes().session, 0)
}

// perDay is how often all things do in a month what each does every so many
// seconds, but not without a photo.
func (t tally) perDay(day, every int64) *big.Rat {
	times := least(big.NewRat(day, every), whole(t.PhotosPerDay))
	return product(times, whole(t.Things), whole(DaysOfMonth))
}

// multipart asks for two parts at a time [P-12].
func (t tally) multipart() {
	size := t.PartSize
	for quotient(t.Size, size) > 10_000 {
		size *= 2
	}
	parts := quotient(t.Size, size)
	requests := quotient(parts, 2)
	t.exchange(product(t.Photos(), whole(requests)), "upload-request for parts", t.sizes().multipart, min(parts, 2))
	t.add(S3Put, product(t.Photos(), whole(parts)), "parts are stored, %s of each photo", grouped(whole(parts), 0))
	t.add(S3Put, product(t.Photos(), whole(2)), "uploads begin and are completed")
	t.add(S3Put, t.Photos(), "the broker lists uploads of the key (LIST)")
	t.add(S3Get, t.Photos(), "HEAD: is the object there already?")
	t.add(S3Get, product(t.Photos(), whole(requests)), "the broker lists the parts (of which S3 says GET)")
}

// whole is the photo itself through the server, and a rule that stores it.
func (t tally) whole() {
	n := meter(t.Size + int64(len("thingpass/camera-0001/photo")))
	units := product(t.Photos(), whole(n))
	t.add(IoTMessages, units, "photos, thing → server, %d × 5 KB each", n)
	t.add(IoTRules, units, "a rule sees the photo, %d × 5 KB each", n)
	t.add(IoTActions, units, "and stores it")
}

// http is a function behind an HTTP API.
func (t tally) http() {
	t.add(HTTPRequests, t.Photos(), "a thing asks for a signed URL")
	t.call(t.Photos(), "signs a URL")
}

// exchange is a request and its reply, for n objects.
func (t tally) exchange(count *big.Rat, name string, w wire, n int64) {
	request, reply := w.of(n)
	in, out := meter(request), meter(reply)
	puback := whole(t.QoS)
	if t.broker() {
		t.add(IoTMessages, product(count, whole(2*in)), "%s, thing → server → broker, 2 × %s (%d bytes)", name, fives(in), request)
		t.add(IoTMessages, product(count, whole(2*out)), "the reply, broker → server → thing, 2 × %s (%d bytes)", fives(out), reply)
		t.add(IoTMessages, product(count, whole(2), puback), "PUBACKs of broker and thing")
		return
	}
	units := product(count, whole(in))
	if t.mode != Basic {
		t.add(IoTMessages, units, "%s, thing → server, %s (%d bytes)", name, fives(in), request)
	}
	t.add(IoTRules, units, "a rule sees the %s", name)
	t.add(IoTActions, units, "and calls the function")
	t.call(count, "answers the "+name)
	t.add(IoTMessages, product(count, whole(2*out)), "the reply, function → server → thing, 2 × %s (%d bytes)", fives(out), reply)
	t.add(IoTMessages, product(count, puback), "PUBACKs of the thing")
}

func fives(n int64) string { return fmt.Sprintf("%d × 5 KB", n) }

// call is a call of the function.
func (t tally) call(count *big.Rat, what string) {
	t.add(LambdaRequests, count, "a function %s", what)
	seconds := product(count, big.NewRat(t.LambdaMemory, 1024), big.NewRat(t.LambdaTime.Milliseconds(), 1000))
	t.add(LambdaSeconds, seconds, "%d MB for %v each", t.LambdaMemory, t.LambdaTime)
}
