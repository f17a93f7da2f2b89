// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/cost"
)

func costCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "cost",
		Short: "Say what a month costs at AWS, for each way to get photos into S3",
		Long: `Say what a month costs at AWS, for each way to get photos into S3.

  put, batch   a signed URL for each photo, or several in one request
  pass         a form that is good for many photos
  multipart    in parts
  credentials  temporary credentials from the broker; provider: from AWS IoT
  lambda       as put, but a rule calls a function; basic: by Basic Ingest
  mqtt         the photo itself as an MQTT message; http: a signed URL from an HTTP API

What a bucket holds is that of a time when as much is deleted as comes. Prices are
list prices of a day, see --print-prices; nobody guesses those of a region that the
list does not have. Free tiers, taxes, logs and the broker's machine are not in it
(--server-cost adds the last).`,
		Example: `  thingpass cost
  thingpass cost --things 1000 --photos-per-day 288 --size 80KB --retention 90 --mode put,pass
  thingpass cost --mode pass --explain
  thingpass cost --print-prices > my-prices.yaml
  thingpass cost --prices my-prices.yaml --region us-east-1 --json`,
		Args: cobra.NoArgs,
	}
	f := addCostFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if f.printPrices {
			_, err := c.OutOrStdout().Write(cost.Ours())
			return err
		}
		return f.run(c.OutOrStdout())
	}
	return c
}

// costFlags are what the command was asked for.
type costFlags struct {
	cost.Scenario

	size, partSize byteSizeValue
	views, server  decimalValue
	verify         string
	modes          []string
	prices         string

	explain, json, csv, printPrices bool
}

func addCostFlags(c *cobra.Command) *costFlags {
	f := &costFlags{Scenario: cost.Default()}
	d, flags := f.Scenario, c.Flags()
	f.size, f.partSize = byteSizeValue(d.Size), byteSizeValue(d.PartSize)
	f.views.Rat, f.server.Rat = d.Views, d.ServerCost
	flags.Int64Var(&f.PhotosPerDay, "photos-per-day", d.PhotosPerDay, "photos of each thing in a day")
	flags.Var(&f.size, "size", "size of a photo: `200KB`, 1MiB or bytes")
	flags.Int64Var(&f.Things, "things", d.Things, "how many things")
	flags.StringSliceVar(&f.modes, "mode", nil, "only these `MODES`, with commas between (default: all)")
	flags.Int64Var(&f.Retention, "retention", d.Retention, "`DAYS` for which photos are kept")
	flags.StringVar(&f.Region, "region", d.Region, "region of AWS")
	flags.Var(&f.views, "views", "how often a photo is fetched from outside, such as 0.1")
	flags.StringVar(&f.verify, "verify", string(d.Verify), "who says that a photo is there: report (the thing), events (the bucket) or none")
	flags.StringVar(&f.prices, "prices", "", "a price list `FILE` instead of ours")
	flags.BoolVar(&f.printPrices, "print-prices", false, "print our price list, as a beginning for one's own")
	flags.BoolVar(&f.explain, "explain", false, "say of each amount how it came about")
	flags.BoolVar(&f.json, "json", false, "print one JSON object; amounts are strings")
	flags.BoolVar(&f.csv, "csv", false, "print CSV, a line for each item of each mode")
	f.addDetails(flags)
	return f
}

