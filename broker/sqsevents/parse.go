// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package sqsevents

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// maxRecords bounds the work that one message can make. S3 puts one record into
// each.
const maxRecords = 100

// notification is every form in which S3's word can arrive. Fields that it does
// not name are ignored: AWS adds some from time to time.
type notification struct {
	Records []record `json:"Records"` // S3's own form
	Event   string   `json:"Event"`   // s3:TestEvent, which S3 sends when it is set up

	Type    string `json:"Type"` // SNS's envelope, unless it delivers raw
	Message string `json:"Message"`

	Source     string  `json:"source"` // EventBridge's form
	DetailType string  `json:"detail-type"`
	Detail     *detail `json:"detail"`
}

type record struct {
	EventName string `json:"eventName"`
	S3        detail `json:"s3"`
}

type detail struct {
	Bucket struct {
		Name string `json:"name"`
	} `json:"bucket"`
	Object struct {
		Key string `json:"key"`
	} `json:"object"`
}

// keys returns the keys that were stored in the bucket, by what a message says.
// There may be none: it is about another bucket, or about something else than
// storing. An error means that nobody can tell.
func keys(body, bucket string) ([]string, error) {
	n, err := read(body)
	if err != nil {
		return nil, err
	}
	if n.Type == "Notification" && n.Message != "" {
		if n, err = read(n.Message); err != nil {
			return nil, fmt.Errorf("in SNS's envelope: %w", err)
		}
	}
	switch {
	case n.Records != nil:
		return recordKeys(n.Records, bucket)
	case n.Source == "aws.s3" && n.Detail != nil:
		// Unlike in S3's own form the key is as it is, not URL-encoded.
		if n.DetailType != "Object Created" || n.Detail.Bucket.Name != bucket {
			return nil, nil
		}
		return []string{n.Detail.Object.Key}, nil
	case n.Event == "s3:TestEvent":
		return nil, nil
	}
	return nil, errors.New("it is no event of S3, as such or by way of SNS or EventBridge")
}

func read(text string) (n notification, err error) {
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		return notification{}, fmt.Errorf("not the JSON of an event: %w", err)
	}
	return n, nil
}

// recordKeys decodes the keys: in S3's own form they are as in a query, with + for
// a space.
func recordKeys(records []record, bucket string) (list []string, err error) {
	if len(records) > maxRecords {
		return nil, fmt.Errorf("%d records, at most %d are taken", len(records), maxRecords)
	}
	for _, r := range records {
		created := strings.HasPrefix(strings.TrimPrefix(r.EventName, "s3:"), "ObjectCreated:")
		if !created || r.S3.Bucket.Name != bucket {
			continue
		}
		key, err := url.QueryUnescape(r.S3.Object.Key)
		if err != nil {
			return nil, fmt.Errorf("decode a key: %w", err)
		}
		if !slices.Contains(list, key) {
			list = append(list, key)
		}
	}
	return list, nil
}
