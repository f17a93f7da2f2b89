// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package auditfile_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"thingpass/broker/auditfile"
)

// The test program is these, when a test starts it as a child.
const beVariable = "BE"

func TestMain(m *testing.M) {
	switch os.Getenv(beVariable) {
	case "writer":
		beWriter(os.Args[1])
	case "limited":
		beLimited(os.Args[1])
	default:
		os.Exit(m.Run())
	}
}

func child(tb testing.TB, what, path string) *exec.Cmd {
	tb.Helper()
	self, err := os.Executable()
	must(tb, err)
	cmd := exec.Command(self, path)
	cmd.Env = append(os.Environ(), beVariable+"="+what)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// beWriter writes numbered lines, and tells each number after it was written.
func beWriter(path string) {
	f, err := auditfile.Open(auditfile.Config{Path: path, MaxSize: 200, Keep: 100_000})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	first, _ := strconv.Atoi(os.Getenv("FIRST"))
	for n := first; ; n++ {
		if _, err := fmt.Fprintf(f, "{\"n\":%d}\n", n); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(n)
	}
}

// TestNothingThatWasWrittenIsLostByKill9 kills a writer that rotates with every
// twentieth line, again and again.
func TestNothingThatWasWrittenIsLostByKill9(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	told := 0
	for round := range 8 {
		cmd := child(t, "writer", path)
		cmd.Env = append(cmd.Env, fmt.Sprint("FIRST=", told+1))
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for range 300 + 37*round {
			if !lines.Scan() {
				break
			}
			told = number(t, lines.Text())
		}
		must(t, cmd.Process.Kill())
		for lines.Scan() {
			told = number(t, lines.Text())
		}
		_ = cmd.Wait() // killed
	}
	counts := map[int]int{}
	for _, file := range oldestFirst(t, path) {
		for line := range strings.Lines(read(t, file)) {
			counts[number(t, strings.TrimSuffix(strings.TrimPrefix(line, `{"n":`), "}\n"))]++
		}
	}
	for n := 1; n <= told; n++ {
		if counts[n] < 1 || counts[n] > 2 { // twice where it was written, but not told: its number was given again
			t.Errorf("line %d is there %d times", n, counts[n])
		}
	}
	t.Logf("%d lines in %d files", told, len(oldestFirst(t, path)))
}

func number(tb testing.TB, text string) int {
	tb.Helper()
	n, err := strconv.Atoi(text)
	must(tb, err)
	return n
}

// fill writes until it fails, and returns what was written.
func fill(f *auditfile.File) (written string, err error) {
	for n := 0; err == nil; n++ {
		line := fmt.Sprintf("{\"n\":%d,\"padding\":%q}\n", n, strings.Repeat("x", 900))
		if _, err = f.Write([]byte(line)); err == nil {
			written += line
		}
	}
	return written, err
}

// TestAFullDiskRefusesAndRecovers uses a real disk that is full: a tmpfs.
func TestAFullDiskRefusesAndRecovers(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("mounting a small disk: %v; TestALimitedFileRefusesAndRecovers does the same with less", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	ballast := filepath.Join(dir, "ballast")
	must(t, os.WriteFile(ballast, make([]byte, 16<<10), 0o600))
	path := filepath.Join(dir, "audit.jsonl")
	f, err := auditfile.Open(auditfile.Config{Path: path})
	must(t, err)
	defer f.Close()

	before, err := fill(f)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("%v, want a full disk", err)
	}
	mustHold(t, path, before) // nothing of the last line
	if err := f.Check(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("check of a full disk: %v", err)
	}
	mustHold(t, path, before)
	must(t, os.Remove(ballast))
	if err := f.Check(); err != nil {
		t.Errorf("check of a disk with room: %v", err)
	}
	mustHold(t, path, before)
	write(t, f, "{}\n")
	mustHold(t, path, before+"{}\n")
}

// beLimited does the same as that test where a process may not have larger files.
func beLimited(path string) {
	limit := func(n uint64) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: n, Max: 1 << 30}); err != nil {
			fmt.Println(err)
			os.Exit(2)
		}
	}
	limit(30_000)
	f, err := auditfile.Open(auditfile.Config{Path: path})
	if err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	before, err := fill(f)
	text, _ := os.ReadFile(path)
	fmt.Println(errors.Is(err, syscall.EFBIG), string(text) == before, f.Check() != nil)
	limit(1 << 30)
	fmt.Println(f.Check() == nil)
	_, err = f.Write([]byte("{}\n"))
	text, _ = os.ReadFile(path)
	fmt.Println(err == nil, string(text) == before+"{}\n")
}

func TestALimitedFileRefusesAndRecovers(t *testing.T) {
	out, err := child(t, "limited", filepath.Join(t.TempDir(), "audit.jsonl")).CombinedOutput()
	if want := "true true true\ntrue\ntrue true\n"; err != nil || string(out) != want {
		t.Errorf("%v:\n%s\nwant\n%s", err, out, want)
	}
}

func TestADeviceIsWrittenToAndNeverPutAside(t *testing.T) {
	full := open(t, auditfile.Config{Path: "/dev/full", MaxSize: 10, Keep: 1})
	if _, err := full.Write([]byte("{}\n")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("/dev/full: %v", err)
	}
	if err := full.Check(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("/dev/full: %v", err)
	}
	null := open(t, auditfile.Config{Path: "/dev/null", MaxSize: 1, Keep: 1})
	write(t, null, "{}\n")
	write(t, null, "{}\n")
}
