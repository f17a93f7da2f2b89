// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"thingpass/policies"
)

const good = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:Publish", "Resource": "*"}]}`

// Each mistake is refused with its place.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	s := func(members string) string { return "{\n \"Statement\": {" + members + "}\n}" }
	for _, c := range []struct{ what, text, want string }{
		{"nothing", "", "1:1: the document ends too early"},
		{"a list", "[]", "1:1: a policy is a JSON object, not a list"},
		{"a string", `"x"`, "1:1: a policy is a JSON object, not a string"},
		{"no end", good[:len(good)-1], "the document ends too early"},
		{"an open string", `{"Version": "2012`, "ends too early"},
		{"more behind it", good + "\n{}", "2:1: there is something behind the end"},
		{"a line comment", "{ // why\n}", "1:3: JSON has no comments"},
		{"a block comment", "/* why */ {}", "1:1: JSON has no comments"},
		{"a hash", "# why\n{}", "1:1: JSON has no comments"},
		{"a trailing comma", `{"Version": "2012-10-17",}`, "this is not JSON"},
		{"single quotes", `{'Version': '2012-10-17'}`, "1:2: this is not JSON"},
		{"a byte order mark", "\xef\xbb\xbf" + good, "1:1: the document begins with a byte order mark"},
		{"UTF-16", "\xff\xfe{\x00}\x00", "1:1: this is not UTF-8"},
		{"Latin-1", "{\"Id\": \"\xe4\"}", "1:9: this is not UTF-8"},
		{"a megabyte", `{"Id": "` + strings.Repeat("x", 1<<20) + `"}`, "AWS takes no policy of more than"},
		{"a thousand levels", strings.Repeat("[", 1000), "1:13: nested deeper than 12 levels"},
		{"an unknown key", `{"Statements": []}`, `1:2: there is no "Statements" here; known are Version, Id, Statement`},
		{"a key in other case", `{"statement": []}`, `1:2: there is no "statement" here; write Statement`},
		{"a key twice", `{"Id": "a", "Id": "b"}`, `1:13: "Id" stands here for the second time, first at 1:2`},
		{"no statement", `{"Version": "2012-10-17"}`, "1:1: there is no Statement"},
		{"empty statements", `{"Statement": []}`, "1:15: Statement is empty"},
		{"another version", `{"Version": "2012-10-18", "Statement": []}`, `1:13: AWS knows no policy version "2012-10-18"; write "2012-10-17"`},
		{"a number as version", `{"Version": 2012, "Statement": []}`, "1:13: Version is a string, not a number"},
		{"a statement that is none", `{"Statement": ["x"]}`, "1:16: a statement is a JSON object, not a string"},
		{"no effect", s(`"Action": "a:b", "Resource": "*"`), "2:15: the statement has no Effect"},
		{"no action", s(`"Effect": "Allow", "Resource": "*"`), "2:15: the statement has no Action"},
		{"no resource", s(`"Effect": "Allow", "Action": "a:b"`), "2:15: the statement has no Resource"},
		{"effect in other case", s(`"Effect": "allow", "Action": "a:b", "Resource": "*"`), `2:26: Effect is "allow"; write Allow or Deny`},
		{"both actions", s(`"Effect": "Allow", "Action": "a:b", "NotAction": "a:c", "Resource": "*"`), "2:15: the statement has both Action and NotAction"},
		{"null", s(`"Effect": "Allow", "Action": null, "Resource": "*"`), "2:45: Action is a string, not null"},
		{"an empty list", s(`"Effect": "Allow", "Action": [], "Resource": "*"`), "2:45: Action is an empty list"},
		{"a list in a list", s(`"Effect": "Allow", "Action": [["a:b"]], "Resource": "*"`), "2:46: each Action is a string, not a list"},
		{"condition as a list", s(`"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": []`), "Condition is a list, not an object"},
		{"an unknown operator", s(`"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"StringEqual": {"k": "v"}}`), `there is no condition operator "StringEqual"`},
		{"an unknown set operator", s(`"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"ForNoValue:StringEquals": {"k": "v"}}`), "there is no condition operator"},
		{"a nested value", s(`"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"Bool": {"k": {"v": 1}}}`), "the value of a condition is a string, not an object"},
		{"a principal as text", s(`"Effect": "Allow", "Action": "a:b", "Principal": "me"`), "a Principal is an object, or the word"},
		{"an unknown principal", s(`"Effect": "Allow", "Action": "a:b", "Principal": {"Aws": "me"}`), `there is no "Aws" here; write AWS`},
		{"an empty version", `{"Version": "", "Statement": []}`, `1:13: AWS knows no policy version ""`},
		{"null as version", `{"Version": null, "Statement": []}`, "1:13: Version is a string, not null"},
		{"an empty action", s(`"Effect": "Allow", "Action": "", "Resource": "*"`), "2:45: Action is empty"},
		{"an empty resource", s(`"Effect": "Allow", "Action": "a:b", "Resource": ["*", ""]`), "2:70: each Resource is empty"},
		{"a number as resource", s(`"Effect": "Allow", "Action": "a:b", "Resource": 1e999999`), "2:64: Resource is a string, not a number"},
		{"an operator without keys", s(`"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"Bool": {}}`), "2:91: Bool has no key"},
		{"a condition's key twice", s(`"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"Bool": {"aws:X": "true", "AWS:x": "false"}}`),
			`2:109: "AWS:x" stands here for the second time, first at 2:92`},
		{"an empty condition's key", s(`"Effect": "Allow", "Action": "a:b", "Resource": "*", "Condition": {"Bool": {"": "true"}}`), "the key of a condition is empty"},
		{"a key twice by an escape", `{"Id": "a", "I\u0064": "b"}`, `1:13: "Id" stands here for the second time, first at 1:2`},
		{"NUL", "{\"Id\": \"a\x00\"}", "1:8: this is not JSON"},
		{"an escaped NUL", `{"Id": "a\u0000"}`, "1:8: a string has a NUL"},
		{"an escaped NUL in a key", `{"\u0000": "a"}`, "1:2: a string has a NUL"},
		{"half of a character", `{"Id": "a\ud800"}`, `1:8: a string has half of a character`},
		{"null as statement", `{"Statement": null}`, "1:15: a statement is a JSON object, not null"},
		{"infinity", `{"Id": Infinity}`, "1:8: this is not JSON"},
		{"a trailing comma in a list", `{"Statement": [{},]}`, "this is not JSON"},
		{"a name twice", `{"Statement": [{"Sid": "a", "Effect": "Allow", "Action": "a:b", "Resource": "*"}, {"Sid": "a", "Effect": "Allow", "Action": "a:b", "Resource": "*"}]}`, `Sid "a" stands twice`},
	} {
		_, err := policies.Parse("thing.json", []byte(c.text))
		var problems policies.Problems
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), "thing.json") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.what, err, c.want)
		}
	}
}

