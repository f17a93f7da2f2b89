// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The mode `credentials`: requests that the thing signs itself [P-14]. The transfer
// goes to a credential provider first where one is used and there are no
// credentials at hand; that request has no body, and its answer is collected
// behind what is kept in the reply buffer.

#include "thingpass/credentials.h"

#include <string.h>

#include "clock.h"
#include "credentials_steps.h"
#include "date.h"
#include "key.h"
#include "mode.h"
#include "reader.h"
#include "session.h"
#include "upload.h"

static bool header_value_ok(const char *text) {
    size_t n = strlen(text);
    return n > 0 && text[0] != ' ' && text[n - 1] != ' ' && strstr(text, "  ") == NULL;
}

static bool object_ok(const struct thingpass_object *object) {
    const char *type = object->source->content_type;
    const char *suffix = object->suffix != NULL ? object->suffix : "";
    return object->pass_metadata_count == 0 && (type == NULL || header_value_ok(type)) &&
           (suffix[0] == '\0' || thingpass_key_ok(thingpass_span_of(suffix))) &&
           (object->object_key == NULL || thingpass_key_ok(thingpass_span_of(object->object_key)));
}

static bool asks_broker(const struct thingpass *tp) {
    const struct thingpass_provider *provider = tp->config.provider;
    return provider == NULL || provider->endpoint == NULL;
}

static void ask(const struct thingpass *tp, struct thingpass_writer *w,
                const struct thingpass_request *request) {
    thingpass_put_text(w, "{\"id\":");
    thingpass_put_json(w, thingpass_span_of(request->id));
    thingpass_put_text(w, tp->config.provider != NULL ? ",\"mode\":\"provider\"}"
                                                      : ",\"mode\":\"session\"}");
}

// The object's own time is known by now, if the clock is.
static void settle_captured_at(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (u->captured_at == 0) {
        u->captured_at = thingpass_clock_at(&tp->clock, u->object.captured_ms);
    }
    if (u->captured_at == 0 && u->object.object_key == NULL) { // nobody knows when that was
        u->captured_at = thingpass_clock_at(&tp->clock, thingpass_clock_ms(tp));
    }
    tp->result.captured_at = u->captured_at;
}

static int make_key(struct thingpass *tp) {
    const struct thingpass_upload *u = &tp->upload;
    const struct thingpass_object *o = &u->object;
    char text[THINGPASS_KIND_MAX + sizeof "/2026/11/23/" + THINGPASS_ID_MAX];
    struct thingpass_writer w = {text, sizeof text, 0};
    struct thingpass_span parts[3] = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    if (o->object_key != NULL) {
        parts[0] = thingpass_span_of(o->object_key);
    } else {
        uint32_t day = thingpass_date_seconds(u->captured_at);
        if (day == 0) {
            return THINGPASS_ENOCLOCK;
        }
        thingpass_put_text(&w, o->kind);
        thingpass_put_text(&w, "/");
        thingpass_put_date_path(&w, day);
        thingpass_put_text(&w, "/");
        thingpass_put_text(&w, u->id);
        parts[0] = tp->kept.u.session.prefix;
        parts[1].p = text;
        parts[1].n = w.len;
        parts[2] = thingpass_span_of(o->suffix != NULL ? o->suffix : "");
    }
    int err = thingpass_key_make(tp, parts);
    return err == THINGPASS_EREPLY ? THINGPASS_EINVAL : err; // too long by the caller's names
}

int thingpass_credentials_use(struct thingpass *tp) {
    settle_captured_at(tp);
    int err = make_key(tp);
    if (err == THINGPASS_OK) {
        thingpass_session_use(tp);
    }
    return err;
}

static int leave(struct thingpass *tp) {
    int err = thingpass_session_is_valid(tp) ? thingpass_credentials_use(tp) : 0;
    return err < 0 ? err : thingpass_session_is_valid(tp);
}

static int renew(struct thingpass *tp) {
    if (tp->kept.mode == tp->upload.mode && tp->kept.u.session.provider_host.n > 0) {
        thingpass_session_forget(tp);
    } else if (!asks_broker(tp)) {
        thingpass_kept_forget(tp);
        int err = thingpass_session_config(tp, tp->config.provider);
        if (err < 0) {
            thingpass_kept_forget(tp);
            return err;
        }
    } else {
        return 0;
    }
    thingpass_session_fetch(tp);
    return 1;
}

static int read_reply(struct thingpass *tp, struct thingpass_json *json) {
    struct thingpass_place_fields place;
    struct thingpass_credentials_fields session;
    struct thingpass_pointer_fields pointer;
    int err = thingpass_place_read(json, &place);
    if (err == THINGPASS_OK) {
        err = thingpass_session_place(tp, &place);
    }
    if (err < 0) {
        return err;
    }
    if (tp->config.provider != NULL) {
        err = thingpass_pointer_read(json, &pointer);
        return err < 0 ? err : thingpass_session_provider(tp, &pointer);
    }
    err = thingpass_session_read(json, &session);
    return err < 0 ? err : thingpass_session_take(tp, &session);
}

static int take(struct thingpass *tp, struct thingpass_json *json,
                const struct thingpass_reply *reply, size_t len) {
    (void)reply; // its time has set the clock
    thingpass_session_begin(tp, len);
    int err = read_reply(tp, json);
    if (err == THINGPASS_OK && tp->config.provider != NULL) {
        thingpass_session_fetch(tp);
    } else if (err == THINGPASS_OK) {
        err = thingpass_credentials_use(tp);
    }
    if (err < 0) {
        thingpass_kept_forget(tp);
    }
    return err;
}

// A request to a provider has nothing to read, and leaves the object's bytes alone.
static int seek(struct thingpass *tp) {
    struct thingpass_upload *u = &tp->upload;
    if (!u->fetching) {
        return thingpass_reader_begin(&u->reader, u->object.source);
    }
    u->reader.pos = 0;
    u->reader.left = 0;
    u->reader.probed = true;
    return THINGPASS_OK;
}

int thingpass_credentials_forget(struct thingpass *tp) {
    if (tp->upload.phase != THINGPASS_PHASE_IDLE) {
        return THINGPASS_EBUSY;
    }
    if (tp->kept.mode == &thingpass_mode_credentials) {
        thingpass_kept_forget(tp);
    }
    // Half an answer may lie behind what is kept; the key behind that is the result's.
    memset(thingpass_reply_begin(tp), 0, thingpass_reply_room(tp));
    memset(tp->config.chunk, 0, tp->config.chunk_size);
    return THINGPASS_OK;
}

const struct thingpass_mode thingpass_mode_credentials = {
    .object_ok = object_ok,
    .leave = leave,
    .standing = true,
    .renew = renew,
    .topic = "/credentials-request",
    .ask = ask,
    .take = take,
    .seek = seek,
    .head = thingpass_credentials_head,
    .send = thingpass_credentials_send,
    .body = thingpass_credentials_body,
    .judge = thingpass_credentials_judge,
    .stored = thingpass_credentials_stored,
    .report = thingpass_put_plain_report,
};
