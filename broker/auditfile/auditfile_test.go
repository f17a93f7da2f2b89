// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package auditfile_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/auditfile"
)

func open(tb testing.TB, conf auditfile.Config) *auditfile.File {
	tb.Helper()
	f, err := auditfile.Open(conf)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { f.Close() })
	return f
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func write(tb testing.TB, f *auditfile.File, text string) {
	tb.Helper()
	if n, err := f.Write([]byte(text)); err != nil || n != len(text) {
		tb.Fatalf("wrote %d of %d bytes: %v", n, len(text), err)
	}
}

func read(tb testing.TB, path string) string {
	tb.Helper()
	text, err := os.ReadFile(path)
	must(tb, err)
	return string(text)
}

func mustHold(tb testing.TB, path, want string) {
	tb.Helper()
	if got := read(tb, path); got != want {
		tb.Errorf("%s holds %q, want %q", filepath.Base(path), got, want)
	}
}

func TestNoLineIsLostOrSplitByRotation(t *testing.T) {
	const writers, each = 8, 500
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	audit := broker.NewJSONAudit(open(t, auditfile.Config{Path: path, MaxSize: 10_000, Keep: 1000}))
	var busy sync.WaitGroup
	for w := range writers {
		busy.Go(func() {
			for i := range each {
				e := broker.Entry{Thing: fmt.Sprint("cam", w), Size: int64(i), Code: broker.CodeGranted}
				if err := audit.Record(e, e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	busy.Wait()
	next := map[string]int64{}
	files := oldestFirst(t, path)
	for _, file := range files {
		text := read(t, file)
		if len(text) > 10_000 {
			t.Errorf("%s has %d bytes", file, len(text))
		}
		for line := range strings.Lines(text) {
			var e broker.Entry
			must(t, json.Unmarshal([]byte(line), &e))
			if e.Size != next[e.Thing]/2 {
				t.Fatalf("%s: %s of %d, want %d", file, e.Thing, e.Size, next[e.Thing]/2)
			}
			next[e.Thing]++
		}
	}
	for thing, n := range next {
		if n != 2*each {
			t.Errorf("%s: %d lines", thing, n)
		}
	}
	if len(next) != writers || len(files) < 20 {
		t.Errorf("%d writers in %d files", len(next), len(files))
	}
}

// oldestFirst returns the names of all files of an audit.
func oldestFirst(tb testing.TB, path string) (files []string) {
	tb.Helper()
	old, err := filepath.Glob(path + ".[0-9]*")
	must(tb, err)
	// A kill between two renames leaves a gap in the numbers.
	for n := 1; len(files) < len(old); n++ {
		if _, err := os.Stat(fmt.Sprint(path, ".", n)); err == nil {
			files = append([]string{fmt.Sprint(path, ".", n)}, files...)
		}
	}
	return append(files, path)
}

func TestOnlyTheNewestOldFilesAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	f := open(t, auditfile.Config{Path: path, MaxSize: 5, Keep: 4})
	for _, text := range []string{"1\n", "2\n", "3\n", "44\n", "555\n", "66666666\n", "7\n", "88\n"} {
		write(t, f, text)
	}
	for name, want := range map[string]string{"": "7\n88\n", ".1": "66666666\n", ".2": "555\n", ".3": "3\n44\n", ".4": "1\n2\n"} {
		mustHold(t, path+name, want)
	}
	must(t, f.Close())
	f = open(t, auditfile.Config{Path: path, MaxSize: 5, Keep: 2})
	write(t, f, "9\n")
	mustHold(t, path+".1", "7\n88\n")
	mustHold(t, path+".2", "66666666\n")
	for _, gone := range []string{".3", ".4"} {
		if _, err := os.Stat(path + gone); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there (%v)", gone, err)
		}
	}
}

func TestARotationThatWasCutShortIsGoneOnWith(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	for name, text := range map[string]string{".1": "b\n", ".3": "a\n"} { // .1 was renamed to .2 and that to .3, and then the power failed
		must(t, os.WriteFile(path+name, []byte(text), 0o600))
	}
	f := open(t, auditfile.Config{Path: path, MaxSize: 3, Keep: 5}) // there is no file either
	write(t, f, "c\n")
	write(t, f, "d\n")
	for name, want := range map[string]string{"": "d\n", ".1": "c\n", ".2": "b\n", ".3": "a\n"} {
		mustHold(t, path+name, want)
	}
}

func TestOnlyTheOwnerMayRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	f := open(t, auditfile.Config{Path: path, MaxSize: 3, Keep: 1})
	write(t, f, "a\n")
	write(t, f, "b\n")
	for _, file := range oldestFirst(t, path) {
		info, err := os.Stat(file)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", file, info.Mode())
		}
	}
}

func TestAnUnendedLineIsEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	must(t, os.WriteFile(path, []byte("a\n{\"thi"), 0o600))
	f := open(t, auditfile.Config{Path: path})
	write(t, f, "b\n")
	write(t, f, "c\n")
	mustHold(t, path, "a\n{\"thi\nb\nc\n")
}

