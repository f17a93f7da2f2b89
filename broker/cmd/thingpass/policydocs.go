// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"thingpass/policies"
	"thingpass/policies/templates"
)

// What a document of ours is rendered with where it is only looked at and the
// installation is not said: the decisions do not depend on it.
const (
	exampleAccount = "123456789012"
	exampleRegion  = "eu-central-1"
	exampleBucket  = "thingpass-photos"
)

// withExamples fills in what every document needs.
func withExamples(v templates.Values) templates.Values {
	v.Account = cmp.Or(v.Account, exampleAccount)
	v.Region = cmp.Or(v.Region, exampleRegion)
	v.Bucket = cmp.Or(v.Bucket, exampleBucket)
	return v
}

// policyDocument reads a document: a file, or one of ours by its name. What has
// neither a slash nor an ending is a name.
func policyDocument(name string, values templates.Values) (*policies.Document, error) {
	if !strings.ContainsAny(name, `/\.`) {
		text, err := templates.Render(name, withExamples(values))
		if err == nil {
			return policies.Parse(name+".json", text)
		}
		if _, unknown := templates.Find(name); unknown == nil {
			return nil, err
		}
		if _, missing := os.Stat(name); missing != nil {
			return nil, fmt.Errorf("%w; or give a file, such as ./%s.json", err, name)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return policies.Parse(name, text)
}

func policyDocuments(names []string, values templates.Values) ([]*policies.Document, error) {
	var out []*policies.Document
	for _, name := range names {
		d, err := policyDocument(name, values)
		if err != nil {
			return nil, unstartable(err)
		}
		out = append(out, d)
	}
	return out, nil
}

// placeOf is where the server is: as the values say, or else where most
// resources of the documents are, or else that of our examples.
func placeOf(values templates.Values, docs []*policies.Document) policies.Place {
	found := map[policies.Place]int{}
	best := policies.Place{}
	for _, d := range docs {
		for i := range d.Statements {
			for _, r := range d.Statements[i].Resources {
				f := strings.SplitN(r.Value, ":", 6)
				if len(f) < 6 || f[2] != "iot" || strings.ContainsAny(f[1]+f[3]+f[4], "*?$") {
					continue
				}
				p := policies.Place{Partition: f[1], Region: f[3], Account: f[4]}
				if found[p]++; found[p] > found[best] {
					best = p
				}
			}
		}
	}
	v := withExamples(values)
	fallback := policies.Place{Partition: v.Get("partition"), Region: v.Region, Account: v.Account}
	if values.Region == "" {
		fallback.Region, fallback.Partition = cmp.Or(best.Region, fallback.Region), cmp.Or(best.Partition, fallback.Partition)
	}
	if values.Account == "" {
		fallback.Account = cmp.Or(best.Account, fallback.Account)
	}
	return fallback
}

// bucketOf is the bucket of keys that are given without one.
func bucketOf(values templates.Values, docs []*policies.Document) string {
	for _, d := range docs {
		for i := range d.Statements {
			for _, r := range d.Statements[i].Resources {
				if _, rest, found := strings.Cut(r.Value, ":s3:::"); found && values.Bucket == "" {
					if bucket, _, _ := strings.Cut(rest, "/"); !slices.Contains([]string{"", "*"}, bucket) {
						return bucket
					}
				}
			}
		}
	}
	return withExamples(values).Bucket
}
