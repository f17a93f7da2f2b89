// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What the mode `credentials` is answered: by a provider, or by S3.

#include <string.h>

#include "clock.h"
#include "credentials_steps.h"
#include "http_response.h"
#include "key.h"
#include "session.h"
#include "thingpass/credentials.h"
#include "upload.h"

// Collects a provider's answer.
int thingpass_credentials_body(struct thingpass *tp, struct thingpass_span bytes) {
    uint64_t end = tp->response.body_len;
    if (!tp->upload.fetching) {
        return THINGPASS_OK;
    }
    if (end > thingpass_reply_room(tp)) {
        return THINGPASS_ESPACE;
    }
    memcpy(thingpass_reply_begin(tp) + (end - bytes.n), bytes.p, bytes.n);
    return THINGPASS_OK;
}

static bool set_clock(struct thingpass *tp) {
    if (!thingpass_time_is_sane(tp->response.date)) {
        return false;
    }
    thingpass_clock_set(&tp->clock, tp->response.date, thingpass_clock_ms(tp));
    return true;
}

// Takes the credentials that a provider has answered with. The chunk buffer held
// the secret as well.
static int take_answer(struct thingpass *tp) {
    struct thingpass_credentials_fields fields;
    struct thingpass_json json;
    char *text = thingpass_reply_begin(tp);
    size_t len = (size_t)tp->response.body_len;
    (void)set_clock(tp);
    memset(tp->config.chunk, 0, tp->config.chunk_size);
    int err = thingpass_json_parse(&json, text, len, tp->config.chunk, tp->config.chunk_size);
    if (err == THINGPASS_OK) {
        err = thingpass_provider_read(&json, &fields);
    }
    if (err == THINGPASS_OK) {
        err = thingpass_session_take(tp, &fields);
    }
    tp->kept.len += len; // so that it is wiped with the rest
    return err < 0 ? err : thingpass_credentials_use(tp);
}

// With a provider of the program's own there may be no broker. An id is used for one
// object only [P-1.6], so what a 412 speaks of is this one, from before a reboot.
static bool nobody_is_asked(const struct thingpass *tp) {
    const struct thingpass_provider *p = tp->config.provider;
    return p != NULL && p->endpoint != NULL && tp->upload.object.verify == THINGPASS_VERIFY_S3;
}

void thingpass_credentials_stored(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (!u->fetching && nobody_is_asked(tp)) {
        tp->result.code[0] = '\0';
        thingpass_finish(tp, THINGPASS_OK);
        return;
    }
    if (!u->fetching) {
        thingpass_object_stored(tp);
        return;
    }
    thingpass_count(&u->grants);
    int err = take_answer(tp);
    if (err < 0) {
        thingpass_session_forget(tp);
        thingpass_finish(tp, err);
        return;
    }
    u->puts = 0; // those of the object begin now
    u->failures = 0;
    thingpass_plan_connect(tp, 0);
}

static void judge_provider(struct thingpass *tp, unsigned status) {
    char text[20];
    struct thingpass_writer w = {text, sizeof text, 0};
    thingpass_put_text(&w, "provider-");
    thingpass_put_u64(&w, status);
    const struct thingpass_span code = {text, w.len};
    thingpass_copy_cut(tp->result.code, sizeof tp->result.code, code);
    if (status == 408 || status == 429 || status >= 500) {
        thingpass_transfer_failed(tp);
    } else {
        thingpass_kept_forget(tp); // the broker may know another one
        thingpass_finish(tp, THINGPASS_EREFUSED);
    }
}

static bool code_is(const struct thingpass *tp, const char *code) {
    return strcmp(tp->s3_error.code, code) == 0;
}

bool thingpass_credentials_judge(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    unsigned status = tp->response.status;
    if (u->fetching && status >= 300) {
        judge_provider(tp, status);
        return true;
    }
    if (u->fetching && !thingpass_http_is_complete(&tp->response)) {
        thingpass_transfer_failed(tp);
        return true;
    }
    if (code_is(tp, "RequestTimeTooSkewed") && !u->skewed && set_clock(tp)) {
        u->skewed = true;
        thingpass_transfer_failed(tp);
        return true;
    }
    if (code_is(tp, "RequestTimeTooSkewed") || code_is(tp, "AccessDenied")) {
        thingpass_session_forget(tp); // may have been revoked
        thingpass_finish(tp, THINGPASS_EREJECTED);
        return true;
    }
    if (code_is(tp, "InvalidToken") || code_is(tp, "TokenRefreshRequired")) {
        thingpass_ask_anew(tp);
        return true;
    }
    return false;
}
