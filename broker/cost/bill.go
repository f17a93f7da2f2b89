// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"math/big"
)

// A Line is what one item costs in a month.
type Line struct {
	Item   Item
	Count  *big.Rat
	Amount *big.Rat // in the list's currency
	Parts  []Part   // why so many
	Steps  []Step   // why so much
}

// A Bill is what a mode costs in a month.
type Bill struct {
	Mode       Mode
	Impossible string // why there is none; "" otherwise
	Lines      []Line // of items that are used, in the order of Items
	Total      *big.Rat
}

// Of is the amount of items, together.
func (b Bill) Of(items ...Item) *big.Rat {
	sum := new(big.Rat)
	for _, l := range b.Lines {
		for _, item := range items {
			if l.Item == item {
				sum.Add(sum, l.Amount)
			}
		}
	}
	return sum
}

// An Estimate compares modes.
type Estimate struct {
	Scenario Scenario
	Prices   *List
	Bills    []Bill // in the order in which modes were asked for
}

// Compare makes a bill for each mode. The error is what Scenario.Check says, or a
// *MissingError that names all prices that are needed and missing.
func Compare(s Scenario, l *List, modes ...Mode) (*Estimate, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	prices, known := l.Regions[s.Region]
	if !known {
		return nil, &MissingError{File: l.File, Region: s.Region, Known: l.RegionNames()}
	}
	out := &Estimate{Scenario: s, Prices: l}
	missing := map[Item]bool{}
	for _, m := range modes {
		t, impossible := s.count(m)
		b := Bill{Mode: m, Impossible: impossible, Total: new(big.Rat)}
		if impossible == "" {
			b.price(t, prices, missing)
		}
		out.Bills = append(out.Bills, b)
	}
	if len(missing) > 0 {
		return nil, &MissingError{l.File, s.Region, inOrder(missing), l.RegionNames()}
	}
	return out, nil
}

func inOrder(set map[Item]bool) (out []Item) {
	for _, item := range Items {
		if set[item] {
			out = append(out, item)
		}
	}
	return out
}

// price adds a line for each item that is used.
func (b *Bill) price(t tally, prices map[Item][]Step, missing map[Item]bool) {
	for _, item := range Items {
		parts := t.parts[item]
		if len(parts) == 0 {
			continue
		}
		line := Line{Item: item, Count: new(big.Rat), Parts: parts, Steps: prices[item]}
		if item == Server {
			line.Steps = []Step{{Price: t.ServerCost, Per: whole(1), Source: "--server-cost"}}
		}
		if line.Steps == nil {
			missing[item] = true
			continue
		}
		for _, p := range parts {
			line.Count.Add(line.Count, p.Count)
		}
		line.Amount = amount(line.Steps, line.Count)
		b.Total.Add(b.Total, line.Amount)
		b.Lines = append(b.Lines, line)
	}
}
