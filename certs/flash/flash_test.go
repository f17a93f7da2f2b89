// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package flash_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"thingpass/certs/flash"
)

const pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

func good() flash.Settings {
	return flash.Settings{Thing: "porch", Server: "192.168.1.10", Cert: flash.Text{Path: "d/thing.crt", Data: []byte(pem)},
		Key: flash.Text{Path: "d/thing.key", Data: []byte("-----BEGIN PRIVATE KEY-----\n")}, CA: flash.Text{Path: "d/ca.crt", Data: []byte(pem)},
		S3CA: flash.Text{Path: "d/ca.crt", Data: []byte(pem)}, SSID: "my network", Passwd: `pass \word??/#1`}
}

// The names are those of firmware/src/ports/esp_idf/provision_rules.c.
func TestNVS(t *testing.T) {
	s := good()
	got, err := s.NVS()
	want := `key,type,encoding,value
thingpass,namespace,,
server,data,string,mqtts://192.168.1.10:8883
thing,data,string,porch
cert,file,string,d/thing.crt
key,file,string,d/thing.key
ca,file,string,d/ca.crt
s3_ca,file,string,d/ca.crt
wifi,namespace,,
ssid,data,string,my network
password,data,string,pass \word??/#1
`
	if err != nil || string(got) != want {
		t.Errorf("%v, got\n%s", err, got)
	}
	s.Key, s.S3CA, s.SSID, s.Passwd, s.Server = flash.Text{}, flash.Text{}, "", "", "iot.example.com:443"
	got, err = s.NVS()
	if err != nil || strings.Contains(string(got), "key,file") || strings.Contains(string(got), "wifi") || !strings.Contains(string(got), "mqtts://iot.example.com:443\n") {
		t.Errorf("%v, got\n%s", err, got)
	}
	rules, err := os.ReadFile("../../firmware/src/ports/esp_idf/provision_rules.c")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"server", "thing", "cert", "key", "ca", "s3_ca"} {
		if !strings.Contains(string(rules), "FIELD("+name+",") {
			t.Errorf("the firmware does not read %q", name)
		}
	}
}

func TestRefusesWhatWouldNotWork(t *testing.T) {
	for what, tc := range map[string]struct {
		change func(*flash.Settings)
		why    string
	}{
		"thing":            {func(s *flash.Settings) { s.Thing = "a/porch" }, "separates topic levels"},
		"scheme":           {func(s *flash.Settings) { s.Server = "mqtts://x" }, "without mqtts://"},
		"no server":        {func(s *flash.Settings) { s.Server = "" }, "HOST:PORT"},
		"port":             {func(s *flash.Settings) { s.Server = "x:0" }, "HOST:PORT"},
		"IPv6":             {func(s *flash.Settings) { s.Server = "::1" }, "IPv4"},
		"long certificate": {func(s *flash.Settings) { s.Cert.Data = []byte(pem + strings.Repeat("x", 4000)) }, "more than NVS takes (3999)"},
		"DER":              {func(s *flash.Settings) { s.CA.Data = []byte{0x30} }, "is not PEM"},
		"comma in path":    {func(s *flash.Settings) { s.Cert.Path = "a,b" }, "comma"},
		"no certificate":   {func(s *flash.Settings) { s.Cert.Data = nil }, "no certificate"},
		"line in SSID":     {func(s *flash.Settings) { s.SSID = "a\nkey,data,string,x" }, "menuconfig"},
		"long SSID":        {func(s *flash.Settings) { s.SSID = strings.Repeat("a", 33) }, "at most 32"},
		"password alone":   {func(s *flash.Settings) { s.SSID = "" }, "but no name"},
	} {
		s := good()
		tc.change(&s)
		nvs, err := s.NVS()
		header, err2 := s.Header()
		if err == nil || err2 == nil || nvs != nil || header != nil || !strings.Contains(err.Error(), tc.why) {
			t.Errorf("%s: %v, %v; want %q", what, err, err2, tc.why)
		}
	}
}

// What a C compiler makes of the header is what was put in.
func TestHeaderCompiles(t *testing.T) {
	text, err := good().Header()
	if err != nil {
		t.Fatal(err)
	}
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc")
	}
	dir := t.TempDir()
	main := "#include \"secrets.h\"\n#include <stdio.h>\nint main(void) { printf(\"%s|%s|%s|%s|%s%s%s%s\", WIFI_SSID, WIFI_PASSWORD, SERVER, THING, CA, S3_CA, CERTIFICATE, PRIVATE_KEY); return 0; }\n"
	for name, data := range map[string]string{"secrets.h": string(text), "main.c": main} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "main")
	if out, err := exec.Command(gcc, "-std=c11", "-trigraphs", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o", program, filepath.Join(dir, "main.c")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.Command(program).Output()
	want := "my network|pass \\word??/#1|mqtts://192.168.1.10:8883|porch|" + pem + pem + pem + "-----BEGIN PRIVATE KEY-----\n"
	if err != nil || string(out) != want {
		t.Errorf("%v, got %q", err, out)
	}
}
