// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "upload.h"

#include <string.h>

#include "http_response.h"
#include "id.h"
#include "key.h"
#include "mode.h"
#include "thingpass/ledger.h"

static bool in_flight(const struct thingpass *tp) {
    return tp->upload.phase != THINGPASS_PHASE_IDLE && tp->upload.phase != THINGPASS_PHASE_ENDED;
}

static void reset_result(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    memset(&tp->result, 0, sizeof tp->result);
    tp->result.id = u->id;
    tp->result.object_key = u->object.object_key != NULL ? u->object.object_key : "";
    tp->result.captured_at = u->object.captured_at;
    tp->result.size = u->object.source->size;
}

static void reset_upload(struct thingpass *tp, const struct thingpass_object *object) {
    struct thingpass_upload *u = &tp->upload;
    uint64_t now = thingpass_clock_ms(tp);
    uint32_t deadline =
        object->deadline_ms != 0 ? object->deadline_ms : tp->config.timing.deadline_ms;
    memset(u, 0, sizeof *u);
    thingpass_http_init(&tp->response); // what S3 said last was about another
    u->object = *object;
    u->captured_at = object->captured_at;
    u->object.captured_ms = object->captured_ms != 0 ? object->captured_ms : now;
    u->started_ms = now;
    u->deadline_ms = now + deadline;
    u->mode = thingpass_mode_of(object);
    if (object->sha256 != NULL) {
        memcpy(u->sum, object->sha256, sizeof u->sum);
        u->have_sum = true;
    }
}

void thingpass_begin(struct thingpass *tp, const struct thingpass_object *object) {
    struct thingpass_upload *u = &tp->upload;
    reset_upload(tp, object);
    if (object->id != NULL) {
        memcpy(u->id, object->id, strlen(object->id) + 1); // its length is checked
    } else {
        (void)thingpass_new_id(tp, u->id, sizeof u->id); // always fits
    }
    reset_result(tp);
}

int thingpass_upload_start(struct thingpass *tp, const struct thingpass_object *object) {
    struct thingpass_upload *u = &tp->upload;
    if (u->phase != THINGPASS_PHASE_IDLE) {
        return THINGPASS_EBUSY;
    }
    int err = thingpass_object_check(object);
    if (err < 0) {
        return err;
    }
    thingpass_begin(tp, object);
    if (!thingpass_request_fits(tp)) {
        return THINGPASS_ESPACE;
    }
    if (u->mode->begin != NULL) {
        u->mode->begin(tp);
    }
    u->phase = THINGPASS_PHASE_HASH;
    return THINGPASS_OK;
}

int thingpass_pause(struct thingpass *tp, uint32_t ms) {
    tp->upload.wake_ms = thingpass_clock_ms(tp) + ms;
    return THINGPASS_STEP_WAIT;
}

int thingpass_finish(struct thingpass *tp, int err) {
    struct thingpass_upload *u = &tp->upload;
    if (u->phase == THINGPASS_PHASE_CONNECT || u->phase == THINGPASS_PHASE_SEND ||
        u->phase == THINGPASS_PHASE_RECEIVE) {
        if (!thingpass_connection_idle_until_ms(tp)) {
            thingpass_connection_close(tp);
        }
    }
    tp->result.err = err;
    tp->result.elapsed_ms = thingpass_clock_ms(tp) - u->started_ms;
    u->phase = THINGPASS_PHASE_ENDED;
    if (u->object.source->close != NULL) {
        u->object.source->close(u->object.source->ctx);
    }
    if (u->mode->ended != NULL) {
        u->mode->ended(tp);
    }
    return 1;
}

void thingpass_cancel(struct thingpass *tp) {
    if (in_flight(tp)) {
        thingpass_finish(tp, THINGPASS_ECANCELLED);
    }
    thingpass_connection_close(tp);
}

static void plan(struct thingpass *tp, enum thingpass_phase phase, uint32_t delay_ms) {
    struct thingpass_upload *u = &tp->upload;
    u->phase = (uint8_t)phase;
    (void)thingpass_pause(tp, delay_ms);
    u->asked = false;
    u->unsent = false;
    u->unanswered = 0;
    u->connecting = false;
}

void thingpass_plan_leave(struct thingpass *tp) {
    const struct thingpass_mode *mode = tp->upload.mode;
    thingpass_settle_captured_at(tp);
    int leave = mode->leave != NULL ? mode->leave(tp) : 0;
    if (leave < 0) {
        thingpass_finish(tp, leave);
    } else if (leave > 0) {
        thingpass_plan_connect(tp, 0);
    } else {
        thingpass_plan_ask(tp, 0);
    }
}

