// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cloudformation

import (
	"fmt"

	"thingpass/policies/templates"
)

// The names that a bucket's configurations have in CloudFormation, by those of
// S3's API (resource reference, AWS::S3::Bucket).
var (
	lifecycleNames = map[string]string{
		"ID": "Id", "Status": "Status", "Filter.Prefix": "Prefix", "Expiration.Days": "ExpirationInDays",
		"NoncurrentVersionExpiration":    "NoncurrentVersionExpiration", // has the same field
		"AbortIncompleteMultipartUpload": "AbortIncompleteMultipartUpload",
	}
	corsNames = map[string]string{
		"ID": "Id", "AllowedOrigins": "AllowedOrigins", "AllowedMethods": "AllowedMethods",
		"AllowedHeaders": "AllowedHeaders", "ExposeHeaders": "ExposedHeaders", "MaxAgeSeconds": "MaxAge",
	}
	blockNames = map[string]string{
		"BlockPublicAcls": "BlockPublicAcls", "IgnorePublicAcls": "IgnorePublicAcls",
		"BlockPublicPolicy": "BlockPublicPolicy", "RestrictPublicBuckets": "RestrictPublicBuckets",
	}
)

// bucket is private, encrypted, and nobody's but the account's.
func (s *stack) bucket() {
	s.parameters = append(s.parameters, field{"KeepVersions", object{
		{"Type", "String"}, {"Default", "false"}, {"AllowedValues", []any{"true", "false"}},
		{"Description", "true: the bucket keeps what is overwritten, which passes can do, and what is deleted."}}})
	s.conditions = append(s.conditions, field{"KeepsVersions", object{{"Fn::Equals", []any{ref("KeepVersions"), "true"}}}})
	s.bucketProperties = object{
		{"BucketName", s.value("bucket")},
		{"PublicAccessBlockConfiguration", s.rename("public-access-block.json", s.document("public-access-block"), blockNames)},
		{"OwnershipControls", object{{"Rules", []any{object{{"ObjectOwnership", "BucketOwnerEnforced"}}}}}},
		{"BucketEncryption", object{{"ServerSideEncryptionConfiguration", []any{
			object{{"ServerSideEncryptionByDefault", object{{"SSEAlgorithm", "AES256"}}}}}}}},
		{"VersioningConfiguration", when("KeepsVersions", object{{"Status", "Enabled"}})},
		{"LifecycleConfiguration", object{{"Rules", s.lifecycle()}}},
	}
	if s.values.Given("origin") {
		s.bucketProperties = append(s.bucketProperties,
			field{"CorsConfiguration", object{{"CorsRules", s.renameAll("cors", "CORSRules", corsNames)}}})
	}
	s.add("BucketPolicy", "S3::BucketPolicy", object{{"Bucket", ref("Bucket")}, {"PolicyDocument", s.document("bucket-policy")}})
	s.output("BucketName", "s3.bucket", ref("Bucket"))
	s.output("Region", "s3.region", ref("AWS::Region"))
}

func (s *stack) lifecycle() []any {
	name := "lifecycle"
	if s.values.Given("expire-keys") {
		name = "lifecycle-expiry"
	}
	rules := s.renameAll(name, "Rules", lifecycleNames)
	for i, r := range rules { // "" is every key, which CloudFormation has no Prefix for
		rule, _ := r.(object)
		var kept object
		for _, f := range rule {
			if f.name != "Prefix" || f.value != "" {
				kept = append(kept, f)
			}
		}
		rules[i] = kept
	}
	return rules
}

// renameAll translates each object of a document's list.
func (s *stack) renameAll(document, list string, names map[string]string) []any {
	d, _ := s.document(document).(object)
	items, _ := d.get(list).([]any)
	if len(d) != 1 || len(items) == 0 {
		s.fault(fmt.Errorf("%s.json: want %s and nothing else", document, list))
		return nil
	}
	out := make([]any, len(items))
	for i, item := range items {
		out[i] = s.rename(document+".json", item, names)
	}
	return out
}

// policies are those of AWS IoT that every installation has.
func (s *stack) policies() {
	s.add("ThingGroup", "IoT::ThingGroup", object{{"ThingGroupName", s.value("thing-group")}})
	s.policy("ThingPolicy", "thing")
	s.policy("BrokerPolicy", "broker")
	s.policy("ObserverPolicy", "observer")
	s.output("ThingGroupArn", "Attach the policy of things to it: aws iot attach-policy", arnOf("ThingGroup"))
	s.output("ThingPolicyName", "Of the thing group", ref("ThingPolicy"))
	s.output("BrokerPolicyName", "Of the brokers' certificates", ref("BrokerPolicy"))
}

// policy has the name that `thingpass policy apply` gives it.
func (s *stack) policy(resource, document string) {
	s.add(resource, "IoT::Policy", object{{"PolicyName", s.options.Prefix + document}, {"PolicyDocument", s.document(document)}})
}

func (s *stack) brokerRole() {
	s.rolePolicy("presign-role")
	if s.options.On == EC2 {
		s.add("InstanceProfile", "IAM::InstanceProfile", object{
			{"InstanceProfileName", s.value("presign-role")}, {"Roles", []any{ref("PresignRole")}}})
	}
	s.output("PresignRoleArn", "The role that the broker runs with", arnOf("PresignRole"))
}

func (s *stack) rolePolicy(document string) {
	s.rolePolicies = append(s.rolePolicies, inline(document, s.document(document)))
	if text, err := templates.Render(document, s.stranger()); err == nil { // otherwise it has been said
		s.inlined += templates.Size(text)
	}
}

func inline(name string, document any) object {
	return object{{"PolicyName", name}, {"PolicyDocument", document}}
}

// trust is the document that says who takes the broker's role.
func (s *stack) trust() string {
	switch s.options.On {
	case EC2:
		return "presign-role-trust-ec2"
	case ECS, "":
	default:
		s.fault(fmt.Errorf("a broker on %q: use %s or %s", s.options.On, ECS, EC2))
	}
	return "presign-role-trust"
}
