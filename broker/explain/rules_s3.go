// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import "strings"

// judgeAnswers is about what S3 said.
func judgeAnswers(e *evidence) {
	for _, a := range e.answers {
		if simple, ok := simpleCodes[a.code]; ok {
			f := e.add(simple.id, simple.sure, a.code, a.at, "%s", simple.what)
			if a.code == "NoSuchBucket" && a.fields["BucketName"] != "" {
				f.What = "there is no bucket `" + a.fields["BucketName"] + "`"
			}
			continue
		}
		switch a.code {
		case "AccessDenied":
			judgeDenied(e, a)
		case "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError":
			judgeMalformed(e, a)
		case "PermanentRedirect", "TemporaryRedirect", "IllegalLocationConstraintException":
			judgeRedirect(e, a)
		case "InvalidRequest", "InvalidArgument":
			judgeInvalid(e, a)
		}
	}
	for _, r := range e.responses {
		judgeStatus(e, r)
	}
	for _, r := range e.responses {
		if r.status >= 400 && r.status < 500 && len(e.answers) == 0 && len(e.findings) == 0 && !refusalStart.MatchString(e.text) {
			e.add("answer-missing", Possible, "", r.at, "the server answers %d, but what it says of it is not here", r.status)
		}
	}
}

type simpleCode struct {
	id   string
	sure Certainty
	what string
}

// simpleCodes are codes that mean one thing, whatever stands beside them.
var simpleCodes = map[string]simpleCode{
	"InvalidAccessKeyId":          {"key-unknown", Certain, "S3 does not know the access key"},
	"ExpiredToken":                {"token-expired", Certain, "the session token has expired, and with it all that it signed"},
	"TokenRefreshRequired":        {"token-expired", Certain, "the session token must be renewed"},
	"ExpiredTokenException":       {"token-expired", Certain, "the session token has expired, and with it all that it signed"},
	"InvalidToken":                {"token-of-others", Certain, "the session token is damaged, or belongs to another access key"},
	"InvalidTokenId":              {"token-of-others", Certain, "the session token is damaged, or belongs to another access key"},
	"UnrecognizedClientException": {"token-of-others", Likely, "the access key or its session token is not known there"},
	"InvalidClientTokenId":        {"key-unknown", Certain, "AWS does not know the access key"},
	"MissingContentLength":        {"length-required", Certain, "the request has no Content-Length"},
	"PreconditionFailed":          {"already-stored", Certain, "the object is there already, and the request said `If-None-Match: *`"},
	"ConditionalRequestConflict":  {"conflict", Certain, "another upload of the same key was under way"},
	"XAmzContentSHA256Mismatch":   {"content-hash-differs", Certain, "x-amz-content-sha256 is not the SHA-256 of the body that S3 got"},
	"XAmzContentChecksumMismatch": {"checksum-differs", Certain, "the checksum is not that of the body that S3 got"},
	"BadDigest":                   {"checksum-differs", Certain, "the checksum (x-amz-checksum-… or Content-MD5) is not that of the body that S3 got"},
	"InvalidDigest":               {"checksum-differs", Certain, "Content-MD5 or the checksum is not base64 of the right length"},
	"IncompleteBody":              {"length-differs", Certain, "fewer bytes came than Content-Length said"},
	"RequestTimeout":              {"body-slow", Certain, "the body came too slowly, or stopped before its Content-Length"},
	"EntityTooLarge":              {"too-large", Certain, "the object is larger than the upload may be (content-length-range of the policy, or 5 GB)"},
	"EntityTooSmall":              {"too-small", Certain, "the object is smaller than the policy's content-length-range, or a part below 5 MiB"},
	"NoSuchBucket":                {"no-bucket", Certain, "there is no such bucket"},
	"NoSuchKey":                   {"no-object", Certain, "there is no object of this key"},
	"NoSuchUpload":                {"no-upload", Certain, "there is no such multipart upload (any more)"},
	"InvalidPart":                 {"part-wrong", Certain, "a part is not there, or its ETag is another"},
	"InvalidPartOrder":            {"part-wrong", Certain, "the parts are not in ascending order"},
	"InvalidPolicyDocument":       {"policy-malformed", Certain, "the form's policy is not what S3 takes for one"},
	"MalformedPOSTRequest":        {"form-malformed", Certain, "the body is not well-formed multipart/form-data"},
	"SlowDown":                    {"slow-down", Certain, "S3 asks for fewer requests"},
	"ServiceUnavailable":          {"slow-down", Certain, "S3 asks for fewer requests"},
	"InternalError":               {"slow-down", Certain, "S3 has a fault of its own"},
	"InvalidBucketName":           {"bucket-name", Certain, "this is no name of a bucket"},
	"KeyTooLongError":             {"key-too-long", Certain, "the object key has more than 1,024 bytes"},
	"MissingSecurityHeader":       {"date-missing", Certain, "a header that signing needs is missing"},
	"MissingAuthenticationToken":  {"not-signed", Certain, "the request carries no signature"},
	"MetadataTooLarge":            {"metadata-too-large", Certain, "the x-amz-meta- headers have more than 2 KB"},
	"MethodNotAllowed":            {"method-differs", Likely, "this method is not for this resource: a URL without a key, or a bucket"},
}

