// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"testing"

	"thingpass/broker/cmd/thingpass/config"
)

func TestWhatOperatorsSetIsRead(t *testing.T) {
	c := load(t, good+`audit:
  file: audit.jsonl
  max_size: "off"
  keep: 3
  sync: true
http:
  listen: "[::1]:9464"
events:
  sqs_queue: https://sqs.eu-central-1.amazonaws.com/111122223333/photos
  sqs_region: eu-west-1
  sqs_endpoint: http://127.0.0.1:9324
`)
	audit := config.Audit{File: c.Audit.File, Keep: 3, Sync: true}
	events := config.Events{SQSQueue: "https://sqs.eu-central-1.amazonaws.com/111122223333/photos", SQSRegion: "eu-west-1", SQSEndpoint: "http://127.0.0.1:9324"}
	if c.Audit != audit || c.HTTP.Listen != "[::1]:9464" || c.Events != events {
		t.Errorf("got %+v, %+v, %+v", c.Audit, c.HTTP, c.Events)
	}
}

func TestOperatorsGetSafeDefaults(t *testing.T) {
	c := load(t, good)
	if want := (config.Audit{File: "-", MaxSize: 100 << 20, Keep: 10}); c.Audit != want {
		t.Errorf("audit: got %+v, want %+v", c.Audit, want)
	}
	if c.HTTP.Listen != "" || c.Events != (config.Events{}) {
		t.Errorf("something is on: %+v, %+v", c.HTTP, c.Events)
	}
}

func TestBadSettingsOfOperatorsAreExplained(t *testing.T) {
	queue := "https://sqs.eu-central-1.amazonaws.com/111122223333/photos"
	for _, test := range []badConfig{
		{"audit of bytes", good + "audit: {max_size: 1000}\n", nil, "broker.yaml:12: audit.max_size is 1000 bytes: want at least 64KiB, or off"},
		{"audit of no size", good + "audit: {max_size: big}\n", nil, `broker.yaml:12: audit.max_size is "big": want a size such as 4096, 500kB or 8MiB`},
		{"nothing kept", good + "audit: {keep: 0}\n", nil, "broker.yaml:12: audit.keep is 0: want 1 to 1000; audit.max_size: off is for who rotates by other means"},
		{"too much kept", good + "audit: {keep: 1001}\n", nil, "broker.yaml:12: audit.keep is 1001: want 1 to 1000; audit.max_size: off is for who rotates by other means"},
		{"sync", good + "audit: {sync: on}\n", nil, `broker.yaml:12: audit.sync is "on": want true or false`},
		{"a port alone", good + "http: {listen: 9464}\n", nil, `broker.yaml:12: http.listen is "9464": want an address and a port such as 127.0.0.1:9464, or off`},
		{"no number", good + "http: {listen: 'localhost:http'}\n", nil, `broker.yaml:12: http.listen is "localhost:http": want an address and a port such as 127.0.0.1:9464, or off`},
		{"too large a port", good + "http: {listen: 'localhost:65536'}\n", nil, `broker.yaml:12: http.listen is "localhost:65536": want an address and a port such as 127.0.0.1:9464, or off`},
		{"a queue's name", good + "events: {sqs_queue: photos}\n", nil, "broker.yaml:12: events.sqs_queue is no queue's URL: want one such as " + queue},
		{"a queue with a password", good + "events: {sqs_queue: 'https://me:secret@example.com/1/photos'}\n", nil, "broker.yaml:12: events.sqs_queue is no queue's URL: want one such as " + queue},
		{"a queue's server alone", good + "events: {sqs_queue: 'https://example.com/'}\n", nil, "broker.yaml:12: events.sqs_queue is no queue's URL: want one such as " + queue},
		{"a server with a queue", good + "events: {sqs_queue: '" + queue + "', sqs_endpoint: '" + queue + "'}\n", nil,
			"broker.yaml:12: events.sqs_endpoint is no server's URL: want one such as https://sqs.eu-central-1.amazonaws.com"},
		{"a region without a queue", good + "events: {sqs_region: eu-west-1}\n", nil, "broker.yaml:12: events.sqs_region is given without events.sqs_queue: give that, or remove this"},
		{"misspelt", good + "htttp: {listen: 'off'}\n", nil, "broker.yaml:12: unknown setting htttp, did you mean http?"},
	} {
		t.Run(test.name, func(t *testing.T) { explains(t, test) })
	}
}
