// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package isolate proves that no thing reaches what is another's: its topics, its
// filters, its client id, its keys in S3.
//
// What a thing may do must lie within what is its own: topics below its name at
// the place where contract.yaml has it, its name as client id, keys below its
// name. As names have no slash, that belongs to nobody else.
//
// The proof is in two parts that share nothing but the evaluator. The first is for
// every name: the thing is called A, a symbol that stands in no document, and all
// strings that its policies allow are searched for one that is not its own (see
// package language). What holds for A holds for every name. For let a thing n be
// allowed a string s by some resource; put A in the place of the variable there,
// and the resource allows the string with A instead: that one is A's own, or
// denied; so s is n's own, or denied. Conditions that name things, and
// NotResource, break the argument: then it is done for names that there are.
//
// The second part tries: names that look alike, each against each, topic by topic.
package isolate
