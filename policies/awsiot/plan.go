// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awsiot

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
)

// AWS's limits (General Reference, "AWS IoT Core endpoints and quotas"), and how
// long a change takes to be in force everywhere (iot-policies: "6 to 8 minutes").
const (
	MaxSize     = 2048 // characters without white space
	MaxVersions = 5
	Propagation = 8 * time.Minute
)

// A Wanted policy is what AWS shall have.
type Wanted struct {
	Name     string
	Document []byte   // JSON
	Groups   []string // thing groups that it is attached to; others are left alone
}

// An Action is what a step does to a policy.
type Action string

const (
	Create  Action = "create"  // there is no such policy
	Update  Action = "update"  // a new version becomes the default
	Restore Action = "restore" // an older version with this very document becomes the default
	Keep    Action = "keep"    // nothing to do
)

// A Step brings one policy to what is wanted.
type Step struct {
	Policy   string   `json:"policy"`
	Action   Action   `json:"action"`
	Default  string   `json:"default,omitempty"`  // the version that is the default now
	Restored string   `json:"restored,omitempty"` // the version that becomes it
	Prune    string   `json:"prune,omitempty"`    // the version that is deleted to make room: the oldest that is not the default
	Attach   []string `json:"attach,omitempty"`   // thing groups that do not have it yet
	Size     int      `json:"size"`               // characters, as AWS counts them
	Document string   `json:"document"`           // without white space
	Before   string   `json:"before,omitempty"`   // the default's document now
}

// Idle is true if the step changes nothing.
func (s *Step) Idle() bool { return s.Action == Keep && len(s.Attach) == 0 }

// A Plan is all that Apply will do, in this order.
type Plan struct {
	Steps []Step `json:"steps"`
}

// Idle is true if AWS has what is wanted.
func (p *Plan) Idle() bool {
	return !slices.ContainsFunc(p.Steps, func(s Step) bool { return !s.Idle() })
}

// policyReader is what Plan asks of AWS IoT; it changes nothing.
type policyReader interface {
	GetPolicy(context.Context, *iot.GetPolicyInput, ...func(*iot.Options)) (*iot.GetPolicyOutput, error)
	ListPolicyVersions(context.Context, *iot.ListPolicyVersionsInput, ...func(*iot.Options)) (*iot.ListPolicyVersionsOutput, error)
	GetPolicyVersion(context.Context, *iot.GetPolicyVersionInput, ...func(*iot.Options)) (*iot.GetPolicyVersionOutput, error)
	ListTargetsForPolicy(context.Context, *iot.ListTargetsForPolicyInput, ...func(*iot.Options)) (*iot.ListTargetsForPolicyOutput, error)
	DescribeThingGroup(context.Context, *iot.DescribeThingGroupInput, ...func(*iot.Options)) (*iot.DescribeThingGroupOutput, error)
}

// MakePlan compares what is wanted with what AWS has, and changes nothing.
func MakePlan(ctx context.Context, api policyReader, wanted []Wanted) (*Plan, error) {
	plan := &Plan{Steps: []Step{}}
	for _, w := range wanted {
		step, err := planPolicy(ctx, api, w)
		if err != nil {
			return nil, err
		}
		if err := planGroups(ctx, api, w, step); err != nil {
			return nil, err
		}
		plan.Steps = append(plan.Steps, *step)
	}
	return plan, nil
}

func planPolicy(ctx context.Context, api policyReader, w Wanted) (*Step, error) {
	document, err := compact(w.Document)
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", w.Name, err)
	}
	step := &Step{Policy: w.Name, Document: document, Size: size(document)}
	if step.Size > MaxSize {
		return nil, fmt.Errorf("policy %s has %d characters, AWS takes %d: split it, a thing group may have several", w.Name, step.Size, MaxSize)
	}
	now, err := api.GetPolicy(ctx, &iot.GetPolicyInput{PolicyName: &w.Name})
	if notFound(err) {
		step.Action = Create
		return step, nil
	}
	if err != nil {
		return nil, explain(err, "policy "+w.Name)
	}
	step.Default, step.Before = aws.ToString(now.DefaultVersionId), aws.ToString(now.PolicyDocument)
	if same(step.Before, document) {
		step.Action = Keep
		return step, nil
	}
	return step, planVersion(ctx, api, step)
}

