// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package registry keeps what AWS IoT's registry keeps, in a file: things, their
// types, attributes and groups, certificates, and which policies are attached to
// what. Simulation, the Mosquitto plugin, the dev stack and `thingpass certs`
// share it, so that all of them know the same things.
//
// A Registry is a snapshot that never changes; a Store has the current one, and
// edits and reloads it.
package registry
