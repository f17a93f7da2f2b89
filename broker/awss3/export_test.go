// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package awss3

import "time"

// Hurry makes the bucket as impatient as a test is.
func (b *Bucket) Hurry(timeout time.Duration) { b.http.Timeout, b.patient.Timeout = timeout, timeout }
