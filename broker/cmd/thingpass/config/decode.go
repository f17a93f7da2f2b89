// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/viper"

	"thingpass/broker"
)

// decode turns the layers into a Config, and reports each value that is not of
// its setting's kind.
func (l *loader) decode() *Config {
	c := &Config{}
	if err := l.values.UnmarshalExact(c, viper.DecodeHook(convert)); err != nil {
		l.blameEach(err)
	}
	return c
}

// blameEach reports the parts of a joined error of the decoder at the settings
// that they name.
func (l *loader) blameEach(err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, part := range joined.Unwrap() {
			l.blameEach(part)
		}
		return
	}
	named, ok := err.(interface{ Name() string })
	if !ok {
		if inner := errors.Unwrap(err); inner != nil {
			l.blameEach(inner)
			return
		}
		l.report(origin{file: l.path}, "%v", err)
		return
	}
	name := strings.NewReplacer("[", ".", "]", "").Replace(named.Name())
	if _, ok := l.origins[name]; !ok {
		name = parent(name) // an item of a list
	}
	l.blame(name, "%s %v", name, errors.Unwrap(err))
}

// convert makes values out of strings. Where the target is a list, a string is
// its items with commas between them; each item comes here again.
func convert(from, to reflect.Type, data any) (any, error) {
	s, ok := data.(string)
	if !ok {
		return data, nil
	}
	if to.Kind() == reflect.Slice {
		return split(s), nil
	}
	switch to {
	case reflect.TypeFor[string]():
		return s, nil
	case reflect.TypeFor[bool]():
		return parseBool(s)
	case reflect.TypeFor[int]():
		return parseInt(s)
	case reflect.TypeFor[time.Duration]():
		return parseDuration(s)
	case reflect.TypeFor[Pause]():
		if s == off {
			return Pause(0), nil
		}
		d, err := parseDuration(s)
		return Pause(d), err
	case reflect.TypeFor[Count]():
		return parseCount(s)
	case reflect.TypeFor[Budget]():
		return parseBudget(s)
	case reflect.TypeFor[ByteSize]():
		return ParseByteSize(s)
	case reflect.TypeFor[SizeLimit]():
		if s == off {
			return SizeLimit(0), nil
		}
		n, err := ParseByteSize(s)
		return SizeLimit(n), err
	case reflect.TypeFor[Address]():
		if s == off {
			return Address(""), nil
		}
		return Address(s), nil
	case reflect.TypeFor[broker.ContentType]():
		c, err := broker.ParseContentType(s)
		if err != nil {
			return nil, fmt.Errorf("cannot be read: %w", err)
		}
		return c, nil
	}
	return nil, fmt.Errorf("is of a kind that cannot be configured: %v", to)
}

func split(s string) []string {
	items := strings.Split(s, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}

func parseBool(s string) (bool, error) {
	switch s {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("is %q: want true or false", s)
}

func parseInt(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("is %q: want a whole number", s)
	}
	return int(n), nil
}

func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("is %q: want a time such as 90s, 15m or 1h", s)
	}
	if d < time.Second {
		return 0, fmt.Errorf("is %s: want at least 1s", s)
	}
	return d, nil
}
