// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The mode `credentials` in parts: functions of its table (mode.h), and what they
// share.

#ifndef THINGPASS_CORE_CREDENTIALS_STEPS_H
#define THINGPASS_CORE_CREDENTIALS_STEPS_H

#include "text.h"
#include "thingpass/thingpass.h"

// credentials.c: makes the upload's key and grant from the credentials at hand.
// Returns THINGPASS_OK, THINGPASS_ENOCLOCK, THINGPASS_EINVAL (a key that is too long)
// or THINGPASS_ESPACE.
int thingpass_credentials_use(struct thingpass *tp);

// credentials_request.c
int thingpass_credentials_send(struct thingpass *tp);
size_t thingpass_credentials_head(struct thingpass *tp, char *buf, size_t cap);

// credentials_answer.c
int thingpass_credentials_body(struct thingpass *tp, struct thingpass_span bytes);
bool thingpass_credentials_judge(struct thingpass *tp);
void thingpass_credentials_stored(struct thingpass *tp);

#endif
