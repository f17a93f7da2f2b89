// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"thingpass/broker"
	"thingpass/broker/awss3"
	"thingpass/broker/devstack"
)

func openSessions(t *testing.T, c awss3.Config, session awss3.SessionConfig) *awss3.Sessions {
	t.Helper()
	s, err := open(t, c).Sessions(session)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// as sends a request that a session signs, in the Authorization header, and
// returns the status.
func (s *realS3) as(session broker.Session, method, key, body string) int {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.config.Endpoint+"/photos/"+strings.ReplaceAll(key, ":", "%3A"), strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	c := aws.Credentials{AccessKeyID: session.AccessKeyID, SecretAccessKey: session.SecretAccessKey, SessionToken: session.SessionToken}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err := signer.SignHTTP(s.t.Context(), c, req, "UNSIGNED-PAYLOAD", "s3", s.config.Region, time.Now()); err != nil {
		s.t.Fatal(err)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestASessionOfRealSTSReachesTheThingsPrefixOnly(t *testing.T) {
	s := startS3(t)
	for _, thing := range []string{"cam1", "Room:7", strings.Repeat("t", 128), "x"} {
		for access, read := range map[awss3.Access]int{awss3.WriteOnly: 403, awss3.ReadWrite: 200} {
			session, err := openSessions(t, s.config, awss3.SessionConfig{RoleARN: devstack.Role, Endpoint: s.config.Endpoint, Access: access, Duration: 20 * time.Minute}).
				Issue(t.Context(), thing)
			if err != nil {
				t.Fatalf("%s: %v", thing, err)
			}
			if life := time.Until(session.Expires); life < 19*time.Minute || life > 21*time.Minute {
				t.Errorf("it lasts %v", life)
			}
			for _, test := range []struct {
				method, key string
				status      int
			}{
				{"PUT", thing + "/a.jpg", 200}, {"GET", thing + "/a.jpg", read}, {"PUT", thing + "0/a.jpg", 403}, {"PUT", "cam2/a.jpg", 403},
				{"GET", "cam2/a.jpg", 403}, {"DELETE", thing + "/a.jpg", 403}, {"GET", "?list-type=2&prefix=" + thing + "/", 403},
			} {
				if got := s.as(session, test.method, test.key, "photo"); got != test.status {
					t.Errorf("%s, %s: %s %s is %d, want %d", thing, access, test.method, test.key, got, test.status)
				}
			}
		}
	}
}

// stsAnswer is what STS says, with the parts of the credentials as they are.
func stsAnswer(parts string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>%s</AssumeRoleResult></AssumeRoleResponse>`, parts)
	}
}

func stsCredentials(id, secret, token string, expires time.Time) string {
	return fmt.Sprintf("<Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials>",
		id, secret, token, expires.UTC().Format(time.RFC3339))
}

func TestNonsenseFromSTSIsNoSession(t *testing.T) {
	in := func(d time.Duration) time.Time { return time.Now().Add(d) }
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		says   string // "": a good session
	}{
		"good":          {stsAnswer(stsCredentials("ASIAGOOD", "secret-part", "token-part", in(time.Hour))), ""},
		"nothing":       {stsAnswer(""), "no credentials"},
		"no end":        {stsAnswer("<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>b</SecretAccessKey><SessionToken>c</SessionToken></Credentials>"), "without an end"},
		"no key":        {stsAnswer(stsCredentials("", "secret-part", "token-part", in(time.Hour))), "three parts"},
		"no token":      {stsAnswer(stsCredentials("ASIA", "secret-part", "", in(time.Hour))), "three parts"},
		"ended":         {stsAnswer(stsCredentials("ASIA", "secret-part", "token-part", in(-time.Hour))), "less than"},
		"almost ended":  {stsAnswer(stsCredentials("ASIA", "secret-part", "token-part", in(4*time.Minute))), "less than"},
		"endless":       {stsAnswer(stsCredentials("ASIA", "secret-part", "token-part", in(100*time.Hour))), "longer than was asked"},
		"a split token": {stsAnswer(stsCredentials("ASIA", "secret-part", "token\npart", in(time.Hour))), "no header can carry"},
		"a huge token":  {stsAnswer(stsCredentials("ASIA", "secret-part", strings.Repeat("t", 9000), in(time.Hour))), "no header can carry"},
		"a web page":    {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>welcome</html>") }, "assume"},
		"an outage":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, "503"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.test/", http.StatusTemporaryRedirect)
		}, "307"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, test.answer)
			session, err := openSessions(t, f.config(), awss3.SessionConfig{RoleARN: devstack.Role, Endpoint: f.URL}).Issue(t.Context(), "cam1")
			if test.says == "" {
				if err != nil || session.AccessKeyID != "ASIAGOOD" {
					t.Errorf("got %v, %v", session, err)
				}
				return
			}
			if err == nil || session != (broker.Session{}) || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("got %v, %v", session, err)
			}
			if strings.Contains(err.Error(), "secret-part") || strings.Contains(err.Error(), "token-part") || strings.Contains(err.Error(), "ttttttttt") {
				t.Errorf("it tells a secret: %v", err)
			}
		})
	}
}

func TestSlowSTSIsGivenUp(t *testing.T) {
	release := make(chan struct{})
	f := newFake(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	b := open(t, f.config())
	b.Hurry(50 * time.Millisecond)
	s, err := b.Sessions(awss3.SessionConfig{RoleARN: devstack.Role, Endpoint: f.URL})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Issue(t.Context(), "cam1"); err == nil || got != (broker.Session{}) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := s.Issue(t.Context(), "cam1"); err == nil {
		t.Error("the failure is forgotten")
	}
	if n := f.requests.Load(); n > 2 {
		t.Errorf("asked %d times", n)
	}
}

func TestProbeOfSessionsTellsWhatIsWrong(t *testing.T) {
	s := startS3(t)
	probe := func(config awss3.Config, session awss3.SessionConfig) string {
		var text []string
		for _, f := range openSessions(t, config, session).Probe(t.Context()) {
			text = append(text, fmt.Sprintf("%s %s: %s", f.Level, f.Subject, f.Text))
		}
		return strings.Join(text, "\n")
	}
	good := awss3.SessionConfig{RoleARN: devstack.Role, Endpoint: s.config.Endpoint}
	if got := probe(s.config, good); strings.Count(got, "ok ") != 2 || strings.Contains(got, "problem") || !strings.Contains(got, "1h0m0s") {
		t.Errorf("sound: %s", got)
	}
	stranger := s.config
	stranger.Credentials = fixed(aws.Credentials{AccessKeyID: "AKIAUNKNOWNUNKNOWN12", SecretAccessKey: "x"})
	away := good
	away.Endpoint = "https://127.0.0.1:1"
	other := good
	other.RoleARN = "arn:aws:iam::000000000000:role/another"
	for name, test := range map[string]struct {
		config  awss3.Config
		session awss3.SessionConfig
		says    string
	}{
		"another role": {s.config, other, "problem role: arn:aws:iam::000000000000:role/another cannot be assumed: let the broker's credentials do sts:AssumeRole"},
		"unknown key":  {stranger, good, "problem role: STS does not take the broker's credentials: InvalidClientTokenId"},
		"nobody there": {s.config, away, "correct credentials.sts_endpoint"},
	} {
		if got := probe(test.config, test.session); !strings.Contains(got, test.says) {
			t.Errorf("%s: %s", name, got)
		}
	}
	careless := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			stsAnswer(stsCredentials("ASIA", "s", "t", time.Now().Add(time.Hour)))(w, r)
			return
		}
		refuse(w, 400, "BadDigest", "")
	})
	if got := probe(careless.config(), awss3.SessionConfig{RoleARN: devstack.Role, Endpoint: careless.URL}); !strings.Contains(got, "problem session: a session may store outside its prefix") {
		t.Errorf("a server without session policies: %s", got)
	}
	poor := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			stsAnswer(stsCredentials("ASIA", "s", "t", time.Now().Add(time.Hour)))(w, r)
			return
		}
		refuse(w, 403, "AccessDenied", "")
	})
	if got := probe(poor.config(), awss3.SessionConfig{RoleARN: devstack.Role, Endpoint: poor.URL}); !strings.Contains(got, "allow s3:PutObject on photos/*") {
		t.Errorf("a role without rights: %s", got)
	}
}

func TestSessionsThatCannotWorkAreRefusedAtOnce(t *testing.T) {
	f := newFake(t, func(http.ResponseWriter, *http.Request) {})
	b := open(t, f.config())
	for says, c := range map[string]awss3.SessionConfig{
		"role":     {RoleARN: "thingpass"},
		"duration": {RoleARN: devstack.Role, Duration: 14 * time.Minute},
		"allows":   {RoleARN: devstack.Role, Duration: 13 * time.Hour},
		"access":   {RoleARN: devstack.Role, Access: "all"},
		"https":    {RoleARN: devstack.Role, Endpoint: "sts.example.com"},
	} {
		if _, err := b.Sessions(c); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestPlaceIsWhereAThingFindsTheBucket(t *testing.T) {
	for _, test := range []struct {
		config awss3.Config
		want   broker.Place
	}{
		{awss3.Config{Region: "eu-central-1", Bucket: "photos"}, broker.Place{Endpoint: "https://s3.eu-central-1.amazonaws.com", Region: "eu-central-1", Bucket: "photos"}},
		{awss3.Config{Region: "cn-north-1", Bucket: "my.photos"}, broker.Place{Endpoint: "https://s3.cn-north-1.amazonaws.com.cn", Region: "cn-north-1", Bucket: "my.photos", PathStyle: true}},
		{awss3.Config{Endpoint: "https://S3.lan:9000/", Region: "us-east-1", Bucket: "photos", PathStyle: true}, broker.Place{Endpoint: "https://s3.lan:9000", Region: "us-east-1", Bucket: "photos", PathStyle: true}},
		{awss3.Config{Endpoint: "https://photos.lan", Region: "us-east-1", Bucket: "photos"}, broker.Place{Endpoint: "https://photos.lan", Region: "us-east-1", Bucket: "photos"}},
	} {
		test.config.Credentials = fixed(aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"})
		if got := open(t, test.config).Place(); got != test.want {
			t.Errorf("got %+v, want %+v", got, test.want)
		}
	}
}
