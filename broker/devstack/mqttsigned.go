// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// signedGate verifies the query of a SigV4 URL as AWS IoT Core does: for the
// service iotdevicegateway, with the host as the only signed header, and with
// the session token beside what is signed ("append X-Amz-Security-Token after
// signing", AWS IoT Developer Guide, "Device communication protocols"). It knows
// nothing of the code that signs.
type signedGate struct {
	key    AccessKey
	token  string
	region string
	now    func() time.Time
}

const (
	gateService = "iotdevicegateway"
	gateSkew    = 5 * time.Minute
)

// check returns nil for a URL that our key has signed for us and for now.
func (g *signedGate) check(r *http.Request) error {
	q, err := singleValues(r.URL.RawQuery)
	if err != nil {
		return err
	}
	if q["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256" || q["X-Amz-SignedHeaders"] != "host" {
		return errors.New("no SigV4 signature of the host")
	}
	at, err := time.Parse("20060102T150405Z", q["X-Amz-Date"])
	if err != nil {
		return fmt.Errorf("X-Amz-Date: %w", err)
	}
	if err := g.inTime(at, q["X-Amz-Expires"]); err != nil {
		return err
	}
	scope := at.Format("20060102") + "/" + g.region + "/" + gateService + "/aws4_request"
	if got, want := q["X-Amz-Credential"], g.key.ID+"/"+scope; got != want {
		return fmt.Errorf("signed as %q, want %q", got, want)
	}
	if token, there := q["X-Amz-Security-Token"]; token != g.token || there != (g.token != "") {
		return errors.New("not the session token that belongs to the key")
	}
	got, err := hex.DecodeString(q["X-Amz-Signature"])
	if err != nil || !hmac.Equal(got, g.sign(at, scope, canonicalRequest(r, q))) {
		return errors.New("the signature is wrong")
	}
	return nil
}

func (g *signedGate) inTime(at time.Time, expires string) error {
	life := gateSkew
	if expires != "" {
		n, err := strconv.Atoi(expires)
		if err != nil || n < 1 || n > 7*86_400 {
			return fmt.Errorf("X-Amz-Expires is %q", expires)
		}
		life = time.Duration(n) * time.Second
	}
	switch age := g.now().Sub(at); {
	case age > life:
		return fmt.Errorf("expired %v ago", age-life)
	case age < -gateSkew:
		return fmt.Errorf("signed %v from now", -age)
	}
	return nil
}

func (g *signedGate) sign(at time.Time, scope, request string) []byte {
	sum := sha256.Sum256([]byte(request))
	text := "AWS4-HMAC-SHA256\n" + at.Format("20060102T150405Z") + "\n" + scope + "\n" + hex.EncodeToString(sum[:])
	key := []byte("AWS4" + g.key.Secret)
	for _, part := range strings.Split(scope, "/") {
		key = mac(key, part)
	}
	return mac(key, text)
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func canonicalRequest(r *http.Request, q map[string]string) string {
	var pairs []string
	for name, value := range q {
		if name != "X-Amz-Signature" && name != "X-Amz-Security-Token" {
			pairs = append(pairs, awsEscape(name)+"="+awsEscape(value))
		}
	}
	slices.Sort(pairs)
	empty := sha256.Sum256(nil)
	return strings.Join([]string{r.Method, r.URL.Path, strings.Join(pairs, "&"), "host:" + r.Host, "", "host", hex.EncodeToString(empty[:])}, "\n")
}

// awsEscape escapes everything but unreserved characters (RFC 3986).
func awsEscape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// singleValues refuses a query in which something stands twice.
func singleValues(query string) (map[string]string, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, errors.New("the query cannot be read")
	}
	single := map[string]string{}
	for name, list := range values {
		if len(list) != 1 {
			return nil, fmt.Errorf("%s is there %d times", name, len(list))
		}
		single[name] = list[0]
	}
	return single, nil
}
