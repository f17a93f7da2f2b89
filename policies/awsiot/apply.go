// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awsiot

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
)

// policyWriter is what Apply needs of AWS IoT.
type policyWriter interface {
	groupReader
	GetPolicy(context.Context, *iot.GetPolicyInput, ...func(*iot.Options)) (*iot.GetPolicyOutput, error)
	CreatePolicy(context.Context, *iot.CreatePolicyInput, ...func(*iot.Options)) (*iot.CreatePolicyOutput, error)
	CreatePolicyVersion(context.Context, *iot.CreatePolicyVersionInput, ...func(*iot.Options)) (*iot.CreatePolicyVersionOutput, error)
	DeletePolicyVersion(context.Context, *iot.DeletePolicyVersionInput, ...func(*iot.Options)) (*iot.DeletePolicyVersionOutput, error)
	SetDefaultPolicyVersion(context.Context, *iot.SetDefaultPolicyVersionInput, ...func(*iot.Options)) (*iot.SetDefaultPolicyVersionOutput, error)
	AttachPolicy(context.Context, *iot.AttachPolicyInput, ...func(*iot.Options)) (*iot.AttachPolicyOutput, error)
}

// Apply carries a plan out, and tells after each step. It stops at the first
// failure; plan and apply again to go on. A policy that was changed since it was
// planned is left alone.
func Apply(ctx context.Context, api policyWriter, plan *Plan, tell func(string)) error {
	for i := range plan.Steps {
		if err := applyStep(ctx, api, &plan.Steps[i], tell); err != nil {
			return err
		}
	}
	return nil
}

func applyStep(ctx context.Context, api policyWriter, s *Step, tell func(string)) error {
	if s.Action != Keep {
		if err := unchanged(ctx, api, s); err != nil {
			return err
		}
	}
	var err error
	switch s.Action {
	case Create:
		_, err = api.CreatePolicy(ctx, &iot.CreatePolicyInput{PolicyName: &s.Policy, PolicyDocument: &s.Document})
		if err == nil {
			tell(fmt.Sprintf("policy %s: created", s.Policy))
		}
	case Restore:
		_, err = api.SetDefaultPolicyVersion(ctx, &iot.SetDefaultPolicyVersionInput{PolicyName: &s.Policy, PolicyVersionId: &s.Restored})
		if err == nil {
			tell(fmt.Sprintf("policy %s: version %s is the default again", s.Policy, s.Restored))
		}
	case Update:
		err = update(ctx, api, s, tell)
	}
	if err != nil {
		return explain(err, "policy "+s.Policy)
	}
	return attach(ctx, api, s, tell)
}

// unchanged guards against somebody else's change between plan and apply.
func unchanged(ctx context.Context, api policyWriter, s *Step) error {
	now, err := api.GetPolicy(ctx, &iot.GetPolicyInput{PolicyName: &s.Policy})
	switch {
	case notFound(err) && s.Action == Create:
		return nil
	case err != nil && !notFound(err):
		return explain(err, "policy "+s.Policy)
	case err != nil:
		return fmt.Errorf("policy %s is gone since it was planned: plan again", s.Policy)
	case aws.ToString(now.DefaultVersionId) != s.Default:
		return fmt.Errorf("policy %s was changed since it was planned: its default is version %s now; plan again",
			s.Policy, aws.ToString(now.DefaultVersionId))
	}
	return nil
}

func update(ctx context.Context, api policyWriter, s *Step, tell func(string)) error {
	if s.Prune != "" {
		_, err := api.DeletePolicyVersion(ctx, &iot.DeletePolicyVersionInput{PolicyName: &s.Policy, PolicyVersionId: &s.Prune})
		if err != nil && !notFound(err) {
			return err
		}
		tell(fmt.Sprintf("policy %s: version %s deleted, to make room", s.Policy, s.Prune))
	}
	made, err := api.CreatePolicyVersion(ctx, &iot.CreatePolicyVersionInput{
		PolicyName: &s.Policy, PolicyDocument: &s.Document, SetAsDefault: true,
	})
	if err != nil {
		return err
	}
	tell(fmt.Sprintf("policy %s: version %s is the default now, before it was %s", s.Policy, aws.ToString(made.PolicyVersionId), s.Default))
	return nil
}

func attach(ctx context.Context, api policyWriter, s *Step, tell func(string)) error {
	for _, group := range s.Attach {
		arn, err := groupARN(ctx, api, group)
		if err != nil {
			return err
		}
		if _, err := api.AttachPolicy(ctx, &iot.AttachPolicyInput{PolicyName: &s.Policy, Target: &arn}); err != nil {
			return explain(err, "policy "+s.Policy+", thing group "+group)
		}
		tell(fmt.Sprintf("policy %s: attached to thing group %s", s.Policy, group))
	}
	return nil
}
