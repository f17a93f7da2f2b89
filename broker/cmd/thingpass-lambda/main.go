// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Command thingpass-lambda is the broker as an AWS Lambda function behind AWS
// IoT rules. It takes the settings of `thingpass run` from THINGPASS_… variables,
// or from the file that THINGPASS_CONFIG names; see README.md.
//
// The audit goes to standard output and the log to standard error: CloudWatch
// Logs keeps both.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"thingpass/broker/cmd/thingpass/config"
)

func main() {
	f, err := newFunction(context.Background(), os.Getenv(config.FileVariable), os.Environ(), os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintf(os.Stderr, "thingpass-lambda: %v\n", err)
		os.Exit(2)
	}
	lambda.Start(f.Invoke)
}
