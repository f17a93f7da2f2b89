// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"thingpass/broker/internal/testmosquitto"
	"thingpass/certs"
)

var firmware = filepath.Join(repository, "firmware")

// A workshop is a folder in which the commands of the firmware's documents can run
// as they are written. What is for a board is written down, and not done.
type workshop struct {
	t        *testing.T
	dir      string
	port     string // of the MQTT server
	preamble string // of each script
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	w := &workshop{t: t, dir: t.TempDir()}
	for name, target := range map[string]string{"bin": programs, "firmware": firmware} {
		if err := os.Symlink(target, filepath.Join(w.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	tool := "#!/bin/sh\necho \"${0##*/} $*\" >>'" + filepath.Join(w.dir, "board.log") + "'\n"
	w.write("board/esptool.py", tool+`for file; do :; done; [ -s "$file" ]`+"\n", 0o700)
	w.write("board/idf.py", tool+`grep -q 'project(' CMakeLists.txt`+"\n", 0o700)
	d := &desk{tb: t, dir: w.dir}
	d.fakeIDF(true)
	return w
}

func (w *workshop) write(name, text string, mode os.FileMode) {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		w.t.Fatal(err)
	}
}

// run runs a block in a folder of the workshop, as written but for the address,
// and returns what it prints.
func (w *workshop) run(folder, block string) string {
	w.t.Helper()
	block = strings.ReplaceAll(block, "192.168.1.10 -p 8883", "127.0.0.1 -p "+w.port)
	block = strings.ReplaceAll(block, "192.168.1.10", "127.0.0.1:"+w.port)
	shell := exec.Command("bash", "-euo", "pipefail", "-c", w.preamble+block)
	shell.Dir = filepath.Join(w.dir, folder)
	shell.Env = append(os.Environ(), "PATH="+filepath.Join(w.dir, "board")+":"+os.Getenv("PATH"), "IDF_PATH="+filepath.Join(w.dir, "idf"))
	out, err := shell.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%v:\n%s\n%s", err, block, out)
	}
	mustNotLeak(w.t, "a document's command", string(out))
	return string(out)
}

// flashed returns the commands to boards so far.
func (w *workshop) flashed() []string {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "board.log"))
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// blocks returns the commands of a document; a test that knows another number of
// them would leave one out.
func blocks(t *testing.T, path string, want int) []string {
	t.Helper()
	list := shellBlocks(t, filepath.Join(firmware, path))
	if len(list) != want {
		t.Fatalf("%s has %d blocks of commands, not %d: make this test run them all", path, len(list), want)
	}
	return list
}

// TestAnExampleReachesItsBoard runs what brings a board from its box to a project.
func TestAnExampleReachesItsBoard(t *testing.T) {
	needsMosquitto(t)
	box := blocks(t, "examples/README.md", 3)
	w := newWorkshop(t)
	w.port = startServers(t, w.dir, lines(box[0]))
	w.run("", box[1])
	w.run("", box[2])
	want := []string{"esptool.py --port /dev/ttyUSB0 write_flash 0x9000 porch.bin", "idf.py set-target esp32s3", "idf.py -p /dev/ttyUSB0 flash monitor"}
	if got := w.flashed(); !slices.Equal(got, want) {
		t.Errorf("a board was given %q, want %q", got, want)
	}
	if left, _ := filepath.Glob(filepath.Join(w.dir, "porch.*")); len(left) != 0 {
		t.Errorf("keys are left over: %v", left)
	}
}