// planVersion looks for an older version that will do, or else for room.
func planVersion(ctx context.Context, api policyReader, step *Step) error {
	list, err := api.ListPolicyVersions(ctx, &iot.ListPolicyVersionsInput{PolicyName: &step.Policy})
	if err != nil {
		return explain(err, "policy "+step.Policy)
	}
	slices.SortFunc(list.PolicyVersions, func(a, b types.PolicyVersion) int {
		return aws.ToTime(a.CreateDate).Compare(aws.ToTime(b.CreateDate))
	})
	step.Action = Update
	for _, v := range slices.Backward(list.PolicyVersions) {
		if v.IsDefaultVersion {
			continue
		}
		old, err := api.GetPolicyVersion(ctx, &iot.GetPolicyVersionInput{PolicyName: &step.Policy, PolicyVersionId: v.VersionId})
		if err != nil {
			return explain(err, "policy "+step.Policy)
		}
		if same(aws.ToString(old.PolicyDocument), step.Document) {
			step.Action, step.Restored = Restore, aws.ToString(v.VersionId)
			return nil
		}
	}
	step.Prune = pruned(list.PolicyVersions)
	return nil
}

// pruned is the version that has to go, of versions in the order of their age.
func pruned(versions []types.PolicyVersion) string {
	if len(versions) < MaxVersions {
		return ""
	}
	for _, v := range versions {
		if !v.IsDefaultVersion {
			return aws.ToString(v.VersionId)
		}
	}
	return ""
}

// planGroups finds the groups that the policy is not attached to yet.
func planGroups(ctx context.Context, api policyReader, w Wanted, step *Step) error {
	if len(w.Groups) == 0 {
		return nil
	}
	has := map[string]bool{}
	input := &iot.ListTargetsForPolicyInput{PolicyName: &w.Name}
	for step.Action != Create {
		page, err := api.ListTargetsForPolicy(ctx, input)
		if err != nil {
			return explain(err, "policy "+w.Name)
		}
		for _, target := range page.Targets {
			if _, group, found := strings.Cut(target, ":thinggroup/"); found {
				has[group] = true
			}
		}
		if input.Marker = page.NextMarker; aws.ToString(input.Marker) == "" {
			break
		}
	}
	for _, group := range w.Groups {
		if has[group] {
			continue
		}
		if _, err := groupARN(ctx, api, group); err != nil {
			return err
		}
		step.Attach = append(step.Attach, group)
	}
	return nil
}

type groupReader interface {
	DescribeThingGroup(context.Context, *iot.DescribeThingGroupInput, ...func(*iot.Options)) (*iot.DescribeThingGroupOutput, error)
}

func groupARN(ctx context.Context, api groupReader, group string) (string, error) {
	g, err := api.DescribeThingGroup(ctx, &iot.DescribeThingGroupInput{ThingGroupName: &group})
	if notFound(err) {
		return "", fmt.Errorf("there is no thing group %q: make it with `aws iot create-thing-group --thing-group-name %s`", group, group)
	}
	if err != nil {
		return "", explain(err, "thing group "+group)
	}
	return aws.ToString(g.ThingGroupArn), nil
}

// compact is JSON without white space between its tokens.
func compact(text []byte) (string, error) {
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		return "", fmt.Errorf("this is not JSON: %w", err)
	}
	return b.String(), nil
}

// same is true of documents that differ in the order of keys and in white space
// only.
func same(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return a == b
	}
	one, err1 := json.Marshal(x)
	other, err2 := json.Marshal(y)
	return err1 == nil && err2 == nil && bytes.Equal(one, other)
}

func size(document string) int {
	n := 0
	for _, r := range document {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}
