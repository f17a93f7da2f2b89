// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import "strings"

// logSigns are those of ESP-IDF, Arduino and mbedTLS. Error numbers of mbedTLS
// are written as -0x2700, 0x2700 or -9984; those of 1.0 to 4.x are the same.
var logSigns = []sign{
	{"iot-root", Likely, "2700|-9984", code(`0x2700`, `-9984`), "the TLS server's certificate could not be verified: it is not from the CA that the thing trusts"},
	{"iot-root", Likely, "certificate verification failed|cert_verify_failed|verify peer|no matching trusted root|x509_not_trusted", lazy(`(?i)(X509 - Certificate verification failed|MBEDTLS_ERR_X509_CERT_VERIFY_FAILED|Failed to verify peer certificate|No matching trusted root certificate found|BR_ERR_X509_NOT_TRUSTED)`),
		"the TLS server's certificate could not be verified: it is not from the CA that the thing trusts"},
	{"ca-missing", Certain, "no server verification|ca_chain_required", lazy(`(No server verification option set|MBEDTLS_ERR_SSL_CA_CHAIN_REQUIRED)`), "the thing has no CA to verify the TLS server with"},
	{"ca-missing", Certain, "7680|-30336", code(`0x7680`, `-30336`), "the thing has no CA to verify the TLS server with"},
	{"ca-unreadable", Certain, "2180|-8576", code(`0x2180`, `-8576`), "the CA's or the thing's certificate cannot be parsed"},
	{"ca-unreadable", Certain, "3d00|-15616", code(`0x3d00`, `-15616`), "a key or a certificate cannot be parsed"},
	{"tls-alert", Likely, "7780|-30592", code(`0x7780`, `-30592`), "the TLS server has broken off with an alert: it does not accept the thing's certificate, or offers nothing that both can do"},
	{"tls-memory", Certain, "7f00|-32512", code(`0x7f00`, `-32512`), "there was no memory for TLS (a session takes 42 KB of heap, 16 KB of it in one piece)"},
	{"tls-memory", Certain, "0x10|0x0010|-16", code(`0x0010`, `-16\b`), "there was no memory for the numbers of TLS"},
	{"tls-memory", Certain, "2880|-10368", code(`0x2880`, `-10368`), "there was no memory to parse a certificate"},
	{"tls-memory", Likely, "heap allocation failed|memory exhausted|bytes failed|esp-aes|memory allocation failed", lazy(`(?i)(\bheap allocation failed|Memory exhausted|alloc(?:ation)? of \d+ bytes failed|esp-aes: Failed to allocate memory|SSL - Memory allocation failed)`), "there was no memory left for what was to be done"},
	{"connection-lost", Likely, "7280|-29312", code(`0x7280`, `-29312`), "the TLS server closed the connection"},
	{"connection-lost", Likely, "0x50|0x0050|-80", code(`0x0050`, `-80\b`), "the connection was reset"},
	{"connection-lost", Likely, "0x4e|0x004e|-78", code(`0x004e`, `-78\b`), "sending failed: the connection is gone"},
	{"connection-timeout", Likely, "6800|-26624", code(`0x6800`, `-26624`), "the TLS server did not answer in time"},
	{"connection-timeout", Likely, "http_eagain|select() timeout|connection_timeout|0x8006", lazy(`(ESP_ERR_HTTP_EAGAIN|select\(\) timeout|ESP_ERR_ESP_TLS_CONNECTION_TIMEOUT|\b0x8006\b)`), "the server did not answer in time"},
	{"certificate-time", Certain, "badcert_|certificate |validity ", lazy(`(MBEDTLS_X509_BADCERT_(?:EXPIRED|FUTURE)|certificate (?:has expired|is not yet valid)|validity (?:has expired|starts in the future))`), "the certificate is not valid at the thing's time"},
	{"certificate-name", Certain, "cn_mismatch|expected cn|hostname mismatch", lazy(`(MBEDTLS_X509_BADCERT_CN_MISMATCH|does not match with the expected CN|Hostname mismatch)`), "the certificate is for another host name"},
	{"dns", Certain, nameHints, noName, "the name cannot be resolved: `$1`"},
	{"http-buffer", Certain, "out of buffer|header_too_long|buffer length is small", lazy(`(HTTP_CLIENT: Out of buffer|ESP_ERR_HTTP_HEADER_TOO_LONG|HTTP_HEADER: Buffer length is small)`), "the request line or a header does not fit the HTTP client's buffer (buffer_size_tx, 512 bytes unless set): a presigned URL with a token has 1,500"},
	{"redirect", Likely, "http_client: ", lazy(`(HTTP_CLIENT: (?:Error, reach max_redirection_count|Redirect)\S*)`), "the server redirects, which a signed URL does not survive"},
	{"mqtt-refused", Likely, "not_authorized|not authorized|return|reason", lazy(`(?i)(MQTT_CONNECTION_REFUSE_NOT_AUTHORIZED|Connection refused, not authorized|connect(?:ion)?.{0,12} return(?:ed)? code:? ?5\b|reason[ _]code:? ?(?:=|:)? ?(?:0x87|135))`), "the MQTT server refuses what the thing is or does: not authorised"},
	{"mqtt-refused", Likely, "connection_refuse_|identifier rejected|bad user", lazy(`(?i)(MQTT_CONNECTION_REFUSE_(?:BAD_USERNAME|ID_REJECTED)|identifier rejected|bad user ?name or password)`), "the MQTT server refuses the connection: `$1`"},
	{"mqtt-same-id", Certain, "duplicate_client|taken over|reason", lazy(`(?i)(DUPLICATE_CLIENT_?ID|session taken over|reason[ _]code:? ?(?:=|:)? ?(?:0x8e|142))`), "another connection came with the same client id, and this one was closed"},
	{"mqtt-size", Certain, "reason|packet too large", lazy(`(?i)(reason[ _]code:? ?(?:=|:)? ?(?:0x95|149)|Packet too large)`), "a message is larger than the MQTT server takes"},
	{"chunked", Certain, "a header you provided", lazy(`(A header you provided implies functionality that is not implemented)`), "the body was sent with Transfer-Encoding: chunked, which S3 does not take"},
	{"power", Certain, "brownout", lazy(`(Brownout detector was triggered)`), "the supply voltage broke down: Wi-Fi draws 500 mA for moments"},
	{"watchdog", Certain, "watchdog|task_wdt|wdt timeout", lazy(`(Task watchdog got triggered|task_wdt:|Interrupt wdt timeout)`), "a task held the CPU for too long"},
	{"crash", Certain, "guru meditation|stack overflow|corrupt heap", lazy(`(Guru Meditation Error: [^\r\n]{0,60}|stack overflow in task \S+|CORRUPT HEAP\S*)`), "the firmware crashed: `$1`"},
	{"camera", Certain, "camera capture|cam_hal|get the frame", lazy(`(Camera capture failed|cam_hal: (?:FB-OVF|NO-SOI|NO-EOI|EV-\w+-OVF)|Failed to get the frame on time)`), "the camera gave no whole picture: `$1`"},
}

