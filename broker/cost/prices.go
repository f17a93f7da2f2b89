// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cost

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"
)

// An Item is something that has a price.
type Item string

// The items, in the order in which they are told.
const (
	S3Storage      Item = "s3-storage"
	S3Put          Item = "s3-put"
	S3Get          Item = "s3-get"
	TransferOut    Item = "transfer-out"
	IoTMessages    Item = "iot-messages"
	IoTMinutes     Item = "iot-minutes"
	IoTRules       Item = "iot-rules"
	IoTActions     Item = "iot-actions"
	LambdaRequests Item = "lambda-requests"
	LambdaSeconds  Item = "lambda-gb-seconds"
	SQSRequests    Item = "sqs-requests"
	HTTPRequests   Item = "http-requests"
	Server         Item = "server" // the brokers' machines: Scenario.ServerCost, not in the list
)

// units are what an Item is counted in.
var units = map[Item]string{S3Storage: "GB-month", S3Put: "requests", S3Get: "requests", TransferOut: "GB", IoTMessages: "units of 5 KB",
	IoTMinutes: "minutes", IoTRules: "units of 5 KB", IoTActions: "units of 5 KB", LambdaRequests: "calls", LambdaSeconds: "GB-seconds",
	SQSRequests: "requests", HTTPRequests: "requests", Server: "months"}

// Items are all of them.
var Items = []Item{S3Storage, S3Put, S3Get, TransferOut, IoTMessages, IoTMinutes, IoTRules, IoTActions, LambdaRequests, LambdaSeconds,
	SQSRequests, HTTPRequests, Server}

// A Step is a price that holds for the first so many of a month.
type Step struct {
	Price  *big.Rat // of Per
	Per    *big.Rat
	UpTo   *big.Rat // counted from the first of the month on; nil: without end
	Source string
}

// A List is what things cost, as somebody wrote it down on a day.
type List struct {
	File     string // its name, for messages
	Date     time.Time
	Currency string
	Regions  map[string]map[Item][]Step
}

//go:embed prices.yaml
var ours []byte

// Ours is the text of the list that comes with this program.
func Ours() []byte { return slices.Clone(ours) }

// Prices returns the list that comes with this program.
func Prices() (*List, error) { return Parse("prices.yaml", ours) }

// RegionNames are the list's regions, sorted.
func (l *List) RegionNames() []string { return slices.Sorted(maps.Keys(l.Regions)) }

// MissingError says that a list has no price. Nobody guesses.
type MissingError struct {
	File, Region string
	Items        []Item   // empty: nothing of that region is known
	Known        []string // regions
}

func (e *MissingError) Error() string {
	what := "has no prices of region " + e.Region
	if len(e.Items) > 0 {
		names := make([]string, len(e.Items))
		for i, item := range e.Items {
			names[i] = string(item)
		}
		what = fmt.Sprintf("has no price of %s in region %s", strings.Join(names, ", "), e.Region)
	}
	return fmt.Sprintf("%s %s (it has %s): `thingpass cost --print-prices > my-prices.yaml`, write them there, and give --prices my-prices.yaml",
		e.File, what, strings.Join(e.Known, ", "))
}

// amount is what so many of an item cost in a month.
func amount(steps []Step, count *big.Rat) *big.Rat {
	total, done := new(big.Rat), new(big.Rat)
	for _, s := range steps {
		end := count
		if s.UpTo != nil {
			end = least(count, s.UpTo)
		}
		if here := new(big.Rat).Sub(end, done); here.Sign() > 0 {
			total.Add(total, here.Mul(here, new(big.Rat).Quo(s.Price, s.Per)))
			done = end
		}
	}
	return total
}

// check looks at what no single line tells.
func (l *List) check() error {
	switch {
	case l.Currency == "":
		return errors.New("there is no currency, such as USD")
	case l.Date.IsZero():
		return errors.New("there is no date on which the prices were right")
	case len(l.Regions) == 0:
		return errors.New("there are no regions")
	}
	return nil
}
