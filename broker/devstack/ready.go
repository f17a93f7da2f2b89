// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"encoding/json"
	"fmt"
	"net"
	"strconv"

	"thingpass/certs"
)

// Ready says where a running stack's parts are, to programs and to people. Paths
// are absolute; nothing in it is secret.
type Ready struct {
	MQTT *ReadyMQTT `json:"mqtt,omitempty"` // nil if only S3 runs
	S3   *ReadyS3   `json:"s3,omitempty"`   // nil if only MQTT runs
	// Provider is nil if only MQTT runs.
	Provider *ReadyProvider `json:"credentialProvider,omitempty"`
	// Claim is nil if the stack provisions nothing.
	Claim        *ReadyClaim `json:"claim,omitempty"`
	Host         string      `json:"host"`  // what things use
	Local        bool        `json:"local"` // no other machine can use it
	Dir          string      `json:"dir"`
	CAFile       string      `json:"caFile"` // what things flash
	CertsDir     string      `json:"certsDir"`
	Broker       certs.Files `json:"broker"`
	BrokerConfig string      `json:"brokerConfig"` // for `thingpass run --config`
}

// ReadyClaim is what a thing comes with that has no identity yet.
type ReadyClaim struct {
	certs.Files
	Templates []string `json:"templates"`
}

// ReadyMQTT is where the MQTT server is.
type ReadyMQTT struct {
	Server string `json:"server"` // mqtts://host:port
	Host   string `json:"host"`
	Port   int    `json:"port"`
	Root   string `json:"root"`
	Group  string `json:"group"`
	// WebSocket is wss://host:port/mqtt for who signs with S3's access key.
	WebSocket string `json:"webSocket,omitempty"`
	Strict    bool   `json:"strict,omitempty"` // it refuses what AWS IoT Core refuses
	// Registry is the file that says who may do what; "": the default, in memory.
	Registry string `json:"registry,omitempty"`
}

// Address is host:port.
func (m *ReadyMQTT) Address() string { return net.JoinHostPort(m.Host, strconv.Itoa(m.Port)) }

// ReadyS3 is where S3 is.
type ReadyS3 struct {
	Endpoint string `json:"endpoint"` // https://host:port
	View     string `json:"view"`     // http://127.0.0.1:port, where browsers of this machine look
	Bucket   string `json:"bucket"`
	Region   string `json:"region"`
	DataDir  string `json:"dataDir"` // DataDir/Bucket/key is the object
	KeyFile  string `json:"accessKeyFile"`
	Role     string `json:"role"`     // what STS, at the same endpoint, makes sessions from
	Metadata string `json:"metadata"` // see S3.Metadata
}

// ReadyProvider is where things get credentials.
type ReadyProvider struct {
	Endpoint  string `json:"endpoint"` // https://host:port
	RoleAlias string `json:"roleAlias"`
}

// WriteFile writes r as JSON. Whoever sees the file sees all of it.
func (r Ready) WriteFile(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(path, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("say that all is ready: %w", err)
	}
	return nil
}
