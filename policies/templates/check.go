// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package templates

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func matches(pattern, want string) func(string) error {
	whole := regexp.MustCompile(`\A(?:` + pattern + `)\z`)
	return func(s string) error {
		if !whole.MatchString(s) {
			return errors.New(want)
		}
		return nil
	}
}

// name takes letters, digits and the given characters.
func name(longest int, others string) func(string) error {
	class := regexp.QuoteMeta(others)
	class = strings.ReplaceAll(class, "-", `\-`)
	return matches(fmt.Sprintf(`[A-Za-z0-9%s]{1,%d}`, class, longest),
		fmt.Sprintf("want 1 to %d of letters, digits and %s", longest, strings.Join(strings.Split(others, ""), " ")))
}

// checkRole takes a role's name, with the path before it if it has one.
var checkRole = matches(`([A-Za-z0-9+=,.@_-]{1,64}/){0,6}[A-Za-z0-9+=,.@_-]{1,64}`, "want a role's name: 1 to 64 of letters, digits and + = , . @ _ -")

var checkRegion = matches(`[a-z]{2,4}(-[a-z]{2,14}){1,2}-[0-9]{1,2}`, "want a region, such as eu-central-1")

// partitionOf knows the partitions by the names of their regions.
func partitionOf(region string) string {
	for prefix, partition := range map[string]string{
		"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b",
		"eu-isoe-": "aws-iso-e", "us-isof-": "aws-iso-f", "eusc-": "aws-eusc",
	} {
		if strings.HasPrefix(region, prefix) {
			return partition
		}
	}
	return "aws"
}

// maxLevels is the broker's bound, too: AWS IoT allows 7 slashes, and thing and
// verb take two levels.
const maxLevels = 6

func checkRoot(s string) error {
	levels := strings.Split(s, "/")
	for _, level := range levels {
		if level == "" || name(maxRoot, "._-")(level) != nil || len(s) > maxRoot {
			return fmt.Errorf("want 1 to %d characters: levels of letters, digits and . _ -, with a / between them", maxRoot)
		}
	}
	if len(levels) > maxLevels {
		return fmt.Errorf("want at most %d levels: AWS IoT allows 7 slashes in a topic", maxLevels)
	}
	return nil
}

// checkBucket knows Amazon S3's rules for the names of general purpose buckets.
func checkBucket(s string) error {
	err := matches(`[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]`, "want 3 to 63 of a-z, 0-9, - and ., with a letter or digit at both ends")(s)
	if err != nil {
		return err
	}
	if _, err := netip.ParseAddr(s); err == nil || strings.Contains(s, "..") {
		return errors.New("no name of a bucket: it has two dots in a row, or is an address")
	}
	for _, reserved := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(s, reserved) {
			return fmt.Errorf("S3 keeps names that begin with %s to itself", reserved)
		}
	}
	for _, reserved := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(s, reserved) {
			return fmt.Errorf("S3 keeps names that end with %s to itself", reserved)
		}
	}
	return nil
}

// checkPrefix keeps folders of shared objects out of an expiry by mistake: there
// is no empty prefix.
var checkPrefix = matches(`[A-Za-z0-9:_-]{1,128}(/[A-Za-z0-9:/._-]{0,256})?`, "want what keys begin with: a thing's name or the beginning of some")

func checkDays(s string) error {
	if n, err := strconv.Atoi(s); err != nil || n < 1 || n > 36500 || s != strconv.Itoa(n) {
		return errors.New("want a number of days, 1 to 36500")
	}
	return nil
}

const longestAge = 7 * 24 * time.Hour // S3's limit for a signed URL

func checkAge(s string) error {
	if d, err := time.ParseDuration(s); err != nil || d < time.Second || d > longestAge || d%time.Second != 0 {
		return errors.New("want a time in whole seconds, 1s to 168h, such as 90m")
	}
	return nil
}

// milliseconds is how S3 counts the age of a signature.
func milliseconds(s string) string {
	d, err := time.ParseDuration(s)
	if err != nil {
		return s // checkAge has refused it
	}
	return strconv.FormatInt(d.Milliseconds(), 10)
}

func checkOrigin(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || s != "https://"+u.Host {
		return errors.New("want https:// and a host, without a path: https://photos.example.com")
	}
	return nil
}
