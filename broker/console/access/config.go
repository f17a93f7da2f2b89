// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"thingpass/broker"
)

// The ways in; User.Way is one.
const (
	wayLoopback    = "loopback"
	wayPassword    = "password"
	wayCertificate = "certificate"
	wayOIDC        = "oidc"
)

// What Config has where it has nothing.
const (
	DefaultIdle     = time.Hour      // without a request
	DefaultLifetime = 12 * time.Hour // of a session
	DefaultRate     = 50             // requests a second, of a session
)

// Config says who may come in, and how. At least one way must be set.
type Config struct {
	// Loopback makes everybody on this machine an operator: whoever connects from
	// and to a loopback address and asks for it by a loopback name. The last keeps
	// out pages of other sites whose name is made to resolve to this machine.
	Loopback bool
	// Users is the password file, made by thingpass console user add.
	Users        string
	Certificates *Certificates
	OIDC         *OIDC

	// HTTPS: browsers reach the console over HTTPS. Without it, only a listener on
	// loopback is served.
	HTTPS bool
	// Key is the file of the secret that sessions are signed with, made if it is not
	// there; replicas share it. Without it, sessions end with the process. Another
	// content ends all sessions.
	Key      string
	Idle     time.Duration // a session without a request ends; DefaultIdle if 0
	Lifetime time.Duration // any session ends; DefaultLifetime if 0
	Rate     float64       // requests a second of a session, with a burst of ten seconds; DefaultRate if 0

	Images []string // origins, such as https://bucket.s3.eu-central-1.amazonaws.com, that pages show photos of
	Audit  broker.Auditor
	Log    *slog.Logger     // may be nil
	Now    func() time.Time // time.Now if nil
}

// Certificates are the way in with mutual TLS. The CA should be one for people: a
// thing's certificate of the development CA is refused by its unit (OU), but those
// of AWS IoT are not to be told apart.
type Certificates struct {
	CAs       *x509.CertPool
	Operators []string // common names
	Viewers   []string // common names; all others, if empty
	// Revoked returns an error for a certificate that is no longer good; may be nil.
	Revoked func(*x509.Certificate) error
}

func (c *Config) check() error {
	var errs []error
	if !c.Loopback && c.Users == "" && c.Certificates == nil && c.OIDC == nil {
		errs = append(errs, errors.New("console access: no way in is configured: loopback, password, certificate or oidc"))
	}
	if c.Audit == nil {
		errs = append(errs, errors.New("console access: an audit is needed"))
	}
	if c.Certificates != nil && (!c.HTTPS || c.Certificates.CAs == nil) {
		errs = append(errs, errors.New("console access: certificate needs HTTPS and a client CA"))
	}
	if c.OIDC != nil {
		errs = append(errs, c.OIDC.check(c.HTTPS))
	}
	for _, o := range c.Images {
		errs = append(errs, checkOrigin(o))
	}
	if c.Idle < 0 || c.Lifetime < 0 || c.Rate < 0 {
		errs = append(errs, errors.New("console access: idle, lifetime and rate must not be negative"))
	}
	return errors.Join(errs...)
}

// fill sets what is not set.
func (c *Config) fill() {
	if c.Idle == 0 {
		c.Idle = DefaultIdle
	}
	if c.Lifetime == 0 {
		c.Lifetime = DefaultLifetime
	}
	if c.Rate == 0 {
		c.Rate = DefaultRate
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// checkOrigin keeps a setting from adding to the content security policy.
func checkOrigin(s string) error {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || s != u.Scheme+"://"+u.Host ||
		strings.Trim(u.Host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") != "" ||
		strings.ContainsAny(s, " ;,'\"*") {
		return fmt.Errorf("console access: %q is no origin of images, such as https://s3.example.com", clip(s))
	}
	return nil
}

// loopbackName says whether a Host header can only mean this machine.
func loopbackName(host string) bool {
	u := url.URL{Host: host}
	name := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(name)
	return err == nil && a.Unmap().IsLoopback()
}
