// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

const wantURL = "want redis://user:password@host:port/db, or rediss:// for TLS"

// CheckURL returns an error that says why a URL cannot be that of a Redis. It does
// not repeat the URL, which may hold a password.
func CheckURL(s string) error {
	_, err := parseURL(s)
	return err
}

// parseURL is stricter than the library's, which takes any parameter in a query.
func parseURL(s string) (*redis.Options, error) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.Opaque != "" {
		return nil, errors.New("is not a URL: " + wantURL)
	}
	switch {
	case u.Scheme != "redis" && u.Scheme != "rediss":
		return nil, fmt.Errorf("begins with %q: %s", u.Scheme+"://", wantURL)
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return nil, errors.New("has something after the database: " + wantURL)
	}
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return nil, fmt.Errorf("has the port %s, which is not 1 to 65535", port)
	}
	o := &redis.Options{Addr: net.JoinHostPort(u.Hostname(), port), Username: u.User.Username()}
	o.Password, _ = u.User.Password()
	if db := strings.TrimPrefix(u.Path, "/"); db != "" {
		n, err := strconv.ParseUint(db, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("has the database %q, which is not a number: %s", db, wantURL)
		}
		o.DB = int(n)
	}
	if u.Scheme == "rediss" {
		o.TLSConfig = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	}
	return o, nil
}

// explain says in words what is most likely wrong.
func explain(err error) error {
	var unknown x509.UnknownAuthorityError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unknown):
		return fmt.Errorf("its certificate is of a CA that we do not know: give quota.ca (%w)", err)
	case redis.IsAuthError(err) || strings.HasPrefix(err.Error(), "WRONGPASS") || strings.HasPrefix(err.Error(), "NOAUTH"):
		return fmt.Errorf("it does not take the user and password of the URL (%w)", err)
	case redis.IsPermissionError(err):
		return fmt.Errorf("the user may not do what we need: EVALSHA, EVAL, HGET, HINCRBY, EXPIRE, EXISTS, LRANGE, LPUSH, LTRIM on our keys (%w)", err)
	case redis.IsReadOnlyError(err):
		return fmt.Errorf("it is a replica: give the address of its master (%w)", err)
	}
	return err
}
