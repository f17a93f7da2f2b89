// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Endpoint says where a bucket is reached. Make it with NewEndpoint or
// AWSEndpoint: if you hold one that they returned, it is valid.
type Endpoint struct {
	origin string // scheme and host, as in every URL
	host   string // as in the Host header: with the port unless it is the default
	path   string // what comes before the key: "/" or "/bucket/"
	bucket string
	region string
}

// NewEndpoint is bucket on the S3 server at rawURL, such as
// "https://s3.example.com:9000": as its first path segment if pathStyle,
// otherwise as a name before the host's.
func NewEndpoint(rawURL, bucket, region string, pathStyle bool) (Endpoint, error) {
	e, err := newEndpoint(rawURL, bucket, region, pathStyle)
	if err != nil {
		return Endpoint{}, fmt.Errorf("presign: endpoint: %w", err)
	}
	return e, nil
}

// AWSEndpoint is bucket on Amazon S3 in region, by the region's own host name.
// A bucket with dots in its name becomes a path segment, because AWS's wildcard
// certificate covers one label only.
func AWSEndpoint(bucket, region string) (Endpoint, error) {
	if !onlyOf(region, "abcdefghijklmnopqrstuvwxyz0123456789-") {
		return Endpoint{}, fmt.Errorf("presign: endpoint: region %q: give a name such as eu-central-1", region)
	}
	rawURL := "https://s3." + region + "." + partitionDomain(region)
	return NewEndpoint(rawURL, bucket, region, strings.Contains(bucket, "."))
}

// partitionDomain is where AWS's partitions keep their hosts.
func partitionDomain(region string) string {
	for _, p := range [...]struct{ prefix, domain string }{
		{"cn-", "amazonaws.com.cn"},
		{"eusc-", "amazonaws.eu"},
		{"us-iso-", "c2s.ic.gov"},
		{"us-isob-", "sc2s.sgov.gov"},
		{"us-isof-", "csp.hci.ic.gov"},
		{"eu-isoe-", "cloud.adc-e.uk"},
	} {
		if strings.HasPrefix(region, p.prefix) {
			return p.domain
		}
	}
	return "amazonaws.com"
}

// String is the URL of the bucket.
func (e Endpoint) String() string { return e.origin + e.path }

func (e Endpoint) check() error {
	if e == (Endpoint{}) {
		return errors.New("there is no endpoint: make it with NewEndpoint or AWSEndpoint")
	}
	return nil
}

func newEndpoint(rawURL, bucket, region string, pathStyle bool) (Endpoint, error) {
	if !validBucket(bucket) {
		return Endpoint{}, fmt.Errorf("bucket %q: S3 wants 3 to 63 of a-z, 0-9, '-' and '.'", bucket)
	}
	if !validRegion(region) {
		return Endpoint{}, fmt.Errorf("region %q: give a name such as eu-central-1", region)
	}
	u, err := parseServer(rawURL)
	if err != nil {
		return Endpoint{}, err
	}
	e := Endpoint{host: u.Host, path: "/" + bucket + "/", bucket: bucket, region: region}
	if !pathStyle {
		if net.ParseIP(u.Hostname()) != nil {
			return Endpoint{}, fmt.Errorf("bucket before the address %s: use path style", u.Host)
		}
		e.host, e.path = bucket+"."+u.Host, "/"
	}
	e.origin = u.Scheme + "://" + e.host
	return e, nil
}

// parseServer reads the URL of a server: scheme and host, nothing else. The
// host comes back as clients will send it.
func parseServer(rawURL string) (*url.URL, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("server URL cannot be parsed: write https://host:port")
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("server URL has no http or https: write https://host:port")
	}
	bare := url.URL{Scheme: u.Scheme, Host: u.Host}
	if u.Path == "/" {
		bare.Path = "/"
	}
	if *u != bare {
		return nil, errors.New("server URL has more than scheme and host: write https://host:port")
	}
	port, err := portSuffix(u)
	if err != nil {
		return nil, err
	}
	name := strings.ToLower(u.Hostname())
	if strings.Contains(name, ":") && net.ParseIP(name) != nil {
		name = "[" + name + "]"
	} else if !validHost(name) {
		return nil, fmt.Errorf("server host %q: use letters, digits, '-', '_' and '.'", name)
	}
	u.Host = name + port
	return u, nil
}

// portSuffix is ":port", or nothing for the default: HTTP clients leave it out
// of the Host header.
func portSuffix(u *url.URL) (string, error) {
	port := u.Port()
	if port == "" && !strings.HasSuffix(u.Host, ":") {
		return "", nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", fmt.Errorf("server port %q: choose 1 to 65535", port)
	}
	if u.Scheme == "https" && n == 443 || u.Scheme == "http" && n == 80 {
		return "", nil
	}
	return ":" + strconv.FormatUint(n, 10), nil
}

// validHost judges the characters and that no label is empty; DNS does the rest.
func validHost(s string) bool {
	return onlyOf(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.") && !emptyLabel(s)
}

// validBucket keeps to the part of S3's naming rules that makes a host name.
func validBucket(s string) bool {
	return len(s) >= 3 && len(s) <= 63 && !emptyLabel(s) &&
		onlyOf(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") &&
		s[0] != '-' && s[len(s)-1] != '-'
}

// validRegion allows what servers other than AWS call a region, too.
func validRegion(s string) bool {
	return onlyOf(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
}

func onlyOf(s, set string) bool { return s != "" && strings.Trim(s, set) == "" }

func emptyLabel(s string) bool { return strings.Contains("."+s+".", "..") }
