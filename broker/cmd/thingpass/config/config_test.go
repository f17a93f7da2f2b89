// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"thingpass/broker"
	"thingpass/broker/cmd/thingpass/config"
)

// good is the shortest sound configuration; tests change lines of it.
const good = `mqtt:
  server: mqtts://127.0.0.1:8883
  cert: broker.crt
  key: broker.key
s3:
  region: eu-central-1
  bucket: photos
kinds:
  photo:
    types: [image/jpeg]
    max_size: 8MiB
`

// write makes a file called broker.yaml of text, and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "broker.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, text string, environ ...string) *config.Config {
	t.Helper()
	c, err := config.Load(write(t, text), environ)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestShortConfigurationGetsDefaults(t *testing.T) {
	c := load(t, good)
	mqtt := config.MQTT{
		Server: "mqtts://127.0.0.1:8883", Cert: c.MQTT.Cert, Key: c.MQTT.Key,
		ClientID: "thingpass-broker", Root: "thingpass", Group: "thingpass", Connections: 1, SessionExpiry: time.Hour, GroupWatch: config.Pause(time.Minute),
		Profile: "auto", Pace: "auto", PacePublishes: 100, PaceBytes: 512_000, KeepAlive: 30 * time.Second, ALPN: "auto",
	}
	if c.MQTT != mqtt {
		t.Errorf("mqtt:\n got %+v\nwant %+v", c.MQTT, mqtt)
	}
	if want := (config.S3{Region: "eu-central-1", Bucket: "photos"}); c.S3 != want {
		t.Errorf("s3: got %+v, want %+v", c.S3, want)
	}
	if c.Audit.File != "-" || c.Log.Level != "info" || c.Log.Format != "auto" {
		t.Errorf("got %+v, %+v", c.Audit, c.Log)
	}
	want := []broker.Kind{{
		Name: "photo", Modes: []string{"put"}, PassTTL: time.Hour, Key: broker.DefaultKeyLayout, Types: []broker.ContentType{{Name: "image/jpeg", Ext: "jpg"}},
		MinSize: 1, MaxSize: 8 << 20, TTL: 15 * time.Minute, PartSize: 5 << 20,
	}}
	if want := (config.Multipart{SweepAfter: config.Pause(24 * time.Hour), SweepEvery: time.Hour}); c.Multipart != want {
		t.Errorf("multipart: got %+v, want %+v", c.Multipart, want)
	}
	if got := c.BrokerKinds(); !reflect.DeepEqual(got, want) {
		t.Errorf("kinds:\n got %+v\nwant %+v", got, want)
	}
}

func TestExampleIsSoundAndSaysWhatItDoes(t *testing.T) {
	example := filepath.Join("..", "broker.example.yaml")
	c, err := config.Load(example, nil)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Dir(example)
	if c.MQTT.CA != filepath.Join(folder, "ca.crt") || c.S3.AccessKeyFile != filepath.Join(folder, "s3-credentials.json") || !c.S3.PathStyle {
		t.Errorf("got %+v, %+v", c.MQTT, c.S3)
	}
	photo := c.Kinds["photo"]
	if photo.MaxSize != 8<<20 || photo.TTL != 15*time.Minute || !reflect.DeepEqual(photo.Metadata, []string{"fw", "rssi"}) {
		t.Errorf("got %+v", photo)
	}
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range c.Settings() {
		if !strings.Contains(string(text), s.Name[strings.LastIndexByte(s.Name, '.')+1:]+":") {
			t.Errorf("the example does not mention %s", s.Name)
		}
	}
}

