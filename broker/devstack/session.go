// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

// A session's token holds what the session may do, under a MAC by the access
// key: the dev stack remembers nothing, so sessions outlive its restarts as
// they do on AWS. It has the size and the letters of a real one, so that what
// is too small for it shows here.

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3err"
)

// Session is a set of temporary credentials. Printing it shows no secret.
type Session struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
	Expires         time.Time
}

// String is the part of a session that may be known.
func (s Session) String() string { return s.AccessKeyID }

// GoString keeps the secret parts out of %#v.
func (s Session) GoString() string { return s.AccessKeyID }

// LogValue keeps the secret parts out of every log.
func (s Session) LogValue() slog.Value { return slog.StringValue(s.AccessKeyID) }

// sessionClaims is what a token says.
type sessionClaims struct {
	AccessKeyID string `json:"id"`
	Expires     int64  `json:"exp"` // Unix seconds
	Policy      string `json:"policy"`
}

// NewSession makes a session that the S3 with this access key takes until
// expires, for what the policy allows. Only the shapes of policy that
// parsePolicy knows are taken.
func NewSession(key AccessKey, policy string, expires time.Time) (Session, error) {
	if _, err := parsePolicy(policy); err != nil {
		return Session{}, err
	}
	id := make([]byte, 10)
	rand.Read(id) // never fails
	claims := sessionClaims{"ASIA" + base32.StdEncoding.EncodeToString(id), expires.Unix(), policy}
	text, err := json.Marshal(claims)
	if err != nil {
		return Session{}, err
	}
	return Session{
		AccessKeyID:     claims.AccessKeyID,
		SecretAccessKey: sessionSecret(key, text),
		SessionToken:    base64.StdEncoding.EncodeToString(append(sessionMAC(key, "token", text), text...)),
		Expires:         time.Unix(claims.Expires, 0).UTC(),
	}, nil
}

// sessionMAC is HMAC-SHA256 with a key of its own for each use.
func sessionMAC(key AccessKey, use string, text []byte) []byte {
	derived := mac([]byte(key.Secret), "thingpass-dev session "+use)
	return mac(derived, string(text))
}

func sessionSecret(key AccessKey, claims []byte) string {
	return base64.StdEncoding.EncodeToString(sessionMAC(key, "secret", claims))[:40]
}

// openSession is a session that was checked.
type openSession struct {
	secret string
	policy sessionPolicy
}

var errExpiredToken = s3err.APIError{Code: "ExpiredToken", Description: "The provided token has expired.", HTTPStatusCode: http.StatusBadRequest}

// open checks a token and that it belongs to the access key id.
func (a accounts) open(id, token string) (openSession, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < sha256.Size {
		return openSession{}, auth.ErrInvalidSessionToken
	}
	text := raw[sha256.Size:]
	if !hmac.Equal(raw[:sha256.Size], sessionMAC(a.key, "token", text)) {
		return openSession{}, auth.ErrInvalidSessionToken
	}
	var claims sessionClaims
	if err := json.Unmarshal(text, &claims); err != nil || claims.AccessKeyID != id {
		return openSession{}, auth.ErrInvalidSessionToken
	}
	if !time.Now().Before(time.Unix(claims.Expires, 0)) {
		return openSession{}, errExpiredToken
	}
	policy, err := parsePolicy(claims.Policy)
	if err != nil {
		return openSession{}, auth.ErrInvalidSessionToken
	}
	return openSession{sessionSecret(a.key, text), policy}, nil
}

var (
	_ auth.SigningKeyProvider = accounts{}
	_ auth.PolicyEvaluator    = accounts{}
)

// DeriveSigningKey is asked about everybody but the holder of the access key.
func (a accounts) DeriveSigningKey(id, token, date, region, service string) ([]byte, auth.Account, error) {
	if !strings.HasPrefix(id, "ASIA") {
		if token != "" {
			return nil, auth.Account{}, auth.ErrInvalidSessionToken
		}
		return nil, auth.Account{}, auth.ErrNoSuchUser
	}
	session, err := a.open(id, token)
	if err != nil {
		return nil, auth.Account{}, err
	}
	key := []byte("AWS4" + session.secret)
	for _, part := range []string{date, region, service, "aws4_request"} {
		key = mac(key, part)
	}
	return key, auth.Account{Access: id, Role: auth.RoleUser, SessionToken: token, IsSession: true, Arn: assumedRole(id)}, nil
}

// assumedRole is what messages call a session.
func assumedRole(name string) string {
	return "arn:aws:sts::" + roleAccount + ":assumed-role/" + roleName + "/" + name
}

// EvaluatePolicy decides for sessions: the role allows everything, the session's
// policy what it says, and both have to.
func (a accounts) EvaluatePolicy(id, token string, actions []auth.Action, resources []string, _ map[string][]string) (auth.PolicyEvaluation, error) {
	session, err := a.open(id, token)
	if err != nil {
		return auth.PolicyEvaluation{}, s3err.GetAPIError(s3err.ErrAccessDenied) // it ended a moment ago
	}
	evaluation := auth.PolicyEvaluation{HasSessionPolicy: true, PrincipalArn: assumedRole(id)}
	decide(&evaluation.Decisions, actions, resources, func(string, string) bool { return true })
	decide(&evaluation.SessionDecisions, actions, resources, func(action, resource string) bool {
		// Storing "into the bucket" is a form; the front has judged its key.
		return session.policy.allows(action, resource) || action == "s3:PutObject" && resource == session.policy.bucket()
	})
	return evaluation, nil
}

// decide fills a matrix of versitygw's decisions, whose type has no name that we
// may use: 0 is "no match", which is no, and 1 is "allow".
func decide[D ~int](matrix *[][]D, actions []auth.Action, resources []string, allows func(action, resource string) bool) {
	for _, resource := range resources {
		row := make([]D, len(actions))
		for i, action := range actions {
			if allows(string(action), resource) {
				row[i] = 1
			}
		}
		*matrix = append(*matrix, row)
	}
}
