// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestTheREADMEWorks runs every command that README.md shows, in their order: as
// written, but for the address, the ports, and that the programs are built.
func TestTheREADMEWorks(t *testing.T) {
	needsMosquitto(t)
	blocks := shellBlocks(t, filepath.Join("..", "..", "README.md"))
	if len(blocks) != 3 {
		t.Fatalf("%d blocks of commands: make this test run the new one", len(blocks))
	}
	for _, target := range []string{"make demo", "make test"} {
		if !strings.Contains(blocks[0], target) {
			t.Errorf("the first block does not show %q", target)
		}
	}
	dir := t.TempDir()
	port := startServers(t, dir, strings.Split(strings.TrimSpace(blocks[1]), "\n"))
	photo := jpeg("readme", 30_000).body
	if err := os.WriteFile(filepath.Join(dir, "photo.jpg"), photo, 0o600); err != nil {
		t.Fatal(err)
	}
	script := strings.NewReplacer("192.168.1.10", "127.0.0.1", "8883", port).Replace(blocks[2])
	shell := exec.Command("bash", "-euo", "pipefail", "-c", script)
	shell.Dir = dir
	out, err := shell.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `"status":"success"`) {
		t.Fatalf("%v:\n%s", err, out)
	}
	paths, err := filepath.Glob(filepath.Join(dir, "dev/s3/photos/porch/photo/*/*/*/first.jpg"))
	if err != nil || len(paths) != 1 || sums(t, paths)[0] != sum(photo) {
		t.Errorf("the photo is not in the bucket as it was sent: %v", paths)
	}
}

// TestTheREADMEOfTheFirmwareWorks runs every command that it shows of the virtual
// thing.
func TestTheREADMEOfTheFirmwareWorks(t *testing.T) {
	needsMosquitto(t)
	servers := shellBlocks(t, filepath.Join("..", "..", "README.md"))[1]
	blocks := shellBlocks(t, filepath.Join("..", "..", "firmware", "README.md"))
	if len(blocks) != 3 { // the first two are run below
		t.Fatalf("%d blocks of commands: make a test run the new one", len(blocks))
	}
	dir := t.TempDir()
	port := startServers(t, dir, strings.Split(strings.TrimSpace(servers), "\n"))
	s := &stack{tb: t, dir: dir}
	text, err := os.ReadFile(filepath.Join(dir, "ready.json"))
	if err == nil {
		err = json.Unmarshal(text, &s.ready)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.publishFile("firmware/latest.bin", []byte("an update"))
	script := strings.NewReplacer("192.168.1.10", "127.0.0.1", "8883", port, "bin/thingpass-thing", program(t, "thingpass-thing")).Replace(blocks[2])
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-euxo", "pipefail", "-c", script)
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that its commands end with it
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) }
	shell.Dir = dir
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	for _, want := range []string{"photo 9 ", "spooled", "file 1 ", "download 1 ", "unchanged"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
}

// TestTheFirmwaresREADMEProvisions runs its commands for an identity of its own.
func TestTheFirmwaresREADMEProvisions(t *testing.T) {
	needsMosquitto(t)
	blocks := shellBlocks(t, filepath.Join("..", "..", "firmware", "README.md"))
	dir := t.TempDir()
	port := startServers(t, dir, lines(blocks[0]))
	script := strings.NewReplacer("192.168.1.10", "127.0.0.1", "8883", port, "bin/thingpass-thing", program(t, "thingpass-thing")).Replace(blocks[1])
	shell := exec.Command("bash", "-euxo", "pipefail", "-c", script)
	shell.Dir = dir
	out, err := shell.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "cam-7 has an identity") {
		t.Fatalf("%v:\n%s", err, out)
	}
	if photos, err := filepath.Glob(filepath.Join(dir, "dev/s3/photos/cam-7/photo/*/*/*/*.jpg")); err != nil || len(photos) != 3 {
		t.Errorf("%d photos of cam-7 are in the bucket, want 3 (%v)", len(photos), err)
	}
}

