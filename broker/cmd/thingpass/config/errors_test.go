// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"thingpass/broker/cmd/thingpass/config"
)

const noFile = "no file"

// change returns the good configuration with old replaced by new.
func change(old, new string) string {
	if !strings.Contains(good, old) {
		return "the test changes nothing: " + old
	}
	return strings.Replace(good, old, new, 1)
}

// mqtt, s3 and kind add a line to a section, as line 3, 7 and 11.
func mqtt(line string) string { return change("  cert:", "  "+line+"\n  cert:") }
func s3(line string) string   { return change("  bucket:", "  "+line+"\n  bucket:") }
func kind(line string) string { return change("    max_size:", "    "+line+"\n    max_size:") }

// fw adds a kind to fetch, whose lines given begin at 16, and a group before it.
func fw(lines string) string {
	return strings.Replace(good, "kinds:", "groups:\n  cams: [cam1]\nkinds:", 1) + "  fw:\n    modes: [get]\n    " + lines + "\n"
}

type badConfig struct {
	name string
	text string
	env  []string
	want string // problems, a line for each
}

func TestBadConfigurationsAreExplained(t *testing.T) {
	for _, test := range badConfigs() {
		t.Run(test.name, func(t *testing.T) { explains(t, test) })
	}
}

func explains(t *testing.T, test badConfig) {
	t.Helper()
	path := ""
	if test.text != noFile {
		path = write(t, test.text)
	}
	c, err := config.Load(path, test.env)
	if err == nil || c != nil {
		t.Fatalf("accepted: %+v", c)
	}
	got := err.Error()
	if path != "" {
		got = strings.ReplaceAll(got, path, "broker.yaml")
	}
	if got != test.want {
		t.Errorf("\n got %s\nwant %s", got, test.want)
	}
}

func layoutError(key string) string {
	return `broker.yaml:11: kinds.photo.key "` + key + `" must begin with "{thing}/{kind}/": a thing has nothing outside its own prefix, and no two kinds share a key`
}