func lines(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") }

// TestTheExamplesREADMEsWork runs the commands of each project.
func TestTheExamplesREADMEsWork(t *testing.T) {
	needsMosquitto(t)
	w := newWorkshop(t)
	for project, target := range map[string]string{"arducam_mega": "esp32c3", "sd_logs": "esp32"} {
		_ = os.Remove(filepath.Join(w.dir, "board.log"))
		w.run("firmware/examples/"+project, blocks(t, "examples/"+project+"/README.md", 1)[0])
		if got := w.flashed(); !slices.Equal(got, flashing(target)) {
			t.Errorf("%s: %q", project, got)
		}
	}
	for _, name := range []string{"README.md", "arduino/camera/README.md"} {
		blocks(t, "examples/"+name, map[string]int{"README.md": 3}[name]) // those are run above
	}
	t.Run("esp32s3_cam", func(t *testing.T) {
		w := newWorkshop(t)
		list := blocks(t, "examples/esp32s3_cam/README.md", 2)
		w.run("firmware/examples/esp32s3_cam", list[0])
		if got := w.flashed(); !slices.Equal(got, flashing("esp32s3")) {
			t.Errorf("%q", got)
		}
		w.commands(list[1])
	})
	t.Run("ota", func(t *testing.T) {
		w := newWorkshop(t)
		list := blocks(t, "examples/ota/README.md", 2)
		w.run("firmware/examples/ota", list[1])
		if got := w.flashed(); !slices.Equal(got, flashing("esp32c3")) {
			t.Errorf("%q", got)
		}
		w.publishes(list[0])
	})
}

func flashing(target string) []string {
	return []string{"idf.py set-target " + target, "idf.py -p /dev/ttyUSB0 flash monitor"}
}

// commands runs a block by which an operator asks the thing porch for a photo.
func (w *workshop) commands(block string) {
	w.t.Helper()
	const topic = "thingpass/porch/command"
	m := testmosquitto.Start(w.t, testmosquitto.Options{ACL: "user operator\ntopic write " + topic + "\nuser porch\ntopic read " + topic + "\n"})
	for _, name := range []string{"operator", "porch"} {
		id, err := m.CA.Thing(name)
		if err != nil {
			w.t.Fatal(err)
		}
		w.identity(name, id, m.CA)
	}
	port := m.Services[strings.LastIndexByte(m.Services, ':')+1:]
	sub := exec.Command("stdbuf", "-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", port, "--cafile", "ca.crt", "--cert", "porch.crt", "--key", "porch.key", "-q", "1", "-t", topic, "-C", "1", "-d")
	sub.Dir = w.dir
	board := startCommand(w.t, "mosquitto_sub", sub)
	board.awaitLine("Subscribed")
	w.port = port
	w.run("", block)
	board.awaitLine(`{"id":"c-`)
	command := regexp.MustCompile(`(?m)^\{"id":"c-(\d{10})","time":(\d{10}),"command":"capture","expiresAt":(\d{10})\}$`)
	if m := command.FindStringSubmatch(board.text()); m == nil || m[1] != m[2] || m[3] <= m[2] {
		w.t.Errorf("no command of [P-15]:\n%s", board.text())
	}
	source, err := os.ReadFile(filepath.Join(firmware, "examples/esp32s3_cam/main/main.c"))
	if err != nil || !strings.Contains(string(source), "thingpass_esp_on_command(esp, THINGPASS_CAPTURE") {
		w.t.Errorf("the project understands another command (%v)", err)
	}
}

func (w *workshop) identity(name string, id certs.Identity, ca *certs.CA) {
	w.t.Helper()
	w.write("ca.crt", string(ca.CertPEM()), 0o600)
	w.write(name+".crt", string(id.CertPEM()), 0o600)
	w.write(name+".key", string(id.KeyPEM()), 0o600)
}

// publishes runs a block that puts an image into the bucket, and lets a thing ask
// for it: the broker must know its SHA-256.
func (w *workshop) publishes(block string) {
	w.t.Helper()
	if _, err := exec.LookPath("aws"); err != nil {
		if os.Getenv("CI") == "true" {
			w.t.Fatal(err)
		}
		w.t.Skip("the AWS CLI is not there: .ci/setup test installs it")
	}
	s := newStack(w.t)
	owner := (&cli{tb: w.t}).owner(credentialReady{S3: struct {
		Endpoint, Region, DataDir, Role string
		AccessKeyFile                   string
	}{Region: s.ready.S3.Region, AccessKeyFile: s.ready.S3.KeyFile}})
	w.preamble = "export AWS_EC2_METADATA_DISABLED=true AWS_PAGER= " + strings.Join(owner, " ") + "\n" +
		"aws() { command aws \"$@\" --endpoint-url " + s.ready.S3.Endpoint + " --ca-bundle " + s.ready.CAFile + "; }\n"
	image := strings.Repeat("an image ", 30_000)
	w.write("build/ota.bin", image, 0o600)
	w.run("", block)
	to := filepath.Join(w.dir, "fetched.bin")
	if line := s.fetches(0, "fetched", to); line.SHA256 != sum([]byte(image)) {
		w.t.Errorf("%+v", line)
	}
	mustBe(w.t, to, []byte(image))
}