func TestOthersMayMoveTheFile(t *testing.T) {
	for name, move := range map[string]func(path string) error{
		"renamed": func(path string) error { return os.Rename(path, path+"-moved") },
		"deleted": os.Remove,
		"replaced": func(path string) error {
			return errors.Join(os.Rename(path, path+"-moved"), os.WriteFile(path, nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit.jsonl")
			f := open(t, auditfile.Config{Path: path, MaxSize: 1 << 20, Keep: 1})
			write(t, f, "a\n")
			must(t, move(path))
			must(t, f.Reopen())
			write(t, f, "b\n")
			mustHold(t, path, "b\n")
			must(t, move(path))
			for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
				write(t, f, "c\n")
				if text, err := os.ReadFile(path); err == nil && len(text) > 0 {
					break // noticed without being told
				}
				if time.Now().After(deadline) {
					t.Fatal("not noticed")
				}
			}
		})
	}
}

func TestOthersMayCutTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	f := open(t, auditfile.Config{Path: path, MaxSize: 10, Keep: 1})
	write(t, f, "12345678\n")
	must(t, os.Truncate(path, 0))
	must(t, f.Reopen())
	write(t, f, "abcdefgh\n")
	mustHold(t, path, "abcdefgh\n") // and not put aside for a size that is history
	if _, err := os.Stat(path + ".1"); err == nil {
		t.Error("it was put aside")
	}
}

func TestALinkStaysAndItsTargetIsPutAside(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "data.jsonl"), filepath.Join(dir, "audit.jsonl")
	must(t, os.WriteFile(target, nil, 0o600))
	must(t, os.Symlink(target, link))
	f := open(t, auditfile.Config{Path: link, MaxSize: 3, Keep: 1})
	write(t, f, "a\n")
	write(t, f, "b\n")
	mustHold(t, target+".1", "a\n")
	mustHold(t, link, "b\n")
	if _, err := auditfile.Open(auditfile.Config{Path: target}); err == nil {
		t.Error("the same file was opened twice, by two names")
	}
}

func TestTwoBrokersCannotShareAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	first := open(t, auditfile.Config{Path: path, MaxSize: 3, Keep: 1})
	write(t, first, "a\n")
	write(t, first, "b\n") // the lock outlives rotation
	want := path + ": another process writes to it: give each broker a file of its own"
	if _, err := auditfile.Open(auditfile.Config{Path: path}); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	must(t, first.Close())
	write(t, open(t, auditfile.Config{Path: path}), "c\n")
	mustHold(t, path, "b\nc\n")
}

// Root may do everything but put a file where a folder with something in it is.
func TestAFileThatCannotBePutAsideGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	must(t, os.MkdirAll(filepath.Join(path+".1", "in the way"), 0o700))
	f := open(t, auditfile.Config{Path: path, MaxSize: 3, Keep: 1})
	write(t, f, "a\n")
	write(t, f, "b\n")
	write(t, f, "c\n")
	mustHold(t, path, "a\nb\nc\n")
}

func TestWhatCannotBeOpenedIsAnError(t *testing.T) {
	dir := t.TempDir()
	for name, conf := range map[string]auditfile.Config{
		"a folder":      {Path: dir},
		"in no folder":  {Path: filepath.Join(dir, "none", "audit.jsonl")},
		"nothing kept":  {Path: filepath.Join(dir, "audit.jsonl"), MaxSize: 1},
		"nothing named": {},
	} {
		if f, err := auditfile.Open(conf); err == nil || f != nil {
			t.Errorf("%s: %v, %v", name, f, err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	line := []byte(strings.Repeat("x", 299) + "\n")
	for name, conf := range map[string]auditfile.Config{
		"plain":   {},
		"rotated": {MaxSize: 1 << 20, Keep: 3},
		"synced":  {Sync: true},
	} {
		b.Run(name, func(b *testing.B) {
			conf.Path = filepath.Join(b.TempDir(), "audit.jsonl")
			f := open(b, conf)
			for b.Loop() {
				if _, err := f.Write(line); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