var (
	policyFailed = lazy(`Policy Condition failed: \[([^\]]*)\]`)
	extraFields  = lazy(`(?i)extra input fields?: ?([\w-]+)`)
	onActions    = lazy(`(?i)not authorized to perform: ([\w:*]+)(?: on resource: "?([^\s"]+)"?)?(?: because ([^<\n"]*))?`)
	notSigned    = lazy(`(?i)headers? present in the request which were not signed`)
)

// judgeDenied tells apart the many things that S3 calls AccessDenied.
func judgeDenied(e *evidence, a answer) {
	m := a.message
	switch {
	case strings.Contains(m, "olicy expired"):
		e.add("policy-expired", Certain, m, a.at, "the form's policy has expired")
	case strings.Contains(m, "has expired"):
		expiredAnswer(e, a)
	case strings.Contains(m, "not yet valid") || strings.Contains(m, "not valid yet"):
		e.add("clock", Certain, m, a.at, "the URL is not valid yet: the clock that signed it is fast")
	case notSigned.MatchString(m):
		name := a.fields["HeadersNotSigned"]
		e.add("header-not-signed", Certain, m, a.at, "a header is sent, but not signed: `%s`", name)
	case policyFailed.MatchString(m):
		condition := policyFailed.FindStringSubmatch(m)[1]
		e.add("condition-failed", Certain, condition, a.at, "the form breaks a condition of its policy: [%s]", condition)
	case extraFields.MatchString(m):
		name := extraFields.FindStringSubmatch(m)[1]
		e.add("condition-missing", Certain, name, a.at, "the form has the field `%s`, for which the policy has no condition", name)
	case onActions.MatchString(m):
		deniedAction(e, a, onActions.FindStringSubmatch(m))
	case strings.Contains(m, "AWS authentication requires a valid Date"):
		e.add("date-missing", Certain, m, a.at, "the request has no X-Amz-Date that S3 could read")
	case strings.Contains(m, "Query-string authentication") || strings.Contains(m, "Query string authentication requires"):
		e.add("parameter-missing", Certain, m, a.at, "the URL lacks a parameter of the signature: it was cut, or its `&` ended a shell command")
	case !e.has("clock", "expired", "not-signed", "header-not-signed", "tls-required"):
		f := e.add("denied", Likely, a.code, a.at, "the signature is right, but these credentials may not do this, or a bucket policy denies it")
		if op := a.fields["Operation"]; op != "" {
			f.What = "the credentials may not do " + op + " here, or a bucket policy denies it"
		}
	}
}

func expiredAnswer(e *evidence, a answer) {
	if e.has("expired") {
		return // which says more
	}
	what := "the signed URL has expired"
	if a.fields["Expires"] != "" && a.fields["ServerTime"] != "" {
		what += ": it died at " + a.fields["Expires"] + ", and S3's time is " + a.fields["ServerTime"]
	}
	e.add("expired", Certain, a.message, a.at, "%s", what)
}

// deniedAction reads IAM's own words.
func deniedAction(e *evidence, a answer, m []string) {
	action, resource, because := m[1], m[2], m[3]
	what := "these credentials may not " + action
	if resource != "" {
		what += " on " + strings.TrimRight(resource, ".")
	}
	id := "denied"
	if strings.Contains(because, "explicit deny") {
		id, what = "denied-explicitly", what+": a statement denies it"
		for kind, name := range map[string]string{"resource-based": "the bucket policy", "identity-based": "the role's policy", "service control": "a service control policy", "session policy": "the session policy"} {
			if strings.Contains(because, kind) {
				what += " (" + name + ")"
			}
		}
	} else if because != "" {
		what += ": " + because
	}
	e.add(id, Certain, action, a.at, "%s", what)
}

var (
	expecting    = lazy(`region '([^']*)' is wrong; expecting '([^']*)'`)
	wrongService = lazy(`incorrect service "([^"]*)"[^"]*"([^"]*)"`)
	wrongEnd     = lazy(`(?i)incorrect terminal|aws4_request`)
	wrongDate    = lazy(`(?i)incorrect date format|invalid date|Credential date|X-Amz-Date must be`)
)

