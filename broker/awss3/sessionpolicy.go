// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// Access is what a session may do with the objects below its prefix.
type Access string

// The kinds of access. Neither lists nor deletes: a thing that was stolen must
// not find out what there is, and must not be able to remove it.
const (
	WriteOnly Access = "write"
	ReadWrite Access = "read-write"
)

// Check returns an error unless a is one of the kinds of access.
func (a Access) Check() error {
	if a != WriteOnly && a != ReadWrite {
		return fmt.Errorf("access %q: want %s or %s", string(a), WriteOnly, ReadWrite)
	}
	return nil
}

// maxSessionPolicy is STS's limit for an inline session policy, in characters.
const maxSessionPolicy = 2048

// sessionPolicy confines a session to the objects below "<thing>/". The names
// are made of characters that mean nothing in a policy: no quote or backslash
// ends the string, and no *, ? or ${ widens the resource.
//
// The prefix ends with "/": without it, cam1 could write what belongs to cam10.
func sessionPolicy(partition, bucket, thing string, access Access) string {
	actions := `"s3:PutObject","s3:AbortMultipartUpload","s3:ListMultipartUploadParts"`
	if access == ReadWrite {
		actions += `,"s3:GetObject"`
	}
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[%s],"Resource":"arn:%s:s3:::%s/%s/*"}]}`,
		actions, partition, bucket, thing)
}

// maxSessionName is STS's limit for RoleSessionName; its least is 2.
const maxSessionName = 64

// roleSessionName is what CloudTrail shows for a thing's session: the thing's
// name where STS allows that (2 to 64 characters without ":"). Any other name
// is made readable and told apart by a part of its hash:
//
//	Room:7  →  Room.7@08dfd54360bd4e77
//
// No thing's name has an "@", so a made name is never another thing's own.
func roleSessionName(thing string) string {
	if len(thing) >= 2 && len(thing) <= maxSessionName && !strings.Contains(thing, ":") {
		return thing
	}
	sum := sha256.Sum256([]byte(thing))
	suffix := "@" + hex.EncodeToString(sum[:8])
	readable := strings.ReplaceAll(thing, ":", ".")
	return readable[:min(len(readable), maxSessionName-len(suffix))] + suffix
}

var roleARN = regexp.MustCompile(`^arn:(aws[a-z-]{0,16}):iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}$`)

// CheckRoleARN returns an error unless arn can be a role's.
func CheckRoleARN(arn string) error {
	if !roleARN.MatchString(arn) {
		return fmt.Errorf("role %q: want an ARN such as arn:aws:iam::123456789012:role/thingpass-things", arn)
	}
	return nil
}

// partitionOf is the part of AWS that a role belongs to: its buckets are named
// with the same word.
func partitionOf(arn string) string { return roleARN.FindStringSubmatch(arn)[1] }
