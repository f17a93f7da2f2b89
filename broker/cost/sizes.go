// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cost

// Unit is what AWS IoT meters messages in, bytes. It says "5 KB", and its limit of
// "128 KB" is 131,072 bytes.
const Unit = 5 << 10

// A wire is one request with its reply: the bytes of topic and payload together.
// Each more object, part or URL adds to them.
type wire struct {
	request, reply         int64
	requestEach, replyEach int64
}

// of is the wire for n objects.
func (w wire) of(n int64) (request, reply int64) {
	return w.request + n*w.requestEach, w.reply + n*w.replyEach
}

// sizes are what messages have, measured: TestSizesAreThoseOfRealMessages makes
// them with package broker and signs with package awss3. The thing is called
// camera-0001; it gives a checksum, the time and two pairs of metadata.
type sizes struct {
	put, batch, pass, multipart  wire
	report, reportMany, finished wire // upload-complete of one, of several, of what came in parts
	session                      wire // credentials-request
	event                        int64
}

var plainSizes = sizes{
	put:        wire{request: 251, reply: 907},
	batch:      wire{request: 84, reply: 113, requestEach: 201, replyEach: 847},
	pass:       wire{request: 136, reply: 1046},
	multipart:  wire{request: 194, reply: 326, replyEach: 526},
	report:     wire{request: 206, reply: 160},
	reportMany: wire{request: 71, reply: 101, requestEach: 151, replyEach: 94},
	finished:   wire{request: 243, reply: 161},
	session:    wire{request: 78, reply: 1569},
	event:      374,
}

// tokenSizes are those where URLs carry a session token of 1,200 bytes, as AWS's
// roles have them. Requests and reports are the same.
var tokenSizes = sizes{
	put:        wire{request: 251, reply: 2405},
	batch:      wire{request: 84, reply: 113, requestEach: 201, replyEach: 2345},
	pass:       wire{request: 136, reply: 3908},
	multipart:  wire{request: 194, reply: 326, replyEach: 2024},
	report:     plainSizes.report,
	reportMany: plainSizes.reportMany,
	finished:   plainSizes.finished,
	session:    plainSizes.session,
	event:      plainSizes.event,
}

func (s Scenario) sizes() sizes {
	if s.SessionToken {
		return tokenSizes
	}
	return plainSizes
}

// meter is the units of a message.
func meter(bytes int64) int64 { return max(1, quotient(bytes, Unit)) }
