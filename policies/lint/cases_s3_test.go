// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"strings"
	"testing"

	"thingpass/policies/lint"
)

const (
	put = "s3:PutObject"
	own = "${credentials-iot:ThingName}"
)

func s3(action, key string) string { return stmt("Allow", action, "arn:aws:s3:::photos/"+key) }

// raw is a document of another shape than a policy's.
func raw(what string, kind lint.Kind, text string, isBad bool) one {
	return one{what, kind, text, isBad, nil}
}

func TestRulesOfRoles(t *testing.T) {
	t.Parallel()
	judge(t, "IAM002",
		bad("nobody's", lint.Credentials, s3(put, "*")),
		bad("the neighbour", lint.Credentials, s3(put, own+"*")),
		bad("the end", lint.Credentials, s3(put, own)),
		bad("the type is not the thing", lint.Credentials, s3(put, "${credentials-iot:ThingTypeName}/*")),
		bad("*", lint.Credentials, stmt("Allow", put, "*")),
		good("its own", lint.Credentials, s3(put, own+"/*")),
		good("below a folder", lint.Credentials, s3(put, "devices/"+own+"/*")),
		good("by a tag", lint.Credentials, s3(put, "${aws:PrincipalTag/thing}/*")),
		good("a service", lint.Role, s3(put, "*")),
	)
	judge(t, "IAM003",
		bad("s3:*", lint.Role, s3("s3:*", "*")),
		bad("*", lint.Role, stmt("Allow", "*", "*")),
		bad("DeleteObject", lint.Credentials, s3("s3:DeleteObject", own+"/*")),
		bad("s3:Delete*", lint.Role, s3("s3:Delete*", "*")),
		bad("PutBucketPolicy", lint.Role, stmt("Allow", "s3:PutBucketPolicy", "arn:aws:s3:::photos")),
		bad("in another case", lint.Role, s3("S3:deleteobject", "*")),
		bad("ListBucket", lint.Role, stmt("Allow", "s3:ListBucket", "arn:aws:s3:::photos")),
		bad("a thing that reads", lint.Credentials, s3("s3:GetObject", own+"/*")),
		bad("a session that reads", lint.Session, s3("s3:GetObject", "cam1/*")),
		good("ListBucket of a prefix", lint.Role, stmt("Allow", "s3:ListBucket", `arn:aws:s3:::photos | {"StringLike": {"s3:prefix": "cam1/*"}}`)),
		good("a broker reads, to verify", lint.Role, s3("s3:GetObject", "*")),
		good("to store", lint.Credentials, s3("s3:PutObject s3:AbortMultipartUpload s3:ListMultipartUploadParts", own+"/*")),
		good("a Deny", lint.Role, stmt("Deny", "s3:*", "*")),
		good("a console that forgets", lint.Role, s3("s3:DeleteObject", ".thingpass/*")),
		bad("a console that forgets too much", lint.Role, s3("s3:DeleteObject", ".thingpass*")),
		bad("a console that forgets by pattern", lint.Role, s3("s3:Delete*", ".thingpass/*")),
		bad("a thing as a console", lint.Credentials, s3("s3:DeleteObject", ".thingpass/*")),
	)
	alias := func(seconds string) string {
		return `{"roleAlias": "things", "roleArn": "arn:aws:iam::123456789012:role/x"` + seconds + `}`
	}
	aged := func(ms string) string {
		return s3(put, `* | {"NumericLessThanEquals": {"s3:signatureAge": "`+ms+`"}}`)
	}
	judge(t, "IAM004",
		bad("no bound", lint.Role, s3(put, "*")),
		bad("seconds for milliseconds", lint.Role, aged("3600")),
		bad("more than S3 has", lint.Role, aged("999999999999")),
		bad("no number", lint.Role, aged("1h")),
		raw("a day", lint.Alias, alias(`, "credentialDurationSeconds": 43200`), true),
		raw("less than AWS takes", lint.Alias, alias(`, "credentialDurationSeconds": 60`), true),
		raw("no number", "", alias(`, "credentialDurationSeconds": "1h"`), true),
		raw("an hour", lint.Alias, alias(`, "credentialDurationSeconds": 3600`), false),
		raw("by default", "", alias(""), false),
		good("an hour", lint.Role, aged("3600000")),
		good("signs nothing", lint.Role, stmt("Allow", "sqs:SendMessage", "arn:aws:sqs:eu-central-1:123456789012:q")),
	)
	judge(t, "IAM005",
		bad("a role", lint.Role, s3(put, "*")),
		bad("a key that is used again", lint.Role, s3(put, "*")).given(layout("{thing}/{kind}/latest.jpg")),
		bad("a thing, whatever the broker names", lint.Credentials, s3(put, own+"/*")).given(layout("{thing}/{kind}/{id}.{ext}")),
		good("new keys", lint.Role, s3(put, "*")).given(layout("{thing}/{kind}/{id}.{ext}")),
		good("by condition", lint.Role, s3(put, `* | {"Null": {"s3:if-none-match": "false"}}`)),
		good("only reads", lint.Role, s3("s3:GetObject", "*")),
	)
	judge(t, "IAM006",
		bad("PassRole", lint.Role, stmt("Allow", "iam:PassRole", "*")),
		bad("AssumeRole", lint.Role, stmt("Allow", "sts:AssumeRole", "arn:aws:iam::123456789012:role/*")),
		raw("anybody", lint.Trust, trust(`"*"`, ""), true),
		raw("any account", lint.Trust, trust(`{"AWS": "*"}`, ""), true),
		raw("a role", lint.Trust, trust(`{"AWS": "arn:aws:iam::123456789012:role/broker"}`, ""), false),
		good("one", lint.Role, stmt("Allow", "sts:AssumeRole iam:PassRole", "arn:aws:iam::123456789012:role/things")),
	)
	judge(t, "IAM007",
		bad("all", lint.Session, s3(put, "*")),
		bad("the neighbour", lint.Session, s3(put, "cam1*")),
		bad("a variable, which nobody replaces", lint.Session, s3(put, own+"/*")),
		bad("too large", lint.Session, s3(put, "cam1/"+strings.Repeat("x", 1700))),
		good("one thing", lint.Session, s3(put, "cam1/*")),
	)
}

