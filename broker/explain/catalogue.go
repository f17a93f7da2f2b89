// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"maps"
	"slices"
)

// entry is what is known of a mistake, wherever it is found.
type entry struct{ why, do, source string }

// Pages of documentation.
const (
	headerPage     = "https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html"
	signPage       = "https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html"
	queryPage      = "https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html"
	canonicalPage  = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"
	troublePage    = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html"
	errorsPage     = "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
	presignedPage  = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html"
	postPage       = "https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html"
	formPage       = "https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html"
	deniedPage     = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html"
	hostPage       = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html"
	redirectPage   = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html"
	namesPage      = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"
	writesPage     = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"
	integrityPage  = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html"
	multipartPage  = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"
	metadataPage   = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html"
	ratesPage      = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html"
	temporaryPage  = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_use-resources.html"
	prefixesPage   = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html"
	iotRootsPage   = "https://docs.aws.amazon.com/iot/latest/developerguide/server-authentication.html"
	iotCredPage    = "https://docs.aws.amazon.com/iot/latest/developerguide/authorizing-direct-aws.html"
	iotPolicyPage  = "https://docs.aws.amazon.com/iot/latest/developerguide/connect-policy.html"
	iotEventsPage  = "https://docs.aws.amazon.com/iot/latest/developerguide/life-cycle-events.html"
	iotProtoPage   = "https://docs.aws.amazon.com/iot/latest/developerguide/protocols.html"
	iotLimitsPage  = "https://docs.aws.amazon.com/general/latest/gr/iot-core.html"
	espTLSPage     = "https://docs.espressif.com/projects/esp-idf/en/stable/esp32/api-reference/protocols/esp_tls.html"
	espHTTPPage    = "https://docs.espressif.com/projects/esp-idf/en/stable/esp32/api-reference/protocols/esp_http_client.html"
	espMbedPage    = "https://docs.espressif.com/projects/esp-idf/en/stable/esp32/api-reference/protocols/mbedtls.html"
	espFatalPage   = "https://docs.espressif.com/projects/esp-idf/en/stable/esp32/api-guides/fatal-errors.html"
	cliPage        = "https://docs.aws.amazon.com/cli/latest/userguide/cli-chap-troubleshooting.html"
	stsPage        = "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"
	protocolPage   = "broker/PROTOCOL.md, section 8"
	slowClientPage = errorsPage
)

// catalogue has every mistake that can be named.
var catalogue = merge(signatureEntries, canonicalEntries, answerEntries, thingEntries, refusalEntries)

func merge(all ...map[string]entry) map[string]entry {
	sum := map[string]entry{}
	for _, m := range all {
		maps.Copy(sum, m)
	}
	return sum
}

// IDs are those of all findings, in alphabetical order.
func IDs() []string { return slices.Sorted(maps.Keys(catalogue)) }

