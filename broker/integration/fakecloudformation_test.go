// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package integration_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/iot"
)

// A cloudStack is one of CloudFormation's, as far as `aws cloudformation deploy`
// looks. What the template has of AWS IoT is made; the rest is only read.
type cloudStack struct {
	sync.Mutex
	template map[string]any
	made     bool
}

// pseudoParameters are those of the stack.
var pseudoParameters = map[string]string{"AWS::AccountId": "123456789012", "AWS::Region": "eu-central-1", "AWS::Partition": "aws"}

// stacks speaks CloudFormation's query protocol.
func (f *fakeAWS) stacks(w http.ResponseWriter, body []byte) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.cloud.Lock()
	defer f.cloud.Unlock()
	operation, result := form.Get("Action"), ""
	switch operation {
	case "CreateChangeSet":
		f.note("cloudformation "+operation, string(body))
		if err = json.Unmarshal([]byte(form.Get("TemplateBody")), &f.cloud.template); err == nil {
			result = "<Id>arn:aws:cloudformation:eu-central-1:123456789012:changeSet/a/b</Id><StackId>arn:aws:cloudformation:eu-central-1:123456789012:stack/thingpass/c</StackId>"
		}
	case "DescribeChangeSet":
		result = "<Status>CREATE_COMPLETE</Status><ExecutionStatus>AVAILABLE</ExecutionStatus>"
	case "ExecuteChangeSet":
		err = f.makeStack()
	case "DescribeStacks":
		if !f.cloud.made {
			err = fmt.Errorf("Stack with id thingpass does not exist")
		} else {
			result = "<Stacks><member><StackName>thingpass</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-11-26T00:00:00Z</CreationTime><Outputs>" + f.outputs() + "</Outputs></member></Stacks>"
		}
	default:
		err = fmt.Errorf("operation %s is not known", operation)
	}
	w.Header().Set("Content-Type", "text/xml")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>%s</Message></Error></ErrorResponse>`, escaped(err.Error()))
		return
	}
	fmt.Fprintf(w, `<%sResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><%sResult>%s</%sResult></%sResponse>`, operation, operation, result, operation, operation)
}

func escaped(s string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(s)) // a Builder takes everything
	return out.String()
}

// makeStack makes the thing groups and policies of AWS IoT.
func (f *fakeAWS) makeStack() error {
	resources, _ := f.cloud.template["Resources"].(map[string]any)
	for name := range resources {
		kind, properties := f.resource(name)
		switch kind {
		case "AWS::IoT::ThingGroup":
			f.iot.AddGroup(fmt.Sprint(properties["ThingGroupName"]))
		case "AWS::IoT::Policy":
			policy := fmt.Sprint(properties["PolicyName"])
			text, err := json.Marshal(f.resolve(properties["PolicyDocument"]))
			if err != nil {
				return err
			}
			document := string(text)
			if _, err := f.iot.Client().CreatePolicy(f.ctx, &iot.CreatePolicyInput{PolicyName: &policy, PolicyDocument: &document}); err != nil {
				return err
			}
		}
	}
	f.cloud.made = true
	return nil
}

func (f *fakeAWS) resource(name string) (kind string, properties map[string]any) {
	resources, _ := f.cloud.template["Resources"].(map[string]any)
	r, _ := resources[name].(map[string]any)
	kind, _ = r["Type"].(string)
	properties, _ = r["Properties"].(map[string]any)
	return kind, properties
}

// resolve does CloudFormation's functions, as far as policies and outputs have
// them.
func (f *fakeAWS) resolve(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = f.resolve(v[i])
		}
		return out
	case map[string]any:
		if name, is := v["Ref"].(string); is {
			return f.ref(name)
		}
		if of, is := v["Fn::GetAtt"].([]any); is {
			return f.arn(fmt.Sprint(of[0]))
		}
		if text, is := v["Fn::Sub"].(string); is {
			for name, value := range pseudoParameters {
				text = strings.ReplaceAll(text, "${"+name+"}", value)
			}
			return strings.ReplaceAll(text, "${!", "${")
		}
		out := map[string]any{}
		for name := range v {
			out[name] = f.resolve(v[name])
		}
		return out
	}
	return v
}

// ref is the name of a resource, which each kind has in a property of its own.
func (f *fakeAWS) ref(name string) any {
	if value, is := pseudoParameters[name]; is {
		return value
	}
	_, properties := f.resource(name)
	for _, property := range []string{"PolicyName", "BucketName", "RoleAlias", "ThingGroupName", "QueueName", "RoleName"} {
		if properties[property] != nil {
			return properties[property]
		}
	}
	return name
}

func (f *fakeAWS) arn(name string) string {
	kind, _ := f.resource(name)
	if kind == "AWS::IAM::Role" {
		return fmt.Sprintf("arn:aws:iam::123456789012:role/%v", f.ref(name))
	}
	return fmt.Sprintf("arn:aws:iot:eu-central-1:123456789012:thinggroup/%v", f.ref(name))
}

func (f *fakeAWS) outputs() string {
	var out strings.Builder
	outputs, _ := f.cloud.template["Outputs"].(map[string]any)
	for name, o := range outputs {
		value := o.(map[string]any)["Value"]
		fmt.Fprintf(&out, "<member><OutputKey>%s</OutputKey><OutputValue>%s</OutputValue></member>", name, escaped(fmt.Sprint(f.resolve(value))))
	}
	return out.String()
}
