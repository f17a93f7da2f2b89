// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package revoke

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/iot"
	"github.com/aws/aws-sdk-go-v2/service/iot/types"

	"thingpass/policies/awsiot"
)

// AWS revokes at AWS IoT Core as `thingpass certs aws retire --force` does. It
// needs iot:ListThingPrincipalsV2, DescribeCertificate, UpdateCertificate and
// DetachThingPrincipal.
type AWS struct {
	API  *iot.Client  // see awsiot.Open
	Tell func(string) // what was done, for the log; nil: nobody
}

// Revoke revokes and detaches all certificates of the thing. One that fails does
// not keep the others from it.
func (a AWS) Revoke(ctx context.Context, thing string) (n int, err error) {
	all, err := awsiot.Certificates(ctx, a.API, thing)
	if err != nil {
		return 0, err
	}
	if len(all) == 0 {
		return 0, fmt.Errorf("AWS IoT has no certificate of thing %s: block the thing", thing)
	}
	for _, c := range all {
		if c.Status == string(types.CertificateStatusRevoked) {
			continue // AWS allows no more of it
		}
		if failure := awsiot.Retire(ctx, a.API, thing, c.ID, true, true, a.tell); failure != nil {
			err = errors.Join(err, failure)
		} else {
			n++
		}
	}
	return n, err
}

func (a AWS) tell(line string) {
	if a.Tell != nil {
		a.Tell(line)
	}
}
