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

#include "thingpass/provision.h"

#include <string.h>

#include "backoff.h"
#include "crc32.h"
#include "identity_slots.h"
#include "provision_message.h"

enum phase { PHASE_IDLE, PREPARE, CERTIFY, KEEP, REGISTER, COMMIT, ENDED };

enum {
    unsent_wait_ms = 1000,
    // AWS's token is good for an hour. The last minutes are for the clocks.
    token_ms = 55 * 60 * 1000
};

static uint64_t now_ms(const struct thingpass_provision *p) {
    return p->config.clock->now_ms(p->config.clock->ctx);
}

// The record that was written for a thing which does not come about after all.
static void withdraw(struct thingpass_provision *p, int err) {
    const struct thingpass_keeper *k = p->config.keeper;
    if (p->config.thing != NULL && p->phase == REGISTER && err != THINGPASS_OK && p->open == 0) {
        (void)k->erase(k->ctx, p->slot, THINGPASS_IDENTITY_RECORD);
    }
}

static void finish(struct thingpass_provision *p, int err) {
    withdraw(p, err);
    p->result.err = err;
    p->phase = ENDED;
}

static enum thingpass_provision_question question(const struct thingpass_provision *p) {
    return p->phase == REGISTER ? THINGPASS_REGISTER : THINGPASS_CERTIFY;
}

static void enter(struct thingpass_provision *p, enum phase phase) {
    p->phase = (uint8_t)phase;
    p->wake_ms = 0;
    p->asked = false;
    p->told = false;
}

// How long to wait for an answer, or before the next question.
static uint32_t wait_ms(const struct thingpass_provision *p) {
    const struct thingpass_provision_timing *t = &p->config.timing;
    unsigned n = p->unanswered > 0 ? p->unanswered - 1U : 0;
    return thingpass_backoff_ms(p->config.random, t->ask_wait_ms, t->wait_max_ms, n);
}

// Something is wrong that may pass. When to ask again is settled; whoever asks for the
// last time ends with err.
static void ask_later(struct thingpass_provision *p, int err) {
    p->result.err = err;
    p->wake_ms = now_ms(p) + wait_ms(p);
    p->told = true;
}

static void begin_again(struct thingpass_provision *p, int err) {
    if (p->result.rounds >= p->config.timing.max_rounds) {
        finish(p, err);
        return;
    }
    withdraw(p, err);
    p->result.err = err;
    enter(p, CERTIFY);
}

// The server does not register this certificate now; it may have done so before, and
// nobody heard of it. Where the name is known that is an identity: it is there.
static bool may_be_registered(struct thingpass_provision *p) {
    if (p->config.thing == NULL || p->open == 0) {
        return false;
    }
    thingpass_copy_cut(p->result.thing, sizeof p->result.thing, thingpass_span_of(p->config.thing));
    finish(p, THINGPASS_OK);
    return true;
}

// ── Questions ───────────────────────────────────────────────────────────────

// Writes the question into the buffer, behind a token that is there. Returns its place.
static int write_question(struct thingpass_provision *p, struct thingpass_writer *w) {
    char *buffer = p->config.buffer;
    size_t size = p->config.buffer_size;
    if (p->phase == REGISTER) {
        *w = (struct thingpass_writer){buffer + p->token.n, size - p->token.n, 0};
        thingpass_put_registration(w, p->token, &p->config);
        return w->len == SIZE_MAX ? THINGPASS_ESPACE : THINGPASS_OK;
    }
    const struct thingpass_keeper *keeper = p->config.keeper;
    size_t half = size / 2;
    int n = keeper->make_csr(keeper->ctx, p->slot, buffer + half, size - half);
    if (n < 0) {
        return n;
    }
    *w = (struct thingpass_writer){buffer, half, 0};
    thingpass_put_csr(w, (struct thingpass_span){buffer + half, (size_t)n});
    bool fits = (size_t)n < size - half && w->len != SIZE_MAX;
    return fits ? THINGPASS_OK : THINGPASS_ESPACE;
}

static int publish(struct thingpass_provision *p, const struct thingpass_writer *w) {
    char topic[THINGPASS_TOPIC_MAX + 1];
    struct thingpass_writer t = {topic, sizeof topic - 1, 0};
    const struct thingpass_mqtt *mqtt = p->config.mqtt;
    thingpass_put_provision_topic(&t, question(p), p->config.template_name);
    topic[t.len] = '\0';
    return mqtt->publish(mqtt->ctx, topic, w->buf, w->len, p->config.timing.wait_max_ms / 1000 + 1);
}