// What looks odd and is right.
func TestParseTakes(t *testing.T) {
	t.Parallel()
	for _, members := range []string{
		`"Resource": "*", "Sid": "\ufffd \ud83d\ude00 �"`,
		`"Resource": "*", "Condition": {}`,
		`"Resource": "*", "Condition": {"ForAllValues:StringEquals": {"iot:ConnectAttributes": []}}`,
		`"Resource": "*", "Condition": {"StringEquals": {"iot:Connection.Thing.Attributes[a]": "", "iot:Connection.Thing.Attributes[A]": ""}}`,
		`"Resource": "*", "Condition": {"NumericEquals": {"k": [1e999999, -0, 0.1]}, "Bool": {"k": true}}`,
		`"Resource": ["${x", "${}", "${${iot:ClientId}}", "${,'x'}", "$", "${*}"]`, // lint's to judge
	} {
		if _, err := policies.Parse("p", []byte(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "a:b", `+members+`}}`)); err != nil {
			t.Errorf("%s: %v", members, err)
		}
	}
}

func TestParseTellsAllAtOnce(t *testing.T) {
	t.Parallel()
	_, err := policies.Parse("p", []byte(`{"Version": "x", "Statement": {"Effect": "x", "Action": 1}, "More": 1}`))
	var problems policies.Problems
	if !errors.As(err, &problems) || len(problems) != 5 {
		t.Errorf("%d problems: %v", len(problems), err)
	}
}

func TestSizeIsWithoutWhiteSpace(t *testing.T) {
	t.Parallel()
	doc, err := policies.Parse("p", []byte("{\n\t\"Id\": \"a b ü\",\r\n\"Statement\": {\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"}}"))
	if err != nil || doc.Size != len(`{"Id":"abu","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`) {
		t.Errorf("%d, %v", doc.Size, err)
	}
}

// FuzzParse: whatever is read is the same when it is read again, and each problem
// lies in the text.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	files, err := filepath.Glob("documents/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"Statement":{"Effect":"Allow","Action":["a"],"Principal":{"AWS":"x"},"Condition":{"Null":{"k":[true,1,"x"]}}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := policies.Parse("p", text)
		var problems policies.Problems
		if err != nil && !errors.As(err, &problems) {
			t.Fatalf("%T", err)
		}
		lines := strings.Split(string(text), "\n")
		for _, p := range problems {
			if p.Pos.Line > len(lines) || p.Pos.Line > 0 && p.Pos.Column > len(lines[p.Pos.Line-1])+1 {
				t.Errorf("%v is not in the text", p)
			}
		}
		if err != nil {
			return
		}
		again, err := policies.Parse("p", text)
		if err != nil || !reflect.DeepEqual(doc, again) {
			t.Errorf("read again: %v", err)
		}
		_ = policies.Compile(policies.IoT, doc).Session(place, policies.Context{}).Explain("iot:Publish", place.ARN("topic/a"))
	})
}
