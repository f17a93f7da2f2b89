// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"regexp"
	"strings"

	"thingpass/broker"
)

// toolSigns are those of the AWS CLI, boto3, curl, Go and of AWS IoT's
// credential provider.
var toolSigns = []sign{
	{"no-credentials", Certain, regexp.MustCompile(`(Unable to locate credentials|NoCredentialsError|NoCredentialProviders|no EC2 IMDS role found|failed to refresh cached credentials|Could not load credentials from any providers|PartialCredentialsError)`), "the tool finds no credentials"},
	{"no-region", Certain, regexp.MustCompile(`(You must specify a region|NoRegionError|Missing Region|an AWS region is required)`), "the tool knows no region"},
	{"endpoint-region", Certain, regexp.MustCompile(`Could not connect to the endpoint URL: "https?://[^"]*\.([a-z]{2}-[a-z]+-\d[a-z])\.amazonaws`), "`$1` is an availability zone, not a region: the letter at its end is too much"},
	{"endpoint-unreachable", Likely, regexp.MustCompile(`(Could not connect to the endpoint URL|EndpointConnectionError|Failed to connect to \S+ port \d+|connection refused|ConnectionRefusedError)`), "nobody answers at the endpoint"},
	{"trust-here", Likely, regexp.MustCompile(`(SSL: CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError|SSL certificate problem: \w[^\r\n]{0,40}|x509: certificate signed by unknown authority)`), "the tool does not trust the server's certificate"},
	{"profile", Certain, regexp.MustCompile(`(The config profile \([^)]*\) could not be found|ProfileNotFound)`), "the profile is not in the tool's configuration"},
	{"sso-expired", Certain, regexp.MustCompile(`(?i)(Error loading SSO Token|The SSO session associated with this profile has expired|SSO session .{0,40}expired)`), "the login (SSO) has expired"},
	{"checksum-default", Likely, regexp.MustCompile(`(x-amz-checksum-crc32=AAAAAA(?:%3D|=){2}|x-amz-sdk-checksum-algorithm=CRC32)`), "the SDK has signed the checksum of an empty body into the URL"},
	{"parse-url", Certain, regexp.MustCompile(`(?:Invalid bucket name "([^"]*)"|Bucket name must match the regex)`), "what is given for the bucket is no bucket name: a path, a URL or an ARN"},
	{"thing-name-header", Certain, regexp.MustCompile(`(Invalid thing name passed)`), "the header x-amzn-iot-thingname does not name a thing to which this certificate is attached"},
	{"role-alias", Certain, regexp.MustCompile(`(Role alias does not exist)`), "there is no such role alias: names are case-sensitive"},
	{"role-alias", Certain, regexp.MustCompile(`(Unable to assume the role, or the role to assume does not exist)`), "the role of the alias is not there, or does not trust credentials.iot.amazonaws.com"},
	{"role-alias", Certain, regexp.MustCompile(`(The requested CredentialDurationSeconds exceeds the MaxSessionDuration)`), "the role alias gives credentials for longer than its role allows"},
	{"provider-certificate", Certain, regexp.MustCompile(`(Certificate is invalid on this endpoint)`), "the certificate is not active in this account and region, or the endpoint is another account's"},
	{"packed-policy", Certain, regexp.MustCompile(`(PackedPolicyTooLarge)`), "session policy and tags are too large together"},
}

// judgeTool reads what tools say.
func judgeTool(e *evidence) {
	for _, s := range toolSigns {
		m := s.look.FindStringSubmatchIndex(e.text)
		if m == nil {
			continue
		}
		got, at := e.text[m[0]:m[1]], m[0]
		if len(m) > 2 && m[2] >= 0 {
			got, at = e.text[m[2]:m[3]], m[2]
		}
		e.add(s.id, s.sure, got, at, "%s", strings.ReplaceAll(s.what, "$1", got))
	}
}

var refusalStart = regexp.MustCompile(`\{[^{}]*"status"\s*:\s*"error"[^{}]*\}`)

// refusal is the broker's reply to a request that it did not grant.
type refusal struct {
	Status     string      `json:"status"`
	Code       broker.Code `json:"code"`
	Error      string      `json:"error"`
	RetryAfter float64     `json:"retryAfter"`
}

// judgeRefusals reads refusals of the broker.
func judgeRefusals(e *evidence) {
	for _, m := range refusalStart.FindAllStringIndex(e.text, maxAnswers) {
		var r refusal
		if json.Unmarshal([]byte(e.text[m[0]:m[1]]), &r) != nil {
			continue
		}
		id := "refused-" + string(r.Code)
		if _, ok := catalogue[id]; !ok {
			continue
		}
		e.saw("refusal of the broker: %s", r.Code)
		what := "the broker refused: " + string(r.Code)
		if r.Error != "" {
			what += ": " + r.Error
		}
		e.add(id, Certain, `"`+string(r.Code)+`"`, m[0], "%s", what)
	}
}