func badConfigs() []badConfig {
	return []badConfig{
		// names
		{"misspelt", change("bucket:", "buket:"), nil, "broker.yaml:7: unknown setting s3.buket, did you mean s3.bucket?"},
		{"misspelt section", change("s3:", "s4:"), nil, "broker.yaml:5: unknown setting s4, did you mean s3?"},
		{"misspelt in a kind", change("max_size:", "maxsize:"), nil, "broker.yaml:11: unknown setting kinds.photo.maxsize, did you mean kinds.photo.max_size?"},
		{"capital letter", change("bucket:", "Bucket:"), nil, "broker.yaml:7: unknown setting s3.Bucket, did you mean s3.bucket?"},
		{"in another section", s3("server: mqtts://h"), nil, "broker.yaml:7: unknown setting s3.server, did you mean mqtt.server?"},
		{"outside its section", good + "bucket: photos\n", nil, "broker.yaml:12: unknown setting bucket, did you mean s3.bucket?"},
		{"like nothing", s3("xyzzy: 1"), nil, "broker.yaml:7: unknown setting s3.xyzzy"},
		{"twice", s3("bucket: others"), nil, "broker.yaml:8: s3.bucket is there twice, first in line 7"},
		{"section twice", good + "s3:\n  region: x\n", nil, "broker.yaml:12: s3 is there twice, first in line 5"},
		{"kind twice", good + "  photo:\n    max_size: 9MiB\n", nil, "broker.yaml:12: kinds.photo is there twice, first in line 9"},
		{"name of a kind", change("photo:", "Photo_1:"), nil, "broker.yaml:9: kinds.Photo_1: a kind's name is 1 to 32 characters of a-z, 0-9 and -"},
		{"merge key", change("max_size: 8MiB", "<<: {max_size: 8MiB}"), nil, "broker.yaml:11: kinds.photo wants the names of settings below it, in full"},

		// shape
		{"no value", change("bucket: photos", "bucket:"), nil, "broker.yaml:7: s3.bucket has no value: give it one, or remove the line"},
		{"list for a value", change("bucket: photos", "bucket: [photos]"), nil, "broker.yaml:7: s3.bucket wants one value"},
		{"settings for a value", change("bucket: photos", "bucket: {name: photos}"), nil, "broker.yaml:7: s3.bucket wants one value"},
		{"value for a section", good + "log: debug\n", nil, "broker.yaml:12: log wants settings below it"},
		{"list for a kind", change("  photo:\n", "  thumb: []\n  photo:\n"), nil, "broker.yaml:9: kinds.thumb wants settings below it"},
		{"settings for a list", change("types: [image/jpeg]", "types: {a: b}"), nil, "broker.yaml:10: kinds.photo.types wants a list"},
		{"settings in a list", change("types: [image/jpeg]", "types: [{a: b}]"), nil, "broker.yaml:10: kinds.photo.types wants plain values in its list"},
		{"open quotes", change("bucket: photos", "bucket: \"photos"), nil, "broker.yaml:7: not YAML: found unexpected end of stream"},
		{"tab", change("  bucket:", "\tbucket:"), nil, "broker.yaml:6: not YAML: found a tab character that violates indentation"},
		{"list for the file", "- mqtt\n", nil, "broker.yaml:1: the file wants settings below it"},
		{"two documents", good + "---\nlog: {level: debug}\n", nil, "broker.yaml:12: a second document begins here: there can be one only"},

		// values
		{"no number", mqtt("workers: many"), nil, `broker.yaml:3: mqtt.workers is "many": want a whole number`},
		{"negative number", mqtt("workers: -1"), nil, `broker.yaml:3: mqtt.workers is "-1": want a whole number`},
		{"no connection", mqtt("connections: 0"), nil, "broker.yaml:3: mqtt.connections is 0: want at least 1"},
		{"too many connections", mqtt("connections: 101"), nil, "broker.yaml:3: mqtt.connections is 101: use 1 to 100"},
		{"too many workers", mqtt("workers: 1000000"), nil, "broker.yaml:3: mqtt.workers is 1000000: use 1 to 10000"},
		{"too long a queue", mqtt("queue: 70000"), nil, "broker.yaml:3: mqtt.queue is 70000: use 1 to 65535"},
		{"time without a unit", mqtt("session_expiry: 60"), nil, `broker.yaml:3: mqtt.session_expiry is "60": want a time such as 90s, 15m or 1h`},
		{"time of nothing", mqtt("session_expiry: 0s"), nil, "broker.yaml:3: mqtt.session_expiry is 0s: want at least 1s"},
		{"too much watching", mqtt("group_watch: 10ms"), nil, "broker.yaml:3: mqtt.group_watch is 10ms: want at least 1s"},
		{"too long a session", mqtt("session_expiry: 192h"), nil, "broker.yaml:3: mqtt.session_expiry is 192h0m0s: use 1s to 168h0m0s"},
		{"client id", mqtt("client_id: a/b"), nil, `broker.yaml:3: mqtt.client_id "a/b": use printable ASCII without + # / and spaces`},
		{"group", mqtt("group: a/b"), nil, `broker.yaml:3: mqtt.group "a/b": use printable ASCII without + # / and spaces`},
		{"no group", mqtt("group: ''"), nil, "broker.yaml:3: mqtt.group is empty: brokers share the requests by it"},
		{"root", mqtt("root: $aws/things"), nil, "broker.yaml:3: mqtt.root: the root topic must not begin with $: those are the server's own"},
		{"bool", s3("path_style: yes"), nil, `broker.yaml:7: s3.path_style is "yes": want true or false`},
		{"bucket", change("bucket: photos", "bucket: My_Photos"), nil, `broker.yaml:7: s3.bucket "My_Photos": S3 wants 3 to 63 of a-z, 0-9, '-' and '.'`},
		{"region", change("eu-central-1", "eu central"), nil, `broker.yaml:6: s3.region "eu central": give a name such as eu-central-1`},
		{"endpoint without a scheme", s3("endpoint: s3.example.com"), nil, "broker.yaml:7: s3.endpoint: server URL has no http or https: write https://host:port"},
		{"endpoint with a bucket and a password", s3("endpoint: https://user:secret@s3.example.com/photos"), nil, "broker.yaml:7: s3.endpoint: server URL has more than scheme and host: write https://host:port"},
		{"log level", good + "log: {level: verbose}\n", nil, `broker.yaml:12: log.level is "verbose": want one of debug, info, warn, error`},
		{"log format", good + "log: {format: xml}\n", nil, `broker.yaml:12: log.format is "xml": want one of auto, text, json`},
		{"no audit", good + "audit: {file: ''}\n", nil, "broker.yaml:12: audit.file is missing: without an audit there is no grant (in the environment: THINGPASS_AUDIT_FILE)"},

		// kinds
		{"size", change("8MiB", "8 MB!"), nil, `broker.yaml:11: kinds.photo.max_size is "8 MB!": want a size such as 4096, 500kB or 8MiB`},
		{"size with a fraction", change("8MiB", "1.5MiB"), nil, `broker.yaml:11: kinds.photo.max_size is "1.5MiB": want a size such as 4096, 500kB or 8MiB`},
		{"size beyond numbers", change("8MiB", "99999999999GiB"), nil, `broker.yaml:11: kinds.photo.max_size is "99999999999GiB": want a size such as 4096, 500kB or 8MiB`},
		{"size of nothing", kind("min_size: 0"), nil, `broker.yaml:11: kinds.photo.min_size is "0": want at least 1 byte`},
		{"size beyond one PUT", change("8MiB", "6GiB"), nil, "broker.yaml:11: kinds.photo.max_size is 6442450944, one PUT stores at most 5368709120"},
		{"size beyond one PUT, in parts", kind("modes: [multipart]\n    min_size: 6GiB"), nil, "broker.yaml:12: kinds.photo.min_size 6442450944 is above max_size 8388608"},
		{"size beyond one PUT, in parts and whole", change("8MiB", "6GiB\n    modes: [put, multipart]"), nil, "broker.yaml:11: kinds.photo.max_size is 6442450944, one PUT stores at most 5368709120"},
		{"size beyond S3", change("8MiB", "60000GiB\n    modes: [multipart]"), nil, "broker.yaml:11: kinds.photo.max_size is 64424509440000, S3 stores at most 50000000000000"},
		{"small parts", kind("part_size: 1MiB"), nil, "broker.yaml:11: kinds.photo.part_size is 1048576, S3 allows 5242880 to 5368709120"},
		{"no modes", kind("modes: []"), nil, "broker.yaml:11: kinds.photo.modes is empty: name at least one mode"},
		{"sweep without a unit", good + "multipart:\n  sweep_after: 24\n", nil, `broker.yaml:13: multipart.sweep_after is "24": want a time such as 90s, 15m or 1h`},
		{"no bound", change("    max_size: 8MiB\n", ""), nil, "broker.yaml:9: kinds.photo.max_size is missing: a grant must have a bound (in the environment: THINGPASS_KINDS_PHOTO_MAX_SIZE)"},
		{"ttl without a unit", kind("ttl: 15"), nil, `broker.yaml:11: kinds.photo.ttl is "15": want a time such as 90s, 15m or 1h`},
		{"ttl beyond S3's", kind("ttl: 192h"), nil, "broker.yaml:11: kinds.photo.ttl is 192h0m0s, S3 allows 1s to 168h0m0s"},
		{"layout without the thing", kind("key: 'all/{kind}/{id}'"), nil, layoutError("all/{kind}/{id}")},
		{"type", change("image/jpeg", "jpeg"), nil, `broker.yaml:10: kinds.photo.types cannot be read: "jpeg" is not a content type such as "image/jpeg"`},
		{"type without an extension", change("image/jpeg", "application/x-foo"), nil, `broker.yaml:10: kinds.photo.types cannot be read: content type "application/x-foo" needs an extension of a-z and 0-9, such as "application/x-foo=bin"`},
		{"type twice", change("[image/jpeg]", "[image/jpeg, image/jpeg]"), nil, `broker.yaml:10: kinds.photo.types: content type "image/jpeg" is there twice`},
		{"no types", change("    types: [image/jpeg]\n", ""), nil, "broker.yaml:9: kinds.photo.types is missing (in the environment: THINGPASS_KINDS_PHOTO_TYPES)"},
		{"empty types", change("[image/jpeg]", "[]"), nil, "broker.yaml:10: kinds.photo.types is empty: name at least one content type"},
		{"metadata", kind("metadata: [rssi, Fw]"), nil, `broker.yaml:11: kinds.photo.metadata name "Fw": 1 to 32 characters of a-z, 0-9 and -, and not captured-at`},
		{"no kinds", good[:strings.Index(good, "kinds:")], nil, "broker.yaml: kinds is missing: a broker without one could grant nothing; give one with types and max_size"},

		// quotas
		{"limit of nothing", good + "quota: {requests_per_minute: 0}\n", nil, `broker.yaml:12: quota.requests_per_minute is "0": want a whole number from 1, or off`},
		{"limit without a number", good + "quota: {bytes_per_day: all}\n", nil, `broker.yaml:12: quota.bytes_per_day is "all": want a size such as 4096, 500kB or 8MiB, or off`},
		{"limit beyond counting", good + "quota: {bytes_per_day: 99999999GiB}\n", nil, "broker.yaml:12: quota.bytes_per_day is 107374181326258176, at most 9007199254740992 can be counted"},
		{"store", good + "quota: {store: 'redis//u:secret@h'}\n", nil, "broker.yaml:12: quota.store is not a URL: want redis://user:password@host:port/db, or rediss:// for TLS; or memory"},
		{"store with a password", good + "quota: {store: 'redis://u:secret@h/1?x=y'}\n", nil, "broker.yaml:12: quota.store has something after the database: want redis://user:password@host:port/db, or rediss:// for TLS; or memory"},
		{"store's CA without TLS", good + "quota: {store: 'redis://h', ca: ca.crt}\n", nil, "broker.yaml:12: quota.ca contradicts quota.store, which has no TLS: write rediss://, or remove quota.ca"},
		{"store that fails", good + "quota: {on_failure: panic}\n", nil, `broker.yaml:12: quota.on_failure is "panic": want one of refuse, allow`},
		{"kind beyond the thing", good + "    quota: {requests_per_minute: 9}\nquota: {requests_per_minute: 8}\n", nil, "broker.yaml:12: kinds.photo.quota.requests_per_minute is 9, and quota.requests_per_minute allows 8 for all kinds together"},
		{"kind without room", good + "    min_size: 100\n    quota: {bytes_per_day: 99}\n", nil, "broker.yaml:13: kinds.photo.quota.bytes_per_day is 99, less than any object's min_size"},
		{"limit of a kind in a variable", good, []string{"THINGPASS_KINDS_PHOTO_QUOTA_BYTES_PER_DAY=x"}, `THINGPASS_KINDS_PHOTO_QUOTA_BYTES_PER_DAY: kinds.photo.quota.bytes_per_day is "x": want a size such as 4096, 500kB or 8MiB, or off`},

		// modes
		{"unknown mode", kind("modes: [put, pas]"), nil, `broker.yaml:11: kinds.photo.modes: mode "pas": known are ["put" "pass" "multipart" "get"]`},
		{"mode twice", kind("modes: [put, put]"), nil, "broker.yaml:11: kinds.photo.modes: mode put is there twice"},
		{"no mode", kind("modes:"), nil, "broker.yaml:11: kinds.photo.modes has no value: give it one, or remove the line"},
		{"too long a pass_ttl", kind("pass_ttl: 721m"), nil, "broker.yaml:11: kinds.photo.pass_ttl is 12h1m0s, want 1s to 12h0m0s"},
		{"pass_ttl without a unit", kind("pass_ttl: 60"), nil, `broker.yaml:11: kinds.photo.pass_ttl is "60": want a time such as 90s, 15m or 1h`},
		{"misspelt pass_ttl", kind("passttl: 1h"), nil, "broker.yaml:11: unknown setting kinds.photo.passttl, did you mean kinds.photo.pass_ttl?"},
		{"shared objects to store", kind("object: fw/{name}"), nil, `broker.yaml:11: kinds.photo.object is for kinds that offer mode get alone, not ["put"]`},
		{"own objects with a list", kind("allow_things: [cam1]"), nil, "broker.yaml:11: kinds.photo.allow_things and allow_groups are for shared objects: set object as well, or remove them"},
		{"objects below a thing", fw("object: '{thing}/{name}'"), nil, `broker.yaml:16: kinds.fw.object "{thing}/{name}" must begin with a folder of plain text: what begins with a thing's name is that thing's own`},
		{"nobody to fetch", fw("object: fw/{name}"), nil, "broker.yaml:14: kinds.fw.allow_things and allow_groups are missing: nobody could fetch its objects"},
		{"a pattern of things", fw("object: fw/{name}\n    allow_things: [cam*]"), nil, `broker.yaml:17: kinds.fw.allow_things has "cam*", which no thing can be called; "*" stands for every thing`},
		{"a group that there is not", fw("object: fw/{name}\n    allow_groups: [cam]"), nil, `broker.yaml:17: kinds.fw.allow_groups has "cam", which is not among groups, did you mean cams?`},
		{"a layout without its groups", fw("object: fw/{group}/{name}\n    allow_things: ['*']"), nil, "broker.yaml:17: kinds.fw.allow_things is of no use where object has {group}: allow groups"},
		{"no groups for a layout", fw("object: fw/{group}/{name}"), nil, "broker.yaml:14: kinds.fw.allow_groups is missing: object has {group}"},
		{"a group's name", good + "groups:\n  Front_Door: [bell1]\n", nil, `broker.yaml:13: groups.Front_Door: group "Front_Door": a group's name is 1 to 64 characters of a-z, 0-9 and -`},
		{"a thing's name", good + "groups:\n  cams: [cam/1]\n", nil, `broker.yaml:13: groups.cams: group cams has "cam/1", which no thing can be called`},
		{"things as settings", good + "groups:\n  cams: {cam1: true}\n", nil, "broker.yaml:13: groups.cams wants a list"},
		{"a group twice", good + "groups:\n  cams: [a]\n  cams: [b]\n", nil, "broker.yaml:14: groups.cams is there twice, first in line 13"},
		{"kinds that share objects", fw("object: fw/{name}\n    allow_things: ['*']") + "  fx:\n    modes: [get]\n    object: fw/{thing}\n    allow_things: ['*']\n", nil,
			"broker.yaml:10: kinds fw and fx can have the same object: let their keys begin with different folders"},

		// contradictions
		{"size bounds", kind("min_size: 9MiB"), nil, "broker.yaml:11: kinds.photo.min_size 9437184 is above max_size 8388608"},
		{"no TLS", change("mqtts:", "mqtt:"), nil, `broker.yaml:2: mqtt.server "mqtt://127.0.0.1:8883": use mqtts://host or mqtts://host:port, or wss://host`},
		{"password", change("mqtts://", "mqtts://user:secret@"), nil, `broker.yaml:2: mqtt.server "mqtts://user:xxxxx@127.0.0.1:8883": use mqtts://host or mqtts://host:port, or wss://host`},
		{"profile", mqtt("profile: azure"), nil, `broker.yaml:3: mqtt.profile is "azure": want one of auto, aws, mosquitto`},
		{"pace", mqtt("pace: slow"), nil, `broker.yaml:3: mqtt.pace is "slow": want one of auto, each, both, off`},
		{"pace of nothing", mqtt("pace_publishes: 0"), nil, "broker.yaml:3: mqtt.pace_publishes is 0: want at least 1"},
		{"too few bytes", mqtt("pace_bytes: 10"), nil, "broker.yaml:3: mqtt.pace_bytes: pace of 10 bytes a second: use 1024 to 1073741824"},
		{"too long a keep-alive", mqtt("keep_alive: 20h"), nil, "broker.yaml:3: mqtt.keep_alive: keep-alive is 20h0m0s: use 1s to 18h12m15s"},
		{"too long a keep-alive for AWS", mqtt("profile: aws\n  keep_alive: 1h"), nil, "broker.yaml:4: mqtt.keep_alive: keep-alive is 1h0m0s: AWS takes 30s to 20m0s"},
		{"certificate over wss", change("mqtts:", "wss:"), nil, `broker.yaml:3: mqtt.cert contradicts mqtt.server: over wss the broker signs with AWS credentials; remove it, or write mqtts://
broker.yaml:4: mqtt.key contradicts mqtt.server: over wss the broker signs with AWS credentials; remove it, or write mqtts://`},
		{"ALPN over wss", strings.NewReplacer("mqtts:", "wss:", "cert: broker.crt", "alpn: mqtt", "  key: broker.key\n", "").Replace(good), nil, "broker.yaml:3: mqtt.alpn contradicts mqtt.server: wss is HTTP; remove it, or write mqtts://"},
		{"certificate without its key", change("  key: broker.key\n", ""), nil, "broker.yaml:3: mqtt.cert is given without mqtt.key: want both"},
		{"key without its certificate", change("  cert: broker.crt\n", ""), nil, "broker.yaml:3: mqtt.key is given without mqtt.cert: want both"},
		{"bucket before an address", s3("endpoint: https://127.0.0.1:9000"), nil, "broker.yaml:7: s3.endpoint is an address, before which no bucket can stand: set s3.path_style to true"},
		{"CA for plain HTTP", s3("endpoint: http://s3.example.com\n  ca: ca.crt"), nil, "broker.yaml:8: s3.ca contradicts s3.endpoint, which has no TLS: write https://, or remove s3.ca"},
		{"neither endpoint nor region", change("  region: eu-central-1\n", ""), nil, "broker.yaml:5: s3.region is missing: without s3.endpoint it is AWS's, such as eu-central-1 (in the environment: THINGPASS_S3_REGION)"},

		// environment
		{"misspelt variable", good, []string{"THINGPASS_S3_BUKET=x"}, "THINGPASS_S3_BUKET: unknown setting, did you mean THINGPASS_S3_BUCKET?"},
		{"unknown variable", good, []string{"THINGPASS_COLOUR=red"}, "THINGPASS_COLOUR: unknown setting: unset it, or correct its name"},
		{"misspelt variable of a kind", good, []string{"THINGPASS_KINDS_PHOTO_MAXSIZE=1"}, "THINGPASS_KINDS_PHOTO_MAXSIZE: unknown setting, did you mean THINGPASS_KINDS_PHOTO_MAX_SIZE?"},
		{"value in a variable", good, []string{"THINGPASS_MQTT_WORKERS=many"}, `THINGPASS_MQTT_WORKERS: mqtt.workers is "many": want a whole number`},
		{"item in a variable", good, []string{"THINGPASS_KINDS_PHOTO_TYPES=image/jpeg,png"}, `THINGPASS_KINDS_PHOTO_TYPES: kinds.photo.types cannot be read: "png" is not a content type such as "image/jpeg"`},
		{"half a kind", good, []string{"THINGPASS_KINDS_THUMB_MAX_SIZE=1MB"}, "THINGPASS_KINDS_THUMB_MAX_SIZE: kinds.thumb.types is missing (in the environment: THINGPASS_KINDS_THUMB_TYPES)"},
		{"file and variable contradict", kind("min_size: 1kB"), []string{"THINGPASS_KINDS_PHOTO_MAX_SIZE=10"}, "broker.yaml:11: kinds.photo.min_size 1000 is above max_size 10"},

		// many at once
		{"empty file", "", nil, `broker.yaml: kinds is missing: a broker without one could grant nothing; give one with types and max_size
broker.yaml: mqtt.cert is missing: the server knows the broker by its certificate (in the environment: THINGPASS_MQTT_CERT)
broker.yaml: mqtt.key is missing (in the environment: THINGPASS_MQTT_KEY)
broker.yaml: mqtt.server is missing (in the environment: THINGPASS_MQTT_SERVER)
broker.yaml: s3.bucket is missing (in the environment: THINGPASS_S3_BUCKET)
broker.yaml: s3.region is missing: without s3.endpoint it is AWS's, such as eu-central-1 (in the environment: THINGPASS_S3_REGION)`},
		{"no file", noFile, []string{"THINGPASS_MQTT_SERVER=mqtts://h", "THINGPASS_MQTT_CERT=c", "THINGPASS_S3_BUCKET=photos", "THINGPASS_S3_REGION=r"},
			`kinds is missing: a broker without one could grant nothing; give one with types and max_size
THINGPASS_MQTT_CERT: mqtt.cert is given without mqtt.key: want both`},
		{"all sorts", "mqtt:\n  server: mqtt://h\n  cert: c\ns3:\n  bucket: X\nkinds:\n  a:\n    types: [b]\n    max_size: 8\n    min_size: none\n    tll: 1m\n", []string{"THINGPASS_X=1"},
			`broker.yaml:2: mqtt.server "mqtt://h": use mqtts://host or mqtts://host:port, or wss://host
broker.yaml:3: mqtt.cert is given without mqtt.key: want both
broker.yaml:4: s3.region is missing: without s3.endpoint it is AWS's, such as eu-central-1 (in the environment: THINGPASS_S3_REGION)
broker.yaml:5: s3.bucket "X": S3 wants 3 to 63 of a-z, 0-9, '-' and '.'
broker.yaml:8: kinds.a.types cannot be read: "b" is not a content type such as "image/jpeg"
broker.yaml:10: kinds.a.min_size is "none": want a size such as 4096, 500kB or 8MiB
broker.yaml:11: unknown setting kinds.a.tll, did you mean kinds.a.ttl?
THINGPASS_X: unknown setting: unset it, or correct its name`},
	}
}
