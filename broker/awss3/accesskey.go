// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
)

// AccessKeyFile is the path of a JSON file with an access key:
//
//	{"accessKeyId": "…", "secretAccessKey": "…"}
//
// A session has "sessionToken" and "expiration" (RFC 3339) as well; the file is
// read again before it expires. A Bucket also reads it again within a second or
// so after it was changed; a file that makes no sense then changes nothing.
type AccessKeyFile string

type accessKey struct {
	AccessKeyID     string    `json:"accessKeyId"`
	SecretAccessKey string    `json:"secretAccessKey"`
	SessionToken    string    `json:"sessionToken"`
	Expiration      time.Time `json:"expiration"`
}

// Retrieve reads the file. Its errors never hold what the file says.
func (f AccessKeyFile) Retrieve(context.Context) (aws.Credentials, error) {
	data, err := os.ReadFile(string(f))
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("read the access key: %w", err)
	}
	key, err := parseAccessKey(data)
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("access key file %s: %w", string(f), err)
	}
	return aws.Credentials{
		AccessKeyID:     key.AccessKeyID,
		SecretAccessKey: key.SecretAccessKey,
		SessionToken:    key.SessionToken,
		CanExpire:       !key.Expiration.IsZero(),
		Expires:         key.Expiration,
		Source:          "AccessKeyFile",
	}, nil
}

// parseAccessKey does not pass on what encoding/json says about values: its
// messages quote them.
func parseAccessKey(data []byte) (accessKey, error) {
	var key accessKey
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&key); err != nil {
		return accessKey{}, errors.New(`want {"accessKeyId": "…", "secretAccessKey": "…"}, with "sessionToken" and "expiration" for a session`)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return accessKey{}, errors.New("there is more than one JSON object")
	}
	if key.AccessKeyID == "" || key.SecretAccessKey == "" {
		return accessKey{}, errors.New("accessKeyId and secretAccessKey are both required")
	}
	return key, nil
}

// DefaultCredentials is where the AWS tools look: environment, shared files,
// web identity, container and instance roles, in this order. Finding none shows
// at the first use.
func DefaultCredentials(ctx context.Context, region string, log *slog.Logger) (aws.CredentialsProvider, error) {
	// The SDK would write to standard error by itself, between our lines.
	told := logging.LoggerFunc(func(_ logging.Classification, format string, args ...any) {
		log.Debug("AWS SDK: " + fmt.Sprintf(format, args...))
	})
	c, err := config.LoadDefaultConfig(ctx, config.WithRegion(region), config.WithLogger(told))
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	return c.Credentials, nil
}