func trust(principal, condition string) string {
	s := `{"Effect": "Allow", "Principal": ` + principal + `, "Action": "sts:AssumeRole"`
	if condition != "" {
		s += `, "Condition": ` + condition
	}
	return doc(s + "}")
}

func layout(key string) func(*lint.Options) {
	return func(o *lint.Options) {
		o.Keys = &lint.Keys{Source: "broker.yaml", Bucket: "photos", Kinds: []lint.KeyKind{{Name: "photo", Layout: key, Put: true},
			{Name: "firmware", Object: "firmware/latest.bin", Get: true}}}
	}
}

func TestRulesOfTrust(t *testing.T) {
	t.Parallel()
	const both = `{"StringEquals": {"aws:SourceAccount": "123456789012"}, "ArnLike": {"aws:SourceArn": "arn:aws:iot:eu-central-1:123456789012:*"}}`
	ifExists := strings.NewReplacer("StringEquals", "StringEqualsIfExists", "ArnLike", "ArnLikeIfExists").Replace(both)
	iot, provider := `{"Service": "iot.amazonaws.com"}`, `{"Service": "credentials.iot.amazonaws.com"}`
	judge(t, "IAM001",
		raw("nothing", lint.Trust, trust(iot, ""), true),
		raw("one of two", lint.Trust, trust(iot, `{"StringEquals": {"aws:SourceAccount": "123456789012"}}`), true),
		raw("IfExists holds without", lint.Trust, trust(iot, ifExists), true),
		raw("for all", lint.Trust, trust(iot, `{"StringLike": {"aws:SourceAccount": "*", "aws:SourceArn": "*"}}`), true),
		raw("the provider", lint.Trust, trust(provider, ""), true),
		raw("both", lint.Trust, trust(iot, both), false),
		raw("the provider, which may send none", lint.Trust, trust(provider, ifExists), false),
		raw("another service", lint.Trust, trust(`{"Service": "ec2.amazonaws.com"}`, ""), false),
	)
}

