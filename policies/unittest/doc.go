// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package unittest runs tests of policies that are written in YAML:
//
//	policies:
//	  thing: {builtin: thing}          # or {file: thing.json}, beside this file
//	things:
//	  cam1: {type: camera, attributes: {site: north}}
//	identities:
//	  cam1: {thing: cam1, policies: [thing]}
//	  stray: {clientId: cam1, policies: [thing]}   # a certificate of no thing
//	cases:
//	  - as: cam1                       # or a list of identities
//	    do: publish thingpass/cam1/upload-request  # or a list of operations
//	    expect: allow                  # allow, deny, explicit-deny, implicit-deny
//	    by: Ask                        # the statement that decides; may be left out
//	    why: a thing asks for leave    # printed where the case fails
//
// It also tells which statements no test decides: those could be taken away, or
// turned round, and nobody would notice.
package unittest
