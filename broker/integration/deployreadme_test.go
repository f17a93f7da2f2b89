// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"thingpass/broker/cmd/thingpass/config"
)

// deployBlocks are the commands of deploy/README.md, by the heading above them.
func deployBlocks(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, "broker", "deploy", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string][]string{}
	for section := range strings.SplitSeq(string(text), "\n## ") {
		heading, _, _ := strings.Cut(section, "\n")
		for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(section, -1) {
			blocks[heading] = append(blocks[heading], m[1])
		}
	}
	return blocks
}

// TestTheDeployREADMEHasNoOtherCommands: each block is run by one of the tests
// below.
func TestTheDeployREADMEHasNoOtherCommands(t *testing.T) {
	t.Parallel()
	want := map[string]int{"AWS in fifteen minutes": 4, "Your own machines: systemd, Mosquitto, any S3": 3, "A container": 1, "Kubernetes": 1, "What to look at": 1}
	for heading, blocks := range deployBlocks(t) {
		if want[heading] != len(blocks) {
			t.Errorf("%q has %d blocks of commands, %d are run: make a test run the new one", heading, len(blocks), want[heading])
		}
		delete(want, heading)
	}
	if len(want) > 0 {
		t.Errorf("the README lacks %v", want)
	}
}

// tool puts a script before all programs of that name.
func (o *operator) tool(name, script string) {
	o.t.Helper()
	if err := os.WriteFile(filepath.Join(o.dir, "tools", name), []byte("#!/bin/sh\nset -eu\n"+script), 0o700); err != nil {
		o.t.Fatal(err)
	}
}

// TestTheDeployREADMELeadsToAWS runs its commands with the AWS CLI, from nothing to
// a thing that may do what it should. The broker's check is at the dev stack.
func TestTheDeployREADMELeadsToAWS(t *testing.T) {
	needsMosquitto(t)
	t.Parallel()
	o := newOperator(t)
	s := newStack(t)
	o.env = append(o.env, "THINGPASS_MQTT_SERVER=mqtts://"+s.mqtt.services, "THINGPASS_MQTT_CLIENT_ID=thingpass-broker-2",
		"THINGPASS_MQTT_CA="+s.path("mqtt-ca.crt"), "THINGPASS_MQTT_CERT="+s.path("broker.crt"), "THINGPASS_MQTT_KEY="+s.path("broker.key"),
		"THINGPASS_S3_ENDPOINT="+s.ready.S3.Endpoint, "THINGPASS_S3_CA="+s.ready.CAFile, "THINGPASS_S3_BUCKET="+bucket,
		"THINGPASS_S3_REGION="+s.ready.S3.Region, "THINGPASS_S3_PATH_STYLE=true", "THINGPASS_S3_ACCESS_KEY_FILE="+s.ready.S3.KeyFile)
	printed := ""
	for _, block := range deployBlocks(t)["AWS in fifteen minutes"] {
		printed += o.run(block)
	}
	if !strings.Contains(o.aws.got(t, "cloudformation CreateChangeSet"), "CAPABILITY_NAMED_IAM") {
		t.Error("the stack may not make roles")
	}
	for _, name := range []string{"thing", "broker", "thing-credentials"} {
		if document, _ := o.aws.iot.Document("thingpass-" + name); !strings.Contains(document, `"2012-10-17"`) || strings.Contains(document, "Fn::") || strings.Contains(document, "AWS::") {
			t.Errorf("AWS IoT has of %s\n%s", name, document)
		}
	}
	calls := strings.Join(o.aws.iot.Calls(), "\n")
	if strings.Count(calls, "AttachPolicy") < 3 {
		t.Errorf("not all policies were attached:\n%s", calls)
	}
	c, err := config.Load(filepath.Join(o.dir, "broker.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.MQTT.Server != "mqtts://example-data-ats.iot.eu-central-1.amazonaws.com:8883" || c.S3.Bucket != "my-photos" || c.S3.Region != "eu-central-1" {
		t.Errorf("the broker's configuration: %+v, %+v", c.MQTT, c.S3)
	}
	if !strings.Contains(printed, "cam1") {
		t.Errorf("nothing was verified:\n%s", printed)
	}
}

// A machine is a root that /etc and the like are below, with the shims that an
// operator's commands meet.
type machine struct {
	*operator
	root  string
	ports *strings.Replacer
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to install files for other users")
	}
	o := newOperator(t)
	m := &machine{operator: o, root: t.TempDir()}
	for _, dir := range []string{filepath.Dir(m.root), m.root} { // Mosquitto's user looks into it
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"etc/mosquitto/conf.d", "etc/systemd/system", "usr/local/bin", "var/log/thingpass"} {
		if err := os.MkdirAll(filepath.Join(m.root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(repository, "broker"), filepath.Join(o.dir, "broker")); err != nil {
		t.Fatal(err)
	}
	o.tool("sudo", `exec "$@"`)
	o.tool("systemctl", "echo systemctl \"$@\" >> "+filepath.Join(o.dir, "told"))
	return m
}

func (m *machine) here(text string) string {
	return m.ports.Replace(strings.NewReplacer(" /etc/", " "+m.root+"/etc/", " /usr/local/", " "+m.root+"/usr/local/").Replace(text))
}

func (m *machine) file(path string) string {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.root, path))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text)
}

