// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"thingpass/broker/presign"
)

const (
	skewWarning = 5 * time.Minute
	skewProblem = 15 * time.Minute // S3's limit

	certificateWarning = 14 * 24 * time.Hour
)

func (b *Bucket) judgeTransport() Finding {
	if strings.HasPrefix(b.endpoint.String(), "http:") {
		return Finding{"transport", Warning, fmt.Sprintf("%s is not encrypted: anybody on the way can read the objects "+
			"and use the signed URLs; use https:// for anything but a test", b.endpoint)}
	}
	return Finding{"transport", OK, fmt.Sprintf("%s, region %s", b.endpoint, b.region)}
}

func (b *Bucket) judgeCredentials(c presign.Credentials) Finding {
	if c.Expires.IsZero() {
		return Finding{"credentials", OK, c.String()}
	}
	left := time.Until(c.Expires).Round(time.Second)
	text := fmt.Sprintf("%s, for another %v", c, left)
	if left < b.grantTTL {
		return Finding{"credentials", Warning, fmt.Sprintf("%s: grants that should last %v end with them; "+
			"let the role's sessions live longer, or make ttl shorter", text, b.grantTTL)}
	}
	return Finding{"credentials", OK, text}
}

func judgeClock(a answer) Finding {
	if !a.dated {
		return Finding{"clock", Warning, "the server sends no Date: compare its clock with this machine's by hand"}
	}
	text := fmt.Sprintf("this machine's clock is %s S3's", distance(-a.skew))
	switch off := a.skew.Abs(); {
	case off > skewProblem:
		return Finding{"clock", Problem, text + ": S3 refuses signatures that are more than 15 minutes off; set the clock (NTP)"}
	case off > skewWarning:
		return Finding{"clock", Warning, text + ": S3 refuses from 15 minutes on; set the clock (NTP)"}
	}
	return Finding{"clock", OK, text}
}

func distance(d time.Duration) string {
	switch {
	case d.Abs() <= time.Second:
		return "equal to"
	case d > 0:
		return fmt.Sprintf("%v ahead of", d)
	}
	return fmt.Sprintf("%v behind", -d)
}

func judgeCertificate(a answer) Finding {
	if len(a.tls.PeerCertificates) == 0 {
		return Finding{"certificate", Warning, "the server shows no certificate"}
	}
	end := a.tls.PeerCertificates[0].NotAfter
	text := "the server's certificate is valid until " + end.UTC().Format(time.DateOnly)
	if time.Until(end) < certificateWarning {
		return Finding{"certificate", Warning, text + ": renew it before"}
	}
	return Finding{"certificate", OK, text}
}

// judgeBucket reads the answer to a GET for something that is not there.
func (b *Bucket) judgeBucket(a answer) Finding {
	switch {
	case a.fault.Code == "NoSuchKey" && a.status == http.StatusNotFound:
		return Finding{"bucket", OK, fmt.Sprintf("%s answers, the credentials may read and list it", b.name)}
	case a.fault.Code == "AccessDenied" && a.authentic():
		return Finding{"bucket", Problem, fmt.Sprintf("%s answers, but does not say what is there: "+
			"give the credentials s3:GetObject on %[1]s/* and s3:ListBucket on %[1]s, or no upload can be verified", b.name)}
	}
	return Finding{"bucket", Problem, b.explainAnswer(a)}
}

// judgePut reads the answer to an upload that must not succeed.
func (b *Bucket) judgePut(a answer) Finding {
	switch a.fault.Code {
	case "BadDigest", "XAmzContentChecksumMismatch", "InvalidDigest":
		return Finding{"upload", OK, "a signed upload gets as far as its bytes, and wrong bytes are refused (nothing was stored)"}
	case "AccessDenied":
		return Finding{"upload", Problem, fmt.Sprintf("the credentials may not store: give them s3:PutObject on %s/*", b.name)}
	case "PreconditionFailed":
		return Finding{"upload", Problem, fmt.Sprintf("%s is in the bucket, where a server without checksums left it: "+
			"delete it and check again", probeKey)}
	case "NotImplemented":
		return Finding{"upload", Problem, "the server knows no If-None-Match, without which uploads could be overwritten: use another one"}
	}
	if a.status == http.StatusOK {
		return Finding{"upload", Problem, fmt.Sprintf("the server stored bytes that do not match the signed checksum "+
			"(as %s, delete it): a thing could store anything; use another server", probeKey)}
	}
	return Finding{"upload", Problem, b.explainAnswer(a)}
}