// judgeMalformed reads what S3 says of a header or of a query.
func judgeMalformed(e *evidence, a answer) {
	m := a.message
	switch {
	case expecting.MatchString(m):
		g := expecting.FindStringSubmatch(m)
		e.add("scope-region", Certain, g[0], a.at, "the scope names the region `%s`, but the bucket is in `%s`", g[1], g[2])
	case wrongService.MatchString(m):
		g := wrongService.FindStringSubmatch(m)
		e.add("scope-service", Certain, g[0], a.at, "the scope names the service `%s`: it must be `%s`", g[1], g[2])
	case strings.Contains(m, "X-Amz-Algorithm") && strings.Contains(m, "X-Amz-Signature"):
		e.add("parameter-missing", Certain, m, a.at, "the URL lacks a parameter of the signature: it was cut, or its `&` ended a shell command")
	case strings.Contains(m, "X-Amz-Expires must be less"):
		e.add("expires-too-long", Certain, m, a.at, "X-Amz-Expires is more than the 7 days (604800 s) that SigV4 allows")
	case strings.Contains(m, "X-Amz-Expires"):
		e.add("expires-malformed", Certain, m, a.at, "X-Amz-Expires is missing or no number of seconds")
	case strings.Contains(m, "X-Amz-Algorithm"):
		e.add("algorithm-misspelt", Likely, m, a.at, "X-Amz-Algorithm must be `%s`", algorithm)
	case wrongDate.MatchString(m):
		e.add("scope-date", Certain, m, a.at, "the date in the scope or in X-Amz-Date is not what S3 wants")
	case strings.Contains(m, "Missing") || strings.Contains(m, "equal-sign") || strings.Contains(m, "one of") || strings.Contains(m, "requires"):
		if !e.has("field-misspelt", "field-missing", "comma-missing") {
			e.add("field-missing", Certain, m, a.at, "S3 misses a field of the Authorization header")
		}
	case strings.Contains(m, "mal-formed") || wrongEnd.MatchString(m):
		if !e.has("scope-end", "scope-malformed", "field-misspelt") {
			e.add("scope-malformed", Certain, m, a.at, "the credential is not key/yyyymmdd/region/service/%s", terminator)
		}
	default:
		e.add("scope-malformed", Possible, a.code, a.at, "S3 cannot read the signature's fields")
	}
}

func judgeRedirect(e *evidence, a answer) {
	if a.code == "TemporaryRedirect" {
		e.add("bucket-new", Likely, a.code, a.at, "the bucket is new, and its name not yet known everywhere")
		return
	}
	f := e.add("bucket-elsewhere", Certain, a.code, a.at, "the bucket is in another region than the endpoint")
	if to := a.fields["Endpoint"]; to != "" {
		f.What += ": it is reached at `" + to + "`"
	}
}

func judgeInvalid(e *evidence, a answer) {
	m := a.message
	switch {
	case strings.Contains(m, "AWS4-HMAC-SHA256"):
		e.add("sigv2", Certain, m, a.at, "the request is signed by Signature Version 2, which this region does not take")
	case strings.Contains(m, "Only one auth mechanism"):
		e.add("two-signatures", Certain, m, a.at, "the URL is signed, and an Authorization header is sent too")
	case strings.Contains(m, "Unsupported Authorization Type"):
		e.add("algorithm-misspelt", Likely, m, a.at, "S3 does not know the first word of the Authorization header: it must be `%s`", algorithm)
	case strings.Contains(m, "hecksum"):
		e.add("checksum-differs", Certain, m, a.at, "the checksum's kind is not the one that was announced, or its value cannot be read")
	case strings.Contains(m, "x-amz-content-sha256"):
		e.add("content-hash-missing", Certain, m, a.at, "x-amz-content-sha256 is missing, or is neither a SHA-256 nor %s", unsignedPayload)
	case strings.Contains(m, "POST requires exactly one file"):
		e.add("file-not-last", Likely, m, a.at, "the form has no file, or more than one: the field `file` comes last, once")
	case strings.Contains(m, "Bucket POST must contain a field named"):
		e.add("field-order", Certain, m, a.at, "the form lacks a field before the file: what comes behind the file is not read")
	}
}

func judgeStatus(e *evidence, r response) {
	region, _ := r.header("x-amz-bucket-region")
	switch {
	case (r.status == 301 || r.status == 307) && region != "":
		e.add("bucket-elsewhere", Certain, region, r.at, "the bucket is in the region `%s`, and the request went to another", region)
	case r.status == 301:
		e.add("bucket-elsewhere", Likely, "301", r.at, "S3 answers with a redirect: the bucket is in another region than the endpoint")
	case r.status == 307:
		e.add("bucket-new", Likely, "307", r.at, "S3 answers with a temporary redirect: the bucket is new")
	case r.status == 411:
		e.add("length-required", Likely, "411", r.at, "the request has no Content-Length: the body was sent in chunks")
	case r.status == 412:
		e.add("already-stored", Likely, "412", r.at, "the object is there already, and the request said `If-None-Match: *`")
	case r.status == 503:
		e.add("slow-down", Likely, "503", r.at, "the server has too much to do")
	}
}