func TestEverythingCanComeFromTheEnvironment(t *testing.T) {
	environ := []string{
		"PATH=/bin",
		"THINGPASS_CONFIG=elsewhere.yaml",
		"THINGPASS_MQTT_SERVER=mqtts://iot.example.com",
		"THINGPASS_MQTT_CA=ca.crt",
		"THINGPASS_MQTT_CERT=broker.crt",
		"THINGPASS_MQTT_KEY=broker.key",
		"THINGPASS_MQTT_CLIENT_ID=b2",
		"THINGPASS_MQTT_ROOT=fleet/eu",
		"THINGPASS_MQTT_GROUP=brokers",
		"THINGPASS_MQTT_CONNECTIONS=3",
		"THINGPASS_MQTT_WORKERS=8",
		"THINGPASS_MQTT_QUEUE=64",
		"THINGPASS_MQTT_SESSION_EXPIRY=30m",
		"THINGPASS_MQTT_PROFILE=aws",
		"THINGPASS_MQTT_PACE=each",
		"THINGPASS_MQTT_PACE_PUBLISHES=50",
		"THINGPASS_MQTT_PACE_BYTES=256KiB",
		"THINGPASS_MQTT_KEEP_ALIVE=1m",
		"THINGPASS_MQTT_ALPN=mqtt",
		"THINGPASS_MQTT_REGION=eu-west-1",
		"THINGPASS_S3_ENDPOINT=https://s3.example.com:9000",
		"THINGPASS_S3_BUCKET=photos",
		"THINGPASS_S3_PATH_STYLE=true",
		"THINGPASS_S3_CA=s3-ca.crt",
		"THINGPASS_S3_ACCESS_KEY_FILE=key.json",
		"THINGPASS_MQTT_GROUP_WATCH=off",
		"THINGPASS_AUDIT_FILE=/var/log/audit.jsonl",
		"THINGPASS_LOG_LEVEL=debug",
		"THINGPASS_LOG_FORMAT=json",
		"THINGPASS_QUOTA_STORE=rediss://redis.example.com",
		"THINGPASS_QUOTA_CA=redis-ca.crt",
		"THINGPASS_QUOTA_ON_FAILURE=allow",
		"THINGPASS_QUOTA_REQUESTS_PER_MINUTE=30",
		"THINGPASS_QUOTA_BYTES_PER_DAY=1GiB",
		"THINGPASS_KINDS_PHOTO_TYPES=image/jpeg, image/png",
		"THINGPASS_KINDS_PHOTO_MAX_SIZE=500kB",
		"THINGPASS_KINDS_RAW_LOG_TYPES=application/x-log=log",
		"THINGPASS_KINDS_RAW_LOG_MIN_SIZE=16",
		"THINGPASS_KINDS_RAW_LOG_MODES=put, pass, multipart",
		"THINGPASS_KINDS_RAW_LOG_PASS_TTL=30m",
		"THINGPASS_KINDS_FW_MODES=get",
		"THINGPASS_KINDS_FW_OBJECT=fw/{name}",
		"THINGPASS_KINDS_FW_ALLOW_THINGS=cam1, Cam:2",
		"THINGPASS_KINDS_FW_ALLOW_GROUPS=front-door",
		"THINGPASS_GROUPS_FRONT_DOOR=bell1,bell2",
		"THINGPASS_KINDS_RAW_LOG_MAX_SIZE=1GiB",
		"THINGPASS_KINDS_RAW_LOG_TTL=1h",
		"THINGPASS_KINDS_RAW_LOG_KEY={thing}/{kind}/{id}.log",
		"THINGPASS_KINDS_RAW_LOG_METADATA=[]",
		"THINGPASS_KINDS_RAW_LOG_QUOTA_REQUESTS_PER_MINUTE=5",
		"THINGPASS_KINDS_RAW_LOG_QUOTA_BYTES_PER_DAY=off",
		"THINGPASS_KINDS_RAW_LOG_PART_SIZE=8MiB",
		"THINGPASS_MULTIPART_SWEEP_AFTER=off",
		"THINGPASS_MULTIPART_SWEEP_EVERY=10m",
	}
	c, err := config.Load("", environ)
	if err != nil {
		t.Fatal(err)
	}
	mqtt := config.MQTT{Server: "mqtts://iot.example.com", CA: "ca.crt", Cert: "broker.crt", Key: "broker.key", ClientID: "b2",
		Root: "fleet/eu", Group: "brokers", Connections: 3, Workers: 8, Queue: 64, SessionExpiry: 30 * time.Minute,
		Profile: "aws", Pace: "each", PacePublishes: 50, PaceBytes: 256 << 10, KeepAlive: time.Minute, ALPN: "mqtt", Region: "eu-west-1"}
	if c.MQTT != mqtt {
		t.Errorf("mqtt:\n got %+v\nwant %+v", c.MQTT, mqtt)
	}
	s3 := config.S3{Endpoint: "https://s3.example.com:9000", Region: "us-east-1", Bucket: "photos", PathStyle: true, CA: "s3-ca.crt", AccessKeyFile: "key.json"}
	if c.S3 != s3 {
		t.Errorf("s3:\n got %+v\nwant %+v", c.S3, s3)
	}
	kinds := map[string]config.Kind{
		"photo": {Modes: []string{"put"}, PassTTL: time.Hour, Key: broker.DefaultKeyLayout, Types: []broker.ContentType{{Name: "image/jpeg", Ext: "jpg"}, {Name: "image/png", Ext: "png"}},
			MinSize: 1, MaxSize: 500_000, TTL: 15 * time.Minute, PartSize: 5 << 20},
		"raw-log": {Modes: []string{"put", "pass", "multipart"}, PartSize: 8 << 20, PassTTL: 30 * time.Minute, Key: "{thing}/{kind}/{id}.log", Types: []broker.ContentType{{Name: "application/x-log", Ext: "log"}},
			MinSize: 16, MaxSize: 1 << 30, TTL: time.Hour, Metadata: []string{}, Quota: config.Limits{RequestsPerMinute: 5}},
		"fw": {Modes: []string{"get"}, PassTTL: time.Hour, Key: broker.DefaultKeyLayout, MinSize: 1, TTL: 15 * time.Minute, PartSize: 5 << 20,
			Object: "fw/{name}", AllowThings: []string{"cam1", "Cam:2"}, AllowGroups: []string{"front-door"}},
	}
	quota := config.Quota{Store: "rediss://redis.example.com", CA: "redis-ca.crt", OnFailure: "allow", RequestsPerMinute: 30, BytesPerDay: 1 << 30}
	if c.Quota != quota || c.BrokerLimits() != (broker.Limits{RequestsPerMinute: 30, BytesPerDay: 1 << 30}) {
		t.Errorf("quota: got %+v", c.Quota)
	}
	if !reflect.DeepEqual(c.Kinds, kinds) {
		t.Errorf("kinds:\n got %+v\nwant %+v", c.Kinds, kinds)
	}
	if want := (config.Groups{"front-door": {"bell1", "bell2"}}); !reflect.DeepEqual(c.Groups, want) {
		t.Errorf("groups: got %v, want %v", c.Groups, want)
	}
	if want := (config.Multipart{SweepEvery: 10 * time.Minute}); c.Multipart != want {
		t.Errorf("multipart: got %+v, want %+v", c.Multipart, want)
	}
	if c.LongestTTL() != time.Hour {
		t.Errorf("longest ttl is %v", c.LongestTTL())
	}
	for _, s := range c.Settings() {
		if name := "THINGPASS_" + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(s.Name)); s.Set && s.Source != name && s.Source != "default" {
			t.Errorf("%s is from %q, want %s", s.Name, s.Source, name)
		}
	}
}

