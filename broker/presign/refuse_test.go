// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package presign_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"thingpass/broker/presign"
)

// An attempt is a request that would be signed, before something spoils it.
type attempt struct {
	now time.Time
	c   presign.Credentials
	r   presign.Request
}

func TestRefusals(t *testing.T) {
	header := func(name, value string) func(*attempt) {
		return func(a *attempt) { a.r.Headers = append(a.r.Headers, presign.Header{Name: name, Value: value}) }
	}
	query := func(name, value string) func(*attempt) {
		return func(a *attempt) { a.r.Query = []presign.Header{{Name: name, Value: value}} }
	}
	key := func(k string) func(*attempt) { return func(a *attempt) { a.r.Key = k } }
	method := func(m string) func(*attempt) { return func(a *attempt) { a.r.Method = m } }
	life := func(d time.Duration) func(*attempt) { return func(a *attempt) { a.r.Expires = d } }
	keys := func(id, secret, token string) func(*attempt) {
		return func(a *attempt) {
			a.c = presign.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: token}
		}
	}
	clock := func(at time.Time) func(*attempt) { return func(a *attempt) { a.now = at } }
	for _, x := range []struct {
		name  string
		spoil func(*attempt)
		want  string
	}{
		{"no method", method(""), `method ""`},
		{"DELETE", method("DELETE"), `method "DELETE"`},
		{"POST", method("POST"), `method "POST"`},
		{"small letters", method("put"), `method "put"`},
		{"smuggled line", method("PUT\n/other"), `method "PUT\n/other"`},
		{"no key", key(""), "key is empty"},
		{"long key", key(strings.Repeat("k", 1025)), "key has 1025 bytes"},
		{"long key in few characters", key(strings.Repeat("ÿ", 513)), "key has 1026 bytes"},
		{"key in Latin-1", key("\xfcmlaut"), "not valid UTF-8"},
		{"key with half a surrogate", key("a\xed\xa0\x80"), "not valid UTF-8"},
		{"no life", life(0), "life of 0s"},
		{"negative life", life(-time.Hour), "life of -1h0m0s"},
		{"under a second", life(time.Second - 1), "life of 999.999999ms"},
		{"over a week", life(presign.MaxExpires + 1), "life of 168h0m0.000000001s"},
		{"no clock", clock(time.Time{}), "set the clock"},
		{"before 1970", clock(time.Unix(-1, 0)), "set the clock"},
		{"five-digit year", clock(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)), "set the clock"},
		{"no access key", keys("", "s3cr3t", ""), "incomplete"},
		{"no secret", keys("AKID", "", ""), "incomplete"},
		{"only a token", keys("", "", "t0ken"), "incomplete"},
		{"newline after the access key", keys("AKID\n", "s3cr3t", ""), "access key has"},
		{"slash in the access key", keys("AK/ID", "s3cr3t", ""), "access key has"},
		{"space in the secret", keys("AKID", " s3cr3t", ""), "secret key has"},
		{"newline after the secret", keys("AKID", "s3cr3t\n", ""), "secret key has"},
		{"newline in the token", keys("AKID", "s3cr3t", "t0\nken"), "session token has"},
		{"umlaut in the token", keys("AKID", "s3cr3t", "t0kén"), "session token has"},
		{"empty header name", header("", "v"), `header name ""`},
		{"space in a name", header("x y", "v"), `header name "x y"`},
		{"space after a name", header("x ", "v"), `header name "x "`},
		{"colon in a name", header("x:y", "v"), `header name "x:y"`},
		{"newline in a name", header("x\ny", "v"), `header name "x\ny"`},
		{"NUL in a name", header("x\x00", "v"), `header name "x\x00"`},
		{"DEL in a name", header("x\x7f", "v"), `header name "x\x7f"`},
		{"umlaut in a name", header("ü", "v"), `header name "ü"`},
		{"semicolon in a name", header("a;b", "v"), `header name "a;b"`},
		{"newline in a value", header("x", "a\nhost:evil"), "header x has a control"},
		{"CR in a value", header("x", "a\rb"), "header x has a control"},
		{"NUL in a value", header("x", "\x00"), "header x has a control"},
		{"tab in a value", header("x", "a\tb"), "header x has a control"},
		{"tab around a value", header("x", "\tb"), "header x has a control"},
		{"DEL in a value", header("x", "a\x7f"), "header x has a control"},
		{"control after spaces", header("x", "a  b\x01"), "header x has a control"},
		{"umlaut in a value", header("x-amz-meta-a", "ü"), "header x-amz-meta-a has a control"},
		{"same header twice", header("content-type", "image/png"), "content-type is given twice"},
		{"same header twice in other case", header("CONTENT-TYPE", "image/jpeg"), "content-type is given twice"},
		{"host", header("Host", "evil.example"), "header host cannot be signed"},
		{"authorization", header("Authorization", "x"), "header authorization cannot be signed"},
		{"payload hash", header("x-amz-content-sha256", "x"), "header x-amz-content-sha256 cannot be signed"},
		{"date", header("X-Amz-Date", "x"), "header x-amz-date cannot be signed"},
		{"token as header", header("X-Amz-Security-Token", "x"), "header x-amz-security-token cannot be signed"},
		{"what the SDK leaves unsigned: User-Agent", header("User-Agent", "x"), "user-agent cannot be signed"},
		{"what the SDK leaves unsigned: Expect", header("Expect", "100-continue"), "expect cannot be signed"},
		{"what the SDK leaves unsigned: Transfer-Encoding", header("Transfer-Encoding", "chunked"), "transfer-encoding cannot be signed"},
		{"what the SDK leaves unsigned: X-Amzn-Trace-Id", header("X-Amzn-Trace-Id", "x"), "x-amzn-trace-id cannot be signed"},
		{"parameter without name", query("", "v"), `query parameter ""`},
		{"parameter in Latin-1", query("\xfc", "v"), `query parameter "\xfc"`},
		{"parameter value in Latin-1", query("a", "\xfc"), `query parameter "a"`},
		{"our algorithm", query("X-Amz-Algorithm", "none"), "X-Amz-Algorithm is set by signing"},
		{"our credential", query("X-Amz-Credential", "x"), "X-Amz-Credential is set by signing"},
		{"our date", query("X-Amz-Date", "x"), "X-Amz-Date is set by signing"},
		{"our life", query("X-Amz-Expires", "604800"), "X-Amz-Expires is set by signing"},
		{"our token", query("X-Amz-Security-Token", "x"), "X-Amz-Security-Token is set by signing"},
		{"our headers", query("X-Amz-SignedHeaders", "host"), "X-Amz-SignedHeaders is set by signing"},
		{"our signature", query("X-Amz-Signature", "00"), "X-Amz-Signature is set by signing"},
		{"our life in small letters", query("x-amz-expires", "604800"), "X-Amz-Expires is set by signing"},
	} {
		t.Run(x.name, func(t *testing.T) {
			a := attempt{noon, manualKeys, photo()}
			x.spoil(&a)
			refused(t, awsSigner(t), a, x.want)
		})
	}
}

