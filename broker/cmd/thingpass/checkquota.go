// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"

	"thingpass/broker/awss3"
	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/cmd/thingpass/wiring"
	"thingpass/broker/quota"
)

// checkQuota says who counts, and whether it answers.
func checkQuota(ctx context.Context, conf *config.Config) []finding {
	findings := checkBudgets(conf)
	add := func(level awss3.Level, format string, args ...any) {
		findings = append(findings, finding{"quota", "", level, fmt.Sprintf(format, args...)})
	}
	if conf.Quota.RedisURL() == "" {
		if conf.Limited() {
			add(awss3.OK, "this broker counts for itself; brokers that share the work need a Redis to count together")
		}
		return findings
	}
	store, err := wiring.Quota(conf, slog.New(slog.DiscardHandler))
	if err != nil {
		add(awss3.Problem, "%v", err)
		return findings
	}
	defer func() { _ = store.Close() }()
	if err := store.(*quota.Redis).Probe(ctx); err != nil {
		level, meanwhile := awss3.Problem, "refused"
		if conf.Quota.OnFailure == quota.Allow {
			level, meanwhile = awss3.Warning, "allowed without counting"
		}
		add(level, "quota.store: Redis cannot be asked: %v: requests would be %s", err, meanwhile)
	} else {
		add(awss3.OK, "Redis answers, and may run our script")
	}
	if u, err := url.Parse(conf.Quota.RedisURL()); err == nil && u.Scheme == "redis" && u.User != nil && !loopback(u.Hostname()) {
		add(awss3.Warning, "quota.store: the password goes over the network as plain text: use rediss://")
	}
	return findings
}

// checkBudgets finds kinds with objects that fit into no day.
func checkBudgets(conf *config.Config) []finding {
	var findings []finding
	for name, k := range conf.Kinds {
		budget, setting := int64(k.Quota.BytesPerDay), "kinds."+name+".quota.bytes_per_day"
		if budget == 0 {
			budget, setting = int64(conf.Quota.BytesPerDay), "quota.bytes_per_day"
		}
		if budget > 0 && int64(k.MaxSize) > budget {
			findings = append(findings, finding{"quota", "", awss3.Warning,
				fmt.Sprintf("kinds.%s.max_size is more than %s: such objects are refused on every day", name, setting)})
		}
	}
	return findings
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
