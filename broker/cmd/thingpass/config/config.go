// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package config reads the broker's settings from a YAML file and from
// THINGPASS_… environment variables, which win.
//
// It is strict: a setting that does not exist, exists twice, has a value of the
// wrong kind, or contradicts another one is an error with its line and, where a
// name was misspelt, the nearest right one. A misspelt bound that is ignored
// would be a bound that is not there.
package config

import (
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"thingpass/broker"
	"thingpass/broker/quota"
)

// Config is what the broker is run with. All of it has been checked.
type Config struct {
	MQTT   MQTT            `mapstructure:"mqtt"`
	S3     S3              `mapstructure:"s3"`
	Audit  Audit           `mapstructure:"audit"`
	Log    Log             `mapstructure:"log"`
	HTTP   HTTP            `mapstructure:"http"`
	Events Events          `mapstructure:"events"`
	Quota  Quota           `mapstructure:"quota"`
	Kinds  map[string]Kind `mapstructure:"kinds"`
	Groups Groups          `mapstructure:"groups"`

	Console Console `mapstructure:"console"`

	Multipart Multipart `mapstructure:"multipart"`

	Lambda Lambda `mapstructure:"lambda"`

	Credentials        Credentials        `mapstructure:"credentials"`
	CredentialProvider CredentialProvider `mapstructure:"credential_provider"`

	settings []Setting
	holdsURL string // the file, if quota.store is from it
}

// SecretFiles returns the files that nobody else must be able to read, by the
// setting that makes them so.
func (c *Config) SecretFiles() map[string]string {
	files := map[string]string{"mqtt.key": c.MQTT.Key, "s3.access_key_file": c.S3.AccessKeyFile, "credential_provider.key": c.CredentialProvider.Key,
		"console.key": c.Console.Key, "console.users": c.Console.Users, "console.oidc.client_secret": c.Console.OIDC.ClientSecret, "console.session_key": c.Console.SessionKey}
	if u, err := url.Parse(c.Quota.RedisURL()); err == nil && u.User != nil {
		files["quota.store"] = c.holdsURL
	}
	for setting, path := range files {
		if path == "" {
			delete(files, setting)
		}
	}
	return files
}

// Pause is the time between two rounds of something that can be switched off;
// then it is 0, and written "off".
type Pause time.Duration

const off = "off"

func (p Pause) String() string {
	if p == 0 {
		return off
	}
	return time.Duration(p).String()
}

// S3 says where the objects go.
type S3 struct {
	Endpoint      string `mapstructure:"endpoint"` // empty: AWS
	Region        string `mapstructure:"region"`
	Bucket        string `mapstructure:"bucket"`
	PathStyle     bool   `mapstructure:"path_style"`
	CA            string `mapstructure:"ca"`              // path; empty: the system's
	AccessKeyFile string `mapstructure:"access_key_file"` // empty: AWS's default chain
}

// Log says what is told on standard error, and how.
type Log struct {
	Level  string `mapstructure:"level"`  // debug, info, warn or error
	Format string `mapstructure:"format"` // auto, text or json
}

// Threshold is the level below which nothing is told.
func (l Log) Threshold() slog.Level {
	return map[string]slog.Level{"debug": slog.LevelDebug, "warn": slog.LevelWarn, "error": slog.LevelError}[l.Level]
}

// Kind is a broker.Kind but for its name.
type Kind struct {
	Modes    []string             `mapstructure:"modes"`
	Key      string               `mapstructure:"key"`
	Types    []broker.ContentType `mapstructure:"types"`
	MinSize  ByteSize             `mapstructure:"min_size"`
	MaxSize  ByteSize             `mapstructure:"max_size"`
	TTL      time.Duration        `mapstructure:"ttl"`
	PassTTL  time.Duration        `mapstructure:"pass_ttl"`
	PartSize ByteSize             `mapstructure:"part_size"` // of mode multipart
	Metadata []string             `mapstructure:"metadata"`  // nil: every valid name
	Quota    Limits               `mapstructure:"quota"`

	Object      string   `mapstructure:"object"` // empty: a thing fetches its own objects
	AllowThings []string `mapstructure:"allow_things"`
	AllowGroups []string `mapstructure:"allow_groups"`
}

