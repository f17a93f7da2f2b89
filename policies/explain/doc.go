// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package explain answers the question of the one who is awake at three in the
// morning: may this client do that, which statement decides it, and if it is
// denied, what is the least that would have to change.
//
//	bench, err := explain.New(explain.Identity{…})
//	answer := bench.Ask(explain.Operation{Verb: explain.Publish, Name: "thingpass/cam1/response"})
//
// A suggestion has been tried: what it changes is changed in a copy, and the
// decision asked for again. None opens more than the one resource asked for.
package explain
