// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// deps returns the import paths of everything that a package is built from,
// without its tests and without the standard library.
func deps(t *testing.T, pkg string) []string {
	t.Helper()
	var stderr strings.Builder
	list := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", pkg)
	list.Stderr = &stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list %s: %v\n%s", pkg, err, stderr.String())
	}
	paths := strings.Fields(string(out))
	if len(paths) == 0 || paths[len(paths)-1] != pkg {
		t.Fatalf("go list %s: does not end with the package itself: %q", pkg, paths)
	}
	return paths
}

func TestTheDecisionNeedsTheStandardLibraryOnly(t *testing.T) {
	if paths := deps(t, "thingpass/broker"); len(paths) > 1 {
		t.Errorf("package broker is built from %q", paths)
	}
}

// The embedded servers are for development: the product must not carry them.
func TestTheProductHasNoEmbeddedServer(t *testing.T) {
	for _, path := range deps(t, "thingpass/broker/cmd/thingpass") {
		for _, banned := range []string{"github.com/mochi-mqtt/", "github.com/versity/", "thingpass/broker/devstack"} {
			if strings.HasPrefix(path, banned) {
				t.Errorf("cmd/thingpass is built from %s", path)
			}
		}
	}
}

// Adapters know the decision and never each other, so that each can be replaced.
func TestAdaptersDoNotKnowEachOther(t *testing.T) {
	allowed := map[string][]string{
		"thingpass/broker/presign":      nil,
		"thingpass/broker/awss3":        {"thingpass/broker/presign", "thingpass/broker/fleet"},
		"thingpass/broker/mqttconn":     nil,
		"thingpass/broker/iotrule":      nil,
		"thingpass/broker/quota":        nil,
		"thingpass/broker/auditfile":    nil,
		"thingpass/broker/console":      nil,
		"thingpass/broker/sqsevents":    nil,
		"thingpass/broker/credprovider": nil,
		"thingpass/broker/explain":      {"thingpass/broker/presign"},
		"thingpass/broker/cost":         nil,
		"thingpass/broker/fleet":        nil,
		"thingpass/broker/operate":      {"thingpass/broker/fleet"},
		// Pages know who looks and what is known, and no server, bucket or SDK.
		"thingpass/broker/console/access": nil,
		"thingpass/broker/console/thumbs": {"thingpass/broker/fleet"},
		"thingpass/broker/console/pages": {
			"thingpass/broker/console/access", "thingpass/broker/console/thumbs", "thingpass/broker/fleet", "thingpass/broker/operate",
		},
	}
	for pkg, others := range allowed {
		for _, path := range deps(t, pkg) {
			if strings.HasPrefix(path, "thingpass/") && path != pkg && path != "thingpass/broker" && !slices.Contains(others, path) {
				t.Errorf("%s is built from %s", pkg, path)
			}
		}
	}
}
