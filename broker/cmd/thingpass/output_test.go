// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every command that lists or judges something has --json.
func TestListingsHaveAFormForPrograms(t *testing.T) {
	for _, name := range strings.Split("certs aws list,certs check,certs crl,certs list,certs roots,check,console user list,cost,"+
		"explain,policy diff,policy explain,policy isolate,policy lint,policy mosquitto,policy plan,policy render,"+
		"policy simulate,policy test,policy verify,policy whynot,version", ",") {
		c, _, err := rootCommand().Find(strings.Fields(name))
		if err != nil || c.CommandPath() != "thingpass "+name || c.Flags().Lookup("json") == nil {
			t.Errorf("%s has no --json (%v)", name, err)
		}
	}
}

func TestListingsForPrograms(t *testing.T) {
	for args, want := range map[string]string{
		"version --json":                     `"go": "go1`,
		"policy lint --rules --json":         `"id": "IOT001"`,
		"policy lint --rules --format json":  `"severity": "error"`,
		"policy render --list --json":        `"file": "thing.json"`,
		"policy diff thing thing --json":     `"changes": []`,
		"policy mosquitto --json":            `"`,
		"cost --mode put --json":             `"put"`,
		"policy lint --json thing":           `"findings": `,
		"policy lint --json=false --rules":   "",
		"policy diff --format text a.x b.y ": "",
	} {
		code, out, complaints := runCommandLine(t, strings.Fields(args)...)
		if want != "" && (code != exitOK || !json.Valid([]byte(out)) || !strings.Contains(out, want) || complaints != "") {
			t.Errorf("%s: exit code %d\n%s%s", args, code, out, complaints)
		}
		if want == "" && json.Valid([]byte(out)) {
			t.Errorf("%s prints JSON:\n%s", args, out)
		}
	}
}

func TestFormatsThatAreRefused(t *testing.T) {
	for args, want := range map[string]string{
		"policy lint --format xml":         `want text, json or sarif`,
		"policy lint --json --format text": `[format json]`,
		"policy lint --json=perhaps":       `invalid argument "perhaps" for "--json"`,
		"policy render thing --json":       "give --list as well",
	} {
		if code, out, complaints := runCommandLine(t, strings.Fields(args)...); code != exitUsage || out != "" || !strings.Contains(complaints, want) {
			t.Errorf("%s: exit code %d\n%s%s", args, code, out, complaints)
		}
	}
}

// What shells are to offer is of commands and flags that there are, and there is
// some of it.
func TestShellsAreOfferedValues(t *testing.T) {
	for key := range offers() {
		args := append(strings.Fields(key), "")
		if list := offered(t, args...); strings.HasPrefix(list, ":") {
			t.Errorf("%s: nothing is offered", key)
		}
	}
	for name := range argumentOffers() {
		if list := offered(t, append(strings.Fields(name), "")...); !strings.Contains(list, "thing-credentials\t") {
			t.Errorf("%s: %s", name, list)
		}
	}
	for args, want := range map[string]string{
		"policy lint --format _":      "text\njson\nsarif\n:4\n",
		"policy diff --format _":      "text\nmarkdown\njson\n:4\n",
		"cost --mode put,pass,lam_":   "put,pass,lambda\n",
		"cost --region _":             "us-east-1\n",
		"policy cloudformation --on=": "ecs\nec2\n:4\n",
		"completion _":                "bash\t",
		"run --config _":              "yaml\nyml\n:8\n",
		"version _":                   ":4\n",
		"explain _":                   ":0\n",
	} {
		words := strings.Fields(args)
		last := len(words) - 1
		words[last] = strings.TrimSuffix(words[last], "_")
		if list := offered(t, words...); !strings.Contains(list, want) {
			t.Errorf("%s is offered\n%s\nwant %s", args, list, want)
		}
	}
}

func TestThereIsACompletionForEachShell(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if code, out, complaints := runCommandLine(t, "completion", shell); code != exitOK || complaints != "" || !strings.Contains(out, cobra.ShellCompRequestCmd) {
			t.Errorf("%s: exit code %d: %s", shell, code, complaints)
		}
	}
	if _, out, _ := runCommandLine(t, "--help"); !strings.Contains(out, "\n  completion ") || !strings.Contains(out, "\n  man ") {
		t.Errorf("--help does not show them:\n%s", out)
	}
}

// offered is what a shell is told when it asks for the last word.
func offered(t *testing.T, words ...string) string {
	t.Helper()
	code, out, complaints := runCommandLine(t, append([]string{cobra.ShellCompRequestCmd}, words...)...)
	if code != exitOK {
		t.Errorf("%q: exit code %d: %s", words, code, complaints)
	}
	return out
}