// code is an error number in hexadecimal or decimal. It must stand alone: logs
// are full of numbers.
func code(hexadecimal, decimal string) *pattern {
	short := strings.TrimPrefix(strings.TrimPrefix(hexadecimal, "0x"), "00")
	return lazy(`(?i)((?:returned|error|err|code|ret|failed|->|=|:|\()\W{0,4}(?:-?0x0{0,2}` + short + `\b|` + decimal + `(?:\D|$)))`)
}

// nameHints are those of noName.
const nameHints = "couldn't get hostname|getaddrinfo|dns failed|hostbyname|cannot_resolve|could not resolve|name or service"

// noName is a name without an address.
var noName = lazy(`(?i)(couldn't get hostname for :?\s*\S+|getaddrinfo\(?\)? (?:returns|failed)\S*|DNS Failed for \S+|hostByName\(\): DNS \S+|ESP_ERR_ESP_TLS_CANNOT_RESOLVE_HOSTNAME|Could not resolve host:? \S+|Name or service not known)`)

// judgeLog reads a thing's log.
func judgeLog(e *evidence) {
	judgeDNS(e)
	for _, s := range logSigns {
		if m := e.find(s.hints, s.look); m != nil {
			got, at := e.group(m)
			e.saw("log of a thing")
			e.add(s.id, s.sure, got, at, "%s", strings.ReplaceAll(s.what, "$1", got))
		}
	}
	judgeTrust(e)
}

