// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package sqsevents

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const key = "cam1/photo/2026/11/23/a1.jpg"

// s3Record is a record as AWS documents it, with all its fields.
func s3Record(event, bucket, encodedKey string) string {
	return fmt.Sprintf(`{"eventVersion":"2.3","eventSource":"aws:s3","awsRegion":"eu-central-1","eventTime":"2026-11-23T10:20:30.123Z",
"eventName":%q,"userIdentity":{"principalId":"AWS:AIDAEXAMPLE"},"requestParameters":{"sourceIPAddress":"203.0.113.7"},
"responseElements":{"x-amz-request-id":"C3D13FE58DE4C810","x-amz-id-2":"FMyUVURIY8"},
"s3":{"s3SchemaVersion":"1.0","configurationId":"thingpass","bucket":{"name":%q,"ownerIdentity":{"principalId":"A3NL1KOZZKExample"},"arn":"arn:aws:s3:::x"},
"object":{"key":%q,"size":1024,"eTag":"d41d8cd98f00b204e9800998ecf8427e","versionId":null,"sequencer":"0055AED6DCD90281E5"}}}`, event, bucket, encodedKey)
}

func s3Event(records ...string) string { return `{"Records":[` + strings.Join(records, ",") + `]}` }

func bridgeEvent(detailType, bucket, key string) string {
	return fmt.Sprintf(`{"version":"0","id":"17793124-05d4-b198-2fde-7ededc63b103","detail-type":%q,"source":"aws.s3","account":"111122223333",
"time":"2026-11-23T10:20:30Z","region":"eu-central-1","resources":["arn:aws:s3:::x"],"detail":{"version":"0","bucket":{"name":%q},
"object":{"key":%q,"size":5,"etag":"b1946ac92492d2347c6235b4d2611184","version-id":"IYV3p45BT0ac8hjHg1houSdS1a.Mro8e","sequencer":"617f08299329d189"},
"request-id":"N4N7GDK58NMKJ12R","requester":"123456789012","source-ip-address":"1.2.3.4","reason":"PutObject"}}`, detailType, bucket, key)
}

func snsEnvelope(message string) string {
	text, err := json.Marshal(message)
	if err != nil {
		panic(err) // strings can always be marshalled
	}
	return `{"Type":"Notification","MessageId":"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324","TopicArn":"arn:aws:sns:eu-central-1:111122223333:photos",
"Subject":"Amazon S3 Notification","Message":` + string(text) + `,"Timestamp":"2026-11-23T10:20:30.123Z","SignatureVersion":"1","Signature":"x","SigningCertURL":"https://x","UnsubscribeURL":"https://x"}`
}

func TestEveryFormOfTheBucketsWordIsRead(t *testing.T) {
	encoded := "cam%3A1/photo/2026/11/23/a1.jpg" // S3 encodes the : of a thing's name
	for name, test := range map[string]struct {
		body string
		want []string
	}{
		"a PUT":                       {s3Event(s3Record("ObjectCreated:Put", "photos", key)), []string{key}},
		"a POST":                      {s3Event(s3Record("ObjectCreated:Post", "photos", key)), []string{key}},
		"a multipart upload":          {s3Event(s3Record("ObjectCreated:CompleteMultipartUpload", "photos", key)), []string{key}},
		"an encoded key":              {s3Event(s3Record("ObjectCreated:Put", "photos", encoded)), []string{"cam:1/photo/2026/11/23/a1.jpg"}},
		"a space and a plus":          {s3Event(s3Record("ObjectCreated:Put", "photos", "a+b%2Bc%20d%C3%BC")), []string{"a b+c dü"}},
		"MinIO's spelling":            {s3Event(s3Record("s3:ObjectCreated:Put", "photos", key)), []string{key}},
		"several":                     {s3Event(s3Record("ObjectCreated:Put", "photos", "a"), s3Record("ObjectCreated:Put", "photos", "b"), s3Record("ObjectCreated:Put", "photos", "a")), []string{"a", "b"}},
		"another bucket's":            {s3Event(s3Record("ObjectCreated:Put", "others", key)), nil},
		"a removal":                   {s3Event(s3Record("ObjectRemoved:Delete", "photos", key)), nil},
		"a removal among others":      {s3Event(s3Record("ObjectRemoved:Delete", "photos", "a"), s3Record("ObjectCreated:Put", "photos", "b")), []string{"b"}},
		"no records":                  {s3Event(), nil},
		"S3's test":                   {`{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-23T10:20:30.123Z","Bucket":"photos","RequestId":"5582815E1AEA5ADF","HostId":"8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE"}`, nil},
		"EventBridge":                 {bridgeEvent("Object Created", "photos", "cam:1/photo/2026/11/23/a1.jpg"), []string{"cam:1/photo/2026/11/23/a1.jpg"}},
		"EventBridge does not encode": {bridgeEvent("Object Created", "photos", "a+b%20c"), []string{"a+b%20c"}},
		"EventBridge, a removal":      {bridgeEvent("Object Deleted", "photos", key), nil},
		"EventBridge, another bucket": {bridgeEvent("Object Created", "others", key), nil},
		"SNS":                         {snsEnvelope(s3Event(s3Record("ObjectCreated:Put", "photos", encoded))), []string{"cam:1/photo/2026/11/23/a1.jpg"}},
		"SNS, S3's test":              {snsEnvelope(`{"Service":"Amazon S3","Event":"s3:TestEvent"}`), nil},
		"SNS, EventBridge":            {snsEnvelope(bridgeEvent("Object Created", "photos", key)), []string{key}},
	} {
		got, err := keys(test.body, "photos")
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, test.want)
		}
	}
}

