// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/cmd/thingpass/wiring"
)

func TestALeftUploadIsRemovedAndOthersStay(t *testing.T) {
	s := newStack(t)
	path := s.config("sweep_after: 24h", "sweep_after: 2s", "sweep_every: 1h", "sweep_every: 1s", "modes: [put, pass]", "modes: [put, multipart]")
	conf, err := config.Load(path, nil)
	s.must(err)
	bucket, err := wiring.Bucket(t.Context(), conf, slog.New(slog.DiscardHandler))
	s.must(err)
	foreign, err := bucket.CreateUpload(t.Context(), broker.NewUpload{Key: "backup/2026.tar", ContentType: "application/x-tar", Checksum: broker.ChecksumCRC32})
	s.must(err)

	p := startProgram(t, "run", "--config", path)
	p.awaitReady()
	grant := s.thing("cam1").ask("upload-request", fmt.Sprintf(`{"id":"a1","kind":"photo","mode":"multipart","size":%d}`, 6<<20))
	if grant["status"] != "success" || grant["uploadId"] == nil {
		t.Fatalf("got %v", grant)
	}
	left := func() (keys []string) {
		for u, err := range bucket.ListUploads(t.Context(), "") {
			s.must(err)
			keys = append(keys, u.Key)
		}
		return keys
	}
	await(t, "the sweep", func() bool { return len(left()) == 1 })
	if _, err := bucket.ListParts(t.Context(), "backup/2026.tar", foreign); err != nil {
		t.Errorf("another's upload: %v", err)
	}
	await(t, "the log to tell", func() bool { return strings.Contains(p.stderr.String(), fmt.Sprint(grant["objectKey"])) })
	p.stop()
	if code := p.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestASweeperTellsWhatItDidAndEndsWithItsContext(t *testing.T) {
	logged := &lockedText{}
	var rounds int
	ctx, cancel := context.WithCancel(t.Context())
	round := sweep{after: time.Hour, every: 2 * time.Millisecond,
		do: func(_ context.Context, before time.Time) ([]broker.Upload, error) {
			if age := time.Since(before); age < time.Hour || age > time.Hour+time.Minute {
				t.Errorf("swept what is %v old", age)
			}
			rounds++
			switch rounds {
			case 1:
				return nil, errors.New("S3 is away")
			case 2:
				return make([]broker.Upload, 25), nil
			}
			cancel()
			return nil, context.Canceled
		}}
	s := sweeper{next: func() sweep { return round }, log: slog.New(slog.NewTextHandler(logged, nil))}
	s.run(ctx)
	if rounds != 3 {
		t.Errorf("%d rounds", rounds)
	}
	text := logged.String()
	if strings.Count(text, "removed an upload") != 20 || !strings.Contains(text, "uploads=5") || strings.Count(text, "level=WARN") != 1 || !strings.Contains(text, "S3 is away") {
		t.Errorf("it said:\n%s", text)
	}
}

func TestNothingIsSweptWhereNothingCanBeLeft(t *testing.T) {
	for name, environ := range map[string][]string{"by the example": nil, "with modes": {"THINGPASS_KINDS_PHOTO_MODES=put, multipart"},
		"with modes, off": {"THINGPASS_KINDS_PHOTO_MODES=put, multipart", "THINGPASS_MULTIPART_SWEEP_AFTER=off"}} {
		conf, err := config.Load(exampleFile(t), environ)
		if err != nil {
			t.Fatal(err)
		}
		b, err := wiring.Broker(conf, nil, nil, broker.NewJSONAudit(&lockedText{}), nil)
		if err != nil {
			t.Fatal(err)
		}
		s := &service{}
		s.now.Store(&installed{Broker: b, conf: conf})
		if round := s.sweep(); (round.do != nil) != (name == "with modes") || round.every != time.Hour {
			t.Errorf("%s: %+v", name, round)
		}
	}
}
