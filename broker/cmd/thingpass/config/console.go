// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net"
	"net/netip"
	"net/url"
	"time"

	"thingpass/broker/presign"
)

// Console says where people look at what things do, and who may: nowhere, unless
// Listen is set.
type Console struct {
	Listen      Address       `mapstructure:"listen"` // empty: nowhere
	Access      string        `mapstructure:"access"` // one of the Access… words
	Cert        string        `mapstructure:"cert"`   // path
	Key         string        `mapstructure:"key"`    // path
	URL         string        `mapstructure:"url"`    // by which people reach it
	SessionKey  string        `mapstructure:"session_key"`
	Users       string        `mapstructure:"users"`     // path, for AccessPassword
	ClientCA    string        `mapstructure:"client_ca"` // path, for AccessCertificate
	Operators   []string      `mapstructure:"operators"` // names, for AccessCertificate and AccessOIDC
	OIDC        OIDC          `mapstructure:"oidc"`
	S3Endpoint  string        `mapstructure:"s3_endpoint"` // for browsers; empty: s3.endpoint
	SilentAfter time.Duration `mapstructure:"silent_after"`
	Revoke      string        `mapstructure:"revoke"`   // one of the Revoke… words
	Certs       string        `mapstructure:"certs"`    // folder of thingpass certs, for expiries and RevokeFiles
	Registry    string        `mapstructure:"registry"` // path, for RevokeFiles
}

// OIDC is what an OpenID provider calls this console.
type OIDC struct {
	Issuer       string   `mapstructure:"issuer"`
	ClientID     string   `mapstructure:"client_id"`
	ClientSecret string   `mapstructure:"client_secret"` // path
	Viewers      []string `mapstructure:"viewers"`       // mail addresses or subjects; "*": whoever the provider lets in
}

// How people come in.
const (
	AccessLoopback    = "loopback"
	AccessPassword    = "password"
	AccessCertificate = "certificate"
	AccessOIDC        = "oidc"
)

// How a thing's certificates are revoked.
const (
	RevokeFiles = "files"
	RevokeAWS   = "aws"
)

func (l *loader) judgeConsole(c Console) {
	l.oneOf("console.access", c.Access, AccessLoopback, AccessPassword, AccessCertificate, AccessOIDC)
	l.oneOf("console.revoke", c.Revoke, off, RevokeFiles, RevokeAWS)
	if c.SilentAfter < time.Minute || c.SilentAfter > 30*24*time.Hour {
		l.blame("console.silent_after", "console.silent_after is %v: want 1m to 720h", c.SilentAfter)
	}
	if c.S3Endpoint != "" {
		_, err := presign.NewEndpoint(c.S3Endpoint, "bucket", "region", true)
		l.accept("console.s3_endpoint", inner(err))
	}
	if c.Listen == "" {
		return
	}
	if l.serverless {
		l.blame("console.listen", "console.listen: a function cannot listen; run the console with a broker")
		return
	}
	l.judgeAddress("console.listen", c.Listen)
	if (c.Cert == "") != (c.Key == "") {
		l.blame("console.cert", "console.cert and console.key belong together: give both, or neither")
	}
	if c.Revoke == RevokeFiles && c.Registry == "" {
		l.require("console.certs", c.Certs, ": console.revoke is files, which are those of thingpass certs, or console.registry, or both")
	}
	l.judgeAccess(c)
}

// judgeAccess sees to it that nobody comes in who was not meant to.
func (l *loader) judgeAccess(c Console) {
	if c.Access == AccessLoopback {
		if !loopback(string(c.Listen)) {
			l.blame("console.access", "console.access is loopback, and console.listen is %s, which other machines reach: listen on 127.0.0.1, "+
				"or use password, certificate or oidc", c.Listen)
		}
		return
	}
	if l.doubted["console.access"] {
		return
	}
	l.require("console.cert", c.Cert, ": whoever signs in sends secrets, which need TLS")
	switch c.Access {
	case AccessPassword:
		l.require("console.users", c.Users, ": console.access is password; thingpass console user add makes the file")
	case AccessCertificate:
		l.require("console.client_ca", c.ClientCA, ": console.access is certificate")
	case AccessOIDC:
		l.require("console.oidc.issuer", c.OIDC.Issuer, "")
		l.require("console.oidc.client_id", c.OIDC.ClientID, "")
		l.require("console.oidc.client_secret", c.OIDC.ClientSecret, ": a file with the secret")
		if u := webURL(c.OIDC.Issuer); c.OIDC.Issuer != "" && (u == nil || u.Scheme != "https") {
			l.blame("console.oidc.issuer", "console.oidc.issuer is no https:// URL")
		}
		l.require("console.url", c.URL, ": the provider sends people back there")
	}
	if u, err := url.Parse(c.URL); c.URL != "" && (err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery+u.Fragment != "") {
		l.blame("console.url", "console.url is %q: want one such as https://console.example.com", c.URL)
	}
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return true // told elsewhere
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
