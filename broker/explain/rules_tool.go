// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"encoding/json"
	"strings"

	"thingpass/broker"
)

// toolSigns are those of the AWS CLI, boto3, curl, Go and of AWS IoT's
// credential provider.
var toolSigns = []sign{
	{"no-credentials", Certain, "unable to locate|nocredential|no ec2 imds|refresh cached|could not load cred|partialcredentials", lazy(`(Unable to locate credentials|NoCredentialsError|NoCredentialProviders|no EC2 IMDS role found|failed to refresh cached credentials|Could not load credentials from any providers|PartialCredentialsError)`), "the tool finds no credentials"},
	{"no-region", Certain, "must specify a region|noregionerror|missing region|aws region is required", lazy(`(You must specify a region|NoRegionError|Missing Region|an AWS region is required)`), "the tool knows no region"},
	{"endpoint-region", Certain, "could not connect to the endpoint", lazy(`Could not connect to the endpoint URL: "https?://[^"]*\.([a-z]{2}-[a-z]+-\d[a-z])\.amazonaws`), "`$1` is an availability zone, not a region: the letter at its end is too much"},
	{"endpoint-unreachable", Likely, "could not connect|endpointconnection|failed to connect|connection refused|connectionrefused", lazy(`(Could not connect to the endpoint URL|EndpointConnectionError|Failed to connect to \S+ port \d+|connection refused|ConnectionRefusedError)`), "nobody answers at the endpoint"},
	{"trust-here", Likely, "certificate_verify|sslcertver|ssl certificate problem|unknown authority", lazy(`(SSL: CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError|SSL certificate problem: \w[^\r\n]{0,40}|x509: certificate signed by unknown authority)`), "the tool does not trust the server's certificate"},
	{"profile", Certain, "config profile|profilenotfound", lazy(`(The config profile \([^)]*\) could not be found|ProfileNotFound)`), "the profile is not in the tool's configuration"},
	{"sso-expired", Certain, "sso ", lazy(`(?i)(Error loading SSO Token|The SSO session associated with this profile has expired|SSO session .{0,40}expired)`), "the login (SSO) has expired"},
	{"checksum-default", Likely, "x-amz-checksum-crc32|x-amz-sdk-checksum", lazy(`(x-amz-checksum-crc32=AAAAAA(?:%3D|=){2}|x-amz-sdk-checksum-algorithm=CRC32)`), "the SDK has signed the checksum of an empty body into the URL"},
	{"parse-url", Certain, "invalid bucket name|bucket name must", lazy(`(?:Invalid bucket name "([^"]*)"|Bucket name must match the regex)`), "what is given for the bucket is no bucket name: a path, a URL or an ARN"},
	{"thing-name-header", Certain, "invalid thing name", lazy(`(Invalid thing name passed)`), "the header x-amzn-iot-thingname does not name a thing to which this certificate is attached"},
	{"role-alias", Certain, "role alias does not", lazy(`(Role alias does not exist)`), "there is no such role alias: names are case-sensitive"},
	{"role-alias", Certain, "unable to assume", lazy(`(Unable to assume the role, or the role to assume does not exist)`), "the role of the alias is not there, or does not trust credentials.iot.amazonaws.com"},
	{"role-alias", Certain, "credentialdurationseconds", lazy(`(The requested CredentialDurationSeconds exceeds the MaxSessionDuration)`), "the role alias gives credentials for longer than its role allows"},
	{"provider-certificate", Certain, "certificate is invalid", lazy(`(Certificate is invalid on this endpoint)`), "the certificate is not active in this account and region, or the endpoint is another account's"},
	{"packed-policy", Certain, "packedpolicytoolarge", lazy(`(PackedPolicyTooLarge)`), "session policy and tags are too large together"},
}

// judgeTool reads what tools say.
func judgeTool(e *evidence) {
	for _, s := range toolSigns {
		if m := e.find(s.hints, s.look); m != nil {
			got, at := e.group(m)
			e.add(s.id, s.sure, got, at, "%s", strings.ReplaceAll(s.what, "$1", got))
		}
	}
}

var refusalStart = lazy(`\{[^{}]*"status"\s*:\s*"error"[^{}]*\}`)

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
