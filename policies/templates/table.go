// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package templates

// table has the documents in the order in which an operator meets them.
var table = []Template{
	{Name: "thing", Kind: IoT, For: "the thing group of all things"},
	{Name: "broker", Kind: IoT, For: "the brokers' certificates; as an IAM policy, their role where they connect over WebSocket"},
	{Name: "broker-commands", Kind: IoT, For: "the brokers as well, where operators give commands: console.operators"},
	{Name: "broker-watch", Kind: IoT, For: "the brokers as well, where the server cannot refuse a SUBSCRIBE: mqtt.group_watch on Mosquitto with an ACL file"},
	{Name: "observer", Kind: IoT, For: "certificates of who reads the events"},

	{Name: "presign-role", Kind: IAM, For: "the role that the broker runs with"},
	{Name: "presign-role-trust", Kind: Trust, For: "that role, on ECS"},
	{Name: "presign-role-trust-ec2", Kind: Trust, For: "that role, on EC2"},
	{Name: "bucket-policy", Kind: Bucket, For: "the bucket"},
	{Name: "public-access-block", Kind: Config, For: "the bucket"},
	{Name: "lifecycle", Kind: Config, For: "the bucket"},
	{Name: "lifecycle-expiry", Kind: Config, For: "the bucket, instead of lifecycle: objects go away as well"},
	{Name: "cors", Kind: Config, For: "the bucket, where a web page stores or shows objects"},

	{Name: "claim", Kind: IoT, For: "claim certificates, which new things are made with"},
	{Name: "fleet-template", Kind: Fleet, For: "fleet provisioning by claim"},
	{Name: "provisioning-role-trust", Kind: Trust, For: "the role of the fleet template"},

	{Name: "thing-credentials", Kind: IoT, For: "the thing group, where things ask the credential provider"},
	{Name: "role-alias", Kind: Config, For: "the credential provider"},
	{Name: "credentials-role", Kind: IAM, For: "the role behind the role alias"},
	{Name: "credentials-role-trust", Kind: Trust, For: "that role"},

	{Name: "presign-sessions", Kind: IAM, For: "the broker's role, where it gives sessions"},
	{Name: "session-role", Kind: IAM, For: "the role that sessions are made from"},
	{Name: "session-role-trust", Kind: Trust, For: "that role"},

	{Name: "presign-events", Kind: IAM, For: "the broker's role, where it reads S3's events"},
	{Name: "presign-console", Kind: IAM, For: "the broker's role, where it has a console"},
	{Name: "events-queue", Kind: Queue, For: "the queue of S3's events"},

	{Name: "lambda-role", Kind: IAM, For: "the role of thingpass-lambda; lambda.cfn.yaml has it, too"},
	{Name: "lambda-role-trust", Kind: Trust, For: "that role"},
}
