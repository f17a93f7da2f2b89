// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package devstack is AWS IoT Core and S3 on one machine, for the demo, for
// tests and for the first hours with a real ESP32: an MQTT server with mutual
// TLS where a thing reaches its own topics and nothing else, and an S3 that
// verifies what S3 verifies and keeps objects as plain files.
//
// It is as strict as the originals, or stricter, so that what works here works
// there. It is no production server: sessions live in memory, and an S3 process
// serves one folder.
package devstack

// DefaultRegion is the region of the embedded S3 unless another is set.
const DefaultRegion = "us-east-1"
