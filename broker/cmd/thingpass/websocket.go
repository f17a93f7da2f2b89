// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"thingpass/broker/awss3"
	"thingpass/broker/cmd/thingpass/config"
	"thingpass/broker/mqttconn"
)

const (
	// What AWS IoT Core is called in a signature for its MQTT over WebSocket.
	webSocketService = "iotdevicegateway"

	// The URL is used at once; this is what the two clocks may differ by.
	webSocketExpires = "300" // seconds

	emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// signedMQTT completes the configuration of a connection over WebSocket: with a
// role, from wherever the AWS tools find it, instead of a certificate.
func signedMQTT(ctx context.Context, c *config.Config, mqtt mqttconn.Config, log *slog.Logger) (mqttconn.Config, error) {
	region := cmp.Or(c.MQTT.Region, mqttconn.Region(c.MQTT.Server), c.S3.Region)
	credentials, err := awss3.DefaultCredentials(ctx, region, log)
	if err != nil {
		return mqttconn.Config{}, fmt.Errorf("mqtt.server: %w", err)
	}
	mqtt.Presign = webSocketSigner(credentials, region, time.Now)
	return mqtt, nil
}

// webSocketSigner returns the function that signs the URL of each connection,
// with the credentials of that moment.
//
// Unlike S3, AWS IoT Core wants the session token beside the signature: a token
// under it is refused.
func webSocketSigner(credentials aws.CredentialsProvider, region string, now func() time.Time) func(context.Context, string) (string, error) {
	signer := v4.NewSigner()
	return func(ctx context.Context, target string) (string, error) {
		who, err := credentials.Retrieve(ctx)
		if err != nil {
			return "", fmt.Errorf("find AWS credentials: %w", err)
		}
		token := who.SessionToken
		who.SessionToken = ""
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.Replace(target, "wss:", "https:", 1)+"?X-Amz-Expires="+webSocketExpires, nil)
		if err != nil {
			return "", err
		}
		signed, _, err := signer.PresignHTTP(ctx, who, request, emptySHA256, webSocketService, region, now())
		if err != nil {
			return "", err
		}
		if token != "" {
			signed += "&X-Amz-Security-Token=" + url.QueryEscape(token)
		}
		return signed, nil
	}
}
