// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package isolate

import (
	"slices"
	"testing"

	"thingpass/policies"
	"thingpass/policies/explain"
)

// The trials must find by themselves what the proof finds, or they say nothing.
func TestTrialsFindLeaksByThemselves(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:iot:eu-central-1:123456789012:"
	at := policies.Place{Partition: "aws", Region: "eu-central-1", Account: "123456789012"}
	claim := Claim{Clients: []string{"{thing}"}, Topics: []string{"t/{thing}/#"}, Keys: []string{"{thing}/#"}, Levels: []string{"up"}}
	for action, resource := range map[string]string{
		"iot:Publish":       arn + "topic/t/*",
		"iot:RetainPublish": arn + "topic/t/*",
		"iot:Receive":       arn + "topic/t/${iot:Connection.Thing.ThingName}*",
		"iot:Subscribe":     arn + "topicfilter/$share/g/*",
		"iot:Connect":       arn + "client/*",
		"s3:PutObject":      "arn:aws:s3:::photos/${credentials-iot:ThingName}*",
	} {
		text := `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["` + action + `"], "Resource": "` + resource + `"}]}`
		if action == "iot:RetainPublish" { // which counts with iot:Publish only
			text = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["iot:Publish", "iot:RetainPublish"], "Resource": "` + resource + `"}]}`
		}
		d, err := policies.Parse("p.json", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		docs := []*policies.Document{d}
		id := explain.Identity{At: at, Bucket: "photos", Documents: docs, Who: policies.Principal{Thing: &policies.Thing{Name: "cam1"}}}
		var p Proof
		p.against(newTrials(claim, true), id, []string{"cam1", "cam10"}, connecting(docs, at))
		if p.Pairs != 1 || !slices.ContainsFunc(p.Leaks, func(l Leak) bool { return l.Action == action && l.Other == "cam10" && l.Resource == resource }) {
			t.Errorf("%s on %s: %d pairs, %+v", action, resource, p.Pairs, p.Leaks)
		}
	}
}
