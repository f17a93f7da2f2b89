// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies

import (
	"maps"
	"slices"
	"strings"
)

// A World says whose rules a set of policies follows.
type World int

const (
	IoT World = iota // AWS IoT Core: policies of certificates and thing groups
	IAM              // IAM: policies of roles and buckets, trust policies
)

// iotActions are the data-plane actions of AWS IoT Core and the kinds of
// resources that they are asked with (iot-policy-actions, iot-action-resources).
var iotActions = map[string]string{
	"iot:Connect":                      "client",
	"iot:Publish":                      "topic",
	"iot:RetainPublish":                "topic",
	"iot:Receive":                      "topic",
	"iot:Subscribe":                    "topicfilter",
	"iot:GetRetainedMessage":           "topic",
	"iot:ListRetainedMessages":         "*",
	"iot:GetThingShadow":               "thing",
	"iot:UpdateThingShadow":            "thing",
	"iot:DeleteThingShadow":            "thing",
	"iot:ListNamedShadowsForThing":     "thing",
	"iot:DescribeJobExecution":         "thing",
	"iot:GetPendingJobExecutions":      "thing",
	"iot:StartNextPendingJobExecution": "thing",
	"iot:UpdateJobExecution":           "thing",
	"iot:AssumeRoleWithCertificate":    "rolealias",
	"iot:SendDirectMessage":            "client",
	"iot:DeleteConnection":             "client",
}

// Actions are the names of AWS IoT's data-plane actions, in order.
func Actions() []string { return slices.Sorted(maps.Keys(iotActions)) }

// ResourceKind is the kind of resource that AWS IoT asks an action with:
// "topic" for iot:Publish, "*" where it names none. Unknown actions give "".
// Case does not matter, as in IAM.
func ResourceKind(action string) string {
	if kind, ok := iotActions[action]; ok {
		return kind
	}
	for name, kind := range iotActions {
		if strings.EqualFold(name, action) {
			return kind
		}
	}
	return ""
}
