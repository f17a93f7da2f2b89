// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"thingpass/broker"
	"thingpass/broker/presign"
)

// The packages that use a setting know its rules. They are asked about one
// setting at a time, with sound values for all others: so what they say belongs
// to that setting's line, and no rule is written down twice.

// judge reports what is missing, out of bounds or contradictory.
func (l *loader) judge(c *Config) {
	if l.serverless {
		l.judgeLambda(c)
	} else {
		l.judgeMQTT(c.MQTT)
	}
	l.judgeS3(c.S3)
	l.judgeWords(c)
	l.judgeQuota(c)
	l.judgeAudit(c.Audit)
	l.judgeHTTP(c.HTTP)
	l.judgeEvents(c.Events)
	l.judgeConsole(c.Console)
	l.judgeCredentials(c)
	if len(l.kinds) == 0 {
		l.blame("kinds", "kinds is missing: a broker without one could grant nothing; give one with types and max_size")
	}
	for name, k := range c.Kinds {
		l.judgeKind(name, k)
		l.judgeShared(name, k, c.Groups)
	}
	l.judgeGroups(c)
}

// accept reports err, if there is one, as a problem of the setting. Where err
// begins with the setting's last name, its full name stands there instead.
func (l *loader) accept(name string, err error) {
	if err == nil {
		return
	}
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	for _, own := range []string{leaf(name), strings.ReplaceAll(leaf(name), "_", " ")} {
		if rest, found := strings.CutPrefix(text, own+" "); found {
			l.blame(name, "%s %s", name, rest)
			return
		}
	}
	l.blame(name, "%s: %s", name, text)
}

func (l *loader) require(name, value, why string) {
	if value == "" {
		l.missing(name, why)
	}
}

func (l *loader) judgeS3(s S3) {
	l.require("s3.bucket", s.Bucket, "")
	l.require("s3.region", s.Region, ": without s3.endpoint it is AWS's, such as eu-central-1")
	const server, bucket, region = "https://localhost", "bucket", "region"
	if s.Endpoint != "" {
		_, err := presign.NewEndpoint(s.Endpoint, bucket, region, true)
		l.accept("s3.endpoint", inner(err))
	}
	if s.Bucket != "" {
		_, err := presign.NewEndpoint(server, s.Bucket, region, true)
		l.accept("s3.bucket", inner(err))
	}
	if s.Region != "" {
		_, err := presign.NewEndpoint(server, bucket, s.Region, true)
		l.accept("s3.region", inner(err))
	}
	l.judgeStyle(s)
	if u, err := url.Parse(s.Endpoint); s.CA != "" && err == nil && u.Scheme == "http" {
		l.blame("s3.ca", "s3.ca contradicts s3.endpoint, which has no TLS: write https://, or remove s3.ca")
	}
}

// judgeStyle asks about what only both together can get wrong: a bucket before
// an address.
func (l *loader) judgeStyle(s S3) {
	if _, err := presign.NewEndpoint(s.Endpoint, "bucket", "region", true); err != nil || s.PathStyle {
		return
	}
	if _, err := presign.NewEndpoint(s.Endpoint, "bucket", "region", false); err != nil {
		l.blame("s3.endpoint", "s3.endpoint is an address, before which no bucket can stand: set s3.path_style to true")
	}
}

// judgeWords checks settings that take one of a few words.
func (l *loader) judgeWords(c *Config) {
	l.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	l.oneOf("log.format", c.Log.Format, "auto", "text", "json")
}

func (l *loader) oneOf(name, value string, words ...string) {
	if !slices.Contains(words, value) {
		l.blame(name, "%s is %q: want one of %s", name, value, strings.Join(words, ", "))
	}
}

// valid completes k to a kind in which only what k gives can be wrong.
func valid(k broker.Kind) broker.Kind {
	if k.Name == "" {
		k.Name = "k"
	}
	if k.Types == nil {
		k.Types = []broker.ContentType{{Name: "image/jpeg", Ext: "jpg"}}
	}
	if k.MaxSize == 0 {
		k.MaxSize = broker.MaxObjectSize
	}
	return k
}

func (l *loader) judgeKind(name string, k Kind) {
	at := func(setting string) string { return "kinds." + name + "." + setting }
	b := k.broker(name)
	if b.Types == nil && b.Object == "" {
		l.missing(at("types"), "")
	}
	if b.MaxSize == 0 && b.Object == "" {
		l.missing(at("max_size"), ": a grant must have a bound")
	}
	if k.Modes != nil && len(k.Modes) == 0 {
		l.blame(at("modes"), "%s is empty: name at least one mode", at("modes"))
	}
	modes := b.Modes
	if valid(broker.Kind{Modes: modes}).Check() != nil {
		modes = nil
	}
	bound := broker.Kind{MaxSize: b.MaxSize, Modes: modes}
	for setting, alone := range map[string]broker.Kind{
		"modes":     {Modes: b.Modes},
		"key":       {Name: name, Key: b.Key},
		"types":     {Types: b.Types},
		"max_size":  bound,
		"ttl":       {TTL: b.TTL},
		"pass_ttl":  {PassTTL: b.PassTTL},
		"part_size": {PartSize: b.PartSize},
		"metadata":  {Metadata: b.Metadata},
	} {
		l.accept(at(setting), valid(alone).Check())
	}
	if valid(bound).Check() == nil {
		bound.MinSize = b.MinSize
		l.accept(at("min_size"), valid(bound).Check())
	}
}

// inner takes the name of the package off its error.
func inner(err error) error {
	if e := errors.Unwrap(err); e != nil {
		return e
	}
	return err
}
