// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package iotrule

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/iotdataplane"
	"github.com/aws/aws-sdk-go-v2/service/iotdataplane/types"

	"thingpass/broker"
)

const (
	publishTries   = 3
	publishTimeout = 3 * time.Second // for each try
)

// DataPlane publishes over HTTPS to AWS IoT Core, which has no limit for each
// connection as MQTT has. Its role needs iot:Publish on
// topic/<root>/*/response and topic/<root>/*/uploaded.
type DataPlane struct{ client *iotdataplane.Client }

// NewDataPlane returns a Publisher for the endpoint that
// `aws iot describe-endpoint --endpoint-type iot:Data-ATS` prints, as an https
// URL. A nil client is one with short timeouts.
func NewDataPlane(endpoint, region string, credentials aws.CredentialsProvider, client *http.Client) (*DataPlane, error) {
	if endpoint == "" || region == "" || credentials == nil {
		return nil, errors.New("publishing needs an endpoint, a region and credentials")
	}
	if client == nil {
		client = &http.Client{Timeout: publishTimeout}
	}
	return &DataPlane{iotdataplane.New(iotdataplane.Options{
		BaseEndpoint: aws.String(endpoint),
		Region:       region,
		Credentials:  credentials,
		HTTPClient:   client,
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = publishTries
			o.MaxBackoff = publishTimeout / 3
		}),
	})}, nil
}

// Publish hands m to AWS IoT Core. nil means that the server has taken it.
func (p *DataPlane) Publish(ctx context.Context, m broker.Message) error {
	in := &iotdataplane.PublishInput{
		Topic:                  aws.String(m.Topic),
		Qos:                    int32(min(m.QoS, 1)),
		Payload:                m.Payload,
		ContentType:            aws.String("application/json"),
		PayloadFormatIndicator: types.PayloadFormatIndicatorUtf8Data,
	}
	if len(m.Correlation) > 0 {
		in.CorrelationData = aws.String(base64.StdEncoding.EncodeToString(m.Correlation))
	}
	if _, err := p.client.Publish(ctx, in); err != nil {
		return fmt.Errorf("iot-data: %w", err)
	}
	return nil
}