// Credentials that sign a pass have to live as long as it.
func TestLongestTTLIsThatOfPassesWhereThereAreAny(t *testing.T) {
	for modes, want := range map[string]time.Duration{"put": 15 * time.Minute, "put, pass": time.Hour} {
		if got := load(t, strings.Replace(good, "    types:", "    modes: ["+modes+"]\n    types:", 1)).LongestTTL(); got != want {
			t.Errorf("%s: %v, want %v", modes, got, want)
		}
	}
}

func TestEnvironmentWinsOverFile(t *testing.T) {
	c := load(t, good, "THINGPASS_S3_BUCKET=others", "THINGPASS_KINDS_PHOTO_TTL=1m", "THINGPASS_S3_REGION=")
	if c.S3.Bucket != "others" || c.Kinds["photo"].TTL != time.Minute || c.S3.Region != "eu-central-1" {
		t.Errorf("got %+v, %+v", c.S3, c.Kinds)
	}
}

func TestSettingsTellTheirSource(t *testing.T) {
	path := write(t, good)
	c, err := config.Load(path, []string{"THINGPASS_S3_BUCKET=others", "THINGPASS_QUOTA_STORE=rediss://u:secret@h/1"})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range c.Settings() {
		got[s.Name] = s.String()
	}
	for name, want := range map[string]string{
		"s3.bucket":            "s3.bucket: others (THINGPASS_S3_BUCKET)",
		"s3.region":            fmt.Sprintf("s3.region: eu-central-1 (%s:6)", path),
		"s3.endpoint":          "s3.endpoint is not set",
		"log.level":            "log.level: info (default)",
		"kinds.photo.types":    fmt.Sprintf("kinds.photo.types: [image/jpeg] (%s:10)", path),
		"kinds.photo.ttl":      "kinds.photo.ttl: 15m (default)",
		"quota.store":          "quota.store: rediss://u:xxxxx@h/1 (THINGPASS_QUOTA_STORE)",
		"kinds.photo.metadata": "kinds.photo.metadata is not set",
	} {
		if got[name] != want {
			t.Errorf("got %q, want %q", got[name], want)
		}
	}
	if len(got) != 19+6+4+2+1+3+5+14+2+11+2+18 { // mqtt, s3, audit, log, http, events, quota, a kind, lambda, credentials, multipart, console
		t.Errorf("%d settings: %v", len(got), got)
	}
}

