// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
)

// maxPolicy is STS's limit for an inline session policy, in characters.
const maxPolicy = 2048

const policyVersion = "2012-10-17"

// sessionPolicy is the one shape of session policy that the dev stack knows: one
// statement that allows some of sessionActions below one prefix. A general
// evaluator was refused: what it misread would be open, what this one does not
// know is refused when the session is made.
type sessionPolicy struct {
	actions []string
	prefix  string // of ARNs: arn:aws:s3:::<bucket>/<thing>/
}

// sessionActions are all that a thing's session can ever be allowed.
func sessionActions() []string {
	return []string{"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:GetObject"}
}

type policyDocument struct {
	Version   string
	Statement []policyStatement
}

type policyStatement struct {
	Effect   string
	Action   []string
	Resource string
}

var policyResource = regexp.MustCompile(`^arn:aws[a-z-]{0,16}:s3:::([a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/[A-Za-z0-9:_-]{1,128}/)\*$`)

var errPolicyShape = errors.New("the dev stack takes one statement only: Allow, some of s3:PutObject, s3:AbortMultipartUpload, " +
	"s3:ListMultipartUploadParts and s3:GetObject, on arn:aws:s3:::<bucket>/<thing>/*")

// parsePolicy reads a session policy, or refuses it.
func parsePolicy(text string) (sessionPolicy, error) {
	if len(text) > maxPolicy {
		return sessionPolicy{}, errors.New("the policy has more than 2048 characters")
	}
	var document policyDocument
	if json.Unmarshal([]byte(text), &document) != nil {
		return sessionPolicy{}, errPolicyShape
	}
	// encoding/json forgives what another reader may take otherwise: doubled
	// names, other capitals, unknown fields. Written anew they are gone.
	var given bytes.Buffer
	again, err := json.Marshal(document)
	if err != nil || json.Compact(&given, []byte(text)) != nil || !bytes.Equal(given.Bytes(), again) {
		return sessionPolicy{}, errPolicyShape
	}
	if document.Version != policyVersion || len(document.Statement) != 1 || document.Statement[0].Effect != "Allow" {
		return sessionPolicy{}, errPolicyShape
	}
	statement := document.Statement[0]
	for i, action := range statement.Action {
		if !slices.Contains(sessionActions(), action) || slices.Contains(statement.Action[:i], action) {
			return sessionPolicy{}, errPolicyShape
		}
	}
	resource := policyResource.FindStringSubmatch(statement.Resource)
	if resource == nil || len(statement.Action) == 0 {
		return sessionPolicy{}, errPolicyShape
	}
	return sessionPolicy{actions: statement.Action, prefix: objectARN + resource[1]}, nil
}

// objectARN is how versitygw names objects, whatever the partition.
const objectARN = "arn:aws:s3:::"

// allows decides on one action and one object. No match is no.
//
// S3 takes keys as they are. Here they become paths, so one with a segment that
// a path does not keep is refused: cam1/../cam2/x is not below cam1.
func (p sessionPolicy) allows(action, resource string) bool {
	key, below := strings.CutPrefix(resource, p.prefix)
	if !below || !slices.Contains(p.actions, action) {
		return false
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// bucket is the ARN of the bucket of the prefix.
func (p sessionPolicy) bucket() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(p.prefix, objectARN), "/")
	return objectARN + name
}

// thingPolicy is the session policy of a thing that may write.
func thingPolicy(bucket, thing string) (string, error) {
	text, err := json.Marshal(policyDocument{policyVersion, []policyStatement{
		{"Allow", sessionActions()[:3], objectARN + bucket + "/" + thing + "/*"}}})
	return string(text), err
}
