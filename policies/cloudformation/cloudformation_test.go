// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cloudformation_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"thingpass/policies/cloudformation"
	"thingpass/policies/templates"
)

// at is where the tests' stacks are created.
var at = map[string]string{"AWS::AccountId": "123456789012", "AWS::Region": "eu-central-1", "AWS::Partition": "aws"}

func usual() templates.Values {
	return templates.Values{Bucket: "my-photos", Origin: "https://photos.example.com", ExpireKeys: "cam"}
}

func allParts() (names []string) {
	for _, p := range cloudformation.Parts() {
		names = append(names, p.Name)
	}
	return names
}

func full(on cloudformation.Place) cloudformation.Options {
	return cloudformation.Options{Prefix: "thingpass-", Parts: allParts(), On: on}
}

func mustTemplate(t *testing.T, v templates.Values, o cloudformation.Options) map[string]any {
	t.Helper()
	text, err := cloudformation.Template(v, o)
	if err != nil {
		t.Fatal(err)
	}
	var template map[string]any
	if err := json.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	return template
}

// resolved is what CloudFormation makes of a value: its functions done.
func resolved(t *testing.T, v any) any {
	t.Helper()
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = resolved(t, v[i])
		}
		return out
	case map[string]any:
		if name, isRef := v["Ref"].(string); isRef {
			return at[name]
		}
		if text, isSub := v["Fn::Sub"].(string); isSub {
			for name, value := range at {
				text = strings.ReplaceAll(text, "${"+name+"}", value)
			}
			if strings.Contains(strings.ReplaceAll(text, "${!", ""), "${") {
				t.Errorf("%s: a variable is not CloudFormation's", text)
			}
			return strings.ReplaceAll(text, "${!", "${")
		}
		out := map[string]any{}
		for name := range v {
			out[name] = resolved(t, v[name])
		}
		return out
	}
	return v
}

// dig follows names and indexes into a value.
func dig(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				t.Fatalf("%v: there are %d", path, len(list))
			}
			v = list[step]
		}
	}
	if v == nil {
		t.Fatalf("%v: nothing is there", path)
	}
	return v
}

func rendered(t *testing.T, name string) any {
	t.Helper()
	v := usual()
	v.Account, v.Region = at["AWS::AccountId"], at["AWS::Region"]
	text, err := templates.Render(name, v)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	return document
}

// inline is where a role has a policy of that name.
func inline(t *testing.T, template map[string]any, role, name string) any {
	t.Helper()
	list, _ := dig(t, template, "Resources", role, "Properties", "Policies").([]any)
	for _, p := range list {
		if dig(t, p, "PolicyName") == name {
			return dig(t, p, "PolicyDocument")
		}
	}
	t.Fatalf("%s has no policy %s", role, name)
	return nil
}

