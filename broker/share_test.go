// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"strings"
	"testing"
	"time"

	"thingpass/broker"
)

func TestSharedKindsThatMakeNoSenseAreRefused(t *testing.T) {
	object := func(s string) func(*broker.Config) { return func(c *broker.Config) { c.Kinds[0].Object = s } }
	kind := func(change func(*broker.Kind)) func(*broker.Config) {
		return func(c *broker.Config) { change(&c.Kinds[0]) }
	}
	for name, test := range map[string]struct {
		change func(*broker.Config)
		says   string
	}{
		"the thing's own prefix":        {object("{thing}/{group}/{name}"), "must begin with a folder"},
		"a group's folder":              {object("{group}/{name}"), "must begin with a folder"},
		"no folder":                     {object("{name}.bin"), "must begin with a folder"},
		"one object at the top":         {object("latest.bin"), "must begin with a folder"},
		"a slash before":                {object("/fw/{group}/{name}"), "segment"},
		"dots":                          {object("fw/../{group}/{name}"), "segment"},
		"a space":                       {object("f w/{group}/{name}"), "segment"},
		"an unknown field":              {object("fw/{group}/{kind}"), "the fields are"},
		"an open field":                 {object("fw/{group}/{name"), "the fields are"},
		"a field after text":            {object("fw/{group}/v{name}"), "segment"},
		"text that runs into a field":   {object("fw/{group}-x/{name}"), "after {group}"},
		"two fields in one segment":     {object("fw/{group}.{name}"), "after {group}"},
		"a field twice":                 {object("fw/{group}/{name}/{name}"), "twice"},
		"a key too long":                {object("fw/{group}/" + strings.Repeat("a", 900) + "/{name}"), "S3 allows"},
		"uploads of shared objects":     {kind(func(k *broker.Kind) { k.Modes = []string{"put", "get"}; k.Types = photo().Types; k.MaxSize = 1 }), "alone"},
		"no mode":                       {kind(func(k *broker.Kind) { k.Modes = nil }), "alone"},
		"nobody":                        {kind(func(k *broker.Kind) { k.AllowGroups = nil }), "allow_groups is missing"},
		"nobody at all":                 {kind(func(k *broker.Kind) { k.AllowGroups, k.Object = nil, "fw/{name}" }), "nobody could fetch"},
		"things where groups are meant": {kind(func(k *broker.Kind) { k.AllowThings = []string{"*"} }), "of no use"},
		"a group that there is not":     {kind(func(k *broker.Kind) { k.AllowGroups = []string{"cms"} }), "cms, which is not among groups"},
		"a group's name with a slash":   {kind(func(k *broker.Kind) { k.AllowGroups = []string{"a/b"} }), "a group's name is"},
		"a thing's name with a slash":   {kind(func(k *broker.Kind) { k.AllowGroups, k.Object, k.AllowThings = nil, "fw/{name}", []string{"a/b"} }), "no thing can be called"},
		"a pattern":                     {kind(func(k *broker.Kind) { k.AllowGroups, k.Object, k.AllowThings = nil, "fw/{name}", []string{"cam*"} }), "no thing can be called"},
		"own objects with a list":       {kind(func(k *broker.Kind) { k.Object = ""; k.Types = photo().Types; k.MaxSize = 1 }), "are for shared objects"},
		"own objects without types":     {kind(func(k *broker.Kind) { k.Object, k.AllowGroups, k.MaxSize = "", nil, 1 }), "types is empty"},
		"groups called by no name":      {func(c *broker.Config) { c.Groups["a b"] = nil }, "a group's name is"},
		"groups of no things":           {func(c *broker.Config) { c.Groups["cams"] = []string{"*"} }, "no thing can be called"},
		"kinds that share an object": {kind(func(k *broker.Kind) {
			k.AllowGroups, k.Object, k.AllowThings = nil, "notice/{thing}.txt", []string{"*"}
		}), "can have the same object"},
		"kinds that share one by a group": {func(c *broker.Config) { c.Kinds[2].Object = "firmware/cams/{name}.bin" }, "can have the same object"},
		"nothing that signs downloads":    {func(c *broker.Config) { c.Downloads = nil }, "signs downloads"},
		"nothing that signs passes":       {func(c *broker.Config) { c.Passes = nil }, "signs passes"},
		"a pass of a day":                 {func(c *broker.Config) { c.Kinds[4].PassTTL = 24 * time.Hour }, "pass_ttl is"},
		"a pass of a millisecond":         {func(c *broker.Config) { c.Kinds[4].PassTTL = time.Millisecond }, "pass_ttl is"},
		"a mode twice":                    {func(c *broker.Config) { c.Kinds[4].Modes = []string{"pass", "pass"} }, "twice"},
		"an unknown mode":                 {func(c *broker.Config) { c.Kinds[4].Modes = []string{"pas"} }, "known are"},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(&world{})
			test.change(&c)
			b, err := broker.New(c)
			if err == nil || b != nil {
				t.Fatalf("it was taken, %v", err)
			}
			mustContain(t, err.Error(), test.says)
		})
	}
}

func TestKindsOfOneFolderMayDifferByTheirExtension(t *testing.T) {
	c := config(&world{})
	c.Kinds[2].Object = "notice/{name}.sig"
	if _, err := broker.New(c); err != nil {
		t.Error(err)
	}
}
