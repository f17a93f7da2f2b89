// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"reflect"
	"strings"
	"testing"

	"thingpass/broker/cmd/thingpass/config"
)

// values gives every setting of the example another sound value.
var values = map[string]string{
	"MQTT_SERVER": "mqtts://elsewhere", "MQTT_CA": "x", "MQTT_CERT": "x", "MQTT_KEY": "x", "MQTT_CLIENT_ID": "x", "MQTT_ROOT": "x", "MQTT_GROUP": "x",
	"MQTT_CONNECTIONS": "7", "MQTT_WORKERS": "7", "MQTT_QUEUE": "7", "MQTT_SESSION_EXPIRY": "7m", "MQTT_GROUP_WATCH": "7m",
	"S3_ENDPOINT": "https://elsewhere", "S3_REGION": "x", "S3_BUCKET": "elsewhere", "S3_PATH_STYLE": "true", "S3_CA": "x", "S3_ACCESS_KEY_FILE": "x",
	"AUDIT_FILE": "x", "LOG_LEVEL": "warn", "LOG_FORMAT": "json",
	"QUOTA_STORE": "rediss://x", "QUOTA_CA": "x", "QUOTA_ON_FAILURE": "allow", "QUOTA_REQUESTS_PER_MINUTE": "70", "QUOTA_BYTES_PER_DAY": "7MiB",
	"KINDS_PHOTO_MAX_SIZE": "7MiB", "KINDS_PHOTO_MIN_SIZE": "7", "KINDS_PHOTO_TTL": "7m", "KINDS_PHOTO_TYPES": "image/png", "KINDS_PHOTO_METADATA": "x",
	"KINDS_PHOTO_QUOTA_REQUESTS_PER_MINUTE": "7", "KINDS_CLIP_MAX_SIZE": "7", "KINDS_CLIP_TYPES": "video/mp4",
	"GROUPS_CAMS": "cam1",
}

// What Update says that it keeps and what it keeps are the same, setting by
// setting: a section that is forgotten in one of both shows here.
func TestUpdateKeepsWhatNeedsARestartAndNothingElse(t *testing.T) {
	old := load(t, good)
	var environ []string
	for name, value := range values {
		environ = append(environ, "THINGPASS_"+name+"="+value)
	}
	next := load(t, good, environ...)
	updated, changed, waiting := old.Update(next)
	for _, s := range []struct {
		name              string
		old, next, update any
	}{
		{"kinds.", old.Kinds, next.Kinds, updated.Kinds},
		{"groups.", old.Groups, next.Groups, updated.Groups},
		{"s3.", old.S3, next.S3, updated.S3},
		{"audit.file", old.Audit, next.Audit, updated.Audit},
		{"mqtt.server", old.MQTT.Server, next.MQTT.Server, updated.MQTT.Server},
		{"mqtt.ca", old.MQTT.CA, next.MQTT.CA, updated.MQTT.CA},
		{"mqtt.cert", old.MQTT.Cert, next.MQTT.Cert, updated.MQTT.Cert},
		{"mqtt.key", old.MQTT.Key, next.MQTT.Key, updated.MQTT.Key},
		{"mqtt.client_id", old.MQTT.ClientID, next.MQTT.ClientID, updated.MQTT.ClientID},
		{"mqtt.root", old.MQTT.Root, next.MQTT.Root, updated.MQTT.Root},
		{"mqtt.group", old.MQTT.Group, next.MQTT.Group, updated.MQTT.Group},
		{"mqtt.connections", old.MQTT.Connections, next.MQTT.Connections, updated.MQTT.Connections},
		{"mqtt.workers", old.MQTT.Workers, next.MQTT.Workers, updated.MQTT.Workers},
		{"mqtt.queue", old.MQTT.Queue, next.MQTT.Queue, updated.MQTT.Queue},
		{"mqtt.session_expiry", old.MQTT.SessionExpiry, next.MQTT.SessionExpiry, updated.MQTT.SessionExpiry},
		{"mqtt.group_watch", old.MQTT.GroupWatch, next.MQTT.GroupWatch, updated.MQTT.GroupWatch},
		{"log.level", old.Log.Level, next.Log.Level, updated.Log.Level},
		{"log.format", old.Log.Format, next.Log.Format, updated.Log.Format},
		{"quota.store", old.Quota.Store, next.Quota.Store, updated.Quota.Store},
		{"quota.ca", old.Quota.CA, next.Quota.CA, updated.Quota.CA},
		{"quota.on_failure", old.Quota.OnFailure, next.Quota.OnFailure, updated.Quota.OnFailure},
		{"quota.requests_per_minute", old.Quota.RequestsPerMinute, next.Quota.RequestsPerMinute, updated.Quota.RequestsPerMinute},
		{"quota.bytes_per_day", old.Quota.BytesPerDay, next.Quota.BytesPerDay, updated.Quota.BytesPerDay},
	} {
		names := func(list []string) bool { return strings.Contains(strings.Join(list, " ")+" ", s.name) }
		if reflect.DeepEqual(s.old, s.next) {
			t.Errorf("%s: the test changes nothing", s.name)
		}
		if isNext := reflect.DeepEqual(s.update, s.next); isNext != names(changed) || isNext == names(waiting) {
			t.Errorf("%s became %v; changed %q, waiting %q", s.name, s.update, changed, waiting)
		}
	}
	for _, s := range updated.Settings() {
		if s.Name == "mqtt.server" && s.Value != "mqtts://127.0.0.1:8883" || s.Name == "s3.bucket" && s.Value != "elsewhere" {
			t.Errorf("the settings say %s", s)
		}
	}
	if again, changed, _ := updated.Update(next); len(changed) != 0 || !reflect.DeepEqual(again.Settings(), updated.Settings()) {
		t.Errorf("the second time changes %q", changed)
	}
}

// The password of a store is no setting's value, and its change is noticed.
func TestUpdateNoticesAPassword(t *testing.T) {
	a, b := load(t, good, "THINGPASS_QUOTA_STORE=redis://u:a@h"), load(t, good, "THINGPASS_QUOTA_STORE=redis://u:b@h")
	if _, _, waiting := a.Update(b); !reflect.DeepEqual(waiting, []string{"quota.store"}) {
		t.Errorf("waiting: %q", waiting)
	}
}

func TestSecretFiles(t *testing.T) {
	if files := load(t, good).SecretFiles(); len(files) != 1 || files["mqtt.key"] == "" {
		t.Errorf("got %v", files)
	}
	if files := load(t, good+"quota: {store: 'redis://u:a@h'}\n").SecretFiles(); !strings.HasSuffix(files["quota.store"], "broker.yaml") {
		t.Errorf("got %v", files)
	}
	if files := load(t, good, "THINGPASS_QUOTA_STORE=redis://u:a@h").SecretFiles(); files["quota.store"] != "" {
		t.Errorf("got %v", files)
	}
}

// Instances of a function come and go, and a count with each.
func TestFunctionWithLimitsNeedsAStore(t *testing.T) {
	serverless := "s3: {region: eu-central-1, bucket: photos}\nlambda: {iot_endpoint: 'https://h'}\nkinds: {photo: {types: [image/jpeg], max_size: 8MiB, quota: {bytes_per_day: 1GiB}}}\n"
	if _, err := config.LoadServerless(write(t, serverless), nil); err == nil || !strings.Contains(err.Error(), "quota.store is memory") {
		t.Errorf("got %v", err)
	}
	if _, err := config.LoadServerless(write(t, serverless+"quota: {store: 'rediss://h'}\n"), nil); err != nil {
		t.Error(err)
	}
}
