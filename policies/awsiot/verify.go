// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awsiot

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"

	"thingpass/policies"
)

// perCall is how many questions AWS takes at once.
const perCall = 10

// A Question is put to AWS and to our evaluator: action is one of
// types.ActionType, all that TestAuthorization knows.
type Question struct {
	Action types.ActionType
	Name   string // client id, topic, or topic filter
}

// actions are ours, with the kind of resource.
var actions = map[types.ActionType]struct{ name, kind string }{
	types.ActionTypeConnect:   {"iot:Connect", "client/"},
	types.ActionTypePublish:   {"iot:Publish", "topic/"},
	types.ActionTypeReceive:   {"iot:Receive", "topic/"},
	types.ActionTypeSubscribe: {"iot:Subscribe", "topicfilter/"},
}

// An Answer is what AWS decided, and what we would have.
type Answer struct {
	Question
	Resource string                // its ARN
	AWS      types.AuthDecision    // of the live service
	Missing  []string              // AWS's missingContextValues
	Policies []string              // that AWS names for it
	Ours     policies.Result       // by the policies that AWS has for the thing
	Why      *policies.Explanation // ours, where the two differ
}

// Agrees is true if AWS decided as the evaluator does.
func (a *Answer) Agrees() bool { return string(a.AWS) == a.Ours.Decision.String() }

type verifier interface {
	certificateReader
	DescribeThing(context.Context, *iot.DescribeThingInput, ...func(*iot.Options)) (*iot.DescribeThingOutput, error)
	GetEffectivePolicies(context.Context, *iot.GetEffectivePoliciesInput, ...func(*iot.Options)) (*iot.GetEffectivePoliciesOutput, error)
	TestAuthorization(context.Context, *iot.TestAuthorizationInput, ...func(*iot.Options)) (*iot.TestAuthorizationOutput, error)
}

// Verify asks AWS what a thing may do, as itself, with its certificate of that
// id or else its first active one, and compares with our evaluator.
func Verify(ctx context.Context, api verifier, thing, certificateID string, questions []Question) ([]Answer, error) {
	who, cert, err := principal(ctx, api, thing, certificateID)
	if err != nil {
		return nil, err
	}
	set, err := effective(ctx, api, thing, cert.ARN)
	if err != nil {
		return nil, err
	}
	at, err := placeOf(cert.ARN)
	if err != nil {
		return nil, err
	}
	session, _ := set.Connect(at, who, policies.ConnectRequest{ClientID: thing})
	var out []Answer
	for some := range slices.Chunk(questions, perCall) {
		answers, err := ask(ctx, api, thing, cert.ARN, at, some)
		if err != nil {
			return nil, err
		}
		out = append(out, answers...)
	}
	for i := range out {
		a := &out[i]
		a.Ours = ourAnswer(set, session, at, who, a.Question)
		if !a.Agrees() {
			x := session.Explain(actions[a.Action].name, a.Resource)
			a.Why = &x
		}
	}
	return out, nil
}

// ourAnswer decides CONNECT with its own context, all others in the session.
func ourAnswer(set *policies.Set, session *policies.Session, at policies.Place, who policies.Principal, q Question) policies.Result {
	if q.Action == types.ActionTypeConnect {
		_, result := set.Connect(at, who, policies.ConnectRequest{ClientID: q.Name})
		return result
	}
	a := actions[q.Action]
	return session.Decide(a.name, at.ARN(a.kind+q.Name))
}

func principal(ctx context.Context, api verifier, thing, id string) (policies.Principal, Certificate, error) {
	none := policies.Principal{}
	t, err := api.DescribeThing(ctx, &iot.DescribeThingInput{ThingName: &thing})
	if notFound(err) {
		return none, Certificate{}, fmt.Errorf("AWS has no thing %q in this account and region", thing)
	}
	if err != nil {
		return none, Certificate{}, explain(err, "thing "+thing)
	}
	all, err := Certificates(ctx, api, thing)
	if err != nil {
		return none, Certificate{}, err
	}
	i := slices.IndexFunc(all, func(c Certificate) bool {
		return c.ID == id || id == "" && c.Status == string(types.CertificateStatusActive)
	})
	if i < 0 {
		return none, Certificate{}, fmt.Errorf("thing %s has no such certificate, or none that is ACTIVE, among its %d", thing, len(all))
	}
	who := policies.Principal{
		ID: all[i].ID, Exclusive: all[i].Exclusive,
		Thing: &policies.Thing{Name: thing, Type: aws.ToString(t.ThingTypeName), Attributes: t.Attributes},
	}
	if block, _ := pem.Decode([]byte(all[i].PEM)); block != nil {
		who.Certificate, _ = x509.ParseCertificate(block.Bytes) // without it, its variables stay unresolved
	}
	return who, all[i], nil
}