// TestEveryPolicyIsTheDocument compares each document with what the stack has of
// it. What is in no stack is named here, with the reason.
func TestEveryPolicyIsTheDocument(t *testing.T) {
	t.Parallel()
	ecs, ec2 := mustTemplate(t, usual(), full(cloudformation.ECS)), mustTemplate(t, usual(), full(cloudformation.EC2))
	property := func(template map[string]any, resource, name string) any {
		return dig(t, template, "Resources", resource, "Properties", name)
	}
	in := map[string]any{
		"thing":                   property(ecs, "ThingPolicy", "PolicyDocument"),
		"broker":                  property(ecs, "BrokerPolicy", "PolicyDocument"),
		"observer":                property(ecs, "ObserverPolicy", "PolicyDocument"),
		"broker-commands":         property(ecs, "BrokerCommandsPolicy", "PolicyDocument"),
		"claim":                   property(ecs, "ClaimPolicy", "PolicyDocument"),
		"thing-credentials":       property(ecs, "ThingCredentialsPolicy", "PolicyDocument"),
		"bucket-policy":           property(ecs, "BucketPolicy", "PolicyDocument"),
		"public-access-block":     property(ecs, "Bucket", "PublicAccessBlockConfiguration"),
		"events-queue":            property(ecs, "EventsQueuePolicy", "PolicyDocument"),
		"presign-role":            inline(t, ecs, "PresignRole", "presign-role"),
		"presign-console":         inline(t, ecs, "PresignRole", "presign-console"),
		"presign-sessions":        inline(t, ecs, "PresignRole", "presign-sessions"),
		"presign-events":          inline(t, ecs, "PresignRole", "presign-events"),
		"presign-role-trust":      property(ecs, "PresignRole", "AssumeRolePolicyDocument"),
		"presign-role-trust-ec2":  property(ec2, "PresignRole", "AssumeRolePolicyDocument"),
		"session-role":            inline(t, ecs, "SessionRole", "session-role"),
		"session-role-trust":      property(ecs, "SessionRole", "AssumeRolePolicyDocument"),
		"credentials-role":        inline(t, ecs, "CredentialsRole", "credentials-role"),
		"credentials-role-trust":  property(ecs, "CredentialsRole", "AssumeRolePolicyDocument"),
		"provisioning-role-trust": property(ecs, "ProvisioningRole", "AssumeRolePolicyDocument"),
	}
	elsewhere := map[string]string{
		"lifecycle": "TestConfigurationsAreTranslated", "lifecycle-expiry": "TestConfigurationsAreTranslated",
		"cors": "TestConfigurationsAreTranslated", "role-alias": "TestConfigurationsAreTranslated", "fleet-template": "TestConfigurationsAreTranslated",
		"broker-watch": "for Mosquitto", "lambda-role": "lambda.cfn.yaml", "lambda-role-trust": "lambda.cfn.yaml",
	}
	for _, name := range templates.Names() {
		if elsewhere[name] != "" {
			continue
		}
		if in[name] == nil {
			t.Errorf("%s is in no stack", name)
		} else if got, want := resolved(t, in[name]), rendered(t, name); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the stack has\n%v\nthe document has\n%v", name, got, want)
		}
	}
	for _, name := range []string{"broker", "broker-commands"} {
		if got := resolved(t, inline(t, ecs, "PresignRole", name)); !reflect.DeepEqual(got, rendered(t, name)) {
			t.Errorf("the role's policy %s for wss:// is %v", name, got)
		}
	}
}