var signatureEntries = map[string]entry{
	"access-key-cut":         {"An access key id of AWS has 20 characters; a cut or unset one is unknown to S3.", "Copy the access key id again, all of it.", prefixesPage},
	"algorithm-misspelt":     {"S3 reads the first word of the header (X-Amz-Algorithm in a URL, the first line of the string to sign) to know how to verify; anything else is an unsupported authorization type.", "Write AWS4-HMAC-SHA256, in the header and in the string to sign.", headerPage},
	"ampersand-escaped":      {"A `&` that stayed escaped is no separator: S3 sees one long parameter, and no signature.", "Take the URL out of JSON or HTML with a decoder. In Go's encoding/json, use SetEscapeHTML(false).", queryPage},
	"clock":                  {"S3 takes a signed request within 15 minutes of its own time, in UTC (RequestTimeTooSkewed otherwise); a presigned URL is not valid before its X-Amz-Date.", "Set the clock (SNTP, or the time in the broker's reply), and sign with UTC.", errorsPage},
	"comma-missing":          {"The three fields of the header are parted by commas.", "Write `Credential=…, SignedHeaders=…, Signature=…`.", headerPage},
	"content-hash-malformed": {"x-amz-content-sha256 is the SHA-256 of the body in small hexadecimal digits, or one of S3's words for none.", "Write the digest in small hexadecimal digits, or UNSIGNED-PAYLOAD.", signPage},
	"content-hash-missing":   {"S3 wants x-amz-content-sha256 in every request that is signed in its header, and signed.", "Send and sign x-amz-content-sha256: the SHA-256 of the body, or UNSIGNED-PAYLOAD.", signPage},
	"content-hash-differs":   {"The hash was signed before the body was what it is now: S3 hashes what it gets.", "Hash just the bytes that are sent, or sign UNSIGNED-PAYLOAD.", signPage},
	"content-type-differs":   {"A signed header must be sent with the very value that was signed.", "Send the content type that was signed; with esp_http_client and curl, set it, or they send application/x-www-form-urlencoded.", signPage},
	"date-format":            {"X-Amz-Date is ISO 8601's basic form in UTC.", "Format the time as %Y%m%dT%H%M%SZ, from gmtime.", signPage},
	"date-missing":           {"S3 must know when it was signed: from x-amz-date, or from Date if that is missing.", "Send X-Amz-Date and sign it; the scope has the same day.", signPage},
	"encoded-twice":          {"An encoded `%` is `%25`: S3 decodes once and then compares with what was signed.", "Encode each part once. For S3, unlike other services, the path is not encoded a second time.", canonicalPage},
	"escape-broken":          {"A percent sign in a URL begins %XX.", "Encode the object's key before it is put into the URL.", canonicalPage},
	"expired":                {"A presigned URL lives for X-Amz-Expires seconds from X-Amz-Date, or as long as the credentials that signed it, whichever is less. Expiry counts when the request starts.", "Ask the broker for a new URL, just before it is used.", presignedPage},
	"expires-malformed":      {"X-Amz-Expires is a number of seconds.", "Give 1 to 604800.", queryPage},
	"expires-too-long":       {"A URL signed by SigV4 lives for seven days at most.", "Sign for 604800 s or less, and anew where it must last longer.", queryPage},
	"field-misspelt":         {"S3 looks for fields of just these names.", "Write `Credential=`, `SignedHeaders=`, `Signature=` (in a URL `X-Amz-Credential` and so on).", headerPage},
	"field-missing":          {"The header consists of an algorithm and of three fields: Credential, SignedHeaders and Signature.", "Write all three.", headerPage},
	"hash-of-nothing":        {"The signer was not given the body, and hashed nothing instead: S3 hashes what it gets.", "Sign the SHA-256 of the body, or UNSIGNED-PAYLOAD.", signPage},
	"header-not-signed":      {"Every x-amz- header that is sent must be signed.", "Leave the header out, or sign it. For a presigned URL: the broker has to put it into the grant.", signPage},
	"host-differs":           {"The host is always signed: what the server sees in the Host header must be the same, the port too.", "Sign for the host that is in the URL. Let no proxy change the Host header.", canonicalPage},
	"host-is-url":            {"A host is a name (and a port, if it is not the usual one); a URL is not.", "Take scheme and path off, in the Host header, in what is signed, and in what is connected to.", canonicalPage},
	"host-missing":           {"HTTP/1.1 wants a Host header, and SigV4 wants it signed.", "Send Host.", canonicalPage},
	"host-not-signed":        {"SigV4 wants `host` among the signed headers.", "Add `host` to what is signed and to the list.", canonicalPage},
	"key-unknown":            {"The access key was deleted, belongs to another partition or installation, or has a typing error. It is no matter of permissions.", "Look at the access key id (keep in mind AWS China and GovCloud), and at the endpoint.", errorsPage},
	"method-differs":         {"The method is the first line of what is signed: a URL for one method is good for no other.", "Use the method that the URL was signed for, or have it signed for this one.", canonicalPage},
	"not-signed":             {"Without a signature S3 knows nobody, and a private bucket refuses that.", "Sign the request, or use the URL of the grant with its whole query.", deniedPage},
	"parameter-missing":      {"A presigned URL needs X-Amz-Algorithm, -Credential, -Date, -Expires, -SignedHeaders and -Signature.", "Use the whole URL. In a shell, put it between single quotes: a bare & ends the command.", queryPage},
	"path-style":             {"The bucket is either in the host or first in the path, and the path is signed as it is sent.", "Sign the path of the URL that is used.", hostPage},
	"plus-not-encoded":       {"In a query a bare `+` is read as a space; session tokens are base64 and have many.", "Encode `+` as %2B and a space as %20.", canonicalPage},
	"scope-date":             {"The date of the scope, of the key and of X-Amz-Date is one and the same day, in UTC.", "Take all from one time, as yyyymmdd.", headerPage},
	"scope-end":              {"The scope ends with aws4_request, in the credential, the string to sign and the key.", "Write /aws4_request.", headerPage},
	"scope-malformed":        {"The credential is key/yyyymmdd/region/service/aws4_request.", "Write all five parts, with slashes (in a URL %2F).", headerPage},
	"scope-region":           {"The key is derived for one region: the bucket's.", "Sign for the bucket's region, and use its endpoint: s3.<region>.amazonaws.com.", headerPage},
	"scope-service":          {"The key is derived for one service, and that is `s3`, also for things that else talk to AWS IoT.", "Sign for the service s3.", headerPage},
	"secret-wrong":           {"The signature comes from the secret key as it is, with `AWS4` before it.", "Copy the secret key again, without a line end or spaces, and derive the key from \"AWS4\" + secret.", canonicalPage},
	"signature-capitals":     {"SigV4 writes digests in small hexadecimal digits.", "Write them with %02x.", canonicalPage},
	"signature-cut":          {"The signature is HMAC-SHA256 in hexadecimal: 64 digits. A buffer was too short.", "Make the buffer as long as the text: 64 digits and a zero for the signature, 4 KB for a URL with a token.", headerPage},
	"signature-differs":      {"S3 computes the signature from what it gets, and compares: a wrong secret key and a wrong canonical request look alike.", "Compare what your code signs with the canonical request below, line by line. Give the credentials to `thingpass explain --secret-file` to have it computed.", troublePage},
	"signature-not-hex":      {"SigV4 writes the signature in hexadecimal; base64 was Signature Version 2.", "Write the HMAC in 64 small hexadecimal digits.", headerPage},
	"signed-header-not-sent": {"What is signed must be sent, with the value that was signed.", "Send the header, just as the grant lists it.", signPage},
	"signed-headers-list":    {"The list has small letters, alphabetical order, and `;` between the names.", "Sort and write it so, in the header and in what is signed.", canonicalPage},
	"sigv2":                  {"Regions since 2014 and buckets since 2020 take Signature Version 4 alone.", "Sign with SigV4: in boto3, Config(signature_version=\"s3v4\").", "https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html"},
	"space-in-field":         {"A space or a line break inside of a field ends it.", "Write each field without spaces; mind line breaks at the end of what was read from a file.", headerPage},
	"token-expired":          {"Temporary credentials end, and all URLs that they signed end with them.", "Get new credentials, and sign anew.", temporaryPage},
	"token-missing":          {"A key that begins with ASIA is temporary: S3 knows it only together with its session token.", "Send X-Amz-Security-Token, and sign it.", temporaryPage},
	"token-not-signed":       {"For S3 the token is part of what is signed; adding it afterwards is what AWS IoT's WebSockets want.", "Put X-Amz-Security-Token into the query before it is signed.", queryPage},
	"token-of-others":        {"Access key, secret key and session token come together, and go together.", "Take all three from one answer of STS or of the credential provider; with a long-lived key (AKIA) send no token.", temporaryPage},
	"two-signatures":         {"S3 takes one signature: the URL's or the header's.", "Leave the Authorization header out: HTTP clients also keep it over a redirect.", errorsPage},
	"unsigned-payload":       {"The last line of what is signed is the value of x-amz-content-sha256; for a presigned URL it is UNSIGNED-PAYLOAD.", "Sign that very word or digest.", queryPage},
	"url-broken":             {"A line break or a space has come into the URL: everything behind it is lost.", "Copy the URL as one line.", queryPage},
	"url-cut":                {"The URL was cut by a buffer on its way: without the whole signature it is worth nothing.", "Make the buffer larger: 2 KB for a URL with a session token, 4 KB to be safe; esp-mqtt hands over messages in pieces of its buffer (1024).", queryPage},
}