var urlAsName = lazy(`(?i)(?:hostname for :?|DNS Failed for|resolve host:?|getaddrinfo[^\n]{0,40}|\[hostname:?|connect(?:ing)? to(?: host)?:?)\s*["']?(https?://[^\s"':]+)`)

// judgeDNS finds a URL where a name was wanted.
func judgeDNS(e *evidence) {
	if m := e.find("http", urlAsName); m != nil && e.find(nameHints, noName) != nil {
		host := e.text[m[2]:m[3]]
		e.add("host-is-url", Certain, host, m[2], "a URL is given where a host name is wanted: it must be `%s`", hostOf(host))
	}
}

var (
	oldRoot    = lazy(`(?i)(VeriSign[- ]Class[- ]3[^\r\n"',;]{0,60}|Symantec Class 3[^\r\n"',;]{0,30})`)
	eccRoot    = lazy(`(?i)(Amazon ?Root ?CA ?[34])\b`)
	rsaRoot    = lazy(`(?i)Amazon ?Root ?CA ?1\b|crt_bundle_attach`)
	deviceCert = lazy(`(?i)(?:ca_?cert|cacert|setCACert|cert_pem|trust anchor|--cacert|ssl_ca|root_ca)[^\r\n]{0,30}?[=:( >"]+\s*"?&?(\w*(?:device|thing|client)[\w.-]*(?:cert|crt|pem)[\w.]*|[0-9a-f]{10,64}-certificate\.pem(?:\.crt)?|certificate\.pem\.crt)`)
	subjects   = lazy(`(?i)(?:subject|issuer)[^\r\n]{0,80}(AWS IoT Certificate|Amazon Web Services O=Amazon\.com)`)
)

// judgeTrust says more of a chain that could not be verified: what people take
// for S3's root are the certificates that they have for AWS IoT.
func judgeTrust(e *evidence) {
	if m := e.find("cert|trust|ssl_ca|root_ca", deviceCert); m != nil {
		e.add("device-certificate-as-root", Certain, e.text[m[2]:m[3]], m[2], "the thing's own certificate (`%s`) is given as the CA to trust: it has signed nothing", e.text[m[2]:m[3]])
	}
	if m := e.find("aws iot cert|amazon web services", subjects); m != nil && e.has("iot-root") {
		e.add("device-certificate-as-root", Likely, e.text[m[2]:m[3]], m[2], "a certificate that AWS IoT issued to a thing plays a part in verifying the server")
	}
	if m := e.find("verisign|symantec", oldRoot); m != nil {
		e.add("iot-root", Certain, e.text[m[2]:m[3]], m[2], "the root `%s` is that of AWS IoT's old endpoints: neither S3 nor the ATS endpoints have it", e.text[m[2]:m[3]])
	}
	if m := e.find("amazon", eccRoot); m != nil && e.find("amazon|crt_bundle", rsaRoot) == nil {
		e.add("iot-root", Likely, e.text[m[2]:m[3]], m[2], "the root `%s` alone does not do: S3 shows a chain of Amazon Root CA 1", e.text[m[2]:m[3]])
	}
}
