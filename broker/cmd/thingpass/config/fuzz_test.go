// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thingpass/broker/cmd/thingpass/config"
)

// FuzzLoad holds: what is accepted makes kinds that a broker accepts, and what
// is not is explained and leaves nothing behind.
func FuzzLoad(f *testing.F) {
	for _, test := range badConfigs() {
		f.Add(test.text, strings.Join(test.env, "\n"))
	}
	f.Add(good, "THINGPASS_KINDS_A_B_TYPES=image/png\nTHINGPASS_KINDS_A_B_MAX_SIZE=1")
	f.Add("# nothing\n", "")
	f.Add("---\n", "")
	f.Add("kinds: &k {photo: *k}\n", "")
	f.Add("kinds: &k [*k]\n", "")
	f.Add("? [a]\n: b\n", "")
	f.Add("mqtt: !!binary aGk=\n1: 2\n", "THINGPASS_=")
	path := filepath.Join(f.TempDir(), "broker.yaml")
	f.Fuzz(func(t *testing.T, text, environ string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path, strings.Split(environ, "\n"))
		if err != nil {
			if c != nil || err.Error() == "" {
				t.Errorf("got %+v beside %q", c, err)
			}
			return
		}
		for _, k := range c.BrokerKinds() {
			if err := k.Check(); err != nil {
				t.Errorf("accepted, but %v", err)
			}
		}
	})
}
