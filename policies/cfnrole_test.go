// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package policies_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"thingpass/policies/templates"
)

// inTemplate is what CloudFormation would put for its variables.
var inTemplate = strings.NewReplacer(
	"${AWS::Partition}", "aws", "${AWS::Region}", "eu-central-1", "${AWS::AccountId}", "123456789012",
	"${Bucket}", "photos", "${Root}", "thingpass",
	"${LogGroup.Arn}", "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/thingpass",
	"${Failed.Arn}", "arn:aws:sqs:eu-central-1:123456789012:thingpass-failed",
)

// plain is a node as JSON has it, its functions done.
func plain(t *testing.T, n *yaml.Node) any {
	t.Helper()
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = plain(t, n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		var list []any
		for _, item := range n.Content {
			list = append(list, plain(t, item))
		}
		return list
	}
	text := n.Value
	if n.Tag == "!Ref" || n.Tag == "!GetAtt" {
		text = "${" + text + "}"
	}
	text = inTemplate.Replace(text)
	if strings.Contains(text, "${") {
		t.Errorf("line %d: %s is not known to this test", n.Line, n.Value)
	}
	return text
}

// TestTemplatesHaveTheDocumentsRole: the function's role is written down twice,
// and is the same.
func TestTemplatesHaveTheDocumentsRole(t *testing.T) {
	text, err := os.ReadFile("lambda.cfn.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var stack struct {
		Resources struct {
			FunctionRole struct {
				Properties struct {
					AssumeRolePolicyDocument yaml.Node `yaml:"AssumeRolePolicyDocument"`
					Policies                 []struct {
						PolicyDocument yaml.Node `yaml:"PolicyDocument"`
					} `yaml:"Policies"`
				} `yaml:"Properties"`
			} `yaml:"FunctionRole"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &stack); err != nil {
		t.Fatal(err)
	}
	role := stack.Resources.FunctionRole.Properties
	if len(role.Policies) != 1 {
		t.Fatalf("%d policies", len(role.Policies))
	}
	for name, node := range map[string]*yaml.Node{"lambda-role": &role.Policies[0].PolicyDocument, "lambda-role-trust": &role.AssumeRolePolicyDocument} {
		document, err := templates.Render(name, templates.Values{Account: "123456789012", Region: "eu-central-1", Bucket: "photos"})
		if err != nil {
			t.Fatal(err)
		}
		var want any
		if err := json.Unmarshal(document, &want); err != nil {
			t.Fatal(err)
		}
		if got := plain(t, node); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: lambda.cfn.yaml has\n%v\nthe document has\n%v", name, got, want)
		}
	}
}