func TestRulesOfTheBucket(t *testing.T) {
	t.Parallel()
	everybody := func(effect, action, condition string) string {
		s := `{"Effect": "` + effect + `", "Principal": "*", "Action": "` + action + `", "Resource": "arn:aws:s3:::photos/*"`
		if condition != "" {
			s += `, "Condition": ` + condition
		}
		return s + "}"
	}
	const tls = `{"Bool": {"aws:SecureTransport": "false"}}`
	judge(t, "S3001",
		bad("no TLS", lint.Bucket, everybody("Deny", "s3:DeleteObject", "")),
		bad("public", lint.Bucket, everybody("Deny", "s3:*", tls), everybody("Allow", "s3:GetObject", "")),
		bad("TLS for deletes only", lint.Bucket, everybody("Deny", "s3:DeleteObject", tls)),
		bad("TLS under a condition", lint.Bucket, everybody("Deny", "s3:*", `{"Bool": {"aws:SecureTransport": "false"}, "IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}`)),
		raw("half blocked", lint.Block, `{"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": false, "RestrictPublicBuckets": true}`, true),
		raw("all blocked", "", `{"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": true}`, false),
		good("TLS", lint.Bucket, everybody("Deny", "s3:*", tls)),
		good("public under a condition", lint.Bucket, everybody("Deny", "s3:*", tls), everybody("Allow", "s3:GetObject", `{"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}`)),
	)
	cors := func(origins, methods, expose string) string {
		return `{"CORSRules": [{"AllowedOrigins": [` + origins + `], "AllowedMethods": [` + methods + `], "ExposeHeaders": [` + expose + `]}]}`
	}
	judge(t, "S3002",
		raw("any origin", "", cors(`"*"`, `"PUT"`, `"ETag"`), true),
		raw("any host", "", cors(`"https://*.example.com"`, `"POST"`, `"ETag"`), true),
		raw("no ETag", "", cors(`"https://a.example"`, `"PUT"`, ``), true),
		raw("the console's form", "", `[{"AllowedOrigins": ["*"], "AllowedMethods": ["PUT"]}]`, true),
		raw("as it should be", "", cors(`"https://a.example"`, `"PUT"`, `"etag"`), false),
		raw("reading", "", cors(`"*"`, `"GET"`, ``), false),
	)
	const abort = `{"Status": "Enabled", "Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}}`
	rules := func(s ...string) string { return `{"Rules": [` + strings.Join(s, ", ") + `]}` }
	expire := func(prefix string) string {
		return `{"Status": "Enabled", "Filter": {"Prefix": "` + prefix + `"}, "Expiration": {"Days": 30}}`
	}
	judge(t, "S3003",
		raw("none", "", rules(expire("cam")), true),
		raw("switched off", "", rules(strings.Replace(abort, "Enabled", "Disabled", 1)), true),
		raw("for some", "", rules(strings.Replace(abort, `"Prefix": ""`, `"Prefix": "cam"`, 1)), true),
		raw("a slash before", "", rules(abort, expire("/cam")), true),
		raw("another kind", "", rules(abort, expire("cam1/video/")), true).given(layout("{thing}/{kind}/{id}")),
		raw("a kind", "", rules(abort, expire("cam1/photo/")), false).given(layout("{thing}/{kind}/{id}")),
		raw("the shared ones", "", rules(abort, expire("firmware/")), false).given(layout("{thing}/{kind}/{id}")),
		raw("things", "", rules(abort, expire("cam")), false).given(layout("{thing}/{kind}/{id}")),
		raw("in And", "", rules(abort, `{"Status": "Enabled", "Filter": {"And": {"Prefix": "/x", "Tags": []}}, "Expiration": {"Days": 1}}`), true),
		raw("without a filter", "", rules(`{"Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}}`), false),
	)
	dated := layout("{thing}/{kind}/{yyyy}/{mm}/{dd}/{id}.{ext}")
	judge(t, "S3004",
		bad("another folder", lint.Role, s3(put, "uploads/*")).given(dated),
		bad("another bucket", lint.Role, stmt("Allow", put, "arn:aws:s3:::other/*")).given(dated),
		bad("only one kind", lint.Role, s3(put, "*/video/*")).given(dated),
		bad("only this year", lint.Role, s3(put, "*/photo/2026/*")).given(dated),
		bad("a thing's role, below a folder", lint.Credentials, s3(put, "devices/"+own+"/*")).given(dated),
		bad("what things fetch", lint.Role, s3(put+" s3:GetObject", "*/photo/*")).given(dated),
		good("all", lint.Role, s3(put+" s3:GetObject", "*")).given(dated),
		good("the layout", lint.Role, s3(put, "*/photo/????/??/??/*.*")).given(dated),
		good("a thing's role", lint.Credentials, s3(put, own+"/*")).given(dated),
		good("nobody knows", lint.Role, s3(put, "uploads/*")),
	)
}

// What a bucket policy denies, the roles beside it need not.
func TestABucketPolicyCountsForRoles(t *testing.T) {
	t.Parallel()
	role := lint.Input{Name: "role.json", Text: []byte(doc(s3(put, "*"))), Kind: lint.Role}
	bucket := func(condition string) lint.Input {
		return lint.Input{Name: "bucket.json", Kind: lint.Bucket, Beside: true,
			Text: []byte(doc(`{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::photos/*", "Condition": ` + condition + `}`))}
	}
	for rule, condition := range map[string]string{
		"IAM004": `{"NumericGreaterThan": {"s3:signatureAge": "3600000"}}`, "IAM005": `{"Null": {"s3:if-none-match": "true"}}`,
	} {
		if r := lint.Run([]lint.Input{role}, lint.Options{}); !has(r, rule) {
			t.Errorf("%s is not found without a bucket policy", rule)
		}
		r := lint.Run([]lint.Input{role, bucket(condition)}, lint.Options{})
		if has(r, rule) || len(r.Files) != 1 {
			t.Errorf("%s is found beside a bucket policy: %+v", rule, r)
		}
	}
}
