// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Verifies a signed request as a server does, from the bytes that arrived, by the
// text of AWS's manual and without the core's signer.

#ifndef THINGPASS_TESTS_SIGV4_JUDGE_H
#define THINGPASS_TESTS_SIGV4_JUDGE_H

// What is wrong with the head of a request, up to its empty line; NULL if it is
// signed with that secret, all that must be signed is, and nothing is there twice.
const char *sigv4_judge(const char *head, const char *secret);

#endif
