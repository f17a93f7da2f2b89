// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"thingpass/broker"
	"thingpass/broker/presign"
)

// Level says how bad a Finding is.
type Level string

// The levels of a Finding. Only Problem needs to be mended before things can
// store anything safely.
const (
	OK      Level = "ok"
	Warning Level = "warning"
	Problem Level = "problem"
)

// Finding is one sentence about the installation, with what to do about it.
type Finding struct {
	Subject string `json:"subject"`
	Level   Level  `json:"level"`
	Text    string `json:"text"`
}

const (
	// probeKey is never stored: the probe asks for it and expects nothing, and
	// uploads it in a way that S3 has to refuse.
	probeKey  = "thingpass-check/never-stored"
	probeBody = "these are not the bytes whose checksum was signed"
	probeSum  = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" // SHA-256 of nothing

	probeTTL = time.Minute
)

// Probe tries what a broker and its things will do, and tells in words what is
// wrong. It stores nothing, as long as the server verifies checksums.
func (b *Bucket) Probe(ctx context.Context) []Finding {
	findings := []Finding{b.judgeTransport()}
	credentials, err := b.credentials.Retrieve(ctx)
	if err != nil {
		return append(findings, Finding{"credentials", Problem, explainCredentials(err)})
	}
	findings = append(findings, b.judgeCredentials(presignCredentials(credentials)))

	got, err := b.probeGet(ctx, presignCredentials(credentials))
	if err != nil {
		return append(findings, Finding{"bucket", Problem, fmt.Sprintf("%s: %s", b.endpoint, explain(err))})
	}
	bucket := b.judgeBucket(got)
	findings = append(findings, judgeClock(got), bucket)
	if got.tls != nil {
		findings = append(findings, judgeCertificate(got))
	}
	if !got.authentic() {
		return findings // everything else would fail for the same reason
	}
	return append(findings, b.judgeUpload(ctx), b.judgePrivacy(ctx))
}

// probeGet asks for an object that is not there. Unlike HEAD, GET is answered
// with the reason.
func (b *Bucket) probeGet(ctx context.Context, c presign.Credentials) (answer, error) {
	signed, err := b.signer.Sign(time.Now(), c, presign.Request{Method: http.MethodGet, Key: probeKey, Expires: probeTTL})
	if err != nil {
		return answer{}, err
	}
	return b.ask(ctx, http.MethodGet, signed.URL, nil)
}

// judgeUpload spends a real grant on bytes that do not match its checksum. S3
// looks at the signature and the permission first, at the bytes last.
func (b *Bucket) judgeUpload(ctx context.Context) Finding {
	grant, err := b.SignPut(ctx, probePut(time.Now()))
	if err != nil {
		return Finding{"upload", Problem, "cannot sign: " + err.Error()}
	}
	got, err := b.ask(ctx, http.MethodPut, grant.URL, grant.Headers)
	if err != nil {
		return Finding{"upload", Problem, explain(err)}
	}
	return b.judgePut(got)
}

func probePut(now time.Time) broker.Put {
	return broker.Put{
		Key:         probeKey,
		ContentType: "application/octet-stream",
		Size:        int64(len(probeBody)),
		SHA256:      probeSum,
		Now:         now,
		TTL:         probeTTL,
	}
}

// judgePrivacy does both without a signature.
func (b *Bucket) judgePrivacy(ctx context.Context) Finding {
	url := b.endpoint.String() + probeKey
	read, err := b.ask(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Finding{"privacy", Problem, explain(err)}
	}
	write, err := b.ask(ctx, http.MethodPut, url, sent(putHeaders(probePut(time.Now()))))
	if err != nil {
		return Finding{"privacy", Problem, explain(err)}
	}
	var open []string
	if !refused(read) {
		open = append(open, "list or read")
	}
	if !refused(write) {
		open = append(open, "write to")
	}
	if len(open) > 0 {
		return Finding{"privacy", Problem, fmt.Sprintf("anyone can %s bucket %s without a signature: block public access",
			strings.Join(open, " and "), b.name)}
	}
	return Finding{"privacy", OK, "requests without a signature are refused"}
}

func refused(a answer) bool {
	return a.status == http.StatusForbidden || a.status == http.StatusUnauthorized
}
