// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package deploy_test

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stages are the instructions from each FROM on; the first are before them all.
func stages(list []instruction) (out [][]instruction) {
	out = append(out, nil)
	for _, i := range list {
		if i.name == "FROM" {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], i)
	}
	return out
}

func all(list []instruction, name string) (found []string) {
	for _, i := range list {
		if i.name == name {
			found = append(found, i.rest)
		}
	}
	return found
}

// TestTheImageHasNothingButTheProgram, and nobody in it is root.
func TestTheImageHasNothingButTheProgram(t *testing.T) {
	t.Parallel()
	s := stages(containerfile(t))
	if len(s) != 3 || len(all(s[0], "ARG")) != 2 {
		t.Fatalf("%d stages, want two, and both images as ARG before them", len(s)-1)
	}
	final := s[2]
	if base := final[0].rest; base != "${BASE_IMAGE}" || !strings.Contains(all(s[0], "ARG")[1], "distroless/static") || !strings.HasSuffix(all(s[0], "ARG")[1], ":nonroot") {
		t.Errorf("the last stage is from %s", base)
	}
	if copied := all(final, "COPY"); !slices.Equal(copied, []string{"--from=build /out/thingpass /thingpass"}) {
		t.Errorf("it copies %q", copied)
	}
	if user := all(final, "USER"); !slices.Equal(user, []string{"65532:65532"}) {
		t.Errorf("its user is %q", user)
	}
	for _, banned := range []string{"RUN", "ADD", "SHELL", "VOLUME", "WORKDIR"} {
		if found := all(final, banned); found != nil {
			t.Errorf("%s in the last stage: %q", banned, found)
		}
	}
	for _, list := range s {
		for _, i := range list {
			if i.name == "COPY" && (strings.HasPrefix(i.rest, ". ") || strings.Contains(i.rest, "*")) {
				t.Errorf("COPY %s takes what lies beside the sources", i.rest)
			}
			for _, secret := range []string{"AWS_", "PASSWORD", "SECRET", "TOKEN", "_KEY"} {
				if strings.Contains(strings.ToUpper(i.rest), secret) {
					t.Errorf("%s %s: what has %s to do in an image?", i.name, i.rest, secret)
				}
			}
		}
	}
}

// TestTheSourcesThatAreCopiedDo: what the Containerfile copies is all that the
// program is built from.
func TestTheSourcesThatAreCopiedDo(t *testing.T) {
	t.Parallel()
	copied := []string{}
	for _, c := range all(stages(containerfile(t))[1], "COPY") {
		words := strings.Fields(c)
		for _, source := range words[:len(words)-1] {
			copied = append(copied, source)
			if _, err := os.Stat(filepath.Join(repository(t), source)); err != nil {
				t.Error(err)
			}
		}
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if and .Module (not .Standard)}}{{if .Module.Main}}{{.ImportPath}}{{end}}{{end}}", "./broker/cmd/thingpass")
	list.Dir = repository(t)
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range strings.FieldsSeq(string(out)) {
		folder, _, _ := strings.Cut(strings.TrimPrefix(pkg, "thingpass/"), "/")
		if !slices.Contains(copied, folder) {
			t.Errorf("%s is not copied, which %s is in", folder, pkg)
		}
	}
}

// TestTheProgramIsStatic: the image has no loader and no library.
func TestTheProgramIsStatic(t *testing.T) {
	t.Parallel()
	f, err := elf.Open(program(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	libraries, err := f.ImportedLibraries()
	if err != nil || len(libraries) > 0 {
		t.Errorf("it needs %q, %v", libraries, err)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("it needs a loader")
		}
	}
}

// imageCommand is what the image runs: ENTRYPOINT, CMD or HEALTHCHECK.
func imageCommand(t *testing.T, text string) (words []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(text[strings.IndexByte(text, '['):]), &words); err != nil {
		t.Fatalf("%s: %v: want the form of JSON, as there is no shell", text, err)
	}
	return words
}

// environment are the image's variables.
func environment(list []instruction) (env []string) {
	for _, e := range all(list, "ENV") {
		env = append(env, strings.Fields(e)...)
	}
	return env
}

