// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"strings"
	"text/tabwriter"
	"time"
)

// columns are what the table tells apart.
var columns = []struct {
	name  string
	items []Item
}{
	{"STORAGE", []Item{S3Storage}}, {"PUT", []Item{S3Put}}, {"GET", []Item{S3Get}}, {"OUT", []Item{TransferOut}},
	{"MESSAGES", []Item{IoTMessages}}, {"ONLINE", []Item{IoTMinutes}}, {"RULES", []Item{IoTRules, IoTActions}},
	{"LAMBDA", []Item{LambdaRequests, LambdaSeconds}}, {"OTHER", []Item{SQSRequests, HTTPRequests, Server}},
}

// Text prints a table, with a line for each mode.
func (e *Estimate) Text(w io.Writer) error {
	var b strings.Builder
	e.heading(&b)
	var rows strings.Builder
	t := tabwriter.NewWriter(&rows, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%-11s\t", "MODE")
	for _, c := range columns {
		fmt.Fprint(t, c.name, "\t")
	}
	fmt.Fprint(t, "TOTAL\t\n")
	for _, bill := range e.Bills {
		fmt.Fprintf(t, "%-11s\t", bill.Mode)
		for _, c := range columns {
			fmt.Fprint(t, bill.cell(bill.Of(c.items...)), "\t")
		}
		fmt.Fprint(t, bill.cell(bill.Total), "\t\n")
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for row := range strings.Lines(rows.String()) {
		b.WriteString(strings.TrimPrefix(row, "  ")) // of the first column
	}
	for _, bill := range e.Bills {
		if bill.Impossible != "" {
			fmt.Fprintf(&b, "%s: not possible: %s\n", bill.Mode, bill.Impossible)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cell is an amount, or - where there is none.
func (b Bill) cell(r *big.Rat) string {
	if b.Impossible != "" || r.Sign() == 0 {
		return "-"
	}
	return cents(r)
}

func (e *Estimate) heading(b *strings.Builder) {
	s := e.Scenario
	fmt.Fprintf(b, "A month of %d days: %s photos a day of %s bytes from each of %s thing(s), in %s\n", DaysOfMonth,
		grouped(whole(s.PhotosPerDay), 0), grouped(whole(s.Size), 0), grouped(whole(s.Things), 0), s.Region)
	fmt.Fprintf(b, "%s photos; %s GB stored (kept %s days); %s GB fetched\n", grouped(s.Photos(), 0), grouped(s.Stored(), 2),
		grouped(whole(s.Retention), 0), grouped(s.Fetched(), 2))
	fmt.Fprintf(b, "%s, list prices of %s, without free tiers and taxes\n\n", e.Prices.Currency, e.Prices.Date.Format(time.DateOnly))
}

// Explain prints how each amount came about: what was counted, the price, and who
// says so.
func (e *Estimate) Explain(w io.Writer) error {
	var b strings.Builder
	e.heading(&b)
	for _, bill := range e.Bills {
		if bill.Impossible != "" {
			fmt.Fprintf(&b, "%s: not possible: %s\n\n", bill.Mode, bill.Impossible)
			continue
		}
		fmt.Fprintf(&b, "%s: %s\n", bill.Mode, cents(bill.Total))
		for _, l := range bill.Lines {
			fmt.Fprintf(&b, "  %-18s %s for %s %s\n", l.Item, grouped(l.Amount, 4), grouped(l.Count, 2), units[l.Item])
			for _, p := range l.Parts {
				fmt.Fprintf(&b, "    %14s  %s\n", grouped(p.Count, 2), p.What)
			}
			for _, s := range l.Steps {
				fmt.Fprintf(&b, "    %14s  for %s%s (%s)\n", grouped(s.Price, 12), grouped(s.Per, 0), s.limit(), s.Source)
			}
		}
		fmt.Fprintln(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s Step) limit() string {
	if s.UpTo == nil {
		return ""
	}
	return ", up to " + grouped(s.UpTo, 0)
}

// CSV prints a line for each item of each mode, amounts to a millionth.
func (e *Estimate) CSV(w io.Writer) error {
	c := csv.NewWriter(w)
	rows := [][]string{{"mode", "item", "count", "unit", "amount", "currency"}}
	for _, b := range e.Bills {
		for _, l := range b.Lines {
			rows = append(rows, []string{string(b.Mode), string(l.Item), l.Count.FloatString(6), units[l.Item], l.Amount.FloatString(6), e.Prices.Currency})
		}
		if b.Impossible == "" {
			rows = append(rows, []string{string(b.Mode), "total", "", "", b.Total.FloatString(6), e.Prices.Currency})
		}
	}
	return c.WriteAll(rows)
}

// The JSON of an Estimate. Amounts are strings, to a millionth: no float may round
// them.
type (
	jsonEstimate struct {
		Date     string     `json:"date"`
		Currency string     `json:"currency"`
		Region   string     `json:"region"`
		Days     int        `json:"days"`
		Photos   string     `json:"photos"`
		StoredGB string     `json:"storedGB"`
		Modes    []jsonBill `json:"modes"`
	}
	jsonBill struct {
		Mode       Mode       `json:"mode"`
		Impossible string     `json:"impossible,omitempty"`
		Total      string     `json:"total,omitempty"`
		Lines      []jsonLine `json:"lines"`
	}
	jsonLine struct {
		Item   Item       `json:"item"`
		Count  string     `json:"count"`
		Unit   string     `json:"unit"`
		Amount string     `json:"amount"`
		Why    []jsonPart `json:"why"`
		Source string     `json:"source"`
	}
	jsonPart struct {
		What  string `json:"what"`
		Count string `json:"count"`
	}
)

// JSON prints everything as one object.
func (e *Estimate) JSON(w io.Writer) error {
	out := jsonEstimate{e.Prices.Date.Format(time.DateOnly), e.Prices.Currency, e.Scenario.Region, DaysOfMonth, e.Scenario.Photos().FloatString(0),
		e.Scenario.Stored().FloatString(6), []jsonBill{}}
	for _, b := range e.Bills {
		bill := jsonBill{Mode: b.Mode, Impossible: b.Impossible, Lines: []jsonLine{}}
		if b.Impossible == "" {
			bill.Total = b.Total.FloatString(6)
		}
		for _, l := range b.Lines {
			line := jsonLine{l.Item, l.Count.FloatString(6), units[l.Item], l.Amount.FloatString(6), []jsonPart{}, l.Steps[0].Source}
			for _, p := range l.Parts {
				line.Why = append(line.Why, jsonPart{p.What, p.Count.FloatString(6)})
			}
			bill.Lines = append(bill.Lines, line)
		}
		out.Modes = append(out.Modes, bill)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}
