// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"thingpass/broker/bench/load"
)

// A responder is a program that answers upload-requests.
type responder struct {
	name  string
	about string
	start func(ctx context.Context, l *lab, size int) (*child, error)
}

func product(name, binary string) responder {
	return responder{name, "thingpass run: checks, signs, audits to a file", func(ctx context.Context, l *lab, _ int) (*child, error) {
		return startThingpass(ctx, l, binary)
	}}
}

// contestants are those that take turns.
func (b *bench) contestants(ctx context.Context) []responder {
	if b.beside != "" {
		return []responder{product("thingpass", b.thingpass), product("beside", b.beside)}
	}
	list := []responder{
		product("thingpass", b.thingpass),
		{"paho", "bare echo on paho.golang (autopaho, 32 goroutines)", func(ctx context.Context, l *lab, size int) (*child, error) {
			return startEcho(ctx, l, size)
		}},
		{"paho+", "the same, with one write a packet and acknowledgement every 2 ms", func(ctx context.Context, l *lab, size int) (*child, error) {
			return startEcho(ctx, l, size, "-buffered")
		}},
	}
	if err := compileC(ctx, b.lab); err != nil {
		fmt.Println("\nthe echo on libmosquitto cannot be compiled, so nothing is compared with it: .ci/setup bench;", err)
		return list
	}
	return append(list, responder{"C", "bare echo on libmosquitto", startC})
}

// startThingpass runs the product as one would, with more settings if there are
// any. Unless it has a console nothing asks S3: grants are signed here.
func startThingpass(ctx context.Context, l *lab, binary string, more ...string) (*child, error) {
	endpoint := "https://s3.example.com"
	if l.s3 != "" {
		endpoint = l.s3
	}
	config := strings.Join([]string{
		"mqtt:", "  server: mqtts://" + l.services, "  ca: ca.crt", "  cert: service.crt", "  key: service.key",
		"  client_id: " + service, "  root: " + root, "  group: " + group, "  group_watch: off",
		"s3:", "  endpoint: " + endpoint, "  ca: ca.crt", "  path_style: true", "  region: us-east-1", "  bucket: photos", "  access_key_file: key.json",
		"audit:", "  file: audit.log", "log:", "  level: warn",
		"kinds:", "  photo:", "    types: [image/jpeg]", "    max_size: 8MiB", "    metadata: [fw, rssi]", strings.Join(more, "\n"), "",
	}, "\n")
	for name, text := range map[string]string{
		"thingpass.yaml": config,
		"key.json":       fmt.Sprintf(`{"accessKeyId": %q, "secretAccessKey": %q}`, accessKey.ID, accessKey.Secret),
	} {
		if err := l.write(name, text); err != nil {
			return nil, err
		}
	}
	_ = os.Remove(l.path("audit.log")) // gigabytes, after a while
	return start(ctx, l.path("thingpass.log"), "ready: ", binary, "run", "--config", l.path("thingpass.yaml"))
}

func startEcho(ctx context.Context, l *lab, size int, more ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"echo", "-server", "mqtts://" + l.services, "-ca", l.path("ca.crt"), "-cert", l.path("service.crt"), "-key", l.path("service.key"),
		"-root", root, "-group", group, "-size", strconv.Itoa(size)}
	return start(ctx, l.path("echo.log"), "ready", self, append(args, more...)...)
}

// compileC makes the echo on libmosquitto.
func compileC(ctx context.Context, l *lab) error {
	source := l.path("echo.c")
	if err := os.WriteFile(source, echoC, 0o600); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "cc", "-O2", "-Wall", "-o", l.path("echo"), source, "-lmosquitto").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

func startC(ctx context.Context, l *lab, size int) (*child, error) {
	host, port, err := net.SplitHostPort(l.services)
	if err != nil {
		return nil, err
	}
	return start(ctx, l.path("echo-c.log"), "ready", l.path("echo"), host, port, l.path("ca.crt"), l.path("service.crt"), l.path("service.key"), root, group, strconv.Itoa(size))
}

// The requests. The id is before them, see load.Plan.
var (
	onePhoto    = `","kind":"photo",` + photoFields + `}`
	photoFields = `"contentType":"image/jpeg","size":48213,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","metadata":{"fw":"1.2.3"}`
)

func photos(n int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`{"id":"photo-%02d",%s}`, i, photoFields)
	}
	return `","kind":"photo","objects":[` + strings.Join(items, ",") + `]}`
}

func askOne() load.Plan { return load.Plan{Verb: "upload-request", Body: onePhoto} }
