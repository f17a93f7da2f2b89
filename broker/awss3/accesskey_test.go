// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"thingpass/broker/awss3"
)

func keyFile(t *testing.T, text string) awss3.AccessKeyFile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s3-credentials.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return awss3.AccessKeyFile(path)
}

func TestAccessKeyFileIsRead(t *testing.T) {
	c, err := keyFile(t, `{"accessKeyId": "AKIA1", "secretAccessKey": "s3cret"}`).Retrieve(t.Context())
	if err != nil || c.AccessKeyID != "AKIA1" || c.SecretAccessKey != "s3cret" || c.CanExpire {
		t.Errorf("got %v until %v, %v", c.AccessKeyID, c.Expires, err)
	}
	c, err = keyFile(t, `{"accessKeyId": "ASIA1", "secretAccessKey": "s3cret", "sessionToken": "t0ken", "expiration": "2026-11-23T12:00:00Z"}`).Retrieve(t.Context())
	if err != nil || c.SessionToken != "t0ken" || !c.CanExpire || !c.Expires.Equal(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("got %v until %v, %v", c.AccessKeyID, c.Expires, err)
	}
}

func TestBadAccessKeyFilesAreRefusedWithoutQuotingThem(t *testing.T) {
	for name, text := range map[string]string{
		"empty":            ``,
		"no JSON":          `AKIA1:s3cret`,
		"wrong type":       `{"accessKeyId": "AKIA1", "secretAccessKey": ["s3cret"]}`,
		"bad time":         `{"accessKeyId": "AKIA1", "secretAccessKey": "s3cret", "expiration": "s3cret"}`,
		"misspelt":         `{"accessKeyId": "AKIA1", "secretAccesKey": "s3cret"}`,
		"AWS CLI's names":  `{"AccessKeyID_": "AKIA1", "SecretAccessKey": "s3cret"}`,
		"half":             `{"accessKeyId": "AKIA1"}`,
		"two objects":      `{"accessKeyId": "AKIA1", "secretAccessKey": "s3cret"} {}`,
		"something behind": `{"accessKeyId": "AKIA1", "secretAccessKey": "s3cret"} s3cret`,
	} {
		t.Run(name, func(t *testing.T) {
			file := keyFile(t, text)
			c, err := file.Retrieve(t.Context())
			if err == nil || c.HasKeys() || !strings.Contains(err.Error(), string(file)) {
				t.Errorf("got %v, %v", c.AccessKeyID, err)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
	if _, err := awss3.AccessKeyFile(filepath.Join(t.TempDir(), "none")).Retrieve(t.Context()); err == nil {
		t.Error("a missing file is no error")
	}
}
