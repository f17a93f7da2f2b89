// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package templates_test

import (
	"strings"
	"testing"

	"thingpass/policies/templates"
)

func TestAFileOfValues(t *testing.T) {
	t.Parallel()
	v, err := templates.ReadValues("values.yaml", []byte("# ours\naccount: 012345678901\nregion: eu-central-1\nroot: acme/v1\nleftover-days: 7\n"))
	if err != nil || v != (templates.Values{Account: "012345678901", Region: "eu-central-1", Root: "acme/v1", LeftoverDays: "7"}) {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := templates.ReadValues("values.yaml", nil); err != nil || v != (templates.Values{}) {
		t.Errorf("an empty one: %+v, %v", v, err)
	}
}

func TestAFileOfWrongValues(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"bukket: x":                       `values.yaml:1:1: there is no value "bukket"`,
		"root: a\naccount: 1":             `values.yaml:2:1: account "1": want 12 digits`,
		"root: a\nroot: b":                "values.yaml:2:1: root is there twice",
		"root:":                           "values.yaml:1:1: root: want one value",
		"root: [a]":                       "values.yaml:1:1: root: want one value",
		"root: {a: b}":                    "values.yaml:1:1: root: want one value",
		"root: ~":                         "values.yaml:1:1: root: want one value",
		"- root":                          "values.yaml:1: want lines such as",
		"root":                            "values.yaml:1: want lines such as",
		"\troot: a":                       "values.yaml: yaml:",
		"root: *a":                        "values.yaml: yaml:",
		"bucket: 'x\"'\norigin: http://a": "values.yaml:2:1: origin",
	} {
		if v, err := templates.ReadValues("values.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v, want %q", text, v, err, want)
		}
	}
}

func FuzzReadValues(f *testing.F) {
	f.Add("root: a\nbucket: b")
	f.Add("root: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := templates.ReadValues("f", []byte(text))
		if err == nil && v.Check() != nil && v.Partition == "" {
			t.Errorf("%q gave %+v: %v", text, v, v.Check())
		}
	})
}
