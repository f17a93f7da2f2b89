// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

// maxList bounds a list: ours has 4 KB.
const maxList = 1 << 20

var (
	regionName   = regexp.MustCompile(`^[a-z]{2}(-[a-z]{1,12}){1,3}-[0-9]{1,2}$`)
	currencyName = regexp.MustCompile(`^[A-Z]{3}$`)
)

// Parse reads a price list; prices.yaml shows its form. Every error begins with
// file, line and column. What the form does not name is an error: a misspelt
// item would be missed in the bill.
func Parse(file string, text []byte) (*List, error) {
	if len(text) > maxList {
		return nil, fmt.Errorf("%s: more than %d bytes are no price list", file, maxList)
	}
	var doc, more yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("%s: not the YAML of a price list: %w", file, err)
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: there is a second document (---): one list is one document", file)
	}
	p := parser{file, &List{File: file}}
	if err := p.list(doc.Content[0]); err != nil {
		return nil, err
	}
	if err := p.out.check(); err != nil {
		return nil, fmt.Errorf("%s:1:1: %w", file, err)
	}
	return p.out, nil
}

type parser struct {
	file string
	out  *List
}

func (p parser) at(n *yaml.Node, format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %w", p.file, n.Line, n.Column, fmt.Errorf(format, args...))
}

// pairs calls f for each field, with its name. Doubled names, aliases and tags
// are errors.
func (p parser) pairs(n *yaml.Node, what string, f func(name, v *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return p.at(n, "%s: want fields, as in `name: value`", what)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i]
		if name.Kind != yaml.ScalarNode || seen[name.Value] {
			return p.at(name, "%s: %.40q is there twice, or is no name", what, name.Value)
		}
		seen[name.Value] = true
		if err := f(name, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (p parser) text(n *yaml.Node, what string) (string, error) {
	if n.Kind != yaml.ScalarNode || n.Value == "" || len(n.Value) > 300 || n.ShortTag() == "!!null" {
		return "", p.at(n, "%s: want one value", what)
	}
	return n.Value, nil
}

func (p parser) list(n *yaml.Node) error {
	return p.pairs(n, "a price list", func(name, v *yaml.Node) error {
		switch name.Value {
		case "date":
			s, err := p.text(v, "date")
			if err != nil {
				return err
			}
			if p.out.Date, err = time.Parse(time.DateOnly, s); err != nil {
				return p.at(v, "date is %.40q: want a day such as 2026-08-28", s)
			}
			return nil
		case "currency":
			s, err := p.text(v, "currency")
			if err == nil && !currencyName.MatchString(s) {
				err = p.at(v, "currency is %.40q: want three letters such as USD", s)
			}
			p.out.Currency = s
			return err
		case "regions":
			p.out.Regions = map[string]map[Item][]Step{}
			return p.pairs(v, "regions", p.region)
		}
		return p.at(name, "there is no field %.40q: date, currency and regions are all", name.Value)
	})
}

func (p parser) region(name, n *yaml.Node) error {
	if !regionName.MatchString(name.Value) {
		return p.at(name, "%.40q is no region such as eu-central-1", name.Value)
	}
	items := map[Item][]Step{}
	p.out.Regions[name.Value] = items
	return p.pairs(n, name.Value, func(name, v *yaml.Node) error {
		item := Item(name.Value)
		if !slices.Contains(Items, item) || item == Server {
			return p.at(name, "there is no item %.40q: %v are all", name.Value, Items[:len(Items)-1])
		}
		steps, err := p.steps(v, name.Value)
		items[item] = steps
		return err
	})
}

// steps reads prices that get cheaper, or dearer, with the count.
func (p parser) steps(n *yaml.Node, item string) ([]Step, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		return nil, p.at(n, "%s: want a list of prices", item)
	}
	var out []Step
	for i, v := range n.Content {
		s, err := p.step(v, item)
		if err != nil {
			return nil, err
		}
		last := i == len(n.Content)-1
		if last != (s.UpTo == nil) {
			return nil, p.at(v, "%s: every price but the last has up-to, and the last has none", item)
		}
		if i > 0 && !last && s.UpTo.Cmp(out[i-1].UpTo) <= 0 {
			return nil, p.at(v, "%s: up-to must be more than that before it", item)
		}
		out = append(out, s)
	}
	return out, nil
}

func (p parser) step(n *yaml.Node, item string) (s Step, err error) {
	err = p.pairs(n, item, func(name, v *yaml.Node) error {
		text, err := p.text(v, item+", "+name.Value)
		if err != nil {
			return err
		}
		switch name.Value {
		case "price":
			s.Price, err = ParseDecimal(text)
		case "per":
			s.Per, err = ParseDecimal(text)
		case "up-to":
			s.UpTo, err = ParseDecimal(text)
		case "source":
			s.Source = text
		default:
			return p.at(name, "%s: there is no field %.40q: price, per, up-to and source are all", item, name.Value)
		}
		if err != nil {
			return p.at(v, "%s, %s: %w", item, name.Value, err)
		}
		return nil
	})
	switch {
	case err != nil:
		return s, err
	case s.Price == nil, s.Per == nil, s.Source == "":
		return s, p.at(n, "%s: price, per and source are needed: who says so?", item)
	case s.Per.Sign() == 0 || s.UpTo != nil && s.UpTo.Sign() == 0:
		return s, p.at(n, "%s: per and up-to are at least 1", item)
	}
	return s, nil
}
