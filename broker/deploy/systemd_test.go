// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package deploy_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"thingpass/broker/cmd/thingpass/config"
)

const mostExposure = "12" // tenths of what systemd-analyze calls the exposure level, of 100

// unit reads a unit, or a drop-in: the values of each setting, in their order. An
// empty one forgets those before it.
func unit(t *testing.T, texts ...string) map[string][]string {
	t.Helper()
	settings := map[string][]string{}
	for line := range strings.SplitSeq(strings.Join(texts, "\n"), "\n") {
		if line = strings.TrimSpace(line); line == "" || strings.ContainsRune("#[", rune(line[0])) {
			continue
		}
		name, value, found := strings.Cut(line, "=")
		switch {
		case !found:
			t.Errorf("%q is no setting", line)
		case value == "":
			settings[name] = nil
		default:
			settings[name] = append(settings[name], value)
		}
	}
	return settings
}

// verify runs systemd-analyze verify on the unit with its drop-ins, the program
// being where it was built.
func verify(t *testing.T, dropIns ...string) (complaints string, err error) {
	t.Helper()
	analyze := need(t, "systemd-analyze", "systemd has it")
	dir := t.TempDir()
	text := strings.ReplaceAll(read(t, "systemd/thingpass.service"), "/usr/local/bin/thingpass", program(t))
	for i, name := range dropIns {
		own := read(t, filepath.Join("systemd", name))
		for setting := range unit(t, own) {
			if setting == "Type" { // verify complains about the value that it replaces
				text = regexp.MustCompile(`(?m)^Type=.*$`).ReplaceAllString(text, "")
			}
		}
		write(t, filepath.Join(dir, "thingpass.service.d", strconv.Itoa(i)+name), own)
	}
	write(t, filepath.Join(dir, "thingpass.service"), text)
	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", "--recursive-errors=no", filepath.Join(dir, "thingpass.service")).CombinedOutput()
	return string(out), err
}

func systemdVersion(t *testing.T) int {
	t.Helper()
	out, err := exec.Command(need(t, "systemd-analyze", "systemd has it"), "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	version, _ := strconv.Atoi(strings.Fields(string(out))[1])
	return version
}

// TestSystemdTakesTheUnit with each of its drop-ins, and has nothing to say.
func TestSystemdTakesTheUnit(t *testing.T) {
	t.Parallel()
	old := systemdVersion(t) < 253
	for _, dropIns := range [][]string{nil, {"debian12.conf"}, {"debian12.conf", "aws.conf"}, {"debian12.conf", "console.conf"}, {"aws.conf"}} {
		complaints, err := verify(t, dropIns...)
		if old && (len(dropIns) == 0 || dropIns[0] != "debian12.conf") {
			if strings.Count(complaints, "\n") > 1 || !strings.Contains(complaints, "notify-reload") {
				t.Errorf("%q: systemd before 253 says %s", dropIns, complaints)
			}
			continue
		}
		if err != nil || complaints != "" {
			t.Errorf("%q: %v: %s", dropIns, err, complaints)
		}
	}
}

// TestTheServiceIsHardened: no more exposed than it is today.
func TestTheServiceIsHardened(t *testing.T) {
	t.Parallel()
	analyze := need(t, "systemd-analyze", "systemd has it")
	out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=yes", "--no-pager", "--threshold="+mostExposure, "systemd/thingpass.service").CombinedOutput()
	if err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	t.Log(lines[len(lines)-1])
}

// TestTheUnitStartsTheProgram: its command line, its variables and its credentials
// are ones that the program knows.
func TestTheUnitStartsTheProgram(t *testing.T) {
	t.Parallel()
	service, aws := read(t, "systemd/thingpass.service"), read(t, "systemd/aws.conf")
	s := unit(t, service)
	if len(s["ExecStart"]) != 1 {
		t.Fatal("there is not one ExecStart")
	}
	words := strings.Fields(s["ExecStart"][0])
	missing := filepath.Join(t.TempDir(), "broker.yaml")
	if words[0] != "/usr/local/bin/thingpass" || words[len(words)-1] != "/etc/thingpass/broker.yaml" {
		t.Fatalf("it starts %q", words)
	}
	words[len(words)-1] = missing
	out, err := exec.CommandContext(t.Context(), program(t), words[1:]...).CombinedOutput()
	if exitCode(err) != 2 || !strings.Contains(string(out), "read the configuration: open "+missing) {
		t.Errorf("%q ends with %v: %s", words, err, out)
	}
	if got := strings.Join(s["RestartPreventExitStatus"], ""); got != "2" {
		t.Errorf("RestartPreventExitStatus is %q, the program's code for a wrong configuration is 2", got)
	}
	own := unitConfig(t, unit(t, service))
	if own.Audit.File != "/var/log/thingpass/audit.jsonl" || own.MQTT.Key != "/run/credentials/thingpass.service/broker.key" || own.S3.AccessKeyFile == "" {
		t.Errorf("audit %s, key %s, S3 %s", own.Audit.File, own.MQTT.Key, own.S3.AccessKeyFile)
	}
	if onAWS := unitConfig(t, unit(t, service, aws)); onAWS.S3.AccessKeyFile != "" || onAWS.MQTT.Key == "" {
		t.Errorf("on AWS: S3's key is %q", onAWS.S3.AccessKeyFile)
	}
	console := unitConfig(t, unit(t, service, read(t, "systemd/console.conf"))).Console
	if console.Listen == "" || console.Access != config.AccessPassword || console.SessionKey != "/var/lib/thingpass/console-session.key" {
		t.Errorf("the console: %+v", console)
	}
}

// unitConfig is what the program makes of the unit's variables: all of them are
// settings, and name credentials that the unit loads.
func unitConfig(t *testing.T, s map[string][]string) *config.Config {
	t.Helper()
	loaded := map[string]bool{}
	for _, c := range s["LoadCredential"] {
		id, path, _ := strings.Cut(c, ":")
		loaded[id] = true
		if path != "/etc/thingpass/keys/"+id {
			t.Errorf("credential %s is at %s", id, path)
		}
	}
	variables := map[string]string{} // the last one counts
	for _, v := range s["Environment"] {
		name, value, _ := strings.Cut(v, "=")
		variables[name] = value
	}
	var env []string
	for name, value := range variables {
		if id, is := strings.CutPrefix(value, "%d/"); is && !loaded[id] {
			t.Errorf("%s names %s, which is not loaded", name, id)
		}
		env = append(env, name+"="+strings.NewReplacer("%d", "/run/credentials/thingpass.service", "%L", "/var/log", "%S", "/var/lib").Replace(value))
	}
	path := filepath.Join(t.TempDir(), "broker.yaml")
	write(t, path, "mqtt: {server: 'mqtts://127.0.0.1:8883'}\ns3: {region: eu-central-1, bucket: photos}\nkinds: {photo: {types: [image/jpeg], max_size: 1MiB}}\n")
	c, err := config.Load(path, env)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