void thingpass_plan_ask(struct thingpass *tp, uint32_t delay_ms) {
    int (*renew)(struct thingpass *) = tp->upload.mode->renew;
    int leave = renew != NULL ? renew(tp) : 0;
    if (leave == 0) {
        thingpass_kept_forget(tp); // the answer takes its place
    }
    if (leave < 0 || tp->upload.grants >= tp->config.timing.max_grants) {
        thingpass_finish(tp, leave < 0 ? leave : THINGPASS_ERETRIES);
        return;
    }
    if (leave > 0) {
        thingpass_plan_connect(tp, delay_ms);
        return;
    }
    if (tp->upload.mode->standing) {
        struct thingpass_upload *u = &tp->upload;
        (void)thingpass_id_next(&tp->ids, u->ask_id, sizeof u->ask_id); // always fits
    }
    plan(tp, THINGPASS_PHASE_ASK, delay_ms);
}

void thingpass_plan_connect(struct thingpass *tp, uint32_t delay_ms) {
    if (tp->upload.puts >= tp->config.timing.max_puts) {
        thingpass_finish(tp, THINGPASS_ERETRIES);
        return;
    }
    plan(tp, THINGPASS_PHASE_CONNECT, delay_ms);
}

void thingpass_plan_report(struct thingpass *tp) {
    plan(tp, THINGPASS_PHASE_REPORT, 0);
}

static bool keep_for_later(struct thingpass *tp) {
    struct thingpass_ledger *ledger = tp->config.ledger;
    return ledger != NULL && ledger->add(tp);
}

void thingpass_object_stored(struct thingpass *tp) {
    enum thingpass_verify verify = tp->upload.object.verify;
    bool plain = tp->response.status < 300; // 412 does not say whose bytes are there
    if (plain && (verify == THINGPASS_VERIFY_S3 ||
                  (verify == THINGPASS_VERIFY_LATER && keep_for_later(tp)))) {
        tp->result.code[0] = '\0';
        thingpass_finish(tp, THINGPASS_OK);
    } else {
        thingpass_plan_report(tp);
    }
}

static int step_idle(struct thingpass *tp, uint64_t *wake_ms) {
    uint64_t until = thingpass_connection_idle_until_ms(tp);
    if (until != 0 && thingpass_clock_ms(tp) >= until) {
        thingpass_connection_close(tp);
        until = 0;
    }
    *wake_ms = until != 0 ? until : UINT64_MAX;
    return THINGPASS_STEP_IDLE;
}

static int step_phase(struct thingpass *tp) {
    switch (tp->upload.phase) {
    case THINGPASS_PHASE_HASH:
        return thingpass_step_hash(tp);
    case THINGPASS_PHASE_ASK:
        return thingpass_step_ask(tp);
    case THINGPASS_PHASE_CONNECT:
        return thingpass_step_connect(tp);
    case THINGPASS_PHASE_SEND:
        return thingpass_step_send(tp);
    case THINGPASS_PHASE_RECEIVE:
        return thingpass_step_receive(tp);
    default:
        return thingpass_step_report(tp);
    }
}

static int step_upload(struct thingpass *tp, uint64_t now, uint64_t *wake_ms) {
    struct thingpass_upload *u = &tp->upload;
    int todo = THINGPASS_STEP_WAIT;
    if (now >= u->deadline_ms) {
        thingpass_finish(tp, THINGPASS_EDEADLINE);
    } else if (now >= u->wake_ms) {
        todo = step_phase(tp);
    }
    uint64_t wake = u->wake_ms;
    if (todo == THINGPASS_STEP_WAIT_STREAM) {
        wake = u->stall_ms;
    }
    if (todo != THINGPASS_STEP_RUN) {
        *wake_ms = wake < u->deadline_ms ? wake : u->deadline_ms;
    }
    return todo;
}

int thingpass_step(struct thingpass *tp, uint64_t *wake_ms) {
    uint64_t unused;
    wake_ms = wake_ms != NULL ? wake_ms : &unused;
    uint64_t now = thingpass_clock_ms(tp);
    *wake_ms = now;
    if (tp->upload.phase == THINGPASS_PHASE_IDLE) {
        return step_idle(tp, wake_ms);
    }
    int todo = in_flight(tp) ? step_upload(tp, now, wake_ms) : THINGPASS_STEP_DONE;
    if (tp->upload.phase == THINGPASS_PHASE_ENDED) {
        tp->upload.phase = THINGPASS_PHASE_IDLE;
        *wake_ms = now;
        todo = THINGPASS_STEP_DONE;
    }
    return todo;
}