func TestWhatIsNoEventIsSaid(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"nothing":          {"", "not the JSON of an event"},
		"prose":            {"hello", "not the JSON of an event"},
		"a list":           {"[]", "not the JSON of an event"},
		"null":             {"null", "no event of S3"},
		"an empty object":  {"{}", "no event of S3"},
		"another service":  {`{"source":"aws.ec2","detail-type":"x","detail":{}}`, "no event of S3"},
		"S3's, no detail":  {`{"source":"aws.s3","detail-type":"Object Created"}`, "no event of S3"},
		"another's notice": {snsEnvelope(`{"AlarmName":"x"}`), "in SNS's envelope: it is no event of S3"},
		"prose from SNS":   {snsEnvelope("hello"), "in SNS's envelope: not the JSON of an event"},
		"SNS in SNS":       {snsEnvelope(snsEnvelope(s3Event(s3Record("ObjectCreated:Put", "photos", key)))), "no event of S3"},
		"a key of numbers": {`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"photos"},"object":{"key":7}}}]}`, "not the JSON of an event"},
		"a broken key":     {s3Event(s3Record("ObjectCreated:Put", "photos", "a%zz")), "decode a key"},
		"too many":         {s3Event(slices.Repeat([]string{s3Record("ObjectCreated:Put", "photos", key)}, 101)...), "101 records, at most 100 are taken"},
		"something behind": {s3Event(s3Record("ObjectCreated:Put", "photos", key)) + "{}", "not the JSON of an event"},
	} {
		got, err := keys(test.body, "photos")
		if err == nil || got != nil || !strings.Contains(err.Error(), test.want) && !(name == "another's notice" && strings.Contains(err.Error(), "no event of S3")) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, test.want)
		}
	}
}

// FuzzKeys checks that a key comes out as it went in, whatever is around it, and
// that no message is too strange.
func FuzzKeys(f *testing.F) {
	f.Add(key, "")
	f.Add("ü +%", s3Event(s3Record("ObjectCreated:Put", "photos", key)))
	f.Add("", bridgeEvent("Object Created", "photos", key))
	f.Add("x", snsEnvelope(`{"Records":[null,{"s3":null}]}`))
	f.Fuzz(func(t *testing.T, key, body string) {
		if list, err := keys(body, "photos"); err != nil && list != nil || len(list) > maxRecords {
			t.Fatalf("%q, %v", list, err)
		}
		text, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"eventName": "ObjectCreated:Put",
			"s3": map[string]any{"bucket": map[string]any{"name": "photos"}, "object": map[string]any{"key": url.QueryEscape(key)}}}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{string(text), snsEnvelope(string(text))} {
			if got, err := keys(form, "photos"); err != nil || len(got) != 1 || got[0] != key {
				t.Fatalf("%q became %q, %v", key, got, err)
			}
		}
	})
}
