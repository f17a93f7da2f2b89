// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"testing"

	"thingpass/broker/internal/testredis"
)

func TestCheckAsksTheQuotasRedis(t *testing.T) {
	s, redis := newStack(t), testredis.Start(t)
	wrong := strings.Replace(redis.URL(), redis.Password(), "wrong-secret-of-the-test", 1)
	for _, test := range []struct {
		store, onFailure, limit string
		code                    int
		want                    string
	}{
		{"memory", "refuse", "off", exitOK, "all is well"},
		{"memory", "refuse", "1MiB", exitOK, "ok       quota: this broker counts for itself"},
		{"memory", "refuse", "1MiB", exitOK, "warning  quota: kinds.photo.max_size is more than quota.bytes_per_day"},
		{redis.URL(), "refuse", "1GiB", exitOK, "ok       quota: Redis answers, and may run our script"},
		{wrong, "refuse", "1GiB", exitFailure, "problem  quota: quota.store: Redis cannot be asked: it does not take the user and password of the URL"},
		{wrong, "allow", "1GiB", exitOK, "warning  quota: quota.store: Redis cannot be asked: it does not take the user and password of the URL"},
		{"redis://127.0.0.1:1", "refuse", "1GiB", exitFailure, "connection refused: requests would be refused"},
	} {
		code, stdout, stderr := s.check("--config", s.config("store: memory", "store: "+test.store, "on_failure: refuse", "on_failure: "+test.onFailure,
			"# Bytes in a day (UTC), such", fmt.Sprintf("bytes_per_day: %s\n  # Bytes", test.limit), "free.\n  bytes_per_day: off", "free."))
		if code != test.code || !strings.Contains(stdout, test.want) {
			t.Errorf("exit code %d, want %d and %s:\n%s%s", code, test.code, test.want, stdout, stderr)
		}
		if strings.Contains(stdout+stderr, "secret-of-the-test") {
			t.Errorf("the password is in\n%s%s", stdout, stderr)
		}
	}
}
