// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/url"
	"strings"
)

// Events says where to hear of objects that no thing reports.
type Events struct {
	SQSQueue    string `mapstructure:"sqs_queue"`    // URL; empty: nowhere
	SQSRegion   string `mapstructure:"sqs_region"`   // empty: s3.region
	SQSEndpoint string `mapstructure:"sqs_endpoint"` // empty: AWS's in the region
}

func (l *loader) judgeEvents(e Events) {
	const example = "https://sqs.eu-central-1.amazonaws.com/111122223333/photos"
	if e.SQSQueue == "" {
		for name, value := range map[string]string{"events.sqs_region": e.SQSRegion, "events.sqs_endpoint": e.SQSEndpoint} {
			if value != "" {
				l.blame(name, "%s is given without events.sqs_queue: give that, or remove this", name)
			}
		}
		return
	}
	if u := webURL(e.SQSQueue); u == nil || strings.Trim(u.Path, "/") == "" {
		l.blame("events.sqs_queue", "events.sqs_queue is no queue's URL: want one such as %s", example)
	}
	if u := webURL(e.SQSEndpoint); e.SQSEndpoint != "" && (u == nil || strings.Trim(u.Path, "/") != "") {
		l.blame("events.sqs_endpoint", "events.sqs_endpoint is no server's URL: want one such as https://sqs.eu-central-1.amazonaws.com")
	}
}

// webURL returns nil for what is no plain http or https URL. Whoever says so does
// not repeat it: it may hold a password.
func webURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery+u.Fragment != "" {
		return nil
	}
	return u
}
