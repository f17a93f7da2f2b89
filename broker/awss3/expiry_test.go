// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"thingpass/broker/awss3"
)

func TestCredentialsTellWhenTheyEnd(t *testing.T) {
	end := time.Now().Add(time.Hour).Truncate(time.Second)
	for name, test := range map[string]struct {
		credentials aws.Credentials
		err         error
		want        float64
	}{
		"of a session": {aws.Credentials{AccessKeyID: "a", SecretAccessKey: "s", CanExpire: true, Expires: end}, nil, float64(end.Unix())},
		"for ever":     {aws.Credentials{AccessKeyID: "a", SecretAccessKey: "s"}, nil, math.Inf(1)},
		"none":         {aws.Credentials{}, errors.New("no role"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			source := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return test.credentials, test.err })
			b, err := awss3.New(awss3.Config{Region: "eu-central-1", Bucket: "photos", Credentials: source})
			if err != nil {
				t.Fatal(err)
			}
			if got := b.CredentialsExpiry(); got != 0 {
				t.Errorf("before any were fetched: %v", got)
			}
			if err := b.Ready(t.Context()); !errors.Is(err, test.err) {
				t.Errorf("check: %v, want %v", err, test.err)
			}
			if got := b.CredentialsExpiry(); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
