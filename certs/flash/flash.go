// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package flash writes what a thing is told before it is sent out: who it is,
// whom it trusts, and where its server is; as a table for ESP-IDF's
// nvs_partition_gen, or as a C header.
package flash

import (
	"bytes"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"thingpass/certs"
)

// Settings of one thing. What is empty is left out, but Thing, Server and Cert
// must be there.
type Settings struct {
	Thing        string
	Server       string // host or host:port
	Cert, Key    Text   // the key is left out where the thing has it already
	CA, S3CA     Text   // for the MQTT server and for S3
	SSID, Passwd string // of the Wi-Fi
}

// A Text is the content of a file, and where it is.
type Text struct {
	Path string
	Data []byte
}

// maxText is the most that NVS takes of a string, without its NUL.
const maxText = 3999

var hostName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$`)

// URI is the server's as the firmware reads it, with the port 8883 unless
// another is given.
func (s Settings) URI() (string, error) {
	host, port := s.Server, "8883"
	if h, p, err := net.SplitHostPort(s.Server); err == nil {
		host, port = h, p
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || !hostName.MatchString(host) {
		return "", fmt.Errorf("%.80q is no server that a thing can reach: give HOST or HOST:PORT, without mqtts://, a name or an IPv4 address", s.Server)
	}
	return "mqtts://" + host + ":" + port, nil
}

// Check finds what would not work on the thing.
func (s Settings) Check() error {
	if err := certs.CheckName(s.Thing); err != nil {
		return err
	}
	if _, err := s.URI(); err != nil {
		return err
	}
	for _, t := range []Text{s.Cert, s.Key, s.CA, s.S3CA} {
		if len(t.Data) > maxText {
			return fmt.Errorf("%s has %d bytes, more than NVS takes (%d)", t.Path, len(t.Data), maxText)
		}
		if len(t.Data) > 0 && !bytes.Contains(t.Data, []byte("-----BEGIN ")) {
			return fmt.Errorf("%s is not PEM: the firmware reads nothing else", t.Path)
		}
		if t.Data != nil && !plain(t.Path) {
			return fmt.Errorf("the path %q has a comma, a quote or a line break, which the table cannot hold: use another folder", t.Path)
		}
	}
	if len(s.Cert.Data) == 0 {
		return fmt.Errorf("thing %s has no certificate", s.Thing)
	}
	if len(s.SSID) > 32 || len(s.Passwd) > 64 {
		return fmt.Errorf("a Wi-Fi's name has at most 32 bytes, its password 64")
	}
	if !plain(s.SSID) || !plain(s.Passwd) {
		return fmt.Errorf("the Wi-Fi's name or password has a comma, a quote or a line break: set it in menuconfig instead")
	}
	if s.Passwd != "" && s.SSID == "" {
		return fmt.Errorf("there is a Wi-Fi password, but no name")
	}
	return nil
}

// plain is what a column of nvs_partition_gen's table holds.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '"' || r == ',' })
}

// NVS is the table for nvs_partition_gen. PEM is read from the files' paths, as
// that tool sees them; the Wi-Fi's password is in the table itself.
func (s Settings) NVS() ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	uri, _ := s.URI() // Check did
	rows := []string{"key,type,encoding,value", "thingpass,namespace,,", "server,data,string," + uri, "thing,data,string," + s.Thing}
	for _, f := range []struct {
		key  string
		text Text
	}{{"cert", s.Cert}, {"key", s.Key}, {"ca", s.CA}, {"s3_ca", s.S3CA}} {
		if len(f.text.Data) > 0 {
			rows = append(rows, f.key+",file,string,"+f.text.Path)
		}
	}
	if s.SSID != "" {
		rows = append(rows, "wifi,namespace,,", "ssid,data,string,"+s.SSID)
	}
	if s.Passwd != "" {
		rows = append(rows, "password,data,string,"+s.Passwd)
	}
	return []byte(strings.Join(rows, "\n") + "\n"), nil
}

// Header is a C header, which can be the secrets.h of the Arduino example.
func (s Settings) Header() ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	uri, _ := s.URI() // Check did
	var b bytes.Buffer
	b.WriteString("// Made by thingpass certs bundle")
	if len(s.Key.Data) > 0 {
		b.WriteString("; it holds a private key: keep it out of Git")
	}
	b.WriteString(".\n#ifndef THINGPASS_SECRETS_H\n#define THINGPASS_SECRETS_H\n\n#ifdef ARDUINO\n#include <Arduino.h>\n#endif\n#ifndef PROGMEM\n#define PROGMEM\n#endif\n\n")
	for _, d := range [][2]string{{"WIFI_SSID", s.SSID}, {"WIFI_PASSWORD", s.Passwd}, {"SERVER", uri}, {"THING", s.Thing}} {
		if d[1] != "" {
			fmt.Fprintf(&b, "#define %s %s\n", d[0], quote(d[1]))
		}
	}
	for _, t := range []struct {
		name string
		text Text
	}{{"CA", s.CA}, {"S3_CA", s.S3CA}, {"CERTIFICATE", s.Cert}, {"PRIVATE_KEY", s.Key}} {
		if len(t.text.Data) > 0 {
			fmt.Fprintf(&b, "\nstatic const char %s[] PROGMEM =%s;\n", t.name, lines(t.text.Data))
		}
	}
	b.WriteString("\n#endif\n")
	return b.Bytes(), nil
}

func lines(text []byte) string {
	var b strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\r\n", "\n")) {
		b.WriteString("\n    " + quote(line))
	}
	return b.String()
}

// quote writes a C string. Octal escapes have an end, hexadecimal ones have
// none; a question mark is escaped because two begin a trigraph.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(s) {
		switch {
		case c == '\n':
			b.WriteString(`\n`)
		case c == '"' || c == '\\' || c == '?':
			b.WriteString(`\` + string(rune(c)))
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