// addDetails adds what few need to change.
func (f *costFlags) addDetails(flags *pflag.FlagSet) {
	d := f.Scenario
	flags.Int64Var(&f.QoS, "qos", d.QoS, "of requests and replies, 0 or 1")
	flags.BoolVar(&f.SessionToken, "session-token", d.SessionToken, "the broker signs with a role's credentials, so URLs are longer")
	flags.Int64Var(&f.Batch, "batch", d.Batch, "objects of a request in mode batch, and of a report in modes batch and pass")
	flags.DurationVar(&f.PassTTL, "pass-ttl", d.PassTTL, "how long a pass is good for")
	flags.Var(&f.partSize, "part-size", "size of a part in mode multipart: `5MiB` or more")
	flags.Int64Var(&f.Online, "online", d.Online, "`MINUTES` a day for which a thing is connected")
	flags.Int64Var(&f.Reconnects, "reconnects", d.Reconnects, "times a day that a thing connects")
	flags.Int64Var(&f.Listeners, "listeners", d.Listeners, "subscribers of uploaded events")
	flags.Int64Var(&f.Replicas, "replicas", d.Replicas, "brokers")
	flags.Int64Var(&f.Connections, "connections", d.Connections, "of each broker to the MQTT server")
	flags.Var(&f.server, "server-cost", "what the brokers' machines cost in a month, in the list's currency")
	flags.Int64Var(&f.LambdaMemory, "lambda-memory", d.LambdaMemory, "memory of the function, `MB`")
	flags.DurationVar(&f.LambdaTime, "lambda-time", d.LambdaTime, "how long a call of the function takes")
	flags.BoolVar(&f.Console, "console", d.Console, "the brokers serve the console: its journal and thumbnails are in the bucket")
	flags.DurationVar(&f.Journal, "journal", d.Journal, "how often the console writes its journal, and looks for those of others")
}

func (f *costFlags) run(w io.Writer) error {
	s := f.Scenario
	s.Size, s.PartSize, s.Views, s.ServerCost, s.Verify = int64(f.size), int64(f.partSize), f.views.Rat, f.server.Rat, cost.Verify(f.verify)
	modes, err := costModes(f.modes)
	if err != nil {
		return unstartable(err)
	}
	if count(f.json, f.csv, f.explain) > 1 {
		return unstartable(errors.New("give one of --json, --csv and --explain"))
	}
	list, err := readPrices(f.prices)
	if err != nil {
		return unstartable(err)
	}
	estimate, err := cost.Compare(s, list, modes...)
	if err != nil {
		return unstartable(err)
	}
	switch {
	case f.json:
		return estimate.JSON(w)
	case f.csv:
		return estimate.CSV(w)
	case f.explain:
		return estimate.Explain(w)
	}
	return estimate.Text(w)
}

func count(flags ...bool) (n int) {
	for _, f := range flags {
		if f {
			n++
		}
	}
	return n
}

func readPrices(file string) (*cost.List, error) {
	if file == "" {
		return cost.Prices()
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--prices: %w", err)
	}
	return cost.Parse(file, text)
}

// costModes are those that were named, each once, or all.
func costModes(names []string) ([]cost.Mode, error) {
	if len(names) == 0 {
		return cost.Modes, nil
	}
	var out []cost.Mode
	for _, name := range names {
		m := cost.Mode(name)
		if !slices.Contains(cost.Modes, m) {
			return nil, fmt.Errorf("--mode: there is no mode %q: %s are all", name, strings.Join(costModeNames(), ", "))
		}
		if !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out, nil
}

func costModeNames() []string {
	names := make([]string, len(cost.Modes))
	for i, m := range cost.Modes {
		names[i] = string(m)
	}
	return names
}

// byteSizeValue is a flag as sizes are written in the configuration.
type byteSizeValue int64

func (b *byteSizeValue) Set(s string) error {
	size, err := config.ParseByteSize(s)
	*b = byteSizeValue(size)
	return err
}

func (b *byteSizeValue) String() string {
	switch n := int64(*b); {
	case n > 0 && n%(1<<20) == 0:
		return fmt.Sprintf("%dMiB", n>>20)
	case n > 0 && n%1000 == 0:
		return fmt.Sprintf("%dKB", n/1000)
	default:
		return fmt.Sprint(n)
	}
}

func (b *byteSizeValue) Type() string { return "size" }

// decimalValue is a flag for a number that must stay exact.
type decimalValue struct{ *big.Rat }

func (d *decimalValue) Set(s string) (err error) {
	d.Rat, err = cost.ParseDecimal(s)
	return err
}

func (d *decimalValue) String() string {
	if d.Rat == nil {
		return ""
	}
	return strings.TrimSuffix(strings.TrimRight(d.FloatString(12), "0"), ".")
}

func (d *decimalValue) Type() string { return "number" }
