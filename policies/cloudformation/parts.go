// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cloudformation

import (
	"encoding/json"
	"fmt"
)

// credentials are what things get from AWS IoT's credential provider.
func (s *stack) credentials() {
	s.policy("ThingCredentialsPolicy", "thing-credentials")
	s.add("CredentialsRole", "IAM::Role", object{
		{"RoleName", s.value("credentials-role")},
		{"Description", "What a thing may do with credentials of the role alias: store below its own name."},
		{"AssumeRolePolicyDocument", s.document("credentials-role-trust")},
		{"Policies", []any{inline("credentials-role", s.document("credentials-role"))}},
	})
	alias := s.rename("role-alias.json", s.document("role-alias"), map[string]string{
		"roleAlias": "RoleAlias", "credentialDurationSeconds": "CredentialDurationSeconds", "roleArn": ""})
	s.add("RoleAlias", "IoT::RoleAlias", append(alias, field{"RoleArn", arnOf("CredentialsRole")}))
	s.output("RoleAliasName", "credentials.provider.role_alias", ref("RoleAlias"))
	s.output("ThingCredentialsPolicyName", "Of the thing group, as well", ref("ThingCredentialsPolicy"))
}

// provisioning lets claims become things.
func (s *stack) provisioning() {
	s.policy("ClaimPolicy", "claim")
	s.add("ProvisioningRole", "IAM::Role", object{
		{"Description", "AWS IoT makes things with it, as the fleet template says."},
		{"AssumeRolePolicyDocument", s.document("provisioning-role-trust")},
		{"ManagedPolicyArns", []any{sub("arn:{{partition}}:iam::aws:policy/service-role/AWSIoTThingsRegistration")}},
	})
	s.add("FleetTemplate", "IoT::ProvisioningTemplate", object{
		{"TemplateName", s.value("template")},
		{"TemplateType", "FLEET_PROVISIONING"},
		{"Enabled", true},
		{"ProvisioningRoleArn", arnOf("ProvisioningRole")},
		{"TemplateBody", s.body("fleet-template")},
	}, field{"DependsOn", []any{"ThingGroup"}})
	s.output("ClaimPolicyName", "Of claim certificates", ref("ClaimPolicy"))
}

// sessions are made from a role that trusts the broker's. The broker's names it in
// turn, by its name: a reference would be a circle.
func (s *stack) sessions() {
	s.rolePolicy("presign-sessions")
	s.add("SessionRole", "IAM::Role", object{
		{"RoleName", s.value("session-role")},
		{"Description", "What the sessions of all things together may do; each has a policy of its own."},
		{"AssumeRolePolicyDocument", s.document("session-role-trust")},
		{"Policies", []any{inline("session-role", s.document("session-role"))}},
	}, field{"DependsOn", []any{"PresignRole"}}) // IAM looks for whom a trust policy names
	s.output("SessionRoleArn", "credentials.role_arn", arnOf("SessionRole"))
}

// Times of the queues, in seconds: a verification takes far less than a minute; two
// weeks are the most that SQS keeps.
const (
	eventVisibility = 60
	longestKept     = 1209600
	eventTries      = 5
)

// events tell the broker what arrives in the bucket.
func (s *stack) events() {
	number := func(n int) json.Number { return json.Number(fmt.Sprint(n)) }
	s.rolePolicy("presign-events")
	s.add("FailedEvents", "SQS::Queue", object{{"MessageRetentionPeriod", number(longestKept)}, {"SqsManagedSseEnabled", true}})
	s.add("EventsQueue", "SQS::Queue", object{
		{"QueueName", s.value("events-queue")},
		{"VisibilityTimeout", number(eventVisibility)},
		{"SqsManagedSseEnabled", true},
		{"RedrivePolicy", object{{"deadLetterTargetArn", arnOf("FailedEvents")}, {"maxReceiveCount", number(eventTries)}}},
	})
	s.add("EventsQueuePolicy", "SQS::QueuePolicy", object{
		{"Queues", []any{ref("EventsQueue")}}, {"PolicyDocument", s.document("events-queue")}})
	s.bucketProperties = append(s.bucketProperties, field{"NotificationConfiguration", object{{"QueueConfigurations", []any{
		object{{"Event", "s3:ObjectCreated:*"}, {"Queue", arnOf("EventsQueue")}}}}}})
	s.bucketNeeds = append(s.bucketNeeds, "EventsQueuePolicy") // S3 tries the queue first
	s.output("EventsQueueUrl", "events.sqs_queue", ref("EventsQueue"))
}

// console keeps what it knows in the bucket, and lets operators give commands.
func (s *stack) console() {
	s.rolePolicy("presign-console")
	s.policy("BrokerCommandsPolicy", "broker-commands")
	s.output("BrokerCommandsPolicyName", "Of the brokers' certificates, as well", ref("BrokerCommandsPolicy"))
	s.commandsOfRole()
}

// webSocket needs no certificate: the broker's role is who connects.
func (s *stack) webSocket() {
	s.rolePolicy("broker")
	s.commandsOfRole()
}

// commandsOfRole are for a role that connects by itself and has a console,
// whichever of both was added first.
func (s *stack) commandsOfRole() {
	if s.has("websocket") && s.has("console") {
		s.rolePolicy("broker-commands")
	}
}
