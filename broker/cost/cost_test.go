// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"
)

func mustCompare(t *testing.T, s Scenario, modes ...Mode) *Estimate {
	t.Helper()
	l, err := Prices()
	if err != nil {
		t.Fatal(err)
	}
	e, err := Compare(s, l, modes...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// One camera, 200 KB each 30 seconds: the figures that are known.
func TestOneCameraEachThirtySeconds(t *testing.T) {
	s := Default()
	if each := 24 * 60 * 60 / s.PhotosPerDay; each != 30 {
		t.Errorf("a photo each %d s", each)
	}
	if got := s.Stored().FloatString(4); got != "17.2800" {
		t.Errorf("%s GB stored", got)
	}
	if got := s.Photos().FloatString(0); got != "86400" {
		t.Errorf("%s photos", got)
	}
	s.Views, s.Verify = new(big.Rat), VerifyNone
	bill := mustCompare(t, s, Put).Bills[0]
	for item, want := range map[Item]string{
		S3Storage:   "0.397440", // 17.28 × 0.023
		S3Put:       "0.432000", // 86,400 × 0.005/1000
		IoTMessages: "0.518460", // 6 × 86,400 and 60 of connecting
		IoTMinutes:  "0.010368", // 3 connections of 43,200 minutes
		S3Get:       "0.000000",
		TransferOut: "0.000000",
	} {
		if got := bill.Of(item).FloatString(6); got != want {
			t.Errorf("%s costs %s, want %s", item, got, want)
		}
	}
	if got := bill.Total.FloatString(6); got != "1.358268" {
		t.Errorf("%s in all", got)
	}
}

// What a million uploads cost, without storage, connections and reports: the
// table that people who compare transports know.
func TestAMillionUploads(t *testing.T) {
	million := func(change func(*Scenario)) Scenario {
		s := Default()
		s.PhotosPerDay, s.Verify, s.SessionToken, s.Size = 1_000_000, VerifyNone, false, 100_000
		if change != nil {
			change(&s)
		}
		return s
	}
	qos0 := func(s *Scenario) { s.QoS = 0 }
	for _, test := range []struct {
		name       string
		mode       Mode
		scenario   Scenario
		want, near string // in dollars; how far from it is rounding
	}{
		{"broker, QoS 1", Put, million(nil), "11", "0.001"},
		{"broker, QoS 0", Put, million(qos0), "9", "0.001"},
		{"rule and function", Lambda, million(nil), "9.7", "0.05"},
		{"Basic Ingest, QoS 0", Basic, million(qos0), "7.7", "0.05"},
		{"ten at a time", Batch, million(nil), "5.7", "0.11"}, // "~$0.6–0.8" for messages
		{"credentials", Credentials, million(nil), "5", "0.01"},
		{"provider", Provider, million(nil), "5", "0.001"},
		{"the JPEG itself", MQTT, million(nil), "31", "0.05"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := mustCompare(t, test.scenario, test.mode).Bills[0]
			got := b.Of(S3Put, IoTMessages, IoTRules, IoTActions, LambdaRequests, LambdaSeconds)
			got.Quo(got, whole(DaysOfMonth))
			want, _ := new(big.Rat).SetString(test.want)
			near, _ := new(big.Rat).SetString(test.near)
			if off := new(big.Rat).Sub(got, want); off.Abs(off).Cmp(near) > 0 {
				t.Errorf("%s, want %s", got.FloatString(4), test.want)
			}
		})
	}
}

// A console writes to the bucket only while there is something to write.
func TestTheConsoleHasItsPrice(t *testing.T) {
	s := Default()
	s.Console, s.Replicas, s.Views = true, 3, big.NewRat(1, 10)
	tally, _ := s.count(Put)
	for i, want := range map[int]int64{1: 172_800, 2: 3 * 518_400, 4: 3 * 8_640, 5: 8_640} {
		if got := tally.parts[S3Put][i]; got.Count.Cmp(whole(want)) != 0 {
			t.Errorf("%s: %v, want %d", got.What, got.Count, want)
		}
	}
	s.Journal, s.Things = time.Minute, 1000
	if tally, _ = s.count(Put); tally.parts[S3Put][1].Count.Cmp(whole(3*43_200)) != 0 {
		t.Errorf("each minute: %v", tally.parts[S3Put][1])
	}
	if tally, _ = s.count(Lambda); len(tally.parts[S3Put]) != 1 {
		t.Errorf("without a broker there is no console: %v", tally.parts[S3Put])
	}
}

// A reply above 5 KB is two messages.
func TestMessagesAreMeteredInUnits(t *testing.T) {
	for bytes, want := range map[int64]int64{0: 1, 1: 1, 5120: 1, 5121: 2, 10240: 2, 10241: 3} {
		if got := meter(bytes); got != want {
			t.Errorf("%d bytes are %d units, want %d", bytes, got, want)
		}
	}
	s := Default()
	s.Batch, s.Verify, s.PhotosPerDay = 10, VerifyNone, 10
	plain, token := s, s
	plain.SessionToken = false
	a, _ := plain.count(Batch)
	b, _ := token.count(Batch)
	if x, y := a.parts[IoTMessages][1].Count, b.parts[IoTMessages][1].Count; x.Cmp(whole(30*2*2)) != 0 || y.Cmp(whole(30*2*5)) != 0 {
		t.Errorf("the replies are %v and %v units", x, y)
	}
}

func TestStepsHoldForTheirPartOfTheCountOnly(t *testing.T) {
	steps := []Step{{Price: whole(10), Per: whole(1), UpTo: whole(100)}, {Price: whole(5), Per: whole(1), UpTo: whole(200)}, {Price: whole(1), Per: whole(1)}}
	for count, want := range map[int64]int64{0: 0, 1: 10, 100: 1000, 101: 1005, 200: 1500, 201: 1501, 1000: 2300} {
		if got := amount(steps, whole(count)); got.Cmp(whole(want)) != 0 {
			t.Errorf("%d cost %v, want %d", count, got, want)
		}
	}
}

// Nothing drifts and nothing overflows: ten million things cost as much as one,
// ten million times, where prices have no steps.
func TestMoneyIsExact(t *testing.T) {
	l, err := Parse("test.yaml", []byte(flat))
	if err != nil {
		t.Fatal(err)
	}
	s := Default()
	s.Views = big.NewRat(1, 3)
	s.PhotosPerDay, s.Size, s.Retention = 1_000_000, maxPut, 36_500
	one, err := Compare(s, l, Lambda)
	if err != nil {
		t.Fatal(err)
	}
	s.Things = 10_000_000
	many, err := Compare(s, l, Lambda)
	if err != nil {
		t.Fatal(err)
	}
	if want := product(one.Bills[0].Total, whole(10_000_000)); many.Bills[0].Total.Cmp(want) != 0 {
		t.Errorf("%v, want %v", many.Bills[0].Total, want)
	}
}

const flat = `{date: 2026-01-01, currency: EUR, regions: {us-east-1: {
s3-storage: [{price: 0.1, per: 3, source: x}], s3-put: [{price: 0.1, per: 7, source: x}], s3-get: [{price: 0.1, per: 1, source: x}],
transfer-out: [{price: 0.3, per: 1, source: x}], iot-messages: [{price: 0.7, per: 9, source: x}], iot-minutes: [{price: 0.1, per: 1, source: x}],
iot-rules: [{price: 0.1, per: 1, source: x}], iot-actions: [{price: 0.1, per: 1, source: x}], lambda-requests: [{price: 0.1, per: 1, source: x}],
lambda-gb-seconds: [{price: 0.0000166667, per: 1, source: x}]}}}`

func TestARegionWithoutPricesIsNotGuessed(t *testing.T) {
	l, err := Prices()
	if err != nil {
		t.Fatal(err)
	}
	for region, says := range map[string]string{
		"eu-central-1": "prices.yaml has no prices of region eu-central-1 (it has me-south-1, us-east-1): `thingpass cost --print-prices",
		"me-south-1":   "has no price of s3-storage, s3-put, s3-get, transfer-out, iot-minutes in region me-south-1",
	} {
		s := Default()
		s.Region = region
		_, err := Compare(s, l, Put)
		if missing := (*MissingError)(nil); !errors.As(err, &missing) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", region, err)
		}
	}
}

