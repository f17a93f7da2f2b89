// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"thingpass/broker/devstack"
	"thingpass/certs"
)

// printSummary tells a person what runs where, and what to do next.
func printSummary(w io.Writer, r devstack.Ready) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-12s "+format+"\n", append([]any{name}, args...)...)
	}
	fmt.Fprintln(w, "thingpass-dev is ready; Ctrl-C ends it")
	if r.MQTT != nil {
		strict := ""
		if r.MQTT.Strict {
			strict = ", as strict as AWS IoT Core"
		}
		line("MQTT server", "%s%s", r.MQTT.Server, strict)
		if r.MQTT.WebSocket != "" {
			line("WebSocket", "%s, signed with the access key", r.MQTT.WebSocket)
		}
	}
	if r.Claim != nil {
		line("claim", "%s, for the templates %s", r.Claim.Cert, strings.Join(r.Claim.Templates, " "))
	}
	if r.S3 != nil {
		line("S3", "%s, bucket %s, region %s", r.S3.Endpoint, r.S3.Bucket, r.S3.Region)
		line("photos", "%s", filepath.Join(r.S3.DataDir, r.S3.Bucket))
		line("metadata", "%s", r.S3.Metadata)
	}
	if r.Provider != nil {
		line("credentials", "%s/role-aliases/%s/credentials", r.Provider.Endpoint, r.Provider.RoleAlias)
	}
	line("CA", "%s", r.CAFile)
	line("broker", "thingpass run --config %s", r.BrokerConfig)
	line("a thing", "thingpass-dev thing NAME --dir %s", r.Dir)
	if r.MQTT != nil && !r.Local {
		fmt.Fprintln(w, "\nAn ESP32 needs:")
		folder := filepath.Join(r.CertsDir, "clients", "NAME")
		printThing(w, "NAME", r.MQTT.Root, r.MQTT.Server, certs.Files{
			CA: r.CAFile, Cert: filepath.Join(folder, "thing.crt"), Key: filepath.Join(folder, "thing.key")})
	}
}

// printThing tells what to flash. server is empty if nobody knows it yet.
func printThing(w io.Writer, name, root, server string, files certs.Files) {
	if server == "" {
		server = "see broker.yaml after the first thingpass-dev run"
	}
	for _, line := range [][2]string{
		{"MQTT server", server},
		{"root CA", files.CA},
		{"certificate", files.Cert},
		{"private key", files.Key},
		{"client id", name},
		{"publishes", root + "/" + name + "/upload-request and upload-complete"},
		{"subscribes", root + "/" + name + "/response"},
	} {
		fmt.Fprintf(w, "  %-12s %s\n", line[0], line[1])
	}
}
