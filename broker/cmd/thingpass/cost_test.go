// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestCost(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, test := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"cost", exitOK, "86,400 photos; 17.28 GB stored (kept 30 days); 17.28 GB fetched", ""},
		{"cost --mode put", exitOK, "\nput ", ""},
		{"cost --mode put,pass --explain", exitOK, "upload-request for a pass", ""},
		{"cost --csv", exitOK, "mode,item,count,unit,amount,currency\n", ""},
		{"cost --print-prices", exitOK, "currency: USD", ""},
		{"cost --views 0.1 --size 1MiB --verify events", exitOK, "9.06 GB fetched", ""},
		{"cost --region eu-central-1", exitUsage, "", "prices.yaml has no prices of region eu-central-1"},
		{"cost --region me-south-1", exitUsage, "", "has no price of s3-storage"},
		{"cost --things 0", exitUsage, "", "things is 0: want 1 to 10000000"},
		{"cost --things NaN", exitUsage, "", `invalid argument "NaN" for "--things"`},
		{"cost --views NaN", exitUsage, "", `"NaN" is no number`},
		{"cost --views -1", exitUsage, "", `"-1" is no number`},
		{"cost --server-cost 1e30", exitUsage, "", `"1e30" is no number`},
		{"cost --photos-per-day 99999999999999999999", exitUsage, "", "value out of range"},
		{"cost --size 0", exitUsage, "", "want at least 1 byte"},
		{"cost --size -5KB", exitUsage, "", "want a size such as"},
		{"cost --mode hope", exitUsage, "", `there is no mode "hope": put, batch, pass`},
		{"cost --json --csv", exitUsage, "", "give one of --json"},
		{"cost --prices none.yaml", exitUsage, "", "--prices: open none.yaml"},
		{"cost x", exitUsage, "", `unknown command "x" for "thingpass cost"`},
	} {
		var stdout, stderr strings.Builder
		if code := run(t.Context(), strings.Fields(test.args), &stdout, &stderr); code != test.code ||
			!strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) || (test.stderr == "") != (stderr.Len() == 0) {
			t.Errorf("%s: exit code %d, want %d\n%s%s", test.args, code, test.code, &stdout, &stderr)
		}
	}
}

// The list that is printed can be given back, and a changed price changes the
// bill.
func TestCostTakesAnotherList(t *testing.T) {
	t.Chdir(t.TempDir())
	total := func(args ...string) string {
		var stdout, stderr strings.Builder
		if code := run(t.Context(), append([]string{"cost", "--mode", "put", "--json"}, args...), &stdout, &stderr); code != exitOK {
			t.Fatalf("exit code %d: %s", code, &stderr)
		}
		var answer struct{ Modes []struct{ Total string } }
		if err := json.Unmarshal([]byte(stdout.String()), &answer); err != nil || len(answer.Modes) != 1 {
			t.Fatalf("%v: %s", err, &stdout)
		}
		return answer.Modes[0].Total
	}
	var list strings.Builder
	run(t.Context(), []string{"cost", "--print-prices"}, &list, &list)
	write := func(text string) {
		if err := os.WriteFile("my-prices.yaml", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(list.String())
	ours := total()
	if same := total("--prices", "my-prices.yaml"); same != ours {
		t.Errorf("%s with the list that was printed, %s without", same, ours)
	}
	write(strings.ReplaceAll(list.String(), "us-east-1:", "eu-central-1:"))
	if same := total("--prices", "my-prices.yaml", "--region", "eu-central-1"); same != ours {
		t.Errorf("%s in another region of the same prices, %s before", same, ours)
	}
	write(strings.Replace(list.String(), "{price: 1.00, per: 1000000, up-to", "{price: 2.00, per: 1000000, up-to", 1))
	if dear := total("--prices", "my-prices.yaml"); dear == ours {
		t.Error("messages at twice the price cost the same")
	}
	write("date: 2026-01-01\ncurrency: USD\nregions: {us-east-1: {s3-putt: []}}\n")
	var stdout, stderr strings.Builder
	if code := run(t.Context(), []string{"cost", "--prices", "my-prices.yaml"}, &stdout, &stderr); code != exitUsage || !strings.Contains(stderr.String(), "thingpass: my-prices.yaml:3:23: ") {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
}
