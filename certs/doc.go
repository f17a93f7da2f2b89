// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package certs is a certificate authority: it issues certificates to things,
// services and servers, in memory or in a directory, renews, rotates and revokes
// them. Its own keys are ECDSA P-256; a thing that makes its key itself brings a
// request.
//
// A thing's certificate carries the thing's name as its common name (CN), so
// that Mosquitto's use_identity_as_username makes of it what AWS IoT makes of
// a registry entry: the one name under which the thing may publish. Three rules
// follow, and everything here serves them:
//
//   - A name means the same everywhere. Characters with a meaning in topics,
//     policies or object keys are refused, and so are names longer than X.509
//     allows (see CheckName).
//   - No thing can pass as a service. The two share one name space, in which a
//     name is given once; besides, the kind stands in the subject's OU, which
//     the CA writes and no thing can choose (see Subject). Servers cannot pass
//     as clients, nor clients as servers: their extended key usages differ.
//   - A key is never lost. A directory entry appears complete or not at all, and
//     an existing one is touched only by a rotation, which keeps both keys until
//     it is finished (see Dir).
//
// It is for Mosquitto and for development. On AWS the certificates come from AWS
// IoT's own CA, or from a CA registered there, and the name is bound by the registry.
package certs
