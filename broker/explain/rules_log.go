// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"regexp"
	"strings"
)

// sign is something in a log that has one meaning.
type sign struct {
	id   string
	sure Certainty
	look *regexp.Regexp
	what string // $1 is the first group
}

// logSigns are those of ESP-IDF, Arduino and mbedTLS. Error numbers of mbedTLS
// are written as -0x2700, 0x2700 or -9984; those of 1.0 to 4.x are the same.
var logSigns = []sign{
	{"iot-root", Likely, code(`0x2700`, `-9984`), "the TLS server's certificate could not be verified: it is not from the CA that the thing trusts"},
	{"iot-root", Likely, regexp.MustCompile(`(?i)(X509 - Certificate verification failed|MBEDTLS_ERR_X509_CERT_VERIFY_FAILED|Failed to verify peer certificate|No matching trusted root certificate found|BR_ERR_X509_NOT_TRUSTED)`),
		"the TLS server's certificate could not be verified: it is not from the CA that the thing trusts"},
	{"ca-missing", Certain, regexp.MustCompile(`(No server verification option set|MBEDTLS_ERR_SSL_CA_CHAIN_REQUIRED)`), "the thing has no CA to verify the TLS server with"},
	{"ca-missing", Certain, code(`0x7680`, `-30336`), "the thing has no CA to verify the TLS server with"},
	{"ca-unreadable", Certain, code(`0x2180`, `-8576`), "the CA's or the thing's certificate cannot be parsed"},
	{"ca-unreadable", Certain, code(`0x3d00`, `-15616`), "a key or a certificate cannot be parsed"},
	{"tls-alert", Likely, code(`0x7780`, `-30592`), "the TLS server has broken off with an alert: it does not accept the thing's certificate, or offers nothing that both can do"},
	{"tls-memory", Certain, code(`0x7f00`, `-32512`), "there was no memory for TLS (a session takes 42 KB of heap, 16 KB of it in one piece)"},
	{"tls-memory", Certain, code(`0x0010`, `-16\b`), "there was no memory for the numbers of TLS"},
	{"tls-memory", Certain, code(`0x2880`, `-10368`), "there was no memory to parse a certificate"},
	{"tls-memory", Likely, regexp.MustCompile(`(?i)(\bheap allocation failed|Memory exhausted|alloc(?:ation)? of \d+ bytes failed|esp-aes: Failed to allocate memory|SSL - Memory allocation failed)`), "there was no memory left for what was to be done"},
	{"connection-lost", Likely, code(`0x7280`, `-29312`), "the TLS server closed the connection"},
	{"connection-lost", Likely, code(`0x0050`, `-80\b`), "the connection was reset"},
	{"connection-lost", Likely, code(`0x004e`, `-78\b`), "sending failed: the connection is gone"},
	{"connection-timeout", Likely, code(`0x6800`, `-26624`), "the TLS server did not answer in time"},
	{"connection-timeout", Likely, regexp.MustCompile(`(ESP_ERR_HTTP_EAGAIN|select\(\) timeout|ESP_ERR_ESP_TLS_CONNECTION_TIMEOUT|\b0x8006\b)`), "the server did not answer in time"},
	{"certificate-time", Certain, regexp.MustCompile(`(MBEDTLS_X509_BADCERT_(?:EXPIRED|FUTURE)|certificate (?:has expired|is not yet valid)|validity (?:has expired|starts in the future))`), "the certificate is not valid at the thing's time"},
	{"certificate-name", Certain, regexp.MustCompile(`(MBEDTLS_X509_BADCERT_CN_MISMATCH|does not match with the expected CN|Hostname mismatch)`), "the certificate is for another host name"},
	{"dns", Certain, noName, "the name cannot be resolved: `$1`"},
	{"http-buffer", Certain, regexp.MustCompile(`(HTTP_CLIENT: Out of buffer|ESP_ERR_HTTP_HEADER_TOO_LONG|HTTP_HEADER: Buffer length is small)`), "the request line or a header does not fit the HTTP client's buffer (buffer_size_tx, 512 bytes unless set): a presigned URL with a token has 1,500"},
	{"redirect", Likely, regexp.MustCompile(`(HTTP_CLIENT: (?:Error, reach max_redirection_count|Redirect)\S*)`), "the server redirects, which a signed URL does not survive"},
	{"mqtt-refused", Likely, regexp.MustCompile(`(?i)(MQTT_CONNECTION_REFUSE_NOT_AUTHORIZED|Connection refused, not authorized|connect(?:ion)?.{0,12} return(?:ed)? code:? ?5\b|reason[ _]code:? ?(?:=|:)? ?(?:0x87|135))`), "the MQTT server refuses what the thing is or does: not authorised"},
	{"mqtt-refused", Likely, regexp.MustCompile(`(?i)(MQTT_CONNECTION_REFUSE_(?:BAD_USERNAME|ID_REJECTED)|identifier rejected|bad user ?name or password)`), "the MQTT server refuses the connection: `$1`"},
	{"mqtt-same-id", Certain, regexp.MustCompile(`(?i)(DUPLICATE_CLIENT_?ID|session taken over|reason[ _]code:? ?(?:=|:)? ?(?:0x8e|142))`), "another connection came with the same client id, and this one was closed"},
	{"mqtt-size", Certain, regexp.MustCompile(`(?i)(reason[ _]code:? ?(?:=|:)? ?(?:0x95|149)|Packet too large)`), "a message is larger than the MQTT server takes"},
	{"chunked", Certain, regexp.MustCompile(`(A header you provided implies functionality that is not implemented)`), "the body was sent with Transfer-Encoding: chunked, which S3 does not take"},
	{"power", Certain, regexp.MustCompile(`(Brownout detector was triggered)`), "the supply voltage broke down: Wi-Fi draws 500 mA for moments"},
	{"watchdog", Certain, regexp.MustCompile(`(Task watchdog got triggered|task_wdt:|Interrupt wdt timeout)`), "a task held the CPU for too long"},
	{"crash", Certain, regexp.MustCompile(`(Guru Meditation Error: [^\r\n]{0,60}|stack overflow in task \S+|CORRUPT HEAP\S*)`), "the firmware crashed: `$1`"},
	{"camera", Certain, regexp.MustCompile(`(Camera capture failed|cam_hal: (?:FB-OVF|NO-SOI|NO-EOI|EV-\w+-OVF)|Failed to get the frame on time)`), "the camera gave no whole picture: `$1`"},
}

