// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"thingpass/broker/devstack"
)

// console finds what it costs the broker that people look at it: the same broker, with
// a console that keeps its journal in an S3 of this machine, and without.
func (b *bench) console(ctx context.Context) error {
	server, err := b.lab.ca.Server([]string{"127.0.0.1"})
	if err != nil {
		return err
	}
	s3, err := devstack.StartS3(ctx, devstack.S3Options{Dir: b.lab.path("s3"), Bucket: "photos", Certificate: server.TLSCertificate(), AccessKey: accessKey})
	if err != nil {
		return err
	}
	defer s3.Close()
	b.lab.s3 = "https://" + s3.Addr().String()
	defer func() { b.lab.s3 = "" }()
	with := func(ctx context.Context) (*child, error) {
		return startThingpass(ctx, b.lab, b.thingpass, "console:", "  listen: 127.0.0.1:0")
	}
	without := func(ctx context.Context) (*child, error) { return startThingpass(ctx, b.lab, b.thingpass) }
	medians, err := b.inTurns([]string{"thingpass", "console"}, func(name string) (sample, error) {
		start := without
		if name == "console" {
			start = with
		}
		return b.turn(ctx, responder{name: name, start: func(ctx context.Context, _ *lab, _ int) (*child, error) { return start(ctx) }}, askOne())
	})
	if err != nil {
		return err
	}
	b.print("console: closed loop, with a console and without", medians)
	b.atLeast("requests/s with a console, of those without", medians["console"].perSecond/medians["thingpass"].perSecond, .98)
	b.atMost("CPU of a grant with a console, of that without", float64(medians["console"].cpu)/float64(medians["thingpass"].cpu), 1.02)
	return nil
}
