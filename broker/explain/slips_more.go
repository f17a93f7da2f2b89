// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
)

// headerSlips are those in the value of a header.
func (s *slipSearch) headerSlips() []hypothesis {
	var all []hypothesis
	change := func(id, name, value, what string) {
		probe := *s.request
		probe.headers = nil
		for _, h := range s.request.headers {
			if !strings.EqualFold(h.name, name) {
				probe.headers = append(probe.headers, h)
			}
		}
		text, _ := expected(&probe)
		text = strings.Replace(text, "\n"+name+":"+firstValue(text, name)+"\n", "\n"+name+":"+value+"\n", 1)
		all = append(all, s.of(id, text, what))
	}
	host := hostOf(s.request.host)
	bare, port, _ := strings.Cut(host, ":")
	for _, h := range []string{"https://" + host, "http://" + host, "https://" + host + "/", bare, host + ":443", host + ":80"} {
		id := "host-differs"
		if strings.Contains(h, "/") {
			id = "host-is-url"
		}
		change(id, "host", h, "the host is signed as `"+h+"`")
	}
	_ = port
	if bucket, rest, ok := strings.Cut(host, ".s3."); ok {
		change("host-differs", "host", bucket+".s3.amazonaws.com", "the host is signed without the region")
		change("host-differs", "host", "s3."+rest, "the host is signed without the bucket")
	}
	for _, t := range []string{"", "application/octet-stream", "image/jpeg", "text/plain", "application/json", "application/x-www-form-urlencoded", "binary/octet-stream"} {
		change("content-type-differs", "content-type", t, "content-type is signed as `"+t+"`")
	}
	return all
}

func firstValue(text, name string) string {
	_, after, _ := strings.Cut(text, "\n"+name+":")
	value, _, _ := strings.Cut(after, "\n")
	return value
}

// scopeSlips are those in what the key is derived from, and in the string to
// sign.
func (s *slipSearch) scopeSlips(text string) []hypothesis {
	a := s.request.auth
	toSign := toSignFor(a, text)
	by := func(id, what string, scope ...string) hypothesis {
		return hypothesis{id, what, func() string { return signatureOf(s.secret, scope, toSign) }}
	}
	date, region := a.scope[0], a.scope[1]
	var all []hypothesis
	for _, service := range []string{"iot", "iotdevicegateway", "iotdata", "execute-api", "S3", "s3"} {
		all = append(all, by("scope-service", "the key is derived for the service `"+service+"`", date, region, service))
	}
	for _, other := range []string{"us-east-1", "us-west-2", "us-east-2", "eu-central-1", "eu-west-1", "ap-southeast-1"} {
		all = append(all, by("scope-region", "the key is derived for the region `"+other+"`", date, other, a.scope[2]))
	}
	for _, day := range []string{a.date[:min(8, len(a.date))], a.date} {
		all = append(all, by("scope-date", "the key is derived for the date `"+day+"`", day, region, a.scope[2]))
	}
	lines := strings.Split(toSign, "\n")
	signed := func(id, what, text string) {
		all = append(all, hypothesis{id, what, func() string { return signatureOf(s.secret, a.scope, text) }})
	}
	signed("algorithm-misspelt", "the string to sign begins with `AWS4-HMAC-SHA25`", strings.Replace(toSign, "SHA256", "SHA25", 1))
	signed("canonical-crlf", "the string to sign is written with CR LF", strings.ReplaceAll(toSign, "\n", "\r\n"))
	signed("canonical-crlf", "the string to sign has a line end at its end", toSign+"\n")
	signed("signature-capitals", "the hash in the string to sign is written in capitals", strings.Join(lines[:3], "\n")+"\n"+strings.ToUpper(lines[3]))
	signed("to-sign-hash", "the canonical request itself stands in the string to sign, not its hash", strings.Join(lines[:3], "\n")+"\n"+text)
	signed("to-sign-hash", "the canonical request is signed, not the string to sign", text)
	return all
}

// secretSlips are those in the secret key.
func (s *slipSearch) secretSlips(text string) []hypothesis {
	a := s.request.auth
	toSign := toSignFor(a, text)
	var all []hypothesis
	for what, secret := range map[string]string{
		"the secret key has a line end behind it": s.secret + "\n", "the secret key has CR LF behind it": s.secret + "\r\n",
		"the secret key has a space behind it": s.secret + " ", "the secret key is URL-encoded": url.QueryEscape(s.secret),
		"the secret key is cut by one character": s.secret[:max(0, len(s.secret)-1)],
	} {
		all = append(all, hypothesis{"secret-wrong", what, func() string { return signatureOf(secret, a.scope, toSign) }})
	}
	return append(all, hypothesis{"secret-wrong", "the key is derived without `AWS4` before the secret key", func() string {
		key := []byte(s.secret)
		for _, step := range []string{a.scope[0], a.scope[1], a.scope[2], terminator, toSign} {
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(step))
			key = mac.Sum(nil)
		}
		return hex.EncodeToString(key)
	}})
}