// code is an error number in hexadecimal or decimal. It must stand alone: logs
// are full of numbers.
func code(hexadecimal, decimal string) *regexp.Regexp {
	short := strings.TrimPrefix(strings.TrimPrefix(hexadecimal, "0x"), "00")
	return regexp.MustCompile(`(?i)((?:returned|error|err|code|ret|failed|->|=|:|\()\W{0,4}(?:-?0x0{0,2}` + short + `\b|` + decimal + `(?:\D|$)))`)
}

// noName is a name without an address.
var noName = regexp.MustCompile(`(?i)(couldn't get hostname for :?\s*\S+|getaddrinfo\(?\)? (?:returns|failed)\S*|DNS Failed for \S+|hostByName\(\): DNS \S+|ESP_ERR_ESP_TLS_CANNOT_RESOLVE_HOSTNAME|Could not resolve host:? \S+|Name or service not known)`)

// judgeLog reads a thing's log.
func judgeLog(e *evidence) {
	judgeDNS(e)
	for _, s := range logSigns {
		m := s.look.FindStringSubmatchIndex(e.text)
		if m == nil {
			continue
		}
		got := strings.TrimSpace(e.text[m[2]:m[3]])
		e.saw("log of a thing")
		e.add(s.id, s.sure, got, m[2], "%s", strings.ReplaceAll(s.what, "$1", got))
	}
	judgeTrust(e)
}

var urlAsName = regexp.MustCompile(`(?i)(?:hostname for :?|DNS Failed for|resolve host:?|getaddrinfo[^\n]{0,40}|\[hostname:?|connect(?:ing)? to(?: host)?:?)\s*["']?(https?://[^\s"':]+)`)

// judgeDNS finds a URL where a name was wanted.
func judgeDNS(e *evidence) {
	if m := urlAsName.FindStringSubmatchIndex(e.text); m != nil && noName.MatchString(e.text) {
		host := e.text[m[2]:m[3]]
		e.add("host-is-url", Certain, host, m[2], "a URL is given where a host name is wanted: it must be `%s`", hostOf(host))
	}
}

var (
	oldRoot    = regexp.MustCompile(`(?i)(VeriSign[- ]Class[- ]3[^\r\n"',;]{0,60}|Symantec Class 3[^\r\n"',;]{0,30})`)
	eccRoot    = regexp.MustCompile(`(?i)(Amazon ?Root ?CA ?[34])\b`)
	rsaRoot    = regexp.MustCompile(`(?i)Amazon ?Root ?CA ?1\b|crt_bundle_attach`)
	deviceCert = regexp.MustCompile(`(?i)(?:ca_?cert|cacert|setCACert|cert_pem|trust anchor|--cacert|ssl_ca|root_ca)[^\r\n]{0,30}?[=:( >"]+\s*"?&?(\w*(?:device|thing|client)[\w.-]*(?:cert|crt|pem)[\w.]*|[0-9a-f]{10,64}-certificate\.pem(?:\.crt)?|certificate\.pem\.crt)`)
	subjects   = regexp.MustCompile(`(?i)(?:subject|issuer)[^\r\n]{0,80}(AWS IoT Certificate|Amazon Web Services O=Amazon\.com)`)
)

// judgeTrust says more of a chain that could not be verified: what people take
// for S3's root are the certificates that they have for AWS IoT.
func judgeTrust(e *evidence) {
	if m := deviceCert.FindStringSubmatchIndex(e.text); m != nil {
		e.add("device-certificate-as-root", Certain, e.text[m[2]:m[3]], m[2], "the thing's own certificate (`%s`) is given as the CA to trust: it has signed nothing", e.text[m[2]:m[3]])
	}
	if m := subjects.FindStringSubmatchIndex(e.text); m != nil && e.has("iot-root") {
		e.add("device-certificate-as-root", Likely, e.text[m[2]:m[3]], m[2], "a certificate that AWS IoT issued to a thing plays a part in verifying the server")
	}
	if m := oldRoot.FindStringSubmatchIndex(e.text); m != nil {
		e.add("iot-root", Certain, e.text[m[2]:m[3]], m[2], "the root `%s` is that of AWS IoT's old endpoints: neither S3 nor the ATS endpoints have it", e.text[m[2]:m[3]])
	}
	if m := eccRoot.FindStringSubmatchIndex(e.text); m != nil && !rsaRoot.MatchString(e.text) {
		e.add("iot-root", Likely, e.text[m[2]:m[3]], m[2], "the root `%s` alone does not do: S3 shows a chain of Amazon Root CA 1", e.text[m[2]:m[3]])
	}
}
