// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package mqttconn

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// LoadTLS makes the configuration for mutual TLS out of PEM files. Without a
// caFile the system's CAs are trusted, which suits AWS IoT Core.
//
// Certificate and key are read again for every connection, so that renewed ones
// need no restart. They are read once here, so that what is wrong with them is
// an error now.
func LoadTLS(caFile, certFile, keyFile string) (*tls.Config, error) {
	conf, err := LoadServerTLS(caFile)
	if err != nil {
		return nil, err
	}
	if _, err := loadPair(certFile, keyFile, time.Now()); err != nil {
		return nil, err
	}
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		return loadPair(certFile, keyFile, time.Now())
	}
	return conf, nil
}

// LoadServerTLS makes the configuration for TLS in which only the server has a
// certificate, as over WebSocket.
func LoadServerTLS(caFile string) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return conf, nil
	}
	pool, err := loadCAs(caFile, time.Now())
	conf.RootCAs = pool
	return conf, err
}

func loadCAs(file string, now time.Time) (*x509.CertPool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the server's CA: %w", err)
	}
	pool, usable, latest := x509.NewCertPool(), 0, time.Time{}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		ca, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read the server's CA: %s: %w", file, err)
		}
		if !ca.IsCA && ca.Version > 1 { // version 1 cannot say what it is
			return nil, fmt.Errorf("%s: the certificate of %q is not a CA's: give that of the CA that signed it", file, ca.Subject)
		}
		if now.Before(ca.NotAfter) {
			usable++
		}
		if ca.NotAfter.After(latest) {
			latest = ca.NotAfter
		}
		pool.AddCert(ca)
	}
	switch {
	case latest.IsZero():
		return nil, fmt.Errorf("%s: no PEM certificate in it", file)
	case usable == 0: // a bundle may well hold some old ones
		return nil, fmt.Errorf("%s: the CA expired on %s: get its successor", file, latest.UTC().Format(time.DateOnly))
	}
	return pool, nil
}

func loadPair(certFile, keyFile string, now time.Time) (*tls.Certificate, error) {
	cert, err := os.ReadFile(certFile)
	if err != nil {
		return nil, fmt.Errorf("read the client certificate: %w", err)
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("read the client certificate's key: %w", err)
	}
	if err := checkKinds(certFile, cert, keyFile, key); err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil && strings.Contains(err.Error(), "does not match") {
		return nil, fmt.Errorf("the key %s does not belong to the certificate %s", keyFile, certFile)
	}
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %w", certFile, keyFile, err)
	}
	if err := checkClient(pair.Leaf, now); err != nil {
		return nil, fmt.Errorf("%s: %w", certFile, err)
	}
	return &pair, nil
}

// checkKinds finds files in each other's place, and keys that want a passphrase.
func checkKinds(certFile string, cert []byte, keyFile string, key []byte) error {
	const certificate, private = "BEGIN CERTIFICATE-", "PRIVATE KEY-"
	switch {
	case !bytes.Contains(cert, []byte(certificate)):
		return fmt.Errorf("%s: no PEM certificate in it", certFile)
	case !bytes.Contains(key, []byte(private)):
		return fmt.Errorf("%s: no PEM key in it", keyFile)
	case bytes.Contains(key, []byte("ENCRYPTED")):
		return fmt.Errorf("%s: the key wants a passphrase: give one without", keyFile)
	}
	return nil
}

// checkClient says early what the server would say with an alert only.
func checkClient(leaf *x509.Certificate, now time.Time) error {
	usage := leaf.ExtKeyUsage
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("the certificate of %q expired on %s: issue a new one", leaf.Subject, leaf.NotAfter.UTC().Format(time.DateOnly))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("the certificate of %q is not valid before %s: set this machine's clock", leaf.Subject, leaf.NotBefore.UTC().Format(time.RFC3339))
	case leaf.IsCA:
		return errors.New("this is a CA's certificate: give one that it issued")
	case len(usage) > 0 && !slices.Contains(usage, x509.ExtKeyUsageClientAuth) && !slices.Contains(usage, x509.ExtKeyUsageAny):
		return fmt.Errorf("the certificate of %q is not for TLS clients: issue one for a service", leaf.Subject)
	}
	return nil
}

// tlsFor is the configuration for one connection to one server.
func (c Config) tlsFor(e endpoint) (*tls.Config, error) {
	conf := c.TLS.Clone()
	if c.ReloadTLS != nil {
		now, err := c.ReloadTLS()
		if err != nil {
			return nil, err
		}
		conf = now.Clone()
	}
	conf.MinVersion = max(conf.MinVersion, tls.VersionTLS12)
	if conf.ServerName == "" {
		conf.ServerName = e.host
	}
	switch {
	case e.web:
		conf.NextProtos = []string{"http/1.1"} // WebSocket is not for HTTP/2
	case c.ALPN == noALPN:
		conf.NextProtos = nil
	case c.ALPN != "":
		conf.NextProtos = []string{c.ALPN}
	case e.port == "443" && len(conf.NextProtos) == 0 && c.Profile == ProfileAWS:
		conf.NextProtos = []string{awsALPN}
	}
	return conf, nil
}

const (
	awsALPN = "x-amzn-mqtt-ca" // how AWS IoT Core tells MQTT from HTTPS at port 443
	noALPN  = "off"
)

func awsHost(host string) bool {
	return strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn")
}