// TestConfigurationsAreTranslated: CloudFormation has other names for them.
func TestConfigurationsAreTranslated(t *testing.T) {
	t.Parallel()
	template := mustTemplate(t, usual(), full(cloudformation.ECS))
	properties := func(resource string) any { return dig(t, template, "Resources", resource, "Properties") }
	bucket := properties("Bucket")
	for _, c := range []struct {
		got, want any
	}{
		{dig(t, bucket, "LifecycleConfiguration", "Rules", 0, "AbortIncompleteMultipartUpload", "DaysAfterInitiation"), 2.0},
		{dig(t, bucket, "LifecycleConfiguration", "Rules", 2), map[string]any{"Id": "thingpass-expire", "Status": "Enabled", "Prefix": "cam",
			"ExpirationInDays": 30.0, "NoncurrentVersionExpiration": map[string]any{"NoncurrentDays": 30.0}}},
		{dig(t, bucket, "LifecycleConfiguration", "Rules", 1, "Prefix"), ".thingpass/journal/"},
		{dig(t, bucket, "CorsConfiguration", "CorsRules", 0, "ExposedHeaders"), dig(t, rendered(t, "cors"), "CORSRules", 0, "ExposeHeaders")},
		{dig(t, bucket, "CorsConfiguration", "CorsRules", 1, "AllowedHeaders"), dig(t, rendered(t, "cors"), "CORSRules", 1, "AllowedHeaders")},
		{dig(t, properties("RoleAlias"), "RoleAlias"), dig(t, rendered(t, "role-alias"), "roleAlias")},
		{dig(t, properties("RoleAlias"), "CredentialDurationSeconds"), dig(t, rendered(t, "role-alias"), "credentialDurationSeconds")},
		{"arn:aws:iam::123456789012:role/" + dig(t, properties("CredentialsRole"), "RoleName").(string), dig(t, rendered(t, "role-alias"), "roleArn")},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
	var fleet any
	body := dig(t, properties("FleetTemplate"), "TemplateBody").(string)
	if err := json.Unmarshal([]byte(body), &fleet); err != nil || !reflect.DeepEqual(fleet, rendered(t, "fleet-template")) {
		t.Errorf("%v: the fleet template is %s", err, body)
	}
}

// TestTheBaseIsSmall: what was not asked for is not there.
func TestTheBaseIsSmall(t *testing.T) {
	t.Parallel()
	template := mustTemplate(t, templates.Values{Bucket: "my-photos"}, cloudformation.Options{Prefix: "x-"})
	var names []string
	for name := range template["Resources"].(map[string]any) {
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"BrokerPolicy", "Bucket", "BucketPolicy", "ObserverPolicy", "PresignRole", "ThingGroup", "ThingPolicy"}; !slices.Equal(names, want) {
		t.Errorf("the stack has %q", names)
	}
	bucket := dig(t, template, "Resources", "Bucket").(map[string]any)
	for _, absent := range []string{"CorsConfiguration", "NotificationConfiguration", "MetricsConfigurations"} {
		if dig(t, bucket, "Properties").(map[string]any)[absent] != nil {
			t.Errorf("the bucket has %s", absent)
		}
	}
	if bucket["DeletionPolicy"] != "Retain" || bucket["UpdateReplacePolicy"] != "Retain" {
		t.Error("the bucket goes with the stack")
	}
	if name := dig(t, template, "Resources", "ThingPolicy", "Properties", "PolicyName"); name != "x-thing" {
		t.Errorf("the policy's name is %v", name)
	}
}

func TestWrongStacksAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values  templates.Values
		options cloudformation.Options
		want    string
	}{
		{templates.Values{}, cloudformation.Options{}, "bucket is missing"},
		{templates.Values{Bucket: "my-photos"}, cloudformation.Options{Parts: []string{"event"}}, `no part "event": use credentials, claim`},
		{templates.Values{Bucket: "my-photos"}, cloudformation.Options{On: "eks"}, `"eks": use ecs or ec2`},
		{templates.Values{Bucket: "my-photos", Root: "a/+"}, cloudformation.Options{}, "root"},
		{templates.Values{Bucket: "${AWS::StackId}"}, cloudformation.Options{}, "bucket"},
		{templates.Values{Bucket: "my-photos", ThingGroup: `a","b`}, cloudformation.Options{}, "thing-group"},
	} {
		if text, err := cloudformation.Template(c.values, c.options); err == nil || !strings.Contains(err.Error(), c.want) || text != nil {
			t.Errorf("%v: %v", c.values, err)
		}
	}
}

// TestTheLongestStackFits what AWS takes with a request: 51,200 bytes.
func TestTheLongestStackFits(t *testing.T) {
	t.Parallel()
	long := func(n int) string { return strings.Repeat("x", n) }
	text, err := cloudformation.Template(templates.Values{Bucket: long(63), Root: long(24), Group: long(24), Broker: long(40), Observer: long(40),
		Claim: long(40), Template: long(36), ThingGroup: long(128), RoleAlias: long(128), PresignRole: long(64), SessionRole: long(64),
		CredentialsRole: long(64), Origin: "https://" + long(200) + ".example", ExpireKeys: long(128), EventsQueue: long(80)}, full(cloudformation.EC2))
	if err != nil || len(text) > 51200 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

// TestCfnLintAgrees asks AWS's own linter, where it is.
func TestCfnLintAgrees(t *testing.T) {
	t.Parallel()
	linter, err := exec.LookPath("cfn-lint")
	if err != nil || testing.Short() {
		t.Skip("cfn-lint is not there (pip install cfn-lint), or -short; TestStacksHaveTheirShape looks at the structure")
	}
	for name, o := range map[string]cloudformation.Options{"base": {Prefix: "thingpass-"}, "full": full(cloudformation.EC2)} {
		text, err := cloudformation.Template(usual(), o)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name+".json")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), linter, "--regions", "eu-central-1", "--", path).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
}
