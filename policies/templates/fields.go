// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package templates

// The bounds of names that are longer elsewhere come from AWS IoT's limit of
// 2,048 characters for a policy: with all of them at their longest, each of our
// policies fits.
const (
	maxRoot    = 24
	maxGroup   = 24
	maxService = 40
)

var fields = []Field{
	{Name: "account", Help: "the AWS account, 12 digits", check: matches(`[0-9]{12}`, "want 12 digits, such as 123456789012"),
		of: func(v *Values) *string { return &v.Account }},
	{Name: "region", Help: "the AWS region", check: checkRegion, of: func(v *Values) *string { return &v.Region }},
	{Name: "partition", Help: "the part of AWS that the region is in (default: follows from it)",
		check: matches(`aws(-[a-z]{1,4}){0,3}`, "want aws, aws-cn, aws-us-gov and the like"), of: func(v *Values) *string { return &v.Partition }},
	{Name: "bucket", Help: "the private bucket of the objects: s3.bucket", check: checkBucket, of: func(v *Values) *string { return &v.Bucket }},

	{Name: "root", Default: "thingpass", Help: "what all topics begin with: mqtt.root", check: checkRoot, of: func(v *Values) *string { return &v.Root }},
	{Name: "group", Default: "thingpass", Help: "the brokers' shared subscription: mqtt.group", check: name(maxGroup, ":._-"),
		of: func(v *Values) *string { return &v.Group }},
	{Name: "broker", Default: "thingpass-broker", Help: "the brokers' client id, or what it begins with before a hyphen", check: name(maxService, ":._-"),
		of: func(v *Values) *string { return &v.Broker }},
	{Name: "observer", Default: "thingpass-observer", Help: "the client id of who reads the events", check: name(maxService, ":._-"),
		of: func(v *Values) *string { return &v.Observer }},

	{Name: "thing-group", Default: "thingpass-things", Help: "the thing group that all things are in", check: name(128, ":_-"),
		of: func(v *Values) *string { return &v.ThingGroup }},
	{Name: "template", Default: "thingpass", Help: "the fleet provisioning template", check: name(36, "_-"), of: func(v *Values) *string { return &v.Template }},
	{Name: "claim", Default: "thingpass-claim", Help: "what the client id of an unprovisioned thing begins with, before a hyphen",
		check: name(maxService, ":._-"), of: func(v *Values) *string { return &v.Claim }},

	{Name: "role-alias", Default: "thingpass-things", Help: "the role alias that things ask the credential provider with", check: name(128, "=,@_-"),
		of: func(v *Values) *string { return &v.RoleAlias }},
	{Name: "credentials-role", Default: "thingpass-credentials", Help: "the role behind the role alias", check: checkRole,
		of: func(v *Values) *string { return &v.CredentialsRole }},
	{Name: "session-role", Default: "thingpass-things", Help: "the role of credentials.role_arn: what its ARN has behind role/", check: checkRole,
		of: func(v *Values) *string { return &v.SessionRole }},
	{Name: "presign-role", Default: "thingpass-presign", Help: "the role that the broker runs with", check: checkRole,
		of: func(v *Values) *string { return &v.PresignRole }},

	{Name: "signature-age", Default: "1h", Help: "the longest ttl or pass_ttl of any kind", check: checkAge, print: milliseconds,
		of: func(v *Values) *string { return &v.SignatureAge }},
	{Name: "leftover-days", Default: "2", Help: "how long S3 keeps uploads in parts that nobody completes", check: checkDays,
		of: func(v *Values) *string { return &v.LeftoverDays }},
	{Name: "expire-days", Default: "30", Help: "how long S3 keeps the objects below expire-keys", check: checkDays,
		of: func(v *Values) *string { return &v.ExpireDays }},
	{Name: "expire-keys", Help: "what the keys of objects that expire begin with, such as cam for cam1/… and cam2/…", check: checkPrefix,
		of: func(v *Values) *string { return &v.ExpireKeys }},
	{Name: "origin", Help: "the web page that may speak to the bucket, such as https://photos.example.com", check: checkOrigin,
		of: func(v *Values) *string { return &v.Origin }},
	{Name: "events-queue", Default: "thingpass-events", Help: "the name of events.sqs_queue", check: name(80, "_-"),
		of: func(v *Values) *string { return &v.EventsQueue }},
	{Name: "log-group", Default: "/aws/lambda/thingpass", Help: "the log group of thingpass-lambda", check: name(512, "/._-"),
		of: func(v *Values) *string { return &v.LogGroup }},
	{Name: "failed-queue", Default: "thingpass-failed", Help: "the queue of what thingpass-lambda could not answer", check: name(80, "_-"),
		of: func(v *Values) *string { return &v.FailedQueue }},
}
