// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"thingpass/broker"
)

const thingAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_-"

func TestAPolicySaysExactlyThis(t *testing.T) {
	const want = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:PutObject","s3:AbortMultipartUpload","s3:ListMultipartUploadParts"],` +
		`"Resource":"arn:aws:s3:::photos/cam1/*"}]}`
	if got := sessionPolicy("aws", "photos", "cam1", WriteOnly); got != want {
		t.Errorf("got %s", got)
	}
	read := strings.Replace(want, `Parts"`, `Parts","s3:GetObject"`, 1)
	if got := sessionPolicy("aws", "photos", "cam1", ReadWrite); got != read {
		t.Errorf("got %s", got)
	}
}

// TestEveryPolicyFitsAndNamesOneThing tries every character of things' and
// buckets' names, and the longest of both.
func TestEveryPolicyFitsAndNamesOneThing(t *testing.T) {
	things := []string{strings.Repeat("t", 128), strings.Repeat(":", 128), thingAlphabet, "a", ":", "-"}
	for _, c := range thingAlphabet {
		things = append(things, string(c))
	}
	for _, partition := range []string{"aws", "aws-us-gov", "aws-cn", "aws-iso-b", "aws-" + strings.Repeat("x", 16)} {
		for _, bucket := range []string{"abc", strings.Repeat("b", 63), "my.dotted.bucket-1"} {
			for _, thing := range things {
				if !broker.ValidThing(thing) {
					t.Fatalf("%q is no thing", thing)
				}
				text := sessionPolicy(partition, bucket, thing, ReadWrite)
				var p struct {
					Version   string
					Statement []struct {
						Effect, Resource string
						Action           []string
					}
				}
				if err := json.Unmarshal([]byte(text), &p); err != nil || len(text) > maxSessionPolicy {
					t.Fatalf("%d characters, %v: %s", len(text), err, text)
				}
				want := fmt.Sprintf("arn:%s:s3:::%s/%s/*", partition, bucket, thing)
				if len(p.Statement) != 1 || p.Statement[0].Resource != want || strings.ContainsAny(thing, "*?${}\"\\/%") {
					t.Fatalf("got %s", text)
				}
			}
		}
	}
}

// TestNoPolicyActionListsOrDeletes keeps the list of actions from growing.
func TestNoPolicyActionListsOrDeletes(t *testing.T) {
	for access, want := range map[Access][]string{
		WriteOnly: {"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"},
		ReadWrite: {"s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:GetObject"},
	} {
		got := regexp.MustCompile(`s3:[A-Za-z*]+`).FindAllString(sessionPolicy("aws", "photos", "cam1", access), -1)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q", access, got)
		}
	}
}

func TestSessionNamesAreSTSsAndTellThingsApart(t *testing.T) {
	allowed := regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	for thing, want := range map[string]string{
		"cam1":                   "cam1",
		"Cam_1-b":                "Cam_1-b",
		"Room:7":                 "Room.7@08dfd54360bd4e77",
		"a":                      "a@ca978112ca1bbdca",
		strings.Repeat("x", 64):  strings.Repeat("x", 64),
		strings.Repeat("x", 65):  strings.Repeat("x", 47) + "@9537c5fdf120482f",
		strings.Repeat("x", 128): strings.Repeat("x", 47) + "@",
	} {
		got := roleSessionName(thing)
		if strings.HasSuffix(want, "@") && strings.HasPrefix(got, want) {
			continue
		}
		if got != want {
			t.Errorf("%s: %s, want %s", thing, got, want)
		}
	}
	seen := map[string]string{}
	r := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		// long names that begin alike, and names that differ in ':' and '.' only
		n := 1 + r.IntN(3)
		name := strings.Repeat("x", []int{0, 46, 47, 60, 63, 120}[r.IntN(6)])
		for range n {
			name += string(thingAlphabet[r.IntN(len(thingAlphabet))])
		}
		got := roleSessionName(name)
		if !allowed.MatchString(got) {
			t.Fatalf("%s becomes %s", name, got)
		}
		if other, ok := seen[got]; ok && other != name {
			t.Fatalf("%s and %s are both %s", name, other, got)
		}
		seen[got] = name
	}
}

func TestRoleARNs(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:iam::123456789012:role/thingpass":            "aws",
		"arn:aws-cn:iam::123456789012:role/path/to/thingpass": "aws-cn",
		"arn:aws-us-gov:iam::123456789012:role/a":             "aws-us-gov",
	} {
		if err := CheckRoleARN(arn); err != nil || partitionOf(arn) != want {
			t.Errorf("%s: %v", arn, err)
		}
	}
	for _, arn := range []string{"", "thingpass", "arn:aws:iam::123456789012:user/a", "arn:aws:iam::12345678901:role/a", "arn:aws:iam::123456789012:role/",
		"arn:aws:sts::123456789012:assumed-role/a/b", "arn:evil\":iam::123456789012:role/a", "arn:aws:iam::123456789012:role/a b", "arn:aws*:iam::123456789012:role/a",
		"arn:aws:iam::123456789012:role/a\n"} {
		if CheckRoleARN(arn) == nil {
			t.Errorf("%q is taken", arn)
		}
	}
}