// defaults are the values of settings that are nowhere given.
func defaults() map[string]string {
	return map[string]string{
		"mqtt.client_id":       "thingpass-broker",
		"mqtt.root":            broker.DefaultRoot,
		"mqtt.group":           "thingpass",
		"mqtt.connections":     "1",
		"mqtt.workers":         "0",
		"mqtt.queue":           "0",
		"mqtt.session_expiry":  "1h",
		"mqtt.group_watch":     "1m",
		"mqtt.profile":         auto,
		"mqtt.pace":            auto,
		"mqtt.pace_publishes":  "100",
		"mqtt.pace_bytes":      "512kB",
		"mqtt.keep_alive":      "30s",
		"mqtt.alpn":            auto,
		"s3.path_style":        "false",
		"audit.file":           "-",
		"audit.max_size":       "100MiB",
		"audit.keep":           "10",
		"audit.sync":           "false",
		"http.listen":          off,
		"log.level":            "info",
		"console.listen":       off,
		"console.access":       AccessLoopback,
		"console.silent_after": "1h",
		"console.revoke":       off,
		"log.format":           "auto",

		"multipart.sweep_after": "24h",
		"multipart.sweep_every": "1h",

		"lambda.any_client_id": "false",

		"quota.store":               MemoryStore,
		"quota.on_failure":          quota.Refuse,
		"quota.requests_per_minute": off,
		"quota.bytes_per_day":       off,

		"credentials.duration":             "1h",
		"credentials.access":               "write",
		"credential_provider.role_aliases": "thingpass",
	}
}

// kindDefaults are those of every kind.
func kindDefaults() map[string]string {
	return map[string]string{
		"modes":    broker.ModePut,
		"key":      broker.DefaultKeyLayout,
		"min_size": "1",
		"ttl":      "15m",
		"pass_ttl": "1h",

		"part_size": "5MiB",

		"quota.requests_per_minute": off,
		"quota.bytes_per_day":       off,
	}
}

// regionElsewhere is what servers other than AWS's call their region unless they
// are told another name.
const regionElsewhere = "us-east-1"

// Load reads the file at path, if path is not empty, and the variables among
// environ, which has the form of os.Environ. The error is an Errors with
// everything that is wrong, or tells that the file cannot be read.
func Load(path string, environ []string) (*Config, error) {
	return newLoader(path).load(environ)
}

func (l *loader) load(environ []string) (*Config, error) {
	path := l.path
	if path != "" {
		if err := l.readFile(); err != nil {
			return nil, err
		}
	}
	if l.doubted[""] {
		return nil, l.problems // everything would seem to be missing
	}
	l.readEnvironment(environ)
	l.setDefaults()
	c := l.decode()
	l.judge(c)
	if len(l.problems) > 0 {
		return nil, l.problems.sorted()
	}
	c.settings = l.settings()
	if l.origins["quota.store"].line > 0 {
		c.holdsURL = l.path
	}
	l.resolvePaths(c)
	return c, nil
}

// BrokerKinds returns the kinds as the broker wants them.
func (c *Config) BrokerKinds() []broker.Kind {
	kinds := make([]broker.Kind, 0, len(c.Kinds))
	for name, k := range c.Kinds {
		kinds = append(kinds, k.broker(name))
	}
	return kinds
}

func (k Kind) broker(name string) broker.Kind {
	return broker.Kind{
		Name:     name,
		Modes:    k.Modes,
		Key:      k.Key,
		Types:    k.Types,
		MinSize:  int64(k.MinSize),
		MaxSize:  int64(k.MaxSize),
		TTL:      k.TTL,
		PassTTL:  k.PassTTL,
		PartSize: int64(k.PartSize),
		Metadata: k.Metadata,

		Object:      k.Object,
		AllowThings: k.AllowThings,
		AllowGroups: k.AllowGroups,

		Limits: k.Quota.broker(),
	}
}

// LongestTTL is that of the kind whose grants live longest.
func (c *Config) LongestTTL() time.Duration {
	var longest time.Duration
	for _, k := range c.Kinds {
		longest = max(longest, k.TTL)
		if slices.Contains(k.Modes, broker.ModePass) {
			longest = max(longest, k.PassTTL)
		}
	}
	return longest
}

// Setting is one setting as it came out of file, environment and defaults.
type Setting struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Set    bool   `json:"set"`    // false: there is none, not even by default
	Source string `json:"source"` // such as "broker.yaml:12", "THINGPASS_S3_BUCKET" or "default"
}

// Settings returns every setting there is, in the order of their names.
func (c *Config) Settings() []Setting { return c.settings }

// String is the setting as a person would write it.
func (s Setting) String() string {
	if !s.Set {
		return fmt.Sprintf("%s is not set", s.Name)
	}
	return fmt.Sprintf("%s: %s (%s)", s.Name, s.Value, s.Source)
}
