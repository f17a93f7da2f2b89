// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package policies reads AWS policy documents and decides by them as AWS does,
// offline: what a thing may do at an MQTT server (AWS IoT Core policies), and
// what a role may do in S3 (IAM and bucket policies).
//
//	doc, err := policies.Parse("thing.json", text)       // strict, with positions
//	set, err := policies.Compile(policies.IoT, doc)      // once per set of policies
//	session := set.Session(principal.Context("cam1", ip)) // once per connection
//	result := session.Publish("thingpass/cam1/upload-request", false)
//
// A decision is the work of a session alone: variables and conditions have been
// resolved before, so that it costs no allocation.
//
// The rules are those of the AWS IoT Core Developer Guide (pages iot-policies,
// iot-action-resources, pub-sub-policy, thing-policy-variables,
// cert-policy-variables, connect-policy) and of the IAM User Guide
// (reference_policies_evaluation-logic, …_elements_condition_operators,
// …_multi-value-conditions, …_variables). Where they are silent, the comment at
// the place says what was chosen.
package policies
