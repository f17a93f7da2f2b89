// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package diff says what a change of policies changes: which topics, filters and
// keys whom gains, and loses. It compares what documents mean, not what they say:
// statements may be split, merged, renamed and reordered, and nothing is reported.
//
// It compares for every string at once (see package language), and names the
// shortest that makes the difference, or a more telling one. So "no difference"
// is a proof, for the subjects that it compares.
//
// Subjects are a thing that has no name yet, called A, and what the conditions of
// both sides can tell apart: its type, its attributes, the client's address, a
// certificate of no thing. What holds for A holds for every name: a string that a
// thing's policy matches under some name is the image of one that it matches
// under A, and what decides on it is at least what decides there. Where there is
// a NotResource, that does not follow; the result says so.
package diff