func (m *machine) write(path, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.root, path), []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// TestTheDeployREADMELeadsToAServiceOfOnesOwn: Mosquitto runs with the installed
// files, the broker as the installed unit says, and a thing is given leave.
func TestTheDeployREADMELeadsToAServiceOfOnesOwn(t *testing.T) {
	needsMosquitto(t)
	m := newMachine(t)
	s := &stack{tb: t, dir: t.TempDir()}
	s.startS3()
	things, services, health := freeTCP(t), freeTCP(t), freeTCP(t)
	m.ports = strings.NewReplacer("8883", things, "8884", services, "9464", health)
	m.copyS3(s)
	blocks := deployBlocks(t)["Your own machines: systemd, Mosquitto, any S3"]
	m.run(m.here(blocks[0]))
	m.startMosquitto()
	m.run(m.here(blocks[1]))
	broker := m.startAsTheUnit(s)
	broker.awaitLine("ready")
	printed := m.run(m.here(blocks[2]))
	if !strings.Contains(printed, `"ready":true`) || !regexp.MustCompile(`(?m)^cam1/photo/\d{4}/\d\d/\d\d/first\.jpg$`).MatchString(printed) {
		t.Errorf("it prints\n%s", printed)
	}
	if lines := m.file("var/log/thingpass/audit.jsonl"); !strings.Contains(lines, "cam1/photo/") {
		t.Errorf("the audit has\n%s", lines)
	}
	told, err := os.ReadFile(filepath.Join(m.dir, "told"))
	if want := "systemctl restart mosquitto\nsystemctl daemon-reload\nsystemctl enable --now thingpass\n"; err != nil || string(told) != want {
		t.Errorf("systemctl was told %q (%v)", told, err)
	}
	for path, mode := range map[string]os.FileMode{"etc/thingpass/keys": 0o700 | os.ModeDir, "etc/thingpass/keys/broker.key": 0o600, "etc/mosquitto/thingpass/server.key": 0o640} {
		if info, err := os.Stat(filepath.Join(m.root, path)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
}

// copyS3 puts what the operator has of his S3 server where he works.
func (m *machine) copyS3(s *stack) {
	m.t.Helper()
	for from, to := range map[string]string{s.ready.S3.KeyFile: "s3-credentials.json", s.ready.CAFile: "s3-ca.crt"} {
		text, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(m.dir, to), text, 0o600)
		}
		if err != nil {
			m.t.Fatal(err)
		}
	}
}

