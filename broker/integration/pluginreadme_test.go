// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/paho"
)

// TestThePluginsREADME installs as the document says, but into a folder, and
// starts Mosquitto with its configuration.
func TestThePluginsREADME(t *testing.T) {
	path := filepath.Join(repository, "policies", "plugin", "README.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```conf\n(.*?)```").FindAllSubmatch(text, -1)
	blocks := shellBlocks(t, path)
	if len(found) != 1 || len(blocks) != 1 {
		t.Fatalf("%d configurations, %d blocks of commands", len(found), len(blocks))
	}
	m := pluginServer(t, defaultRegistry(t)) // for its certificates and its port
	m.Stop()
	root := t.TempDir()
	here := strings.NewReplacer("make plugin\n", "", "sudo ", "", "-g mosquitto ", "", "/etc/mosquitto/thingpass", root+"/etc", "/usr/local/lib/thingpass", root+"/lib",
		" bin/", " "+programs+"/", "listener 8883", "listener "+m.Services[strings.LastIndexByte(m.Services, ':')+1:]+" 127.0.0.1")
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", here.Replace(blocks[0]))
	shell.Dir = repository
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	for _, name := range []string{"ca.crt", "server.crt", "server.key"} {
		if err := os.Rename(filepath.Join(m.Dir, name), filepath.Join(root, "etc", name)); err != nil {
			t.Fatal(err)
		}
	}
	rewrite(t, m, func(conf string) string {
		user := regexp.MustCompile(`(?m)^user .*$`).FindString(conf)
		return here.Replace(string(found[0][1])) + user + "\nlog_dest stderr\n"
	})
	m.Restart()
	if got := refusedConnect(t, m.Services, m.ThingTLS("cam2"), &paho.Connect{ClientID: "cam2", CleanStart: true}); got != 0x87 {
		t.Errorf("the example's blocked thing: reason 0x%x", got)
	}
	w := dialWire(t, m.Services, m.ThingTLS("cam3"), "cam3")
	w.subscribe("thingpass/cam3/response")
	w.publish("thingpass/cam3/upload-request", "x")
	if !strings.Contains(m.Log(), "thing cam2 is blocked") {
		t.Errorf("the log:\n%s", m.Log())
	}
}
