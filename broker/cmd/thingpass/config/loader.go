// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/viper"
)

// A loader lays environment over file over defaults. viper keeps the layers;
// the loader knows where each value came from.
type loader struct {
	path       string // of the file; empty: none
	serverless bool   // for thingpass-lambda
	schema     *node
	values     *viper.Viper
	kinds      map[string]bool
	groups     map[string]bool
	origins    map[string]origin // of settings and of sections
	doubted    map[string]bool   // settings with a problem: what follows from it is not worth a line
	problems   Errors
}

func newLoader(path string) *loader {
	return &loader{
		path:    path,
		schema:  schema(),
		values:  viper.New(),
		kinds:   map[string]bool{},
		groups:  map[string]bool{},
		origins: map[string]origin{},
		doubted: map[string]bool{},
	}
}

// names returns the names of all settings of this configuration.
func (l *loader) names() []string {
	return l.schema.names(map[string][]string{"kinds": slices.Sorted(maps.Keys(l.kinds)), "groups": slices.Sorted(maps.Keys(l.groups))})
}

func (l *loader) report(at origin, format string, args ...any) {
	l.problems = append(l.problems, problem{at, fmt.Sprintf(format, args...)})
}

// blame reports a problem where the setting, or what it is below, was given;
// only the first one of each setting.
func (l *loader) blame(name, format string, args ...any) {
	for n := name; n != ""; n = parent(n) {
		if l.doubted[n] {
			return
		}
	}
	l.doubted[name] = true
	l.report(l.origin(name), format, args...)
}

func (l *loader) origin(name string) origin {
	for ; name != ""; name = parent(name) {
		if at, ok := l.origins[name]; ok {
			return at
		}
	}
	return origin{file: l.path}
}

// missing reports a setting that has no value.
func (l *loader) missing(name, why string) {
	l.blame(name, "%s is missing%s (in the environment: %s)", name, why, envName(name))
}

func (l *loader) setDefaults() {
	for name, value := range defaults() {
		l.values.SetDefault(name, value)
	}
	for kind := range l.kinds {
		for name, value := range kindDefaults() {
			l.values.SetDefault("kinds."+kind+"."+name, value)
		}
	}
	if l.values.GetString("s3.endpoint") != "" {
		l.values.SetDefault("s3.region", regionElsewhere)
	}
}

// settings lists what came out.
func (l *loader) settings() []Setting {
	var list []Setting
	for _, name := range l.names() {
		value := l.values.Get(name)
		s := Setting{Name: name, Value: text(value), Set: value != nil}
		if s.Set {
			s.Source = "default"
		}
		if name == "quota.store" {
			s.Value = withoutPassword(s.Value)
		}
		if at, ok := l.origins[name]; ok {
			s.Source = at.String()
		}
		list = append(list, s)
	}
	return list
}

func text(value any) string {
	list, ok := value.([]any)
	if !ok {
		s, _ := value.(string)
		return s
	}
	parts := make([]string, len(list))
	for i := range list {
		parts[i] = text(list[i])
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// resolvePaths makes the file's relative paths relative to the file. Those of
// the environment are relative to the working directory, as in a shell.
func (l *loader) resolvePaths(c *Config) {
	for name, path := range map[string]*string{
		"mqtt.ca":            &c.MQTT.CA,
		"mqtt.cert":          &c.MQTT.Cert,
		"mqtt.key":           &c.MQTT.Key,
		"s3.ca":              &c.S3.CA,
		"s3.access_key_file": &c.S3.AccessKeyFile,
		"audit.file":         &c.Audit.File,
		"quota.ca":           &c.Quota.CA,

		"console.cert":               &c.Console.Cert,
		"console.key":                &c.Console.Key,
		"console.session_key":        &c.Console.SessionKey,
		"console.users":              &c.Console.Users,
		"console.client_ca":          &c.Console.ClientCA,
		"console.certs":              &c.Console.Certs,
		"console.registry":           &c.Console.Registry,
		"console.oidc.client_secret": &c.Console.OIDC.ClientSecret,

		"credential_provider.cert":      &c.CredentialProvider.Cert,
		"credential_provider.key":       &c.CredentialProvider.Key,
		"credential_provider.client_ca": &c.CredentialProvider.ClientCA,
	} {
		given := l.origins[name]
		if *path != "" && *path != "-" && given.line > 0 && !filepath.IsAbs(*path) {
			*path = filepath.Join(filepath.Dir(l.path), *path)
		}
	}
}
