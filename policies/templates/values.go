// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package templates

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Values are what differs between installations. An empty one is the default of
// its name; some have none and must be given where a document needs them. Their
// names, defaults and rules are those of Fields.
type Values struct {
	Account, Partition, Region string // where the IoT resources and roles are

	Root, Group             string // mqtt.root and mqtt.group of the brokers
	Broker, Observer, Claim string // client ids, each also with a hyphen and more behind it

	Template, ThingGroup string // of fleet provisioning; of all things
	RoleAlias            string // that things name to the credential provider

	PresignRole, SessionRole, CredentialsRole string // names of IAM roles

	Bucket, Origin                       string
	SignatureAge                         string // such as 1h
	LeftoverDays, ExpireDays, ExpireKeys string

	LogGroup, FailedQueue, EventsQueue string
}

// A Field is one value: what people need to know to give it.
type Field struct {
	Name    string // as in {{name}}, in a file of values and as a flag
	Default string // "": must be given
	Help    string // one line, without a full stop

	check func(string) error
	print func(string) string // as it stands in a document; nil: as it is
	of    func(*Values) *string
}

// Fields returns all values in the order in which people think of them.
func Fields() []Field { return slices.Clone(fields) }

// Set gives a value by its name.
func (v *Values) Set(name, value string) error {
	f, err := fieldOf(name)
	if err != nil {
		return err
	}
	if err := f.judge(value); err != nil {
		return err
	}
	*f.of(v) = value
	return nil
}

// Given is true of a value that is not left to its default.
func (v Values) Given(name string) bool {
	f, err := fieldOf(name)
	return err == nil && *f.of(&v) != ""
}

// Get is the value that a document gets, the default included; "" if there is
// none.
func (v Values) Get(name string) string {
	f, err := fieldOf(name)
	if err != nil {
		return ""
	}
	if given := *f.of(&v); given != "" {
		return given
	}
	if name == "partition" {
		return partitionOf(v.Region)
	}
	return f.Default
}

// FromMap returns the values of a file, and all that is wrong with them.
func FromMap(m map[string]string) (Values, error) {
	var v Values
	var problems []error
	for _, f := range fields {
		if value, given := m[f.Name]; given {
			problems = append(problems, v.Set(f.Name, value))
		}
	}
	for name := range m {
		if _, err := fieldOf(name); err != nil {
			problems = append(problems, err)
		}
	}
	return v, errors.Join(problems...)
}

// Check returns all that is wrong with the values that are given.
func (v Values) Check() error {
	var problems []error
	for _, f := range fields {
		if given := *f.of(&v); given != "" {
			problems = append(problems, f.judge(given))
		}
	}
	if v.Region != "" && v.Partition != "" && errors.Join(problems...) == nil && partitionOf(v.Region) != v.Partition {
		problems = append(problems, fmt.Errorf("partition %s: region %s is in %s; leave it out", v.Partition, v.Region, partitionOf(v.Region)))
	}
	return errors.Join(problems...)
}

// judge says what a value should be. It never accepts what could end a JSON
// string, widen an ARN or begin a variable.
func (f Field) judge(value string) error {
	err := f.check(value)
	if err == nil && strings.ContainsAny(value, "\"\\*?${}<>\n\r\t") {
		err = errors.New("a character that means something in a policy")
	}
	if err != nil {
		return fmt.Errorf("%s %q: %w", f.Name, clip(value), err)
	}
	return nil
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

func fieldOf(name string) (Field, error) {
	for _, f := range fields {
		if f.Name == name {
			return f, nil
		}
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return Field{}, fmt.Errorf("there is no value %q: use %s", clip(name), strings.Join(names, ", "))
}