// jail runs a command of the image as the image does: there is nothing but the
// program and the mounted configuration, all of it read-only, and the user is the
// one of the image. mount(8) and chroot(8) are who needs root.
func jail(ctx context.Context, root string, env []string, words []string) *exec.Cmd {
	script := `mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && root=$1 && shift && exec chroot --userspec=65532:65532 "$root" "$@"`
	c := exec.CommandContext(ctx, "unshare", append([]string{"--mount", "--pid", "--fork", "--kill-child", "sh", "-euc", script, "sh", root}, words...)...)
	c.Env = append(env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
	return c
}

// TestTheImageRuns: read-only, without root, with no more than the image has; its
// health check says that it waits for its server.
func TestTheImageRuns(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root, for chroot and a read-only mount")
	}
	need(t, "unshare", "util-linux has it")
	if out, err := exec.Command("unshare", "--mount", "--pid", "--fork", "true").CombinedOutput(); err != nil {
		t.Skipf("this machine lets nobody make name spaces: %s", out)
	}
	final := stages(containerfile(t))[2]
	root := jailFiles(t)
	port := freePort(t)
	env := append(environment(final), "THINGPASS_HTTP_LISTEN=127.0.0.1:"+port) // the last one counts
	command := append(imageCommand(t, all(final, "ENTRYPOINT")[0]), imageCommand(t, all(final, "CMD")[0])...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	broker := jail(ctx, root, env, command)
	var said bytes.Buffer
	broker.Stdout, broker.Stderr = &said, &said
	if err := broker.Start(); err != nil {
		t.Fatal(err)
	}
	probe := imageCommand(t, all(final, "HEALTHCHECK")[0])
	alive := append(slices.Clone(probe), "--alive")
	for {
		if ctx.Err() != nil {
			t.Fatalf("it does not live:\n%s", said.String())
		}
		if out, err := jail(ctx, root, env, alive).CombinedOutput(); err == nil && string(out) == "ok\n" {
			break
		}
		time.Sleep(50 * time.Millisecond) // between two attempts
	}
	out, err := jail(ctx, root, env, probe).CombinedOutput()
	if code := exitCode(err); code != 1 || !strings.Contains(string(out), `"mqtt":"0 of 1 connections are subscribed"`) {
		t.Errorf("the health check ends with %d: %s", code, out)
	}
	stopProgram(t, broker)
	if err := broker.Wait(); err != nil || ctx.Err() != nil {
		t.Errorf("%v:\n%s", err, said.String())
	}
}

func exitCode(err error) int {
	if exit, is := err.(*exec.ExitError); is {
		return exit.ExitCode()
	}
	return 0
}

// jailFiles is the image's file system, with a configuration mounted that names a
// server which is not there.
func jailFiles(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(program(t))
	if err == nil {
		err = os.WriteFile(filepath.Join(root, "thingpass"), binary, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(root, "etc", "thingpass")
	write(t, filepath.Join(folder, "broker.yaml"), "mqtt: {server: 'mqtts://127.0.0.1:1', cert: broker.crt, key: broker.key}\n"+
		"s3: {region: eu-central-1, bucket: photos, access_key_file: s3.json}\nkinds: {photo: {types: [image/jpeg], max_size: 1MiB}}\n")
	write(t, filepath.Join(folder, "s3.json"), `{"accessKeyId": "AKIDEXAMPLE", "secretAccessKey": "example"}`)
	keyPair(t, filepath.Join(folder, "broker.crt"), filepath.Join(folder, "broker.key"))
	return root
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// stopProgram sends SIGTERM to the child of unshare, which is not told by itself.
func stopProgram(t *testing.T, c *exec.Cmd) {
	t.Helper()
	children, err := os.ReadFile("/proc/" + pid(c) + "/task/" + pid(c) + "/children")
	if err != nil {
		t.Fatal(err)
	}
	var child int
	if _, err := fmt.Sscan(string(children), &child); err != nil {
		t.Fatalf("%q: %v", children, err)
	}
	if err := syscall.Kill(child, syscall.SIGTERM); err != nil {
		t.Error(err)
	}
}

func pid(c *exec.Cmd) string { return strconv.Itoa(c.Process.Pid) }
