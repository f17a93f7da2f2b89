// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"slices"
	"testing"
)

// lendCredentials lets the broker give things credentials, and name the provider.
func (s *stack) lendCredentials() {
	s.tb.Helper()
	s.broker.stop()
	s.extra = "credentials:\n  role_arn: " + s.ready.S3.Role + "\n  sts_endpoint: " + s.ready.S3.Endpoint +
		"\n  provider: {endpoint: '" + s.ready.CredentialProvider.Endpoint + "', role_alias: thingpass}\n"
	s.startBroker()
}

// TestPhotosAreStoredWithCredentials lets the firmware sign by itself, with what
// the broker or a provider lends it: once, for many photos.
func TestPhotosAreStoredWithCredentials(t *testing.T) {
	s := newStack(t)
	s.lendCredentials()
	sizes := []int{5, 1023, 4096, 4097, 100_000, 1 << 20}
	for name, args := range map[string][]string{
		"session":  {},
		"mqtt5":    {"--mqtt", "5"},
		"provider": {"--credentials", "provider"},
		"nosum":    {"--sha256", "off"},
		"s3":       {"--verify", "s3", "--metadata", "fw=1.4.2"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "provider" {
				needsMosquitto(t) // whose CA is the provider's
			}
			s := s.with(t)
			dir := folder(t, sizes...)
			c := s.thing("own-"+name, append(args, "--mode", "credentials", "--camera", dir, "--interval", "0")...)
			if code := c.wait(2 * patience); code != 0 {
				t.Fatalf("exit code %d:\n%s", code, c.text())
			}
			s.mustHaveStored("own-"+name, dir)
			if n := c.asks(); n > 2 {
				t.Errorf("%d questions for %d photos", n, len(sizes))
			}
		})
	}
	t.Run("cut", func(t *testing.T) {
		s := s.with(t)
		dir := folder(t, slices.Repeat([]int{60_000}, 6)...)
		c := s.thing("own-cut", "--mode", "credentials", "--camera", dir, "--interval", "0", "--cut-random", "5,8,100000", "--retry-wait", "20,100")
		if code := c.wait(2 * patience); code != 0 {
			t.Fatalf("exit code %d:\n%s", code, c.text())
		}
		s.mustHaveStored("own-cut", dir)
	})
}
