// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package mosquitto compiles AWS IoT policies into an access list for Mosquitto
// (acl_file of mosquitto.conf), which never allows a message that AWS would
// refuse, and reports statement by statement what such a list cannot do.
//
// Mosquitto knows neither * nor variables inside a level, has no right to connect
// or to subscribe, and its denials cover both directions. So * is expanded where
// it stands for whole levels, an Allow that cannot be said is left out, and a
// Deny that cannot be said denies more. The rules are measured against Debian's
// Mosquitto by this package's differential test.
//
// Things are all who have no entry of their own: their lines are patterns, in
// which %u is the certificate's common name (use_identity_as_username) and so the
// thing's name, and %c the client id.
package mosquitto
