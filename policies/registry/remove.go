// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Revoke marks a certificate, known or not. One that is not named is added: jitp,
// or an entry for its common name, would let it in again.
func (d *Draft) Revoke(id string) error {
	if d.certificate(id, "") != nil {
		return d.SetStatus(id, Revoked)
	}
	return d.AddCertificate(Certificate{ID: id, Status: Revoked})
}

// RemovePending removes a certificate that fleet provisioning has issued and nobody
// has used, as AWS does when its token ends. The error tells that there is no such
// certificate, or that it is past that.
func (d *Draft) RemovePending(id string) error {
	n := d.certificate(id, "")
	if n == nil {
		return fmt.Errorf("certificate %s is not in the registry", id)
	}
	if status := at(n, "status"); status == nil || Status(status.Value) != PendingActivation {
		return fmt.Errorf("certificate %s is not %s: revoke it instead", id, PendingActivation)
	}
	list := at(d.root, "certificates")
	list.Content = slices.DeleteFunc(list.Content, func(item *yaml.Node) bool { return item == n })
	return nil
}