static int ask(struct thingpass_provision *p) {
    struct thingpass_writer w;
    int err = write_question(p, &w);
    if (err < 0) {
        finish(p, err == THINGPASS_EAGAIN ? THINGPASS_EIO : err);
        return THINGPASS_STEP_DONE;
    }
    err = publish(p, &w);
    if (err == THINGPASS_EAGAIN) {
        p->wake_ms = now_ms(p) + unsent_wait_ms; // no connection: that is no attempt
        return THINGPASS_STEP_WAIT;
    }
    if (err < 0) {
        thingpass_count(&p->unanswered);
        ask_later(p, THINGPASS_EIO);
        return THINGPASS_STEP_WAIT;
    }
    p->result.asks++;
    p->result.rounds += p->phase == CERTIFY && !p->asked;
    p->asked = true;
    p->told = false;
    thingpass_count(&p->unanswered);
    if (p->phase == REGISTER) {
        thingpass_count(&p->open);
    }
    p->wake_ms = now_ms(p) + wait_ms(p);
    return THINGPASS_STEP_WAIT;
}

static int subscribe(struct thingpass_provision *p) {
    char topic[THINGPASS_TOPIC_MAX + 1];
    thingpass_provision_reply_topic(p->subscribed, p->config.template_name, topic);
    int err = p->config.subscribe(p->config.subscribe_ctx, topic);
    if (err == THINGPASS_EAGAIN) {
        p->wake_ms = now_ms(p) + unsent_wait_ms / 10;
        return THINGPASS_STEP_WAIT;
    }
    if (err < 0) {
        finish(p, err);
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
    if (p->phase == REGISTER && now_ms(p) >= p->token_until_ms) {
        if (!may_be_registered(p)) {
            begin_again(p, THINGPASS_ERETRIES);
        }
        return THINGPASS_STEP_RUN;
    }
    if (p->unanswered >= p->config.timing.max_asks) {
        finish(p, p->told ? p->result.err : THINGPASS_ERETRIES);
        return THINGPASS_STEP_DONE;
    }
    return ask(p);
}

// ── What is kept ────────────────────────────────────────────────────────────

static int prepare(struct thingpass_provision *p) {
    const struct thingpass_provision_config *c = &p->config;
    int err =
        thingpass_identity_prepare(c->keeper, c->buffer, c->buffer_size, &p->slot, &p->number);
    if (err < 0) {
        finish(p, err);
    } else {
        enter(p, CERTIFY);
    }
    return THINGPASS_STEP_RUN;
}

static int write_record(struct thingpass_provision *p, const char *thing) {
    const struct thingpass_identity_record record = {p->number, p->cert_len, p->cert_crc, thing,
                                                     p->result.certificate_id};
    return thingpass_identity_commit(p->config.keeper, p->slot, &record);
}

// Keeps the certificate, and with it the record where the name is known.
static int write_identity(struct thingpass_provision *p) {
    const struct thingpass_keeper *k = p->config.keeper;
    int err = k->write(k->ctx, p->slot, THINGPASS_IDENTITY_CERT, p->pem.p, p->pem.n);
    p->cert_len = (uint32_t)p->pem.n;
    p->cert_crc = thingpass_crc32(0, p->pem.p, p->pem.n);
    return err >= 0 && p->config.thing != NULL ? write_record(p, p->config.thing) : err;
}

static int keep(struct thingpass_provision *p) {
    char *buffer = p->config.buffer;
    int err = write_identity(p);
    if (err == THINGPASS_EMISMATCH) { // whoever sent it, it is not ours
        p->phase = CERTIFY;
        ask_later(p, THINGPASS_EREPLY);
        return THINGPASS_STEP_RUN;
    }
    if (err < 0) {
        finish(p, err == THINGPASS_EAGAIN ? THINGPASS_EIO : err);
        return THINGPASS_STEP_DONE;
    }
    memmove(buffer, p->token.p, p->token.n);
    p->token.p = buffer;
    p->unanswered = 0;
    p->open = 0;
    enter(p, REGISTER);
    return THINGPASS_STEP_RUN;
}

static int commit(struct thingpass_provision *p) {
    bool written = p->config.thing != NULL && strcmp(p->config.thing, p->result.thing) == 0;
    int err = written ? THINGPASS_OK : write_record(p, p->result.thing);
    finish(p, err == THINGPASS_EAGAIN ? THINGPASS_EIO : err < 0 ? err : THINGPASS_OK);
    return THINGPASS_STEP_DONE;
}

static int work(struct thingpass_provision *p) {
    switch (p->phase) {
    case PREPARE:
        return prepare(p);
    case KEEP:
        return keep(p);
    case COMMIT:
        return commit(p);
    case CERTIFY:
    case REGISTER:
        return now_ms(p) < p->wake_ms ? THINGPASS_STEP_WAIT : tend(p);
    default:
        return THINGPASS_STEP_DONE;
    }
}

int thingpass_provision_step(struct thingpass_provision *p, uint64_t *wake_ms) {
    bool waits = p->phase == CERTIFY || p->phase == REGISTER;
    if (waits && p->deadline_ms != 0 && now_ms(p) >= p->deadline_ms) {
        finish(p, THINGPASS_EDEADLINE);
    }
    int result = work(p);
    if (p->phase == ENDED) {
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

// ── Answers ─────────────────────────────────────────────────────────────────

// Copies an answer behind a token that is there.
static int copy(struct thingpass_provision *p, const void *payload, size_t len,
                struct thingpass_provision_answer *a) {
    char *buffer = p->config.buffer;
    size_t kept = p->phase == REGISTER ? p->token.n : 0;
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
    bool first = p->phase == CERTIFY;
    int err = first ? thingpass_read_certificate(a, p) : thingpass_read_registration(a, p);
    if (err == THINGPASS_ESPACE) {
        finish(p, err);
        return err;
    }
    if (err < 0) {
        ask_later(p, err);
        return err;
    }
    if (first) {
        p->token_until_ms = now_ms(p) + token_ms;
    }
    enter(p, first ? KEEP : COMMIT);
    return 1;
}

static void rejected(struct thingpass_provision *p, const struct thingpass_provision_answer *a) {
    thingpass_read_refusal(a, question(p), p);
    bool registering = p->phase == REGISTER;
    p->open = (uint8_t)(p->open - (registering && p->open > 0));
    switch (p->result.refusal) {
    case THINGPASS_REFUSAL_BUSY:
    case THINGPASS_REFUSAL_SERVER:
        ask_later(p, THINGPASS_EREFUSED);
        return;
    case THINGPASS_REFUSAL_TOKEN:
    case THINGPASS_REFUSAL_TAKEN:
        if (registering && may_be_registered(p)) {
            return;
        }
        if (registering && p->result.refusal == THINGPASS_REFUSAL_TOKEN) {
            begin_again(p, THINGPASS_EREFUSED);
            return;
        }
        break;
    default:
        break;
    }
    finish(p, THINGPASS_EREFUSED);
}

// Which answer to this phase's question a topic is for: 0 accepted, 1 rejected, -1 none.
static int which(const struct thingpass_provision *p, struct thingpass_span topic) {
    char own[THINGPASS_TOPIC_MAX + 1];
    for (unsigned i = 0; i < 2; i++) {
        thingpass_provision_reply_topic(question(p) * 2U + i, p->config.template_name, own);
        if (thingpass_span_is(topic, own)) {
            return (int)i;
        }
    }
    return -1;
}

int thingpass_provision_receive(struct thingpass_provision *p, const char *topic, size_t topic_len,
                                const void *payload, size_t len) {
    struct thingpass_provision_answer a;
    if ((p->phase != CERTIFY && p->phase != REGISTER) || !p->asked) {
        return 0;
    }
    int kind = which(p, (struct thingpass_span){topic, topic_len});
    if (kind < 0) {
        return 0;
    }
    int err = copy(p, payload, len, &a);
    if (err < 0) {
        finish(p, err);
        return err;
    }
    if (kind == 0) {
        return accepted(p, &a);
    }
    rejected(p, &a);
    return THINGPASS_EREFUSED;
}

// ── Beginning and end ───────────────────────────────────────────────────────

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
        p->deadline_ms = now_ms(p) + config->timing.deadline_ms;
    }
    enter(p, PREPARE);
    return THINGPASS_OK;
}

void thingpass_provision_connected(struct thingpass_provision *p) {
    p->subscribed = 0;
    if (!p->told) {
        p->wake_ms = 0;
    }
}

void thingpass_provision_cancel(struct thingpass_provision *p) {
    if (p->phase != ENDED) {
        finish(p, THINGPASS_ECANCELLED);
    }
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
