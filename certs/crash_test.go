// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package certs_test

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"thingpass/certs"
)

// Each caller opens the directory by itself, so that nothing in memory can
// decide between them: several processes would do no different.
func TestOneOfManyGetsTheName(t *testing.T) {
	path := newDir(t).Path()
	const callers = 16
	var wg sync.WaitGroup
	results := make(chan error, callers)
	start := make(chan struct{})
	for i := range callers {
		dir := must(certs.Open(path))(t)
		wg.Go(func() {
			<-start
			issue := dir.Thing
			if i%2 == 1 {
				issue = dir.Service
			}
			_, err := issue("cam1")
			results <- err
		})
	}
	close(start)
	wg.Wait()
	close(results)
	won := 0
	for err := range results {
		if err == nil {
			won++
		} else if !errors.Is(err, fs.ErrExist) {
			t.Errorf("lost for another reason: %v", err)
		}
	}
	entries := list(t, must(certs.Open(path))(t))
	if won != 1 || len(entries) != 2 || entries[1].State != certs.Valid {
		t.Errorf("%d won, listed %+v", won, entries)
	}
	if rest := unfinished(t, path); len(rest) != 0 {
		t.Errorf("losers left %q", rest)
	}
}

func TestOneOfManyMakesTheCA(t *testing.T) {
	path := filepath.Join(t.TempDir(), "certs")
	var wg sync.WaitGroup
	made := make(chan *certs.Dir, 8)
	for range cap(made) {
		wg.Go(func() {
			if dir, err := certs.Init(path, "test CA"); err == nil {
				made <- dir
			} else if !errors.Is(err, fs.ErrExist) {
				t.Errorf("lost for another reason: %v", err)
			}
		})
	}
	wg.Wait()
	close(made)
	if len(made) != 1 {
		t.Fatalf("%d callers made a CA, want 1", len(made))
	}
	if got := must(certs.Open(path))(t); !got.CA().Certificate().Equal((<-made).CA().Certificate()) {
		t.Error("the CA in the directory is not the one its maker holds")
	}
}

func unfinished(t *testing.T, dir string) []string {
	t.Helper()
	return append(must(filepath.Glob(filepath.Join(dir, ".thingpass-new-*")))(t),
		must(filepath.Glob(filepath.Join(dir, "*", ".thingpass-new-*")))(t)...)
}

// issueForever is the child of TestKilledWhileIssuing.
func issueForever(path string) {
	dir, err := certs.Open(path)
	for i := 0; err == nil; i++ {
		name := fmt.Sprintf("cam%d-%d", os.Getpid(), i)
		if _, err = dir.Thing(name); err == nil {
			fmt.Println(name)
		}
	}
	fmt.Println("error:", err)
	os.Exit(1)
}

func TestMain(m *testing.M) {
	if path := os.Getenv("CERTS_TEST_ISSUE_FOREVER"); path != "" {
		issueForever(path)
	}
	os.Exit(m.Run())
}

func TestKilledWhileIssuing(t *testing.T) {
	dir := newDir(t)
	issued := make(map[string]bool)
	for round := range 12 {
		for _, name := range issueAndKill(t, dir.Path(), time.Duration(round*700)*time.Microsecond) {
			issued[name] = true
		}
	}
	for _, e := range list(t, dir)[1:] {
		if e.State != certs.Valid {
			t.Errorf("%s is %s: %s", e.Name, e.State, e.Problem)
		}
		delete(issued, e.Name)
	}
	for name := range issued {
		t.Errorf("%s was issued and is gone", name)
	}
}

// issueAndKill kills a child delay after its third certificate, most likely in
// the middle of another, and returns the names that it reported.
func issueAndKill(t *testing.T, path string, delay time.Duration) []string {
	t.Helper()
	child := exec.Command(must(os.Executable())(t))
	child.Env = append(os.Environ(), "CERTS_TEST_ISSUE_FOREVER="+path)
	out := must(child.StdoutPipe())(t)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "error:") {
			t.Error(lines.Text())
			break
		}
		names = append(names, lines.Text())
		if len(names) == 3 {
			time.AfterFunc(delay, func() { _ = child.Process.Kill() })
		}
	}
	if err := child.Wait(); err == nil || len(names) < 3 {
		t.Errorf("child ended with %v after %d names, want it killed", err, len(names))
	}
	return names
}

func TestLeftoversOfACrash(t *testing.T) {
	dir := newDir(t)
	clients := filepath.Dir(dir.Files(certs.Thing, "cam1").Folder)
	old, young := filepath.Join(clients, ".thingpass-new-1"), filepath.Join(clients, ".thingpass-new-2")
	for _, left := range []string{old, young} {
		err := errors.Join(os.MkdirAll(left, 0o700), os.WriteFile(filepath.Join(left, "thing.key"), []byte("-----BEGIN"), 0o600))
		if err != nil {
			t.Fatal(err)
		}
	}
	yesterday := time.Now().Add(-24 * time.Hour)
	if err := os.Chtimes(old, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	if got := list(t, dir); len(got) != 1 {
		t.Errorf("leftovers are listed: %+v", got)
	}
	must(dir.Thing("cam1"))(t)
	if rest := unfinished(t, dir.Path()); len(rest) != 1 || rest[0] != young {
		t.Errorf("left are %q, want only what may be another process at work", rest)
	}
}

func TestAFailureLeavesNothingBehind(t *testing.T) {
	dir := newDir(t)
	must(dir.Thing("cam1"))(t)
	folder := dir.Files(certs.Thing, "cam2").Folder
	if err := os.WriteFile(folder, []byte("mine"), 0o600); err != nil { // a file where the folder must go
		t.Fatal(err)
	}
	before := snapshot(t, dir.Path())
	if id, err := dir.Thing("cam2"); err == nil || id != (certs.Identity{}) || !strings.Contains(err.Error(), "cam2") {
		t.Errorf("Thing = %v, %v", id, err)
	}
	if snapshot(t, dir.Path()) != before {
		t.Error("files changed")
	}
}
