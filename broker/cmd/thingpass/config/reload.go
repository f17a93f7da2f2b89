// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"maps"
	"slices"
	"strings"
)

// liveSettings can change while a broker runs. Whatever is not named here needs a
// restart: a new setting is safe before anybody has thought about it.
var liveSettings = []string{
	"audit.file", "log.level",
	"mqtt.ca", "mqtt.cert", "mqtt.key", // from the next connection on
	"quota.on_failure", "quota.requests_per_minute", "quota.bytes_per_day",
}

// liveSections are those of which every setting can.
var liveSections = []string{"groups.", "kinds.", "s3."}

func live(name string) bool {
	return slices.Contains(liveSettings, name) ||
		slices.ContainsFunc(liveSections, func(section string) bool { return strings.HasPrefix(name, section) })
}

// Update returns what a broker that runs with c runs with after it is told next:
// next, but for what needs a restart, which stays as it is in c. changed names the
// settings that are different now, waiting those that need a restart.
func (c *Config) Update(next *Config) (updated *Config, changed, waiting []string) {
	u := *c
	u.S3, u.Kinds, u.Groups, u.Audit.File = next.S3, next.Kinds, next.Groups, next.Audit.File
	u.Log.Level = next.Log.Level
	u.MQTT.CA, u.MQTT.Cert, u.MQTT.Key = next.MQTT.CA, next.MQTT.Cert, next.MQTT.Key
	u.Quota.OnFailure, u.Quota.RequestsPerMinute, u.Quota.BytesPerDay = next.Quota.OnFailure, next.Quota.RequestsPerMinute, next.Quota.BytesPerDay

	was, is := byName(c.settings), byName(next.settings)
	all := maps.Clone(was)
	maps.Copy(all, is)
	u.settings = nil
	for _, name := range slices.Sorted(maps.Keys(all)) {
		same := was[name].Value == is[name].Value && was[name].Set == is[name].Set
		if name == "quota.store" { // a setting does not tell the password
			same = c.Quota.Store == next.Quota.Store
		}
		from := was
		switch {
		case live(name):
			from = is
			if !same {
				changed = append(changed, name)
			}
		case !same:
			waiting = append(waiting, name)
		}
		if s, ok := from[name]; ok {
			u.settings = append(u.settings, s)
		}
	}
	return &u, changed, waiting
}

func byName(settings []Setting) map[string]Setting {
	m := make(map[string]Setting, len(settings))
	for _, s := range settings {
		m[s.Name] = s
	}
	return m
}
