// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package awsiot brings policies and things to AWS IoT Core, and asks AWS how it
// decides. It is the only package that needs AWS's IoT SDK; what it changes it
// says beforehand (Plan), and each step may be repeated.
//
// Nothing here holds a key: credentials are those of the AWS SDK's default chain
// (environment, profile, SSO, role).
package awsiot

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/iot"
)

// Options say where AWS IoT is. Both may be empty: AWS_REGION or the profile
// names the region then, and the endpoint follows from it.
type Options struct {
	Region   string
	Endpoint string // another URL for the API, for tests and private endpoints
}

// Open returns a client. No call is made yet.
func Open(ctx context.Context, o Options) (*iot.Client, error) {
	var load []func(*config.LoadOptions) error
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	c, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("AWS's configuration: %w", err)
	}
	if c.Region == "" {
		return nil, fmt.Errorf("no region: give --region, or set AWS_REGION")
	}
	return iot.NewFromConfig(c, func(io *iot.Options) {
		if o.Endpoint != "" {
			io.BaseEndpoint = aws.String(o.Endpoint)
		}
	}), nil
}
