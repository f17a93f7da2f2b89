// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3_test

import (
	"log/slog"
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

// onlyEnvironment keeps the default chain away from this machine's files and
// from the address of the metadata service.
func onlyEnvironment(t *testing.T) {
	t.Helper()
	none := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": none, "AWS_SHARED_CREDENTIALS_FILE": none, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "",
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SESSION_TOKEN": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "",
	} {
		t.Setenv(name, value)
	}
}

func TestDefaultCredentialsComeFromTheEnvironment(t *testing.T) {
	onlyEnvironment(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIA1")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
	source, err := awss3.DefaultCredentials(t.Context(), "eu-central-1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if c, err := source.Retrieve(t.Context()); err != nil || c.AccessKeyID != "AKIA1" || c.SecretAccessKey != "s3cret" {
		t.Errorf("got %v, %v", c.AccessKeyID, err)
	}
}

func TestNoCredentialsAnywhereIsExplained(t *testing.T) {
	onlyEnvironment(t)
	source, err := awss3.DefaultCredentials(t.Context(), "eu-central-1", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, onAWS(source))
	if _, err := b.SignPut(t.Context(), photo()); err == nil || !strings.Contains(err.Error(), "fetch credentials: ") {
		t.Errorf("signed without credentials: %v", err)
	}
	expect(t, find(t, b.Probe(t.Context()), "credentials"), awss3.Problem, "set s3.access_key_file")
}
