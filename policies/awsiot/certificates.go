// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awsiot

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"
)

// A Certificate is one of those attached to a thing.
type Certificate struct {
	ID        string    `json:"id"` // SHA-256 of the DER, in hexadecimal
	ARN       string    `json:"arn"`
	Status    string    `json:"status"` // ACTIVE, INACTIVE, REVOKED, PENDING_ACTIVATION …
	Created   time.Time `json:"created"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
	Exclusive bool      `json:"exclusive"` // attached to this thing alone: any client id will do
	PEM       string    `json:"-"`
}

type certificateReader interface {
	ListThingPrincipalsV2(context.Context, *iot.ListThingPrincipalsV2Input, ...func(*iot.Options)) (*iot.ListThingPrincipalsV2Output, error)
	DescribeCertificate(context.Context, *iot.DescribeCertificateInput, ...func(*iot.Options)) (*iot.DescribeCertificateOutput, error)
}

// Certificates lists those of a thing.
func Certificates(ctx context.Context, api certificateReader, thing string) ([]Certificate, error) {
	out := []Certificate{}
	input := &iot.ListThingPrincipalsV2Input{ThingName: &thing}
	for {
		page, err := api.ListThingPrincipalsV2(ctx, input)
		if err != nil {
			return nil, explain(err, "thing "+thing)
		}
		for _, p := range page.ThingPrincipalObjects {
			_, id, found := strings.Cut(aws.ToString(p.Principal), ":cert/")
			if !found {
				continue // a Cognito identity
			}
			c, err := describe(ctx, api, id)
			if err != nil {
				return nil, err
			}
			c.Exclusive = p.ThingPrincipalType == types.ThingPrincipalTypeExclusiveThing
			out = append(out, c)
		}
		if input.NextToken = page.NextToken; aws.ToString(input.NextToken) == "" {
			return out, nil
		}
	}
}

func describe(ctx context.Context, api certificateReader, id string) (Certificate, error) {
	out, err := api.DescribeCertificate(ctx, &iot.DescribeCertificateInput{CertificateId: &id})
	if err != nil {
		return Certificate{}, explain(err, "certificate "+id)
	}
	d := out.CertificateDescription
	c := Certificate{
		ID: id, ARN: aws.ToString(d.CertificateArn), Status: string(d.Status), Created: aws.ToTime(d.CreationDate),
		PEM: aws.ToString(d.CertificatePem),
	}
	if d.Validity != nil {
		c.NotBefore, c.NotAfter = aws.ToTime(d.Validity.NotBefore), aws.ToTime(d.Validity.NotAfter)
	}
	return c, nil
}

type certificateWriter interface {
	certificateReader
	UpdateCertificate(context.Context, *iot.UpdateCertificateInput, ...func(*iot.Options)) (*iot.UpdateCertificateOutput, error)
	DetachThingPrincipal(context.Context, *iot.DetachThingPrincipalInput, ...func(*iot.Options)) (*iot.DetachThingPrincipalOutput, error)
}

// Retire ends a certificate: REVOKED, or INACTIVE if it may come back, which
// stays attached. The last active certificate of a thing is retired only with
// force: the thing would be locked out. A connection that is open is ended by
// AWS some minutes later.
func Retire(ctx context.Context, api certificateWriter, thing, id string, revoke, force bool, tell func(string)) error {
	all, err := Certificates(ctx, api, thing)
	if err != nil {
		return err
	}
	var mine *Certificate
	others := 0
	for i := range all {
		switch {
		case all[i].ID == id:
			mine = &all[i]
		case all[i].Status == string(types.CertificateStatusActive):
			others++
		}
	}
	if mine == nil {
		return fmt.Errorf("certificate %s is not attached to thing %s", id, thing)
	}
	if others == 0 && mine.Status == string(types.CertificateStatusActive) && !force {
		return fmt.Errorf("%s is the only active certificate of thing %s, which could not connect any more: register its successor first, or give --force", id, thing)
	}
	status := types.CertificateStatusInactive
	if revoke {
		status = types.CertificateStatusRevoked
	}
	if _, err := api.UpdateCertificate(ctx, &iot.UpdateCertificateInput{CertificateId: &id, NewStatus: status}); err != nil {
		return explain(err, "certificate "+id)
	}
	tell(fmt.Sprintf("certificate %s is %s", id, status))
	if !revoke {
		return nil
	}
	if _, err := api.DetachThingPrincipal(ctx, &iot.DetachThingPrincipalInput{ThingName: &thing, Principal: &mine.ARN}); err != nil {
		return explain(err, "certificate "+id)
	}
	tell(fmt.Sprintf("certificate %s is detached from thing %s", id, thing))
	return nil
}
