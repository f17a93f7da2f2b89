// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package devstack

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func goodPolicy(tb testing.TB) string {
	tb.Helper()
	text, err := thingPolicy("photos", "cam1")
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func TestOnlyOneShapeOfPolicyIsTaken(t *testing.T) {
	good := goodPolicy(t)
	for name, text := range map[string]string{
		"as made":     good,
		"with spaces": strings.ReplaceAll(strings.ReplaceAll(good, ":[", ": [ "), "},", "},\n\t"),
		"China's":     strings.Replace(good, "arn:aws:", "arn:aws-cn:", 1),
		"one action":  strings.Replace(good, `"s3:PutObject","s3:AbortMultipartUpload","s3:ListMultipartUploadParts"`, `"s3:GetObject"`, 1),
	} {
		if _, err := parsePolicy(text); err != nil {
			t.Errorf("%s: %v: %s", name, err, text)
		}
	}
	replace := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%s is not in %s", old, good)
		}
		return strings.Replace(good, old, with, 1)
	}
	for name, text := range map[string]string{
		"nothing":              "",
		"null":                 "null",
		"two documents":        good + good,
		"another version":      replace("2012-10-17", "2008-10-17"),
		"no version":           replace(`"Version":"2012-10-17",`, ""),
		"a deny":               replace("Allow", "Deny"),
		"all actions":          replace("s3:PutObject", "s3:*"),
		"a delete":             replace("s3:PutObject", "s3:DeleteObject"),
		"a list":               replace("s3:PutObject", "s3:ListBucket"),
		"an action twice":      replace("s3:AbortMultipartUpload", "s3:PutObject"),
		"another case":         replace("s3:PutObject", "s3:putobject"),
		"no action":            replace(`"s3:PutObject","s3:AbortMultipartUpload","s3:ListMultipartUploadParts"`, ""),
		"an action as text":    replace(`["s3:PutObject","s3:AbortMultipartUpload","s3:ListMultipartUploadParts"]`, `"s3:PutObject"`),
		"all things":           replace("cam1/*", "*"),
		"a wildcard thing":     replace("cam1/*", "cam*/*"),
		"a variable":           replace("cam1/*", "${aws:username}/*"),
		"no slash":             replace("cam1/*", "cam1*"),
		"no star":              replace("cam1/*", "cam1/"),
		"one object":           replace("cam1/*", "cam1/a.jpg"),
		"a question mark":      replace("cam1/*", "cam?/*"),
		"two resources":        replace(`"arn:aws:s3:::photos/cam1/*"`, `["arn:aws:s3:::photos/cam1/*","arn:aws:s3:::photos/cam2/*"]`),
		"all buckets":          replace("photos", "*"),
		"everything":           replace("arn:aws:s3:::photos/cam1/*", "*"),
		"a condition":          replace(`"Effect"`, `"Condition":{},"Effect"`),
		"a principal":          replace(`"Effect"`, `"Principal":"*","Effect"`),
		"NotAction":            replace(`"Action"`, `"NotAction"`),
		"NotResource":          replace(`"Resource"`, `"NotResource"`),
		"two statements":       replace(`}]}`, `},{"Effect":"Allow","Action":["s3:GetObject"],"Resource":"arn:aws:s3:::photos/cam1/*"}]}`),
		"a resource twice":     replace(`"Resource"`, `"Resource":"arn:aws:s3:::photos/cam2/*","Resource"`),
		"in other capitals":    replace(`"Resource"`, `"resource"`),
		"both capitals":        replace(`}]}`, `,"resource":"arn:aws:s3:::photos/cam2/*"}]}`),
		"escapes":              replace("cam1", `cam\u0031`),
		"an Id":                replace(`"Statement"`, `"Id":"x","Statement"`),
		"a statement, no list": replace(`[{`, `{`),
		"too long":             good + strings.Repeat(" ", maxPolicy),
	} {
		if p, err := parsePolicy(text); err == nil {
			t.Errorf("%s is taken as %+v: %s", name, p, text)
		}
	}
}

// FuzzSessionPolicy judges by the text alone: whatever is allowed is one of four
// actions, below the one prefix that the text names.
func FuzzSessionPolicy(f *testing.F) {
	good := goodPolicy(f)
	f.Add(good, "s3:PutObject", "cam1/a.jpg")
	f.Add(good, "s3:PutObject", "cam10/a.jpg")
	f.Add(good, "s3:DeleteObject", "cam1/a.jpg")
	f.Add(good, "s3:PutObject", "cam1/../cam2/a.jpg")
	f.Add(strings.Replace(good, "cam1", "*", 1), "s3:PutObject", "cam2/a.jpg")
	f.Add(strings.Replace(good, `"Resource"`, `"resource":"*","Resource"`, 1), "s3:GetObject", "cam2/a.jpg")
	named := regexp.MustCompile(`arn:aws[a-z-]*:s3:::([^"]*/)\*"`)
	f.Fuzz(func(t *testing.T, text, action, key string) {
		p, err := parsePolicy(text)
		if err != nil {
			if p.allows(action, objectARN+"photos/"+key) {
				t.Fatal("a policy that was refused allows something")
			}
			return
		}
		resources := named.FindAllStringSubmatch(text, -1)
		if len(resources) != 1 || strings.ContainsAny(resources[0][1], `*?$\`) {
			t.Fatalf("taken: %s", text)
		}
		for _, resource := range []string{objectARN + key, objectARN + "photos/" + key, objectARN + resources[0][1] + key} {
			if !p.allows(action, resource) {
				continue
			}
			if !slices.Contains(sessionActions(), action) || !strings.Contains(text, `"`+action+`"`) {
				t.Fatalf("%s allows %s", text, action)
			}
			if !strings.HasPrefix(resource, objectARN+resources[0][1]) || strings.Contains(resource, "/../") || strings.HasSuffix(resource, "/..") {
				t.Fatalf("%s allows %s", text, resource)
			}
		}
	})
}
