// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What is said between a thing and AWS IoT's fleet provisioning (AWS IoT Developer
// Guide, "Device provisioning MQTT API"), in JSON.

#ifndef THINGPASS_CORE_PROVISION_MESSAGE_H
#define THINGPASS_CORE_PROVISION_MESSAGE_H

#include "text.h"
#include "thingpass/provision.h"

// The two questions.
enum thingpass_provision_question { THINGPASS_CERTIFY, THINGPASS_REGISTER };

// Two for each question.
enum { THINGPASS_PROVISION_TOPICS = 4 };

// Appends a question's topic, without a NUL.
void thingpass_put_provision_topic(struct thingpass_writer *w,
                                   enum thingpass_provision_question question,
                                   const char *template_name);

// The topic of an answer, with a NUL: accepted and rejected of the first question, then
// of the second.
void thingpass_provision_reply_topic(unsigned n, const char *template_name,
                                     char buf[THINGPASS_TOPIC_MAX + 1]);

// Append the questions.
void thingpass_put_csr(struct thingpass_writer *w, struct thingpass_span pem);
void thingpass_put_registration(struct thingpass_writer *w, struct thingpass_span token,
                                const struct thingpass_provision_config *config);

// Where an answer lies, and where there is memory to parse it.
struct thingpass_provision_answer {
    char *text; // is changed
    size_t len;
    void *memory;
    size_t memory_size;
};

// Read the answers, all into p: the first its pem and token, which lie in the answer,
// and the certificate's id; the second the thing's name. Return THINGPASS_OK,
// THINGPASS_EREPLY or THINGPASS_ESPACE, and change nothing of p then.
int thingpass_read_certificate(const struct thingpass_provision_answer *answer,
                               struct thingpass_provision *p);
int thingpass_read_registration(const struct thingpass_provision_answer *answer,
                                struct thingpass_provision *p);

// Reads a refusal into p's result. What cannot be read is THINGPASS_REFUSAL_OTHER.
void thingpass_read_refusal(const struct thingpass_provision_answer *answer,
                            enum thingpass_provision_question question,
                            struct thingpass_provision *p);

#endif