// startServers runs the commands that set everything up, and returns the port of
// the MQTT server.
func startServers(t *testing.T, dir string, commands []string) (port string) {
	t.Helper()
	var ready struct {
		MQTT struct{ Port json.Number }
	}
	t.Chdir(dir) // the commands name their folder relative to it
	for _, command := range commands {
		words := strings.Fields(strings.ReplaceAll(command, "192.168.1.10", "127.0.0.1"))
		switch {
		case command == "make build":
		case words[0] == "bin/thingpass-dev" && words[1] == "run":
			start(t, "thingpass-dev", append(words[1:], "--mqtt-port", "0", "--s3-port", "0", "--ready-file", "ready.json")...)
			await(t, "the servers", func() bool {
				text, err := os.ReadFile("ready.json")
				return err == nil && json.Unmarshal(text, &ready) == nil
			})
		case words[0] == "bin/thingpass" && words[1] == "run":
			start(t, "thingpass", words[1:]...).awaitLine("ready")
		default:
			if code := start(t, filepath.Base(words[0]), words[1:]...).wait(patience); code != 0 {
				t.Fatalf("%s: exit code %d", command, code)
			}
		}
	}
	return ready.MQTT.Port.String()
}

func shellBlocks(t *testing.T, path string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// TestTheREADMENamesTestsThatExist keeps its table of promises honest.
func TestTheREADMENamesTestsThatExist(t *testing.T) {
	needsMosquitto(t)
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)").FindAllStringSubmatch(string(text), -1)
	if len(names) < 4 {
		t.Fatalf("only %d tests are named", len(names))
	}
	var source strings.Builder
	for _, pattern := range []string{"*_test.go", "../*_test.go", "../cmd/thingpass/*_test.go", "../console/pages/*_test.go"} {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			code, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			source.Write(code)
		}
	}
	for _, name := range names {
		if !strings.Contains(source.String(), "func "+name[1]+"(") {
			t.Errorf("README.md names %s, which does not exist", name[1])
		}
	}
}

// TestTheDemoShowsPhotos runs what `make demo` runs, and compares what it says
// with what is there.
func TestTheDemoShowsPhotos(t *testing.T) {
	needsMosquitto(t)
	program(t, "thingpass")
	program(t, "thingpass-thing")
	dir := filepath.Join(t.TempDir(), "demo")
	t.Cleanup(func() {
		if mustNotLeakFiles(t, dir) == 0 {
			t.Error("there are no logs to search")
		}
	})
	for run := range 2 { // the second finds certificates and photos of the first
		c := start(t, "thingpass-dev", "demo", "--dir", dir, "--scene", "QVGA", "--count", "3", "--interval", "50ms")
		if code := c.wait(2 * patience); code != 0 {
			t.Fatalf("run %d: exit code %d", run, code)
		}
		shown := regexp.MustCompile(`(?m)^cam1 +\d+ +\d+ +\d+  (cam1/photo/\S+\.jpg)$`).FindAllStringSubmatch(c.text(), -1)
		if len(shown) != 3 {
			t.Fatalf("run %d: it shows %d photos of 3", run, len(shown))
		}
		for _, m := range shown {
			if _, err := os.Stat(filepath.Join(dir, "s3", "photos", m[1])); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestTheDemoStopsOnCtrlC leaves no process behind.
func TestTheDemoStopsOnCtrlC(t *testing.T) {
	needsMosquitto(t)
	dir := filepath.Join(t.TempDir(), "demo")
	c := start(t, "thingpass-dev", "demo", "--dir", dir, "--interval", "50ms")
	c.awaitLine("cam1/photo/")
	if code := c.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	out, err := exec.Command("pgrep", "-f", dir).Output()
	if err == nil {
		t.Errorf("still running: %s", out)
	}
}
