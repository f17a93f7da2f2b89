// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"strings"
	"testing"
)

func TestListsThatAreNone(t *testing.T) {
	item := func(text string) string {
		return "date: 2026-01-01\ncurrency: USD\nregions:\n  us-east-1:\n    s3-put:\n      - {" + text + "}\n"
	}
	for _, test := range []struct{ text, says string }{
		{"", "not the YAML of a price list"},
		{"date: [", "not the YAML of a price list"},
		{"- 1", "bad.yaml:1:1: a price list: want fields"},
		{"date: yesterday", "bad.yaml:1:7: date is \"yesterday\""},
		{"currency: dollars", "bad.yaml:1:11: currency is \"dollars\""},
		{"prices: {}", "bad.yaml:1:1: there is no field \"prices\""},
		{"date: 2026-01-01\ndate: 2026-01-02", "bad.yaml:2:1: a price list: \"date\" is there twice"},
		{"date: 2026-01-01", "bad.yaml:1:1: there is no currency"},
		{"currency: USD\nregions: {us-east-1: {}}", "there is no date"},
		{"date: 2026-01-01\ncurrency: USD", "there are no regions"},
		{"regions: {Frankfurt: {}}", "bad.yaml:1:11: \"Frankfurt\" is no region"},
		{"regions: {us-east-1: {s3-putt: []}}", "bad.yaml:1:23: there is no item \"s3-putt\""},
		{"regions: {us-east-1: {server: []}}", "there is no item \"server\""},
		{"regions: {us-east-1: {s3-put: []}}", "bad.yaml:1:31: s3-put: want a list of prices"},
		{"regions: {us-east-1: {s3-put: 5}}", "bad.yaml:1:31: s3-put: want a list of prices"},
		{item("price: -1, per: 1, source: x"), "bad.yaml:6:17: s3-put, price: \"-1\" is no number"},
		{item("price: .nan, per: 1, source: x"), "\".nan\" is no number"},
		{item("price: .inf, per: 1, source: x"), "\".inf\" is no number"},
		{item("price: 1e9, per: 1, source: x"), "\"1e9\" is no number"},
		{item("price: 0x10, per: 1, source: x"), "\"0x10\" is no number"},
		{item("price: 1/3, per: 1, source: x"), "\"1/3\" is no number"},
		{item("price: 9999999999999, per: 1, source: x"), "is no number"},
		{item("price: 1, per: 0, source: x"), "bad.yaml:6:9: s3-put: per and up-to are at least 1"},
		{item("price: 1, per: 1"), "bad.yaml:6:9: s3-put: price, per and source are needed"},
		{item("price: 1, per: 1, source: "), "s3-put, source: want one value"},
		{item("price: [1], per: 1, source: x"), "s3-put, price: want one value"},
		{item("price: 1, per: 1, source: x, each: 5"), "there is no field \"each\""},
		{item("price: 1, per: 1, source: x, up-to: 5"), "the last has none"},
		{item("price: 1, per: 1, source: x}\n      - {price: 1, per: 1, source: x"), "every price but the last has up-to"},
		{item("price: 1, per: 1, source: x, up-to: 5}\n      - {price: 1, per: 1, source: x, up-to: 5}\n      - {price: 1, per: 1, source: x"), "bad.yaml:7:9: s3-put: up-to must be more"},
		{"date: 2026-01-01\n---\ndate: 2026-01-01", "there is a second document"},
		{strings.Repeat("#", maxList+1), "are no price list"},
	} {
		if _, err := Parse("bad.yaml", []byte(test.text)); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%.80q: %v\ndoes not say %q", test.text, err, test.says)
		}
	}
}

func TestOurListNamesASourceForEachPrice(t *testing.T) {
	l, err := Prices()
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range Items[:len(Items)-1] {
		if len(l.Regions["us-east-1"][item]) == 0 {
			t.Errorf("us-east-1 has no %s", item)
		}
	}
	if got := l.Regions["us-east-1"][LambdaSeconds][0].Price.RatString(); got != "166667/10000000000" {
		t.Errorf("a GB-second costs %s", got)
	}
}

// FuzzParse: a list that is taken has exact prices, not below zero, each with a
// source, and steps that end.
func FuzzParse(f *testing.F) {
	f.Add(ours)
	f.Add([]byte(flat))
	f.Add([]byte("regions: &a {us-east-1: *a}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := Parse("fuzz.yaml", text)
		if err != nil {
			return
		}
		for _, items := range l.Regions {
			for item, steps := range items {
				for i, s := range steps {
					if s.Price.Sign() < 0 || s.Per.Sign() <= 0 || s.Source == "" || (s.UpTo == nil) != (i == len(steps)-1) {
						t.Fatalf("%s: %+v", item, s)
					}
				}
			}
		}
	})
}