// startMosquitto starts it as Debian does: its own file includes ours.
func (m *machine) startMosquitto() {
	m.t.Helper()
	installed := m.file("etc/mosquitto/conf.d/thingpass.conf")
	m.write("etc/mosquitto/conf.d/thingpass.conf", m.here(installed))
	m.write("etc/mosquitto/mosquitto.conf", "persistence false\nlog_dest stderr\ninclude_dir "+filepath.Join(m.root, "etc/mosquitto/conf.d")+"\n")
	binary, err := exec.LookPath("mosquitto")
	if err != nil {
		binary = "/usr/sbin/mosquitto"
	}
	startCommand(m.t, "mosquitto", exec.Command(binary, "-v", "-c", filepath.Join(m.root, "etc/mosquitto/mosquitto.conf"))).awaitLine("running")
}

// startAsTheUnit runs the installed program with the command line and the variables
// of the installed unit, its credentials being the files that they are copies of.
func (m *machine) startAsTheUnit(s *stack) *child {
	m.t.Helper()
	unit := m.file("etc/systemd/system/thingpass.service")
	conf := strings.NewReplacer("https://s3.example.com:9000", s.ready.S3.Endpoint, "us-east-1", s.ready.S3.Region).Replace(m.file("etc/thingpass/broker.yaml"))
	m.write("etc/thingpass/broker.yaml", m.ports.Replace(conf))
	command := strings.Fields(regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindStringSubmatch(unit)[1])
	for i := range command {
		command[i] = m.here(" " + command[i])[1:]
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	for _, v := range regexp.MustCompile(`(?m)^Environment=(.*)$`).FindAllStringSubmatch(unit, -1) {
		cmd.Env = append(cmd.Env, strings.NewReplacer("%d", m.root+"/etc/thingpass/keys", "%L", m.root+"/var/log").Replace(v[1]))
	}
	return startCommand(m.t, "thingpass", cmd)
}

// TestTheDeployREADMELeadsToContainersAndClusters: what a machine without them can
// say of the commands. Files exist, and kubectl makes the objects.
func TestTheDeployREADMELeadsToContainersAndClusters(t *testing.T) {
	needsMosquitto(t)
	t.Parallel()
	o := newOperator(t)
	told := filepath.Join(o.dir, "told")
	if err := os.Symlink(filepath.Join(repository, "broker"), filepath.Join(o.dir, "broker")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"broker.crt", "broker.key"} {
		if err := os.WriteFile(filepath.Join(o.dir, name), []byte("example"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.tool("podman", fmt.Sprintf(`echo podman "$@" >> %s; while [ $# -gt 0 ]; do if [ "$1" = -f ]; then test -f "$2"; fi; shift; done`, told))
	o.tool("kubectl", fmt.Sprintf("echo kubectl \"$@\" >> %s\n%s", told, kubectlScript()))
	if _, err := exec.LookPath("promtool"); err != nil {
		o.tool("promtool", `test -f "$3"`)
	}
	blocks := deployBlocks(t)
	for _, heading := range []string{"A container", "Kubernetes", "What to look at"} {
		for _, block := range blocks[heading] {
			o.run(block)
		}
	}
	if trust := o.aws.got(t, "iam UpdateAssumeRolePolicy thingpass-presign"); !strings.Contains(trust, "system:serviceaccount:thingpass:thingpass") {
		t.Errorf("the role trusts %s", trust)
	}
	text, err := os.ReadFile(told)
	if err != nil || strings.Count(string(text), "podman") != 4 || strings.Count(string(text), "kubectl") != 4 {
		t.Errorf("%v: %s", err, text)
	}
}

// kubectlScript does what needs no cluster, if there is a kubectl.
func kubectlScript() string {
	real, err := exec.LookPath("kubectl")
	if err != nil {
		return ""
	}
	return fmt.Sprintf(`case "$1 $2 $3" in
"apply -k "*) exec %s kustomize "$3" ;;
"create namespace "*) exec %s "$@" --dry-run=client -o yaml ;;
"-n thingpass create") exec %s "$@" --dry-run=client -o yaml ;;
esac
`, real, real, real)
}

// freeTCP is a port that nobody listens on now.
func freeTCP(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
