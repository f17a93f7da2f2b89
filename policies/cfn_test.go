// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package policies_test holds the documents of this folder to their shape. It
// has no product code: the documents are used as they are.
package policies_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A shape names the properties that a resource must and may have, as the
// CloudFormation resource reference gives them; only for what we use.
type shape struct{ required, optional []string }

var shapes = map[string]shape{
	"AWS::IAM::Role":                 {[]string{"AssumeRolePolicyDocument"}, []string{"Description", "Policies", "MaxSessionDuration"}},
	"AWS::Logs::LogGroup":            {nil, []string{"LogGroupName", "RetentionInDays"}},
	"AWS::SQS::Queue":                {nil, []string{"MessageRetentionPeriod", "SqsManagedSseEnabled", "RedrivePolicy"}},
	"AWS::Lambda::Function":          {[]string{"Code", "Role"}, []string{"Description", "Runtime", "Architectures", "Handler", "Timeout", "MemorySize", "LoggingConfig", "Environment"}},
	"AWS::Lambda::EventInvokeConfig": {[]string{"FunctionName", "Qualifier"}, []string{"MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig"}},
	"AWS::Lambda::Permission":        {[]string{"Action", "FunctionName", "Principal", "SourceAccount", "SourceArn"}, nil},
	"AWS::IoT::TopicRule":            {[]string{"TopicRulePayload"}, []string{"RuleName"}},
}

