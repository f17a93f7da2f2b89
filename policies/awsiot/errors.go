// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awsiot

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iot/types"
	"github.com/aws/smithy-go"
)

// explain words an error of AWS with what to do; what names the object at hand.
func explain(err error, what string) error {
	if err == nil {
		return nil
	}
	var operation *smithy.OperationError
	call := "the call"
	if errors.As(err, &operation) {
		call = "iot:" + operation.Operation()
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return fmt.Errorf("%s: %s: AWS IoT cannot be asked: %w", what, call, err)
	}
	if advice := adviceFor(api.ErrorCode(), call); advice != "" {
		return fmt.Errorf("%s: %s: %s; %s", what, api.ErrorCode(), api.ErrorMessage(), advice)
	}
	return fmt.Errorf("%s: %s: %s: %s", what, call, api.ErrorCode(), api.ErrorMessage())
}

func adviceFor(code, call string) string {
	switch code {
	case "AccessDeniedException", "UnauthorizedException", "AccessDenied":
		return "give who runs this leave for " + call
	case "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException", "InvalidSignatureException":
		return "the AWS credentials are wrong or have ended: log in again"
	case "ThrottlingException":
		return "AWS asks for patience: run it again, what is done is not done twice"
	case "MalformedPolicyException":
		return "run `thingpass policy lint` on the document"
	case "VersionsLimitExceededException":
		return "somebody else added a version meanwhile: plan again"
	case "CertificateValidationException", "InvalidRequestException":
		if strings.Contains(call, "Csr") {
			return "AWS takes PKCS #10 in PEM with an RSA key of 2,048 bits or more, or P-256, P-384, P-521"
		}
	}
	return ""
}

func notFound(err error) bool {
	var gone *types.ResourceNotFoundException
	return errors.As(err, &gone)
}
