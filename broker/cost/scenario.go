// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"errors"
	"fmt"
	"math/big"
	"time"
)

// DaysOfMonth is how long a month is here.
const DaysOfMonth = 30

// A Mode is a way in which a photo comes to S3.
type Mode string

// The modes, in the order in which they are told.
const (
	Put         Mode = "put"         // a signed URL for each object, over MQTT and the broker
	Batch       Mode = "batch"       // the same, several objects in one request
	Pass        Mode = "pass"        // a form that is good for many objects
	Multipart   Mode = "multipart"   // in parts
	Credentials Mode = "credentials" // a session of temporary credentials from the broker
	Provider    Mode = "provider"    // AWS IoT's credential provider: no broker in between
	Lambda      Mode = "lambda"      // as put, but a rule calls a function instead of the broker
	Basic       Mode = "basic"       // the same by Basic Ingest, for which messages are free on their way in
	MQTT        Mode = "mqtt"        // the photo itself as an MQTT message, and a rule that stores it
	HTTP        Mode = "http"        // a signed URL from an HTTP API and a function, without AWS IoT
)

// Modes are all of them.
var Modes = []Mode{Put, Batch, Pass, Multipart, Credentials, Provider, Lambda, Basic, MQTT, HTTP}

// Verify says who tells the broker that an object is there.
type Verify string

// The ways of verifying.
const (
	VerifyReport Verify = "report" // things do, and are answered (upload-complete)
	VerifyEvents Verify = "events" // the bucket does, by way of SQS
	VerifyNone   Verify = "none"   // nobody; multipart reports all the same
)

// A Scenario is what a bill is for. The zero value makes no sense: begin with
// Default.
type Scenario struct {
	Region       string
	Things       int64
	PhotosPerDay int64 // of each thing
	Size         int64 // of a photo, bytes
	Retention    int64 // days for which a photo is kept
	Views        *big.Rat
	Verify       Verify
	QoS          int64 // of requests and replies, 0 or 1
	SessionToken bool  // the broker signs with temporary credentials, so its URLs are long

	Batch       int64         // objects of a request in mode batch, and of a report in modes batch and pass
	PassTTL     time.Duration // of a pass
	PartSize    int64         // bytes
	Online      int64         // minutes a day for which a thing is connected
	Reconnects  int64         // a day, of each thing
	Listeners   int64         // subscribers of `uploaded` events
	Replicas    int64         // brokers
	Connections int64         // of each broker to the server
	ServerCost  *big.Rat      // of all brokers' machines in a month, in the list's currency

	LambdaMemory int64         // MiB
	LambdaTime   time.Duration // of each call

	Console bool          // the broker serves the operators' console
	Journal time.Duration // how often the console writes its journal, if there is anything, and looks for others'
}

// Default is one camera that takes a photo of 200 KB each 30 seconds.
func Default() Scenario {
	return Scenario{Region: "us-east-1", Things: 1, PhotosPerDay: 2880, Size: 200_000, Retention: 30, Views: big.NewRat(1, 1),
		Verify: VerifyReport, QoS: 1, SessionToken: true, Batch: 10, PassTTL: time.Hour, PartSize: 5 << 20, Online: 24 * 60,
		Reconnects: 1, Replicas: 1, Connections: 2, ServerCost: new(big.Rat), LambdaMemory: 128, LambdaTime: 100 * time.Millisecond,
		Journal: 5 * time.Second}
}

const (
	maxPut  = 5 << 30  // bytes of one PUT
	maxSize = 50 << 40 // bytes of an object
	maxMQTT = 128 << 10
)

// Check returns every reason why there is no bill for s, joined. Each begins with
// the name of a flag.
func (s Scenario) Check() error {
	var errs []error
	between := func(name string, v, least, most int64) {
		if v < least || v > most {
			errs = append(errs, fmt.Errorf("%s is %d: want %d to %d", name, v, least, most))
		}
	}
	between("things", s.Things, 1, 10_000_000)
	between("photos-per-day", s.PhotosPerDay, 1, 1_000_000)
	between("size", s.Size, 1, maxSize)
	between("retention", s.Retention, 1, 36_500)
	between("qos", s.QoS, 0, 1)
	between("batch", s.Batch, 1, 20)
	between("pass-ttl in seconds", int64(s.PassTTL/time.Second), 1, 12*3600)
	between("part-size", s.PartSize, 5<<20, maxPut)
	between("online", s.Online, 0, 24*60)
	between("reconnects", s.Reconnects, 0, 86_400)
	between("listeners", s.Listeners, 0, 1000)
	between("replicas", s.Replicas, 1, 100)
	between("connections", s.Connections, 1, 100)
	between("lambda-memory", s.LambdaMemory, 128, 10_240)
	between("lambda-time in milliseconds", s.LambdaTime.Milliseconds(), 1, 900_000)
	between("journal in seconds", int64(s.Journal/time.Second), 1, 86_400)
	if s.Verify != VerifyReport && s.Verify != VerifyEvents && s.Verify != VerifyNone {
		errs = append(errs, fmt.Errorf("verify is %q: want report, events or none", s.Verify))
	}
	for name, v := range map[string]*big.Rat{"views": s.Views, "server-cost": s.ServerCost} {
		if v == nil || v.Sign() < 0 || v.Cmp(whole(1_000_000_000)) > 0 {
			errs = append(errs, fmt.Errorf("%s: want 0 to 1000000000", name))
		}
	}
	return errors.Join(errs...)
}

// Photos is how many there are in a month.
func (s Scenario) Photos() *big.Rat {
	return product(whole(s.Things), whole(s.PhotosPerDay), whole(DaysOfMonth))
}

// Stored is what the bucket holds once as much is deleted as comes, in GB of 10⁹
// bytes. (AWS may mean 2³⁰; then its bill is 7 % lower.)
func (s Scenario) Stored() *big.Rat {
	return product(whole(s.Things), whole(s.PhotosPerDay), whole(s.Retention), whole(s.Size), big.NewRat(1, 1e9))
}

// Fetched is what leaves the bucket in a month, in GB.
func (s Scenario) Fetched() *big.Rat {
	return product(s.Photos(), s.Views, whole(s.Size), big.NewRat(1, 1e9))
}
