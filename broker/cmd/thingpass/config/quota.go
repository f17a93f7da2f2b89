// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/url"
	"strings"

	"thingpass/broker"
	"thingpass/broker/quota"
)

// MemoryStore is the quota store that a broker has for itself.
const MemoryStore = "memory"

// Quota says what each thing may use, and who counts.
type Quota struct {
	Store     string `mapstructure:"store"`      // MemoryStore, or the URL of a Redis
	CA        string `mapstructure:"ca"`         // path; empty: the system's
	OnFailure string `mapstructure:"on_failure"` // refuse or allow

	RequestsPerMinute Count  `mapstructure:"requests_per_minute"`
	BytesPerDay       Budget `mapstructure:"bytes_per_day"`
}

// Limits are those of a thing, or of its objects of one kind.
type Limits struct {
	RequestsPerMinute Count  `mapstructure:"requests_per_minute"`
	BytesPerDay       Budget `mapstructure:"bytes_per_day"`
}

// Count is a limit that can be switched off; then it is 0, and written "off".
type Count int64

// Budget is a ByteSize that can be switched off; then it is 0, and written "off".
type Budget ByteSize

func (l Limits) broker() broker.Limits {
	return broker.Limits{RequestsPerMinute: int64(l.RequestsPerMinute), BytesPerDay: int64(l.BytesPerDay)}
}

// BrokerLimits returns the limits of each thing as the broker wants them.
func (c *Config) BrokerLimits() broker.Limits {
	return Limits{c.Quota.RequestsPerMinute, c.Quota.BytesPerDay}.broker()
}

func parseCount(s string) (Count, error) {
	if s == off {
		return 0, nil
	}
	n, err := parseInt(s)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("is %q: want a whole number from 1, or %s", s, off)
	}
	return Count(n), nil
}

func parseBudget(s string) (Budget, error) {
	if s == off {
		return 0, nil
	}
	n, err := ParseByteSize(s)
	if err != nil {
		err = fmt.Errorf("%w, or %s", err, off)
	}
	return Budget(n), err
}

// RedisURL returns the URL of the store, or "" where it is MemoryStore.
func (q Quota) RedisURL() string {
	if q.Store == MemoryStore {
		return ""
	}
	return q.Store
}

// Limited reports whether anything is limited.
func (c *Config) Limited() bool {
	none := broker.Limits{}
	for _, k := range c.Kinds {
		if k.Quota.broker() != none {
			return true
		}
	}
	return c.BrokerLimits() != none
}

func (l *loader) judgeQuota(c *Config) {
	q := c.Quota
	l.oneOf("quota.on_failure", q.OnFailure, quota.Refuse, quota.Allow)
	if q.Store != MemoryStore {
		if err := quota.CheckURL(q.Store); err != nil {
			l.blame("quota.store", "quota.store %v; or %s", err, MemoryStore)
		}
	}
	if q.CA != "" && !strings.HasPrefix(q.Store, "rediss:") {
		l.blame("quota.ca", "quota.ca contradicts quota.store, which has no TLS: write rediss://, or remove quota.ca")
	}
	l.accept("quota.bytes_per_day", c.BrokerLimits().Check())
	for name, k := range c.Kinds {
		at := "kinds." + name + ".quota."
		l.accept(at+"bytes_per_day", k.Quota.broker().Check())
		if all, own := q.RequestsPerMinute, k.Quota.RequestsPerMinute; all > 0 && own > all {
			l.blame(at+"requests_per_minute", "%srequests_per_minute is %d, and quota.requests_per_minute allows %d for all kinds together", at, own, all)
		}
		if own := int64(k.Quota.BytesPerDay); own > 0 && own < int64(k.MinSize) {
			l.blame(at+"bytes_per_day", "%sbytes_per_day is %d, less than any object's min_size", at, own)
		}
	}
}

// withoutPassword is a value of quota.store that may be shown.
func withoutPassword(store string) string {
	u, err := url.Parse(store)
	if err != nil {
		return "" // such a one is refused
	}
	return u.Redacted()
}
