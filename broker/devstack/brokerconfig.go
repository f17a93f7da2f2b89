// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// brokerTemplate is what broker.yaml holds beside addresses and paths. It is
// the user's after the first start.
const brokerTemplate = `# Made by thingpass-dev for: thingpass run --config broker.yaml
# Addresses and paths are brought up to date at each start; the rest is yours.
mqtt:
  server: ""
  ca: ""
  cert: ""
  key: ""
  client_id: ` + DefaultBroker + `
  root: ""
  group: ""
s3:
  endpoint: ""
  region: ""
  bucket: ""
  path_style: true
  ca: ""
  access_key_file: ""
credentials: # for things that speak S3 themselves
  role_arn: ""
  sts_endpoint: ""
  provider:
    endpoint: ""
    role_alias: ""
audit:
  file: "-"
console: # the page for people, on this machine alone
  listen: ""
  access: loopback
  s3_endpoint: "" # what its browsers are sent to
  revoke: files
  certs: ""
kinds:
  photo:
    modes: [put, pass]
    types: [image/jpeg]
    max_size: 8MiB
    ttl: 15m
  log:
    types: [text/plain, application/gzip, application/octet-stream]
    modes: [put, multipart]
    max_size: 64MiB
    ttl: 15m
  firmware:
    modes: [get]
    object: firmware/{name}.bin
    allow_things: ["*"]
`

// Ports of a part that has never run.
const (
	DefaultMQTTPort = 8883
	DefaultS3Port   = 9000

	DefaultProviderPort = 9443
	DefaultViewPort     = 9001
	DefaultConsolePort  = 8470 // the broker's
)

// writeBrokerConfig brings broker.yaml up to date. Of a part that does not run
// here it sets only what nothing has set before: another process may run it.
func (s *Stack) writeBrokerConfig(o *Options) error {
	path := filepath.Join(o.Dir, "broker.yaml")
	s.ready.BrokerConfig = path
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = []byte(brokerTemplate), nil
	}
	if err != nil {
		return err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil || len(document.Content) != 1 {
		return fmt.Errorf("%s is no YAML any more: mend it, or delete it, and a new one is made", path)
	}
	for _, setting := range s.brokerSettings(o) {
		if err := set(document.Content[0], setting); err != nil {
			return fmt.Errorf("%s: %w: mend it, or delete it, and a new one is made", path, err)
		}
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(&document), encoder.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if bytes.Equal(out.Bytes(), text) {
		return nil
	}
	return writeFile(path, out.Bytes(), 0o600)
}

// brokerSetting is section.key: value; a section within another has both names.
type brokerSetting struct {
	section, key, value string
	guess               bool // it does not replace what is there
}

func (s *Stack) brokerSettings(o *Options) []brokerSetting {
	noMQTT, noS3 := s.ready.MQTT == nil, s.ready.S3 == nil
	mqtt := ReadyMQTT{Server: "mqtts://" + s.guess(o.MQTTPort, DefaultMQTTPort), Root: o.Root, Group: s.value("group")}
	if !noMQTT {
		mqtt = *s.ready.MQTT
	}
	s3 := ReadyS3{
		Endpoint: "https://" + s.guess(o.S3Port, DefaultS3Port),
		View:     "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(orDefault(o.ViewPort, DefaultViewPort))),
		Bucket:   o.Bucket,
		Region:   o.Region,
		KeyFile:  o.keyFile(),
	}
	if !noS3 {
		s3 = *s.ready.S3
	}
	settings := []brokerSetting{
		{"mqtt", "server", mqtt.Server, noMQTT},
		{"mqtt", "ca", s.ready.CAFile, false},
		{"mqtt", "cert", s.ready.Broker.Cert, false},
		{"mqtt", "key", s.ready.Broker.Key, false},
		{"mqtt", "client_id", s.value("broker"), s.registry == nil},
		{"mqtt", "root", mqtt.Root, noMQTT},
		{"mqtt", "group", mqtt.Group, noMQTT},
		{"s3", "endpoint", s3.Endpoint, noS3},
		{"s3", "region", s3.Region, noS3},
		{"s3", "bucket", s3.Bucket, noS3},
		{"s3", "ca", s.ready.CAFile, false},
		{"s3", "access_key_file", s3.KeyFile, false},
	}
	settings = append(settings, s.credentialSettings(o, s3.Endpoint)...)
	settings = append(settings, brokerSetting{"console", "listen", net.JoinHostPort("127.0.0.1", strconv.Itoa(o.ConsolePort)), true}, brokerSetting{"console", "access", "loopback", true},
		brokerSetting{"console", "s3_endpoint", s3.View, noS3}, brokerSetting{"console", "revoke", "files", true},
		brokerSetting{"console", "certs", s.ready.CertsDir, false}, brokerSetting{"console", "registry", s.registryFile(), false})
	if mqtt.Strict {
		settings = append(settings, brokerSetting{"mqtt", "profile", "aws", false})
	}
	return settings
}

func (s *Stack) credentialSettings(o *Options, endpoint string) []brokerSetting {
	elsewhere := s.ready.Provider == nil
	provider := ReadyProvider{Endpoint: "https://" + s.guess(o.ProviderPort, DefaultProviderPort), RoleAlias: DefaultRoleAlias}
	if !elsewhere {
		provider = *s.ready.Provider
	}
	return []brokerSetting{
		{"credentials", "role_arn", Role, true},
		{"credentials", "sts_endpoint", endpoint, elsewhere},
		{"credentials.provider", "endpoint", provider.Endpoint, elsewhere},
		{"credentials.provider", "role_alias", provider.RoleAlias, true},
	}
}

// guess is where a part that runs elsewhere most likely is.
func (s *Stack) guess(port, usual int) string {
	return net.JoinHostPort(s.ready.Host, strconv.Itoa(orDefault(port, usual)))
}

// set changes one value in a document and leaves the rest, comments included.
func set(document *yaml.Node, setting brokerSetting) error {
	section := document
	for name := range strings.SplitSeq(setting.section, ".") {
		var err error
		if section, err = child(section, name, yaml.MappingNode); err != nil {
			return err
		}
	}
	value, err := child(section, setting.key, yaml.ScalarNode)
	if err != nil {
		return err
	}
	if setting.guess && value.Value != "" {
		return nil
	}
	value.SetString(setting.value)
	value.Style = 0 // quotes only where they are needed
	return nil
}

// child finds a key's value in a mapping, or adds an empty one.
func child(mapping *yaml.Node, key string, kind yaml.Kind) (*yaml.Node, error) {
	if mapping.Kind != yaml.MappingNode {
		return nil, errors.New("it does not hold settings")
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value != key {
			continue
		}
		if got := mapping.Content[i+1]; got.Kind == kind {
			return got, nil
		}
		return nil, fmt.Errorf("line %d: %s is not what it should be", mapping.Content[i].Line, key)
	}
	name, value := &yaml.Node{}, &yaml.Node{Kind: kind}
	name.SetString(key)
	mapping.Content = append(mapping.Content, name, value)
	return value, nil
}

// LastMQTT is where the MQTT server of the folder runs, or last ran, and the
// root of its topics. The server is empty if it never ran.
func LastMQTT(dir string) (server, root string) {
	var config struct {
		MQTT struct {
			Server string `yaml:"server"`
			Root   string `yaml:"root"`
		} `yaml:"mqtt"`
	}
	text, err := os.ReadFile(filepath.Join(dir, "broker.yaml"))
	if err != nil || yaml.Unmarshal(text, &config) != nil {
		return "", DefaultRoot
	}
	return config.MQTT.Server, orDefault(config.MQTT.Root, DefaultRoot)
}