var (
	sections   = []string{"AWSTemplateFormatVersion", "Description", "Parameters", "Resources", "Outputs"}
	attributes = []string{"Type", "Properties", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy"}
	pseudo     = []string{"AWS::AccountId", "AWS::Region", "AWS::Partition", "AWS::StackName", "AWS::NoValue"}
	getAtts    = map[string][]string{
		"AWS::IAM::Role": {"Arn"}, "AWS::Logs::LogGroup": {"Arn"}, "AWS::SQS::Queue": {"Arn", "QueueName"},
		"AWS::Lambda::Function": {"Arn"}, "AWS::IoT::TopicRule": {"Arn"},
	}
	logicalID = regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`)
	inSub     = regexp.MustCompile(`\$\{([^}]*)\}`)
)

// TestTemplatesHaveTheirShape is what `make lint` runs.
func TestTemplatesHaveTheirShape(t *testing.T) {
	paths, err := filepath.Glob("*.cfn.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no templates: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range faults(text) {
			t.Errorf("%s: %s", path, fault)
		}
	}
}

// TestTheShapeCheckFindsFaults breaks the template, once for each rule.
func TestTheShapeCheckFindsFaults(t *testing.T) {
	good, err := os.ReadFile("lambda.cfn.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"a section":      {"\nOutputs:", "\nOutput:", "section Output"},
		"a type":         {"Type: AWS::SQS::Queue", "Type: AWS::SQS::Queues", "AWS::SQS::Queues"},
		"a property":     {"MemorySize:", "MemorySizes:", "MemorySizes"},
		"a missing one":  {"      Role: !GetAtt FunctionRole.Arn\n", "", "Role is missing"},
		"a reference":    {"!Ref Bucket", "!Ref Buckets", "Buckets"},
		"an attribute":   {"!GetAtt Failed.Arn", "!GetAtt Failed.ARN", "ARN"},
		"a substitution": {"s3:::${Bucket}/*", "s3:::${Buckets}/*", "Buckets"},
		"a wildcard":     {"Action: iot:Publish", `Action: "iot:*"`, "iot:*"},
		"any resource":   {"Resource: !GetAtt Failed.Arn", `Resource: "*"`, "Resource"},
		"an effect":      {"Effect: Allow", "Effect: Permit", "Permit"},
		"identity":       {"principal() AS principal, ", "", "principal()"},
		"a deputy":       {"      SourceAccount: !Ref AWS::AccountId\n", "", "SourceAccount is missing"},
		"a doubled key":  {"      Timeout: 15", "      Timeout: 15\n      Timeout: 16", "Timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(string(good), c.old, c.new, 1)
			if bad == string(good) {
				t.Fatalf("%q is not in the template", c.old)
			}
			if found := strings.Join(faults([]byte(bad)), "\n"); !strings.Contains(found, c.want) {
				t.Errorf("found %q, want something about %q", found, c.want)
			}
		})
	}
	if found := faults(good); len(found) > 0 {
		t.Errorf("the template itself: %q", found)
	}
}

// A checker collects what is wrong with one template.
type checker struct {
	found      []string
	parameters map[string]*yaml.Node
	resources  map[string]*yaml.Node
}

func (c *checker) fault(n *yaml.Node, format string, args ...any) {
	c.found = append(c.found, fmt.Sprintf("line %d: %s", n.Line, fmt.Sprintf(format, args...)))
}

func faults(text []byte) []string {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil || len(document.Content) != 1 {
		return []string{fmt.Sprintf("not one YAML document: %v", err)}
	}
	c := &checker{}
	root := document.Content[0]
	top := c.fields(root)
	c.parameters, c.resources = c.fields(top["Parameters"]), c.fields(top["Resources"])
	for name := range top {
		if !slices.Contains(sections, name) {
			c.fault(root, "section %s is unknown", name)
		}
	}
	for name, r := range c.resources {
		c.resource(name, r)
	}
	c.references(root)
	slices.Sort(c.found)
	return c.found
}

// fields are a mapping's values; a name that is there twice is a fault.
func (c *checker) fields(n *yaml.Node) map[string]*yaml.Node {
	m := map[string]*yaml.Node{}
	if n == nil || n.Kind != yaml.MappingNode {
		return m
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		if m[name] != nil {
			c.fault(n.Content[i], "%s is there twice", name)
		}
		m[name] = n.Content[i+1]
	}
	return m
}

func (c *checker) resource(name string, n *yaml.Node) {
	fields := c.fields(n)
	if !logicalID.MatchString(name) {
		c.fault(n, "%q is no logical id", name)
	}
	for attribute := range fields {
		if !slices.Contains(attributes, attribute) {
			c.fault(n, "%s has the unknown attribute %s", name, attribute)
		}
	}
	if fields["Type"] == nil {
		c.fault(n, "%s has no Type", name)
		return
	}
	s, known := shapes[fields["Type"].Value]
	if !known {
		c.fault(n, "%s is of the unknown type %s", name, fields["Type"].Value)
		return
	}
	properties := c.fields(fields["Properties"])
	for property := range properties {
		if !slices.Contains(s.required, property) && !slices.Contains(s.optional, property) {
			c.fault(n, "%s has the unknown property %s", name, property)
		}
	}
	for _, property := range s.required {
		if properties[property] == nil {
			c.fault(n, "%s: %s is missing", name, property)
		}
	}
	c.contents(properties)
}

// contents looks into the properties that decide who may do what.
func (c *checker) contents(properties map[string]*yaml.Node) {
	c.policy(properties["AssumeRolePolicyDocument"])
	if list := properties["Policies"]; list != nil {
		for _, p := range list.Content {
			c.policy(c.fields(p)["PolicyDocument"])
		}
	}
	if rule := properties["TopicRulePayload"]; rule != nil {
		c.rule(rule)
	}
}

func (c *checker) policy(n *yaml.Node) {
	if n == nil {
		return
	}
	fields := c.fields(n)
	if v := fields["Version"]; v == nil || v.Value != "2012-10-17" {
		c.fault(n, "a policy's Version is 2012-10-17")
	}
	statements := fields["Statement"]
	if statements == nil || len(statements.Content) == 0 {
		c.fault(n, "a policy without a Statement")
		return
	}
	for _, s := range statements.Content {
		c.statement(s)
	}
}

func (c *checker) statement(n *yaml.Node) {
	fields := c.fields(n)
	for name := range fields {
		if !slices.Contains([]string{"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}, name) {
			c.fault(n, "a statement has the unknown element %s", name)
		}
	}
	if e := fields["Effect"]; e == nil || e.Value != "Allow" && e.Value != "Deny" {
		c.fault(n, "Effect is Allow or Deny, not %s", scalar(e))
	}
	if fields["Action"] == nil || (fields["Resource"] == nil) == (fields["Principal"] == nil) {
		c.fault(n, "a statement needs an Action and either a Resource or a Principal")
	}
	for _, action := range items(fields["Action"]) {
		if strings.Contains(action.Value, "*") {
			c.fault(action, "action %s is wider than what is needed", action.Value)
		}
	}
	for _, resource := range items(fields["Resource"]) {
		if resource.Value == "*" {
			c.fault(resource, "Resource is everything")
		}
	}
}

// rule holds a topic rule to what broker/iotrule reads; that package's test
// compares the statements to the letter.
func (c *checker) rule(n *yaml.Node) {
	fields := c.fields(n)
	if v := fields["AwsIotSqlVersion"]; v == nil || v.Value != "2016-03-23" {
		c.fault(n, "AwsIotSqlVersion is 2016-03-23: without it, AWS takes an older one")
	}
	for _, part := range []string{"encode(*, 'base64') AS payload", "topic() AS topic", "clientid() AS clientId", "principal() AS principal", "FROM '${Root}/+/"} {
		if !strings.Contains(scalar(fields["Sql"]), part) {
			c.fault(n, "the rule's SQL has no %s", part)
		}
	}
}

// references looks for names that nothing has.
func (c *checker) references(n *yaml.Node) {
	switch n.Tag {
	case "!Ref":
		c.refers(n, n.Value)
	case "!GetAtt":
		c.refersTo(n, n.Value)
	case "!Sub":
		for _, m := range inSub.FindAllStringSubmatch(n.Value, -1) {
			if strings.Contains(m[1], ".") {
				c.refersTo(n, m[1])
			} else {
				c.refers(n, m[1])
			}
		}
	default:
		if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
			c.fault(n, "the function %s is not one that we use", n.Tag)
		}
	}
	for _, child := range n.Content {
		c.references(child)
	}
}

func (c *checker) refers(n *yaml.Node, name string) {
	if c.parameters[name] == nil && c.resources[name] == nil && !slices.Contains(pseudo, name) {
		c.fault(n, "nothing is called %s; there are %q", name, slices.Sorted(maps.Keys(c.parameters)))
	}
}

func (c *checker) refersTo(n *yaml.Node, path string) {
	name, attribute, _ := strings.Cut(path, ".")
	r := c.resources[name]
	if r == nil {
		c.fault(n, "no resource is called %s", name)
		return
	}
	if of := scalar(c.fields(r)["Type"]); !slices.Contains(getAtts[of], attribute) {
		c.fault(n, "%s, a %s, has no attribute %s", name, of, attribute)
	}
}

func items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind == yaml.SequenceNode {
		if n == nil {
			return nil
		}
		return n.Content
	}
	return []*yaml.Node{n}
}

func scalar(n *yaml.Node) string {
	if n == nil {
		return ""
	}
	return n.Value
}
