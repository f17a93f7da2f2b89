// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Fleet provisioning, as a state machine:
//
//     PREPARE ─▶ CERTIFY ─▶ KEEP ─▶ REGISTER ─▶ COMMIT ─▶ ENDED
//                   ▲                  │ the token is spent, or too old
//                   └──────────────────┘
//
// The certificate is kept before its thing is registered: a medium that is full must
// not make a thing that nobody can be. If the power goes between the two, or the answer
// is lost, all begins again with the same key, and the server attaches another
// certificate to the same thing. Where config.thing is given the record is written in
// KEEP as well, and erased if the server is known not to have registered it.

#include <string.h>

#include "backoff.h"
#include "provision_message.h"
#include "provision_steps.h"

enum { look_again_ms = 100 }; // for SUBACK

uint64_t thingpass_provision_now(const struct thingpass_provision *p) {
    return p->config.clock->now_ms(p->config.clock->ctx);
}

void thingpass_provision_finish(struct thingpass_provision *p, int err) {
    thingpass_provision_withdraw(p, err);
    p->result.err = err;
    p->phase = THINGPASS_PROVISION_ENDED;
}

void thingpass_provision_enter(struct thingpass_provision *p,
                               enum thingpass_provision_phase phase) {
    p->phase = (uint8_t)phase;
    p->wake_ms = 0;
    p->asked = false;
    p->told = false;
}

uint32_t thingpass_provision_wait(const struct thingpass_provision *p) {
    const struct thingpass_provision_timing *t = &p->config.timing;
    unsigned n = p->unanswered > 0 ? p->unanswered - 1U : 0;
    return thingpass_backoff_ms(p->config.random, t->ask_wait_ms, t->wait_max_ms, n);
}

void thingpass_provision_ask_later(struct thingpass_provision *p, int err) {
    p->result.err = err;
    p->wake_ms = thingpass_provision_now(p) + thingpass_provision_wait(p);
    p->told = true;
}

void thingpass_provision_begin_again(struct thingpass_provision *p, int err) {
    if (p->result.rounds >= p->config.timing.max_rounds) {
        thingpass_provision_finish(p, err);
        return;
    }
    thingpass_provision_withdraw(p, err);
    p->result.err = err;
    thingpass_provision_enter(p, THINGPASS_PROVISION_CERTIFY);
}

static int subscribe(struct thingpass_provision *p) {
    char topic[THINGPASS_TOPIC_MAX + 1];
    thingpass_provision_reply_topic(p->subscribed, p->config.template_name, topic);
    int err = p->config.subscribe(p->config.subscribe_ctx, topic);
    if (err == THINGPASS_EAGAIN) {
        p->wake_ms = thingpass_provision_now(p) + look_again_ms;
        return THINGPASS_STEP_WAIT;
    }
    if (err < 0) {
        thingpass_provision_finish(p, err);
        return THINGPASS_STEP_DONE;
    }
    p->subscribed++;
    p->wake_ms = 0;
    return THINGPASS_STEP_RUN;
}

// Where an answer is waited for: whoever is here has something to do.
static int tend(struct thingpass_provision *p) {
    if (p->subscribed < THINGPASS_PROVISION_TOPICS) {
        return subscribe(p);
    }
    if (p->phase == THINGPASS_PROVISION_REGISTER &&
        thingpass_provision_now(p) >= p->token_until_ms) {
        if (!thingpass_provision_may_be_registered(p)) {
            thingpass_provision_begin_again(p, THINGPASS_ERETRIES);
        }
        return THINGPASS_STEP_RUN;
    }
    if (p->unanswered >= p->config.timing.max_asks) {
        thingpass_provision_finish(p, p->told ? p->result.err : THINGPASS_ERETRIES);
        return THINGPASS_STEP_DONE;
    }
    return thingpass_provision_ask(p);
}

static int work(struct thingpass_provision *p) {
    switch (p->phase) {
    case THINGPASS_PROVISION_PREPARE:
        return thingpass_provision_prepare(p);
    case THINGPASS_PROVISION_KEEP:
        return thingpass_provision_keep(p);
    case THINGPASS_PROVISION_COMMIT:
        return thingpass_provision_commit(p);
    case THINGPASS_PROVISION_CERTIFY:
    case THINGPASS_PROVISION_REGISTER:
        return thingpass_provision_now(p) < p->wake_ms ? THINGPASS_STEP_WAIT : tend(p);
    default:
        return THINGPASS_STEP_DONE;
    }
}

int thingpass_provision_step(struct thingpass_provision *p, uint64_t *wake_ms) {
    bool waits =
        p->phase == THINGPASS_PROVISION_CERTIFY || p->phase == THINGPASS_PROVISION_REGISTER;
    if (waits && p->deadline_ms != 0 && thingpass_provision_now(p) >= p->deadline_ms) {
        thingpass_provision_finish(p, THINGPASS_EDEADLINE);
    }
    int result = work(p);
    if (p->phase == THINGPASS_PROVISION_ENDED) {
        result = THINGPASS_STEP_DONE;
    }
    if (wake_ms != NULL) {
        bool sooner = p->deadline_ms != 0 && p->deadline_ms < p->wake_ms;
        *wake_ms = result == THINGPASS_STEP_DONE ? UINT64_MAX
                   : sooner                      ? p->deadline_ms
                                                 : p->wake_ms;
    }
    return result;
}

static void set_defaults(struct thingpass_provision_timing *t) {
    t->ask_wait_ms = t->ask_wait_ms != 0 ? t->ask_wait_ms : 5000;
    t->wait_max_ms = t->wait_max_ms != 0 ? t->wait_max_ms : 60000;
    t->max_asks = t->max_asks != 0 ? t->max_asks : 6;
    t->max_rounds = t->max_rounds != 0 ? t->max_rounds : 3;
}

static bool is_sound(const struct thingpass_provision_config *c) {
    bool all =
        c->mqtt != NULL && c->subscribe != NULL && c->clock != NULL && c->random != NULL &&
        c->keeper != NULL && c->buffer != NULL &&
        thingpass_text_all(c->template_name, THINGPASS_TEMPLATE_MAX, THINGPASS_ID) &&
        (c->thing == NULL || thingpass_text_all(c->thing, THINGPASS_THING_MAX, THINGPASS_THING));
    for (size_t i = 0; all && i < c->parameter_count; i++) {
        all = c->parameters[i].name != NULL && c->parameters[i].value != NULL;
    }
    return all;
}

int thingpass_provision_start(struct thingpass_provision *p,
                              const struct thingpass_provision_config *config) {
    if (config == NULL || !is_sound(config)) {
        return THINGPASS_EINVAL;
    }
    if (config->buffer_size < THINGPASS_PROVISION_BUFFER_MIN) {
        return THINGPASS_ESPACE;
    }
    memset(p, 0, sizeof *p);
    p->config = *config;
    set_defaults(&p->config.timing);
    p->result.err = THINGPASS_ERETRIES;
    if (config->timing.deadline_ms != 0) {
        p->deadline_ms = thingpass_provision_now(p) + config->timing.deadline_ms;
    }
    thingpass_provision_enter(p, THINGPASS_PROVISION_PREPARE);
    return THINGPASS_OK;
}

void thingpass_provision_connected(struct thingpass_provision *p) {
    p->subscribed = 0;
    if (!p->told) {
        p->wake_ms = 0;
    }
}

void thingpass_provision_cancel(struct thingpass_provision *p) {
    if (p->phase != THINGPASS_PROVISION_ENDED) {
        thingpass_provision_finish(p, THINGPASS_ECANCELLED);
    }
}
