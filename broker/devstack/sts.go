// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

// STS answers on the S3's address, as MinIO's does: POST / with a form. It knows
// AssumeRole, one caller (the holder of the access key) and one role, and wants
// a session policy of the shape that the S3 can judge.

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"
)

const (
	roleAccount = "000000000000"
	roleName    = "thingpass-things"

	// Role is the one that the dev stack's STS lets the broker assume.
	Role = "arn:aws:iam::" + roleAccount + ":role/" + roleName

	stsVersion     = "2011-06-15"
	stsNamespace   = "https://sts.amazonaws.com/doc/" + stsVersion + "/"
	maxSTSRequest  = 64 << 10 // bytes
	minSession     = 900      // seconds
	maxSession     = 43200    // seconds
	defaultSession = 3600     // seconds
)

// isSTS tells a request to STS: S3 has nothing that is asked for like this.
func (f *front) isSTS(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && r.Method == http.MethodPost && r.RequestURI == "/" && media == "application/x-www-form-urlencoded" && f.key(r) == ""
}

// serveSTS answers one request to STS.
func (f *front) serveSTS(w *statusWriter, r *http.Request) error {
	body, err := io.ReadAll(&patientReader{r: http.MaxBytesReader(w, r.Body, maxSTSRequest), control: w.control, silence: f.silence})
	if err != nil {
		return stsRefuse(w, stsError{http.StatusRequestEntityTooLarge, "ValidationError", "the request is too long, or broke off"})
	}
	answer, err := f.assumeRole(r, body)
	var refused stsError
	switch {
	case errors.As(err, &refused):
		return stsRefuse(w, refused)
	case err != nil:
		return err
	}
	return stsAnswer(w, http.StatusOK, answer)
}

func (f *front) assumeRole(r *http.Request, body []byte) (any, error) {
	if err := f.stsSignature(r, body); err != nil {
		return nil, err
	}
	form, err := stsForm(body)
	if err != nil {
		return nil, err
	}
	duration, err := stsDuration(form["DurationSeconds"])
	if err != nil {
		return nil, err
	}
	if form["RoleArn"] != Role {
		return nil, stsError{http.StatusForbidden, "AccessDenied", fmt.Sprintf("User: arn:aws:iam::%s:user/%s is not authorized to perform: sts:AssumeRole on resource: %s",
			roleAccount, f.accessKey.ID, form["RoleArn"])}
	}
	session, err := NewSession(f.accessKey, form["Policy"], f.now().Add(duration))
	if err != nil {
		return nil, stsError{http.StatusBadRequest, "MalformedPolicyDocument", err.Error()}
	}
	f.log.Info("sts", "session", session, "name", form["RoleSessionName"], "seconds", duration.Seconds())
	return newAssumeRoleAnswer(session, form["RoleSessionName"], len(form["Policy"])), nil
}

var stsSessionName = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{2,64}$`)

// stsForm reads the parameters. One that is not known might narrow the session,
// so it is refused.
func stsForm(body []byte) (map[string]string, error) {
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, stsError{http.StatusBadRequest, "MalformedQueryString", "not a form"}
	}
	form := map[string]string{}
	for name, list := range values {
		if len(list) != 1 || !slices.Contains([]string{"Action", "Version", "RoleArn", "RoleSessionName", "Policy", "DurationSeconds"}, name) {
			return nil, stsError{http.StatusBadRequest, "ValidationError", fmt.Sprintf("the dev stack does not know parameter %q, or it is there twice", name)}
		}
		form[name] = list[0]
	}
	switch {
	case form["Action"] != "AssumeRole" || form["Version"] != stsVersion:
		return nil, stsError{http.StatusBadRequest, "InvalidAction", "Could not find operation " + form["Action"] + " for version " + form["Version"]}
	case form["Policy"] == "":
		return nil, stsError{http.StatusBadRequest, "ValidationError", "the dev stack wants a session policy"}
	case !stsSessionName.MatchString(form["RoleSessionName"]):
		return nil, stsError{http.StatusBadRequest, "ValidationError", "roleSessionName must have 2 to 64 characters of A-Z a-z 0-9 _ + = , . @ -"}
	}
	return form, nil
}

func stsDuration(text string) (time.Duration, error) {
	if text == "" {
		return defaultSession * time.Second, nil
	}
	seconds, err := strconv.ParseUint(text, 10, 31)
	if err != nil || seconds < minSession || seconds > maxSession {
		return 0, stsError{http.StatusBadRequest, "ValidationError", fmt.Sprintf("durationSeconds must be %d to %d", minSession, maxSession)}
	}
	return time.Duration(seconds) * time.Second, nil
}

type assumeRoleAnswer struct {
	XMLName xml.Name `xml:"AssumeRoleResponse"`
	Xmlns   string   `xml:"xmlns,attr"`
	Result  struct {
		User struct {
			ARN string `xml:"Arn"`
			ID  string `xml:"AssumedRoleId"`
		} `xml:"AssumedRoleUser"`
		Credentials struct {
			AccessKeyID     string `xml:"AccessKeyId"`
			SecretAccessKey string
			SessionToken    string
			Expiration      string
		}
		PackedPolicySize int
	} `xml:"AssumeRoleResult"`
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

func newAssumeRoleAnswer(s Session, name string, policy int) *assumeRoleAnswer {
	a := &assumeRoleAnswer{Xmlns: stsNamespace, RequestID: requestID()}
	a.Result.User.ARN, a.Result.User.ID = assumedRole(name), "AROATHINGPASSDEVTHINGS:"+name
	c := &a.Result.Credentials
	c.AccessKeyID, c.SecretAccessKey, c.SessionToken = s.AccessKeyID, s.SecretAccessKey, s.SessionToken
	c.Expiration = s.Expires.Format(time.RFC3339)
	a.Result.PackedPolicySize = 100 * policy / maxPolicy
	return a
}

// stsError is an answer in STS's words.
type stsError struct {
	status  int
	code    string
	message string
}

func (e stsError) Error() string { return e.code }

func stsRefuse(w http.ResponseWriter, e stsError) error {
	type inner struct {
		Type, Code, Message string
	}
	return stsAnswer(w, e.status, struct {
		XMLName   xml.Name `xml:"ErrorResponse"`
		Xmlns     string   `xml:"xmlns,attr"`
		Error     inner
		RequestID string `xml:"RequestId"`
	}{Xmlns: stsNamespace, Error: inner{"Sender", e.code, e.message}, RequestID: requestID()})
}

func stsAnswer(w http.ResponseWriter, status int, body any) error {
	text, err := xml.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client may have gone
	return nil
}
