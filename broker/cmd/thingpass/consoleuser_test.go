// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const typed = "correct horse battery"

// consoleUser runs `thingpass console user ARGS... --users FILE`, typing the input.
func consoleUser(t *testing.T, path, input string, args ...string) (string, error) {
	t.Helper()
	root := rootCommand()
	var out bytes.Buffer
	root.SetIn(strings.NewReader(input))
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(append(append([]string{"console", "user"}, args...), "--users", path))
	err := root.ExecuteContext(context.Background())
	return out.String(), err
}

func TestConsoleUsersAreAddedListedAndRemoved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "users")
	for _, step := range []struct {
		input, want string
		args        []string
	}{
		{typed + "\n", "operator otto may sign in\n", []string{"add", "otto", "--role", "operator"}},
		{typed, "viewer vera may sign in\n", []string{"add", "vera", "--role=viewer"}},
		{"", "otto  operator\nvera  viewer\n", []string{"list"}},
		{"", strings.ReplaceAll("[\n  {\n    @name@: @otto@,\n    @role@: @operator@\n  },\n  {\n    @name@: @vera@,\n    @role@: @viewer@\n  }\n]\n", "@", `"`), []string{"list", "--json"}},
		{typed + "\r\n", "viewer otto may sign in\n", []string{"add", "otto", "--role", "viewer", "--replace"}},
		{"", "vera may no longer sign in\n", []string{"remove", "vera"}},
		{"", "otto  viewer\n", []string{"list"}},
	} {
		if out, err := consoleUser(t, path, step.input, step.args...); err != nil || out != step.want {
			t.Errorf("%v: %v\n%s", step.args, err, out)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(text), typed) {
		t.Errorf("%v\n%s", err, text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestMadeConsolePasswordIsPrintedOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "users")
	out, err := consoleUser(t, path, "", "add", "otto", "--role", "operator", "--generate")
	if err != nil || !regexp.MustCompile(`^operator otto may sign in\n  password  [a-z2-7]{5}(-[a-z2-7]{5}){3}  \(shown this once\)\n$`).MatchString(out) {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestConsoleUserErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "users")
	if _, err := consoleUser(t, path, typed, "add", "otto", "--role", "operator"); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"--replace gives":              {"add", "otto", "--role", "viewer"},
		"neither viewer nor operator":  {"add", "vera"},
		`the name "a:b" is not 1 to 6`: {"add", "a:b", "--role", "viewer"},
		"takes the user's name":        {"add", "--role", "viewer"},
		"there is no such user":        {"remove", "vera"},
		"unknown command":              {"delete", "vera"},
	} {
		if _, err := consoleUser(t, path, typed, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", args, err)
		}
	}
	for want, input := range map[string]string{"--generate makes one that does": "short\n", "no password came": ""} {
		if _, err := consoleUser(t, path, input, "add", "vera", "--role", "viewer"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", input, err)
		}
	}
	if _, err := consoleUser(t, "", typed, "list"); err == nil || !strings.Contains(err.Error(), "--users FILE") {
		t.Errorf("without a file: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file has changed: %v\n%s", err, after)
	}
}