func TestScenariosThatMakeNoSense(t *testing.T) {
	for says, change := range map[string]func(*Scenario){
		"things is 0: want 1":           func(s *Scenario) { s.Things = 0 },
		"things is -5":                  func(s *Scenario) { s.Things = -5 },
		"photos-per-day is 9223372":     func(s *Scenario) { s.PhotosPerDay = 1<<63 - 1 },
		"size is 0":                     func(s *Scenario) { s.Size = 0 },
		"retention is 36501":            func(s *Scenario) { s.Retention = 36_501 },
		"qos is 2: want 0 to 1":         func(s *Scenario) { s.QoS = 2 },
		"batch is 21":                   func(s *Scenario) { s.Batch = 21 },
		`verify is "hope": want report`: func(s *Scenario) { s.Verify = "hope" },
		"views: want 0":                 func(s *Scenario) { s.Views = big.NewRat(-1, 2) },
		"server-cost: want 0":           func(s *Scenario) { s.ServerCost = nil },
	} {
		s := Default()
		change(&s)
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
}

func TestAPhotoThatDoesNotFitHasNoBill(t *testing.T) {
	s := Default()
	s.Size = maxMQTT + 1
	b := mustCompare(t, s, MQTT, Put).Bills
	if !strings.Contains(b[0].Impossible, "131,072 at most") || b[0].Total.Sign() != 0 || b[1].Impossible != "" {
		t.Errorf("%+v", b)
	}
	s.Size = maxPut + 1
	if b := mustCompare(t, s, Put, Multipart).Bills; b[0].Impossible == "" || b[1].Impossible != "" {
		t.Errorf("%+v", b)
	}
}

// Each way of verifying is dearer than none, and all modes have bills.
func TestVerifyingCosts(t *testing.T) {
	s := Default()
	s.Size = 100_000
	for _, m := range Modes {
		var totals [3]*big.Rat
		for i, v := range []Verify{VerifyNone, VerifyEvents, VerifyReport} {
			s.Verify = v
			b := mustCompare(t, s, m).Bills[0]
			if b.Impossible != "" || b.Total.Sign() <= 0 {
				t.Errorf("%s: %+v", m, b)
			}
			totals[i] = b.Total
		}
		if m == Put && !(totals[0].Cmp(totals[1]) < 0 && totals[1].Cmp(totals[2]) < 0) {
			t.Errorf("%s costs %v", m, totals)
		}
	}
}

func TestOutputs(t *testing.T) {
	e := mustCompare(t, Default(), Modes...)
	var text, explained, table, object strings.Builder
	if err := errors.Join(e.Text(&text), e.Explain(&explained), e.CSV(&table), e.JSON(&object)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"86,400 photos; 17.28 GB stored (kept 30 days)", "list prices of 2026-08-28", "STORAGE", "TOTAL", "mqtt: not possible: a photo has 200,000 bytes"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
	for _, want := range []string{"PUBACKs of broker and thing", "upload-request, thing → server → broker, 2 × 1 × 5 KB (251 bytes)", "third-party pages that agree"} {
		if !strings.Contains(explained.String(), want) {
			t.Errorf("no %q in\n%s", want, &explained)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(table.String())).ReadAll()
	if err != nil || len(rows) < 50 || len(rows[0]) != 6 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	var back jsonEstimate
	dec := json.NewDecoder(strings.NewReader(object.String()))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&back); err != nil || len(back.Modes) != len(Modes) || back.StoredGB != "17.280000" || back.Modes[0].Lines[0].Why[0].What == "" {
		t.Errorf("%+v, %v", back, err)
	}
	for _, line := range strings.Split(text.String(), "\n") {
		if len(line) > 120 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}