func TestContentLengthIsAPlainNumber(t *testing.T) {
	for _, value := range []string{"", "-1", "+1", "007", "00", "1.5", "1e3", "0x10", "1,000", "1 000", "1234567890123456"} {
		a := attempt{noon, manualKeys, photo()}
		a.r.Headers[0].Value = value
		refused(t, awsSigner(t), a, "header content-length is")
	}
}

// Values are judged eight bytes at a time: no byte may slip through for its
// place, nor for its neighbour.
func TestHeaderValuesAreVisibleOrSpacesInEveryPlace(t *testing.T) {
	s, r := awsSigner(t), photo()
	value := &r.Headers[1].Value
	try := func(v []byte, bytes ...byte) {
		*value = string(v)
		want := true
		for _, b := range bytes {
			want = want && b >= ' ' && b <= '~'
		}
		if _, err := s.Sign(noon, manualKeys, r); (err == nil) != want {
			t.Errorf("value %q: error %v", v, err)
		}
	}
	for b := range 256 {
		for place := range 17 {
			v := []byte("aaaaaaaaaaaaaaaaa")
			v[place] = byte(b)
			try(v, byte(b))
		}
		for c := range 256 {
			try([]byte{'!', '~', byte(b), byte(c), '~', '!', '!', '~'}, byte(b), byte(c))
		}
	}
}

func TestSignerSignsAfterARefusal(t *testing.T) {
	s, want := awsSigner(t), sign(t, awsSigner(t), noon, manualKeys, photo()).URL
	for _, bad := range []presign.Header{{Name: "x y"}, {Name: "host"}, {Name: "content-type"}, {Name: "x", Value: "\n"}} {
		for range 5 { // more often than there are shapes to remember
			a := attempt{noon, manualKeys, photo()}
			a.r.Headers = append(a.r.Headers, bad)
			refused(t, s, a, "header")
			equal(t, "URL after it", sign(t, s, noon, manualKeys, photo()).URL, want)
		}
	}
}

func TestZeroEndpointSignsNothing(t *testing.T) {
	refused(t, presign.New(presign.Endpoint{}), attempt{noon, manualKeys, photo()}, "no endpoint")
}

func refused(t *testing.T, s *presign.Signer, a attempt, want string) {
	t.Helper()
	got, err := s.Sign(a.now, a.c, a.r)
	if err == nil {
		t.Fatalf("signed: %s", got.URL)
	}
	if got != (presign.Signed{}) {
		t.Errorf("refused, yet returned %v", got)
	}
	text := err.Error()
	if !strings.HasPrefix(text, "presign: ") || !strings.Contains(text, want) {
		t.Errorf("error %q, want presign: … %s", text, want)
	}
	if errors.Is(err, presign.ErrExpiring) {
		t.Errorf("error %q asks for new credentials, which would not help", text)
	}
	for _, secret := range []string{a.c.SecretAccessKey, a.c.SessionToken} {
		if len(secret) > 3 && strings.Contains(text, secret) {
			t.Errorf("error shows a secret: %q", text)
		}
	}
}

func TestCredentialsShowNoSecret(t *testing.T) {
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "c", sessionKeys)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "c", sessionKeys)
	all := log.String() + fmt.Sprintf("%v %+v %#v %s %q", sessionKeys, sessionKeys, sessionKeys, sessionKeys, sessionKeys) +
		fmt.Sprintf("%v %+v", &sessionKeys, struct{ C presign.Credentials }{sessionKeys})
	for _, secret := range []string{sessionKeys.SecretAccessKey, sessionKeys.SessionToken} {
		quoted, _ := json.Marshal(secret)
		if strings.Contains(all, secret) || strings.Contains(all, string(quoted[1:len(quoted)-1])) {
			t.Errorf("a secret is shown in %s", all)
		}
	}
	if !strings.Contains(all, sessionKeys.AccessKeyID) {
		t.Errorf("it is not told which credentials they are: %s", all)
	}
}