func TestPathsAreRelativeToWhatNamesThem(t *testing.T) {
	path := write(t, strings.Replace(good, "broker.key", "/etc/keys/broker.key", 1)+"audit:\n  file: log/audit.jsonl\n")
	c, err := config.Load(path, []string{"THINGPASS_MQTT_CA=here/ca.crt"})
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Dir(path)
	for got, want := range map[string]string{
		c.MQTT.Cert:  filepath.Join(folder, "broker.crt"),
		c.MQTT.Key:   "/etc/keys/broker.key",
		c.MQTT.CA:    "here/ca.crt",
		c.Audit.File: filepath.Join(folder, "log/audit.jsonl"),
		c.S3.CA:      "",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestUnusualButSoundFilesAreRead(t *testing.T) {
	for name, text := range map[string]string{
		"sections with all lines commented out":  good + "log:\n  # level: debug\naudit:\n",
		"an anchor and its alias":                strings.Replace(good, "max_size: 8MiB", "max_size: &size 8MiB", 1) + "  thumb:\n    types: [image/png]\n    max_size: *size\n",
		"a list as plain text":                   strings.Replace(good, "[image/jpeg]", "image/jpeg, image/png", 1),
		"quoted numbers":                         strings.Replace(good, "8MiB", `"4096"`, 1),
		"JSON":                                   `{"mqtt": {"server": "mqtts://h", "cert": "c", "key": "k"}, "s3": {"region": "r1", "bucket": "photos"}, "kinds": {"photo": {"types": ["image/jpeg"], "max_size": 4096}}}`,
		"a bucket that looks like a number":      strings.Replace(good, "bucket: photos", "bucket: 0123", 1),
		"document markers and a byte order mark": "\ufeff---\n" + good + "...\n",
	} {
		t.Run(name, func(t *testing.T) {
			c := load(t, text)
			if strings.Contains(text, "0123") && c.S3.Bucket != "0123" {
				t.Errorf("the bucket became %q", c.S3.Bucket)
			}
			if strings.Contains(text, "*size") && c.Kinds["thumb"].MaxSize != 8<<20 {
				t.Errorf("got %+v", c.Kinds)
			}
		})
	}
}

func TestVariablesOfKubernetesAreNoneOfOurs(t *testing.T) {
	load(t, good, "THINGPASS_SERVICE_HOST=10.0.0.1", "THINGPASS_SERVICE_PORT=8883", "THINGPASS_SERVICE_PORT_MQTTS=8883",
		"THINGPASS_PORT=tcp://10.0.0.1:8883", "THINGPASS_PORT_8883_TCP=tcp://10.0.0.1:8883", "THINGPASS_PORT_8883_TCP_ADDR=10.0.0.1",
		"THINGPASS_BROKER_SERVICE_HOST=10.0.0.1", "THINGPASS_BROKER_PORT_80_TCP_PROTO=tcp")
}

func TestUnreadableFileIsNoListOfProblems(t *testing.T) {
	var list config.Errors
	for name, path := range map[string]string{
		"missing": filepath.Join(t.TempDir(), "none.yaml"),
		"folder":  t.TempDir(),
		"huge":    write(t, strings.Repeat("# nothing\n", 200_000)),
	} {
		c, err := config.Load(path, nil)
		if c != nil || err == nil || errors.As(err, &list) || !strings.Contains(err.Error(), "read the configuration: ") {
			t.Errorf("%s: got %v, %v", name, c, err)
		}
	}
}
