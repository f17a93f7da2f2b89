// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awsiot

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
)

// A Registration makes a thing with a certificate of AWS's for its own key.
type Registration struct {
	Thing      string
	Type       string // "": none
	Attributes map[string]string
	Groups     []string // whose policies it gets; at least one, so that a successor's certificate gets them too
	CSR        []byte   // PEM; the key never leaves the thing
	Exclusive  bool     // the client id need not be the thing's name

	// Keep is given the certificate before it is of any use, and must store it:
	// AWS gives it out again, but only to who knows the id.
	Keep func(id string, pem []byte) error
	// CertificateID resumes a registration that broke off after Keep.
	CertificateID string
}

type registrar interface {
	groupReader
	certificateReader
	DescribeThing(context.Context, *iot.DescribeThingInput, ...func(*iot.Options)) (*iot.DescribeThingOutput, error)
	CreateThing(context.Context, *iot.CreateThingInput, ...func(*iot.Options)) (*iot.CreateThingOutput, error)
	AddThingToThingGroup(context.Context, *iot.AddThingToThingGroupInput, ...func(*iot.Options)) (*iot.AddThingToThingGroupOutput, error)
	CreateCertificateFromCsr(context.Context, *iot.CreateCertificateFromCsrInput, ...func(*iot.Options)) (*iot.CreateCertificateFromCsrOutput, error)
	AttachThingPrincipal(context.Context, *iot.AttachThingPrincipalInput, ...func(*iot.Options)) (*iot.AttachThingPrincipalOutput, error)
	UpdateCertificate(context.Context, *iot.UpdateCertificateInput, ...func(*iot.Options)) (*iot.UpdateCertificateOutput, error)
}

// Register makes the thing, puts it into its groups, has the certificate issued,
// attaches it, and activates it last of all: whatever breaks off before leaves
// nothing that can connect. It may be repeated; a thing that is there keeps its
// other certificates, so that old and new overlap.
func Register(ctx context.Context, api registrar, r Registration, tell func(string)) error {
	if len(r.Groups) == 0 {
		return errors.New("name a thing group: a policy attached to it serves the next certificate as well")
	}
	for _, group := range r.Groups {
		if _, err := groupARN(ctx, api, group); err != nil {
			return err
		}
	}
	if err := makeThing(ctx, api, &r, tell); err != nil {
		return err
	}
	c, err := issue(ctx, api, &r, tell)
	if err != nil {
		return err
	}
	return activate(ctx, api, &r, c, tell)
}

func makeThing(ctx context.Context, api registrar, r *Registration, tell func(string)) error {
	input := &iot.CreateThingInput{ThingName: &r.Thing}
	if r.Type != "" {
		input.ThingTypeName = &r.Type
	}
	if len(r.Attributes) > 0 {
		input.AttributePayload = &types.AttributePayload{Attributes: maps.Clone(r.Attributes)}
	}
	_, err := api.CreateThing(ctx, input)
	var taken *types.ResourceAlreadyExistsException
	if errors.As(err, &taken) { // with another type or other attributes than these
		err = agrees(ctx, api, r)
	} else if err != nil {
		err = explain(err, "thing "+r.Thing)
	}
	if err != nil {
		return err
	}
	tell(fmt.Sprintf("thing %s is there", r.Thing))
	for _, group := range r.Groups {
		if _, err := api.AddThingToThingGroup(ctx, &iot.AddThingToThingGroupInput{ThingName: &r.Thing, ThingGroupName: &group}); err != nil {
			return explain(err, "thing "+r.Thing+", thing group "+group)
		}
		tell(fmt.Sprintf("thing %s is in thing group %s", r.Thing, group))
	}
	return nil
}

// agrees returns nil if the thing has what is asked for, and perhaps more.
func agrees(ctx context.Context, api registrar, r *Registration) error {
	is, err := api.DescribeThing(ctx, &iot.DescribeThingInput{ThingName: &r.Thing})
	if err != nil {
		return explain(err, "thing "+r.Thing)
	}
	if r.Type != "" && r.Type != aws.ToString(is.ThingTypeName) {
		return fmt.Errorf("thing %s exists with type %q, not %q: change it with `aws iot update-thing`", r.Thing, aws.ToString(is.ThingTypeName), r.Type)
	}
	for name, value := range r.Attributes {
		if have, ok := is.Attributes[name]; !ok || have != value {
			return fmt.Errorf("thing %s exists with attribute %s = %q, not %q: change it with `aws iot update-thing`", r.Thing, name, have, value)
		}
	}
	return nil
}

func issue(ctx context.Context, api registrar, r *Registration, tell func(string)) (Certificate, error) {
	if r.CertificateID != "" {
		return describe(ctx, api, r.CertificateID)
	}
	out, err := api.CreateCertificateFromCsr(ctx, &iot.CreateCertificateFromCsrInput{
		CertificateSigningRequest: aws.String(string(r.CSR)), SetAsActive: false,
	})
	if err != nil {
		return Certificate{}, explain(err, "CSR of thing "+r.Thing)
	}
	c := Certificate{ID: aws.ToString(out.CertificateId), ARN: aws.ToString(out.CertificateArn), PEM: aws.ToString(out.CertificatePem)}
	if err := r.Keep(c.ID, []byte(c.PEM)); err != nil {
		return c, fmt.Errorf("certificate %s was issued, inactive, but not kept: %w; go on with --certificate-id %s", c.ID, err, c.ID)
	}
	tell(fmt.Sprintf("certificate %s is issued, inactive", c.ID))
	return c, nil
}

func activate(ctx context.Context, api registrar, r *Registration, c Certificate, tell func(string)) error {
	kind := types.ThingPrincipalTypeNonExclusiveThing
	if r.Exclusive {
		kind = types.ThingPrincipalTypeExclusiveThing
	}
	resume := fmt.Sprintf("; go on with --certificate-id %s", c.ID)
	_, err := api.AttachThingPrincipal(ctx, &iot.AttachThingPrincipalInput{ThingName: &r.Thing, Principal: &c.ARN, ThingPrincipalType: kind})
	if err != nil {
		return fmt.Errorf("%w%s", explain(err, "certificate "+c.ID), resume)
	}
	tell(fmt.Sprintf("certificate %s is attached to thing %s", c.ID, r.Thing))
	_, err = api.UpdateCertificate(ctx, &iot.UpdateCertificateInput{CertificateId: &c.ID, NewStatus: types.CertificateStatusActive})
	if err != nil {
		return fmt.Errorf("%w%s", explain(err, "certificate "+c.ID), resume)
	}
	tell(fmt.Sprintf("certificate %s is ACTIVE", c.ID))
	return nil
}