// effective compiles what AWS has for the certificate and the thing's groups.
func effective(ctx context.Context, api verifier, thing, principal string) (*policies.Set, error) {
	out, err := api.GetEffectivePolicies(ctx, &iot.GetEffectivePoliciesInput{Principal: &principal, ThingName: &thing})
	if err != nil {
		return nil, explain(err, "thing "+thing)
	}
	var docs []*policies.Document
	for _, p := range out.EffectivePolicies {
		doc, err := policies.Parse(aws.ToString(p.PolicyName), []byte(aws.ToString(p.PolicyDocument)))
		if err != nil {
			return nil, fmt.Errorf("a policy that AWS has: %w", err)
		}
		docs = append(docs, doc)
	}
	return policies.Compile(policies.IoT, docs...), nil
}

func placeOf(text string) (policies.Place, error) {
	a, err := arn.Parse(text)
	if err != nil {
		return policies.Place{}, fmt.Errorf("certificate %q: %w", text, err)
	}
	return policies.Place{Partition: a.Partition, Region: a.Region, Account: a.AccountID}, nil
}

func ask(ctx context.Context, api verifier, thing, principal string, at policies.Place, questions []Question) ([]Answer, error) {
	input := &iot.TestAuthorizationInput{Principal: &principal, ClientId: &thing}
	out := make([]Answer, 0, len(questions))
	for _, q := range questions {
		resource := at.ARN(actions[q.Action].kind + q.Name)
		input.AuthInfos = append(input.AuthInfos, types.AuthInfo{ActionType: q.Action, Resources: []string{resource}})
		out = append(out, Answer{Question: q, Resource: resource})
	}
	reply, err := api.TestAuthorization(ctx, input)
	if err != nil {
		return nil, explain(err, "thing "+thing)
	}
	if len(reply.AuthResults) != len(questions) {
		return nil, fmt.Errorf("AWS answered %d of %d questions", len(reply.AuthResults), len(questions))
	}
	for i := range out {
		r := &reply.AuthResults[i]
		if r.AuthInfo != nil && !slices.Equal(r.AuthInfo.Resources, input.AuthInfos[i].Resources) {
			return nil, fmt.Errorf("AWS answered in another order: %s is not %s", strings.Join(r.AuthInfo.Resources, ", "), out[i].Resource)
		}
		out[i].AWS, out[i].Missing = r.AuthDecision, r.MissingContextValues
		out[i].Policies = named(r)
	}
	return out, nil
}

// named are the policies that AWS gives as the reason.
func named(r *types.AuthResult) []string {
	var list []types.Policy
	switch {
	case r.Allowed != nil:
		list = r.Allowed.Policies
	case r.Denied != nil && r.Denied.ExplicitDeny != nil:
		list = r.Denied.ExplicitDeny.Policies
	case r.Denied != nil && r.Denied.ImplicitDeny != nil:
		list = r.Denied.ImplicitDeny.Policies
	}
	names := make([]string, 0, len(list))
	for _, p := range list {
		names = append(names, aws.ToString(p.PolicyName))
	}
	return names
}

// ParseQuestion reads "publish TOPIC", "subscribe FILTER", "receive TOPIC" and
// "connect CLIENT-ID"; without an id, connect is with the thing's name.
func ParseQuestion(verb, name, thing string) (Question, error) {
	q := Question{Action: types.ActionType(strings.ToUpper(verb)), Name: name}
	if _, ok := actions[q.Action]; !ok {
		return q, fmt.Errorf("AWS can be asked of connect, publish, subscribe and receive, not of %q", verb)
	}
	if q.Action == types.ActionTypeConnect && name == "" {
		q.Name = thing
	}
	if q.Name == "" {
		return q, fmt.Errorf("%s of what? Give a topic", verb)
	}
	return q, nil
}
