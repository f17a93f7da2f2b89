// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"thingpass/broker/devstack"
	"thingpass/certs"
)

// A role is one of the demo's cameras: what it is called, and what it does.
type role struct {
	name  string
	files certs.Files
	args  []string
}

// castOf gives each camera its certificate. The first takes the photos that were
// asked for; when it ends, the demo does.
func castOf(o demoOptions) ([]role, error) {
	every := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	moving := []string{"--scene", o.scene, "--interval", every(o.interval), "--sensors"}
	if o.count > 0 {
		moving = append(moving, "--count", strconv.Itoa(o.count))
	}
	spool := filepath.Join(o.dir, "cam2-spool")
	cast := []role{
		{name: "cam1", args: moving},
		{name: "cam2", args: []string{"--scene", "QVGA", "--interval", every(o.interval * 3 / 2), "--seed", "7", "--sensors",
			"--spool", spool, "--offline", "6,10", "--offline-every", "20"}},
		{name: "cam3", args: []string{"--scene", "QVGA", "--interval", every(o.interval * 5), "--kind", "video"}},
	}
	for i := range cast {
		files, err := devstack.Thing(o.dir, cast[i].name)
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		cast[i].files = files
	}
	return cast, errors.Join(writeRegistry(o.dir), os.MkdirAll(spool, 0o700))
}

// writeRegistry makes the file in which the console revokes certificates, so that
// the server lets nobody in with them. One that is there stays.
func writeRegistry(dir string) error {
	path := filepath.Join(dir, "registry.yaml")
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := devstack.DefaultRegistry("")
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// startCast starts the cameras, and returns the first.
func (t *troupe) startCast(cast []role, ready devstack.Ready, out io.Writer) (first *actor, err error) {
	program, err := beside("thingpass-thing")
	if err != nil {
		return nil, err
	}
	for _, r := range cast {
		args := append([]string{"--name", r.name, "--server", ready.MQTT.Address(), "--ca", ready.CAFile, "--cert", r.files.Cert, "--key", r.files.Key,
			"--json"}, r.args...)
		a, err := t.start(r.name, func(line string) { show(r.name, line, out) }, program, args...)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = a
		}
	}
	return first, nil
}

// show prints the photo that a line of a camera tells of, if it does.
func show(thing, line string, out io.Writer) {
	var p struct {
		N, Size, MS             int64
		ObjectKey, Result, Code string
	}
	if json.Unmarshal([]byte(line), &p) != nil || p.Result == "" {
		return
	}
	what := p.ObjectKey
	switch {
	case p.Result == "spooled":
		return // it is shown when it is stored
	case p.Result != "stored" && p.Code != "":
		what = "refused: " + p.Code
	case p.Result != "stored":
		what = "not stored: " + p.Result
	}
	_, _ = fmt.Fprintf(out, "%-6s %6d %8d %6d  %s\n", thing, p.N, p.Size, p.MS, what)
}
