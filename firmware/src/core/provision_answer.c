// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What the server says.

#include <string.h>

#include "provision_message.h"
#include "provision_steps.h"

enum {
    // AWS's token is good for an hour. The last minutes are for the clocks.
    token_ms = 55 * 60 * 1000
};

bool thingpass_provision_may_be_registered(struct thingpass_provision *p) {
    if (p->config.thing == NULL || p->open == 0) {
        return false;
    }
    thingpass_copy_cut(p->result.thing, sizeof p->result.thing, thingpass_span_of(p->config.thing));
    thingpass_provision_finish(p, THINGPASS_OK);
    return true;
}

// Copies an answer behind a token that is there.
static int copy(struct thingpass_provision *p, const void *payload, size_t len,
                struct thingpass_provision_answer *a) {
    char *buffer = p->config.buffer;
    size_t kept = p->phase == THINGPASS_PROVISION_REGISTER ? p->token.n : 0;
    size_t room = p->config.buffer_size - kept;
    if (len > room) {
        return THINGPASS_ESPACE;
    }
    if (len > 0) {
        memcpy(buffer + kept, payload, len);
    }
    *a = (struct thingpass_provision_answer){buffer + kept, len, buffer + kept + len, room - len};
    return THINGPASS_OK;
}

static int accepted(struct thingpass_provision *p, const struct thingpass_provision_answer *a) {
    bool first = p->phase == THINGPASS_PROVISION_CERTIFY;
    int err = first ? thingpass_read_certificate(a, p) : thingpass_read_registration(a, p);
    if (err == THINGPASS_ESPACE) {
        thingpass_provision_finish(p, err);
        return err;
    }
    if (err < 0) {
        thingpass_provision_ask_later(p, err);
        return err;
    }
    if (first) {
        p->token_until_ms = thingpass_provision_now(p) + token_ms;
    }
    thingpass_provision_enter(p, first ? THINGPASS_PROVISION_KEEP : THINGPASS_PROVISION_COMMIT);
    return 1;
}

static void rejected(struct thingpass_provision *p, const struct thingpass_provision_answer *a) {
    thingpass_read_refusal(a, thingpass_provision_question_of(p), p);
    bool registering = p->phase == THINGPASS_PROVISION_REGISTER;
    p->open = (uint8_t)(p->open - (registering && p->open > 0));
    switch (p->result.refusal) {
    case THINGPASS_REFUSAL_BUSY:
    case THINGPASS_REFUSAL_SERVER:
        thingpass_provision_ask_later(p, THINGPASS_EREFUSED);
        return;
    case THINGPASS_REFUSAL_TOKEN:
    case THINGPASS_REFUSAL_TAKEN:
        if (registering && thingpass_provision_may_be_registered(p)) {
            return;
        }
        if (registering && p->result.refusal == THINGPASS_REFUSAL_TOKEN) {
            thingpass_provision_begin_again(p, THINGPASS_EREFUSED);
            return;
        }
        break;
    default:
        break;
    }
    thingpass_provision_finish(p, THINGPASS_EREFUSED);
}

// Which answer to this phase's question a topic is for: 0 accepted, 1 rejected, -1 none.
static int which(const struct thingpass_provision *p, struct thingpass_span topic) {
    char own[THINGPASS_TOPIC_MAX + 1];
    for (unsigned i = 0; i < 2; i++) {
        thingpass_provision_reply_topic(thingpass_provision_question_of(p) * 2U + i,
                                        p->config.template_name, own);
        if (thingpass_span_is(topic, own)) {
            return (int)i;
        }
    }
    return -1;
}

int thingpass_provision_receive(struct thingpass_provision *p, const char *topic, size_t topic_len,
                                const void *payload, size_t len) {
    struct thingpass_provision_answer a;
    if ((p->phase != THINGPASS_PROVISION_CERTIFY && p->phase != THINGPASS_PROVISION_REGISTER) ||
        !p->asked) {
        return 0;
    }
    int kind = which(p, (struct thingpass_span){topic, topic_len});
    if (kind < 0) {
        return 0;
    }
    int err = copy(p, payload, len, &a);
    if (err < 0) {
        thingpass_provision_finish(p, err);
        return err;
    }
    if (kind == 0) {
        return accepted(p, &a);
    }
    rejected(p, &a);
    return THINGPASS_EREFUSED;
}

const char *thingpass_refusal_text(enum thingpass_refusal refusal) {
    switch (refusal) {
    case THINGPASS_REFUSAL_NONE:
        return "not refused";
    case THINGPASS_REFUSAL_CSR:
        return "the server does not take this signing request";
    case THINGPASS_REFUSAL_TOKEN:
        return "the token is spent or has ended";
    case THINGPASS_REFUSAL_PARAMETERS:
        return "the template wants other parameters, or its hook said no";
    case THINGPASS_REFUSAL_FORBIDDEN:
        return "the claim may not do this";
    case THINGPASS_REFUSAL_TEMPLATE:
        return "there is no such template";
    case THINGPASS_REFUSAL_TAKEN:
        return "there is a thing of that name already";
    case THINGPASS_REFUSAL_BUSY:
        return "the server has too much to do";
    case THINGPASS_REFUSAL_SERVER:
        return "the server is in trouble";
    default:
        return "refused";
    }
}
