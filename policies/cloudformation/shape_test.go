// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cloudformation_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"thingpass/policies/cloudformation"
)

// A shape has the properties that a resource must have ("!" behind the name) and
// may have, and what Fn::GetAtt gives of it, as the CloudFormation resource
// reference gives them; only for what we use.
type shape struct{ properties, attributes string }

var shapes = map[string]shape{
	"AWS::S3::Bucket": {"BucketName PublicAccessBlockConfiguration OwnershipControls BucketEncryption VersioningConfiguration LifecycleConfiguration " +
		"CorsConfiguration NotificationConfiguration MetricsConfigurations", "Arn"},
	"AWS::S3::BucketPolicy":          {"Bucket! PolicyDocument!", ""},
	"AWS::IoT::ThingGroup":           {"ThingGroupName", "Arn Id"},
	"AWS::IoT::Policy":               {"PolicyDocument! PolicyName", "Arn Id"},
	"AWS::IoT::RoleAlias":            {"RoleArn! RoleAlias CredentialDurationSeconds", "RoleAliasArn"},
	"AWS::IoT::ProvisioningTemplate": {"ProvisioningRoleArn! TemplateBody! TemplateName TemplateType Enabled", "TemplateArn"},
	"AWS::IAM::Role":                 {"AssumeRolePolicyDocument! RoleName Description Policies ManagedPolicyArns", "Arn RoleId"},
	"AWS::IAM::InstanceProfile":      {"Roles! InstanceProfileName", "Arn"},
	"AWS::SQS::Queue":                {"QueueName VisibilityTimeout SqsManagedSseEnabled RedrivePolicy MessageRetentionPeriod", "Arn QueueName QueueUrl"},
	"AWS::SQS::QueuePolicy":          {"Queues! PolicyDocument!", "Id"},
	"AWS::CloudWatch::Alarm": {"ComparisonOperator! EvaluationPeriods! AlarmDescription Namespace MetricName Dimensions Statistic Period Threshold " +
		"TreatMissingData AlarmActions OKActions", "Arn"},
}

// nested are the properties of objects in resources, by their path, [] left out.
var nested = map[string]string{
	"AWS::S3::Bucket.PublicAccessBlockConfiguration":                     "BlockPublicAcls IgnorePublicAcls BlockPublicPolicy RestrictPublicBuckets",
	"AWS::S3::Bucket.OwnershipControls":                                  "Rules!",
	"AWS::S3::Bucket.OwnershipControls.Rules":                            "ObjectOwnership",
	"AWS::S3::Bucket.LifecycleConfiguration":                             "Rules!",
	"AWS::S3::Bucket.LifecycleConfiguration.Rules":                       "Status! Id Prefix ExpirationInDays NoncurrentVersionExpiration AbortIncompleteMultipartUpload",
	"AWS::S3::Bucket.CorsConfiguration":                                  "CorsRules!",
	"AWS::S3::Bucket.CorsConfiguration.CorsRules":                        "AllowedMethods! AllowedOrigins! Id AllowedHeaders ExposedHeaders MaxAge",
	"AWS::S3::Bucket.MetricsConfigurations":                              "Id!",
	"AWS::S3::Bucket.NotificationConfiguration":                          "QueueConfigurations",
	"AWS::S3::Bucket.NotificationConfiguration.QueueConfigurations":      "Event! Queue!",
	"AWS::S3::Bucket.BucketEncryption":                                   "ServerSideEncryptionConfiguration!",
	"AWS::S3::Bucket.BucketEncryption.ServerSideEncryptionConfiguration": "ServerSideEncryptionByDefault",
	"AWS::IAM::Role.Policies":                                            "PolicyName! PolicyDocument!",
	"AWS::SQS::Queue.RedrivePolicy":                                      "deadLetterTargetArn! maxReceiveCount!",
	"AWS::CloudWatch::Alarm.Dimensions":                                  "Name! Value!",
}

// TestStacksHaveTheirShape for each part alone, and all together.
func TestStacksHaveTheirShape(t *testing.T) {
	t.Parallel()
	options := []cloudformation.Options{{}, full(cloudformation.ECS), full(cloudformation.EC2)}
	for _, part := range allParts() {
		options = append(options, cloudformation.Options{Parts: []string{part}})
	}
	for _, o := range options {
		for _, fault := range faults(mustTemplate(t, usual(), o)) {
			t.Errorf("%v: %s", o.Parts, fault)
		}
	}
}

