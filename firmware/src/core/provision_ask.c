// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The two questions.

#include "provision_message.h"
#include "provision_steps.h"

enum { unsent_wait_ms = 1000 };

enum thingpass_provision_question
thingpass_provision_question_of(const struct thingpass_provision *p) {
    return p->phase == THINGPASS_PROVISION_REGISTER ? THINGPASS_REGISTER : THINGPASS_CERTIFY;
}

// Writes the question into the buffer, behind a token that is there.
static int write_question(struct thingpass_provision *p, struct thingpass_writer *w) {
    char *buffer = p->config.buffer;
    size_t size = p->config.buffer_size;
    if (p->phase == THINGPASS_PROVISION_REGISTER) {
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
    thingpass_put_provision_topic(&t, thingpass_provision_question_of(p), p->config.template_name);
    topic[t.len] = '\0';
    return mqtt->publish(mqtt->ctx, topic, w->buf, w->len, p->config.timing.wait_max_ms / 1000 + 1);
}

int thingpass_provision_ask(struct thingpass_provision *p) {
    struct thingpass_writer w;
    int err = write_question(p, &w);
    if (err < 0) {
        thingpass_provision_finish(p, err == THINGPASS_EAGAIN ? THINGPASS_EIO : err);
        return THINGPASS_STEP_DONE;
    }
    err = publish(p, &w);
    if (err == THINGPASS_EAGAIN) {
        // No connection: that is no attempt.
        p->wake_ms = thingpass_provision_now(p) + unsent_wait_ms;
        return THINGPASS_STEP_WAIT;
    }
    if (err < 0) {
        thingpass_count(&p->unanswered);
        thingpass_provision_ask_later(p, THINGPASS_EIO);
        return THINGPASS_STEP_WAIT;
    }
    p->result.asks++;
    p->result.rounds += p->phase == THINGPASS_PROVISION_CERTIFY && !p->asked;
    p->asked = true;
    p->told = false;
    thingpass_count(&p->unanswered);
    if (p->phase == THINGPASS_PROVISION_REGISTER) {
        thingpass_count(&p->open);
    }
    p->wake_ms = thingpass_provision_now(p) + thingpass_provision_wait(p);
    return THINGPASS_STEP_WAIT;
}
