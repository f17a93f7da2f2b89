// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.yaml.in/yaml/v3"

	"thingpass/broker/devstack"
	"thingpass/policies/registry"
	"thingpass/policies/templates"
)

func TestAThingGetsCredentialsWithItsCertificate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dev")
	s := startStack(t, devstack.Options{Dir: dir})
	r := s.Ready()
	files, err := devstack.Thing(dir, "cam1")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(contents(t, r.CAFile)))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}}}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	req, err := http.NewRequest("GET", r.Provider.Endpoint+"/role-aliases/"+r.Provider.RoleAlias+"/credentials", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("x-amzn-iot-thingname", "cam1")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got struct {
		Credentials struct {
			AccessKeyID, SecretAccessKey, SessionToken string
			Expiration                                 time.Time
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || resp.StatusCode != 200 {
		t.Fatalf("%d, %v", resp.StatusCode, err)
	}
	if life := time.Until(got.Credentials.Expiration); life < 59*time.Minute || life > 61*time.Minute {
		t.Errorf("they last %v", life)
	}
	c := s3.New(s3.Options{Region: r.S3.Region, BaseEndpoint: aws.String(r.S3.Endpoint), UsePathStyle: true, HTTPClient: client,
		Credentials: credentials.NewStaticCredentialsProvider(got.Credentials.AccessKeyID, got.Credentials.SecretAccessKey, got.Credentials.SessionToken)})
	for key, code := range map[string]string{"cam1/a.jpg": "", "cam2/a.jpg": "AccessDenied"} {
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(r.S3.Bucket), Key: aws.String(key), Body: strings.NewReader("photo")})
		if codeOf(err) != code {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestBrokerConfigOffersCredentials(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dev")
	var config struct {
		Credentials struct {
			RoleARN     string `yaml:"role_arn"`
			STSEndpoint string `yaml:"sts_endpoint"`
			Provider    struct {
				Endpoint  string `yaml:"endpoint"`
				RoleAlias string `yaml:"role_alias"`
			} `yaml:"provider"`
		} `yaml:"credentials"`
	}
	for range 2 { // the ports of the second start are others
		s := startStack(t, devstack.Options{Dir: dir})
		r := s.Ready()
		text, err := os.ReadFile(r.BrokerConfig)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(text, &config); err != nil {
			t.Fatal(err)
		}
		c := config.Credentials
		if c.RoleARN != devstack.Role || c.STSEndpoint != r.S3.Endpoint || c.Provider.Endpoint != r.Provider.Endpoint || c.Provider.RoleAlias != "thingpass" {
			t.Errorf("got %+v, want %+v", c, r)
		}
		s.Close()
	}
}

// A thing that the registry's file blocks gets no credentials, from the moment
// that the file says so.
func TestABlockedThingGetsNoCredentials(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dev")
	file := filepath.Join(t.TempDir(), "registry.yaml")
	write := func(more string) {
		if err := os.WriteFile(file, []byte(registry.Default(templates.Values{})+more), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	s := startStack(t, devstack.Options{Dir: dir, Registry: file})
	client := thingClient(t, dir, s.Ready())
	ask := func() int { return askForCredentials(t, client, s.Ready()) }
	if code := ask(); code != http.StatusOK {
		t.Fatalf("before: %d", code)
	}
	write("things: {cam1: {blocked: true}}\n")
	for deadline := time.Now().Add(20 * time.Second); ask() != http.StatusForbidden; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a blocked thing gets credentials")
		}
	}
}

// thingClient speaks HTTPS with cam1's certificate.
func thingClient(t *testing.T, dir string, r devstack.Ready) *http.Client {
	t.Helper()
	files, err := devstack.Thing(dir, "cam1")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(contents(t, r.CAFile)))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

// askForCredentials asks as cam1, and returns the status.
func askForCredentials(t *testing.T, client *http.Client, r devstack.Ready) int {
	t.Helper()
	req, err := http.NewRequest("GET", r.Provider.Endpoint+"/role-aliases/"+r.Provider.RoleAlias+"/credentials", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("x-amzn-iot-thingname", "cam1")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