// TestTheShapeCheckFindsFaults breaks the template, once for each rule.
func TestTheShapeCheckFindsFaults(t *testing.T) {
	t.Parallel()
	good, err := cloudformation.Template(usual(), full(cloudformation.EC2))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"a type":           {`"AWS::SQS::Queue"`, `"AWS::SQS::Queues"`, "unknown type"},
		"a property":       {`"QueueName":`, `"QueuesName":`, "unknown property QueuesName"},
		"a nested one":     {`"ExpirationInDays"`, `"ExpirationDays"`, "unknown property ExpirationDays"},
		"a missing one":    {`"TemplateBody"`, `"TemplateName"`, "TemplateBody is missing"},
		"a reference":      {`"Ref": "Bucket"`, `"Ref": "Buckets"`, "nothing is called Buckets"},
		"an attribute":     {`"CredentialsRole",`, `"RoleAlias",`, "has no attribute Arn"},
		"a condition":      {`"Condition": "HasFunction"`, `"Condition": "HasFunctions"`, "no condition HasFunctions"},
		"a dependency":     {`"EventsQueuePolicy"`, `"EventsQueuePolicies"`, "EventsQueuePolicy"},
		"a variable of us": {`${!iot:`, `${iot:`, "iot:Connection.Thing.ThingName"},
		"a circle":         {`"ThingGroupName": "thingpass-things"`, `"ThingGroupName": {"Ref": "FleetTemplate"}`, "circle"},
	} {
		bad := strings.Replace(string(good), c.old, c.new, 1)
		if bad == string(good) {
			t.Errorf("%s: %q is not in the template", name, c.old)
		}
		var template map[string]any
		if err := json.Unmarshal([]byte(bad), &template); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if found := strings.Join(faults(template), "\n"); !strings.Contains(found, c.want) {
			t.Errorf("%s: found %q, want something about %q", name, found, c.want)
		}
	}
}

// A checker collects what is wrong with one template.
type checker struct {
	template map[string]any
	found    []string
	needs    map[string][]string // of resources
	at       string              // the resource that is looked at
}

func faults(template map[string]any) []string {
	c := &checker{template: template, needs: map[string][]string{}}
	resources := c.section("Resources")
	for _, name := range slices.Sorted(maps.Keys(resources)) {
		r, _ := resources[name].(map[string]any)
		c.at = name
		c.resource(r)
		c.references(r)
	}
	c.at = "Outputs"
	c.references(template["Outputs"])
	c.circles()
	return c.found
}

func (c *checker) section(name string) map[string]any {
	m, _ := c.template[name].(map[string]any)
	return m
}

func (c *checker) fault(format string, args ...any) {
	c.found = append(c.found, c.at+": "+fmt.Sprintf(format, args...))
}

func (c *checker) resource(r map[string]any) {
	for attribute := range r {
		if !slices.Contains([]string{"Type", "Properties", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Condition"}, attribute) {
			c.fault("unknown attribute %s", attribute)
		}
	}
	kind, _ := r["Type"].(string)
	s, known := shapes[kind]
	if !known {
		c.fault("unknown type %q", kind)
		return
	}
	if condition, given := r["Condition"].(string); given && c.section("Conditions")[condition] == nil {
		c.fault("there is no condition %s", condition)
	}
	properties, _ := r["Properties"].(map[string]any)
	c.properties(kind, s.properties, properties)
}

func (c *checker) properties(path, allowed string, properties map[string]any) {
	names := strings.Fields(allowed)
	for _, name := range names {
		if required, is := strings.CutSuffix(name, "!"); is && properties[required] == nil {
			c.fault("%s: %s is missing", path, required)
		}
	}
	for name, value := range properties {
		if !slices.Contains(names, name) && !slices.Contains(names, name+"!") {
			c.fault("%s: unknown property %s", path, name)
		}
		c.inside(path+"."+name, value)
	}
}

func (c *checker) inside(path string, value any) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			c.inside(path, item)
		}
	case map[string]any:
		if allowed, known := nested[path]; known {
			c.properties(path, allowed, v)
		}
	}
}

var inSub = regexp.MustCompile(`\$\{([^!}][^}]*)\}`)

// references looks for names that nothing has, and notes what needs what.
func (c *checker) references(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			c.references(item)
		}
	case map[string]any:
		for name, value := range v {
			c.reference(name, value)
			c.references(value)
		}
	}
}

func (c *checker) reference(function string, value any) {
	switch function {
	case "Ref":
		c.refers(fmt.Sprint(value))
	case "DependsOn":
		for _, name := range value.([]any) {
			c.refers(fmt.Sprint(name))
		}
	case "Fn::Sub":
		for _, m := range inSub.FindAllStringSubmatch(fmt.Sprint(value), -1) {
			c.refers(m[1])
		}
	case "Fn::If":
		if name := fmt.Sprint(value.([]any)[0]); c.section("Conditions")[name] == nil {
			c.fault("there is no condition %s", name)
		}
	case "Fn::GetAtt":
		name, attribute := fmt.Sprint(value.([]any)[0]), fmt.Sprint(value.([]any)[1])
		c.refers(name)
		r, _ := c.section("Resources")[name].(map[string]any)
		kind, _ := r["Type"].(string)
		if !slices.Contains(strings.Fields(shapes[kind].attributes), attribute) {
			c.fault("%s, a %s, has no attribute %s", name, kind, attribute)
		}
	}
}

func (c *checker) refers(name string) {
	switch {
	case c.section("Resources")[name] != nil:
		c.needs[c.at] = append(c.needs[c.at], name)
	case c.section("Parameters")[name] == nil && at[name] == "" && name != "AWS::NoValue":
		c.fault("nothing is called %s", name)
	}
}

// circles takes away what needs nothing that is left, as CloudFormation does.
func (c *checker) circles() {
	left := maps.Clone(c.section("Resources"))
	for {
		before := len(left)
		for name := range left {
			if !slices.ContainsFunc(c.needs[name], func(need string) bool { return left[need] != nil }) {
				delete(left, name)
			}
		}
		if len(left) == before {
			break
		}
	}
	if len(left) > 0 {
		c.at = "Resources"
		c.fault("a circle among %q", slices.Sorted(maps.Keys(left)))
	}
}
