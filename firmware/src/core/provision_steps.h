// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The steps of fleet provisioning; provision.c has their order.

#ifndef THINGPASS_CORE_PROVISION_STEPS_H
#define THINGPASS_CORE_PROVISION_STEPS_H

#include "provision_message.h"

enum thingpass_provision_phase {
    THINGPASS_PROVISION_IDLE,
    THINGPASS_PROVISION_PREPARE,
    THINGPASS_PROVISION_CERTIFY,
    THINGPASS_PROVISION_KEEP,
    THINGPASS_PROVISION_REGISTER,
    THINGPASS_PROVISION_COMMIT,
    THINGPASS_PROVISION_ENDED
};

uint64_t thingpass_provision_now(const struct thingpass_provision *p);

void thingpass_provision_enter(struct thingpass_provision *p, enum thingpass_provision_phase phase);

// Ends it.
void thingpass_provision_finish(struct thingpass_provision *p, int err);

// How long to wait for an answer, or before the next question.
uint32_t thingpass_provision_wait(const struct thingpass_provision *p);

// Something is wrong that may pass. When to ask again is settled; whoever asks for the
// last time ends with err.
void thingpass_provision_ask_later(struct thingpass_provision *p, int err);

// Asks for another certificate, or ends with err if there were enough.
void thingpass_provision_begin_again(struct thingpass_provision *p, int err);

// The server does not register this certificate now; it may have done so before, and
// nobody heard of it. Where the name is known that is an identity: it is there, and it
// ends well.
bool thingpass_provision_may_be_registered(struct thingpass_provision *p);

// provision_ask.c
enum thingpass_provision_question
thingpass_provision_question_of(const struct thingpass_provision *p);
int thingpass_provision_ask(struct thingpass_provision *p); // returns what step returns

// provision_keep.c: steps as well, and
int thingpass_provision_prepare(struct thingpass_provision *p);
int thingpass_provision_keep(struct thingpass_provision *p);
int thingpass_provision_commit(struct thingpass_provision *p);

// erases the record that was written for a thing which does not come about after all.
void thingpass_provision_withdraw(struct thingpass_provision *p, int err);

#endif
