// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "failure_words.h"

#include <string.h>

static const struct {
    const char *code;
    const char *hint;
} refusals[] = {
    {"unknown-kind", "; has the broker such a kind? see --kind"},
    {"type-not-allowed", "; the kind does not take this content type: see its types"},
    {"size-not-allowed", "; see the kind's smallest and largest size"},
    {"metadata-not-allowed", "; see --metadata and the kind's metadata names"},
    {"mode-not-allowed", "; the kind does not offer this mode: see --mode and its modes"},
    {"key-not-allowed", "; does the broker still have the same key layout?"},
    {"bad-request", "; are the broker and this thing of the same version?"},
};

static const char *refusal_hint(const char *code) {
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (strcmp(code, refusals[i].code) == 0) {
            return refusals[i].hint;
        }
    }
    return "; the broker's audit log has the reason";
}

// How far the upload had come decides whom to look at.
static void deadline_words(const struct thingpass_failure *f, struct thingpass_why *why) {
    const struct thingpass_result *r = f->result;
    const struct thingpass_options *o = f->options;
    unsigned s = o->deadline_s;
    if (!f->mqtt_ready) {
        (void)thingpass_fail(why, 0, "not done after %u s: %s", s,
                             f->mqtt[0] != '\0' ? f->mqtt : "no connection to the MQTT server");
    } else if (r->code[0] != '\0') {
        (void)thingpass_fail(why, 0, "not done after %u s: the last answer was %s", s, r->code);
    } else if (r->object_key[0] == '\0') {
        (void)thingpass_fail(
            why, 0,
            "no answer from the broker in %u s, asked %u times; is it running, and "
            "may %s publish to %s/%s/%s-request?",
            s, r->asks, o->name, o->root, o->name,
            o->command == THINGPASS_COMMAND_DOWNLOAD ? "download" : "upload");
    } else if (r->reports > 0) {
        (void)thingpass_fail(
            why, 0, "sent, but the broker did not confirm it in %u s; is it still running?", s);
    } else {
        (void)thingpass_fail(why, 0, "not done after %u s: %s", s,
                             f->stream[0] != '\0' ? f->stream : "the link to S3 is too slow");
    }
}

static void s3_words(const struct thingpass_failure *f, const char *what,
                     struct thingpass_why *why) {
    const struct thingpass_result *r = f->result;
    if (r->status != 0) {
        (void)thingpass_fail(why, 0, "%s: S3 answered %d %s", what, r->status, r->code);
    } else {
        (void)thingpass_fail(why, 0, "%s: %s", what,
                             f->stream[0] != '\0' ? f->stream : "S3 did not answer");
    }
}

void thingpass_failure_words(const struct thingpass_failure *failure, struct thingpass_why *why) {
    const struct thingpass_result *r = failure->result;
    switch (r->err) {
    case THINGPASS_EDEADLINE:
        deadline_words(failure, why);
        break;
    case THINGPASS_EREFUSED:
        (void)thingpass_fail(why, 0, "the broker refused it: %s%s", r->code, refusal_hint(r->code));
        break;
    case THINGPASS_EREJECTED:
        s3_words(failure, "it can never succeed", why);
        break;
    case THINGPASS_ERETRIES:
        s3_words(failure, "every attempt was used up", why);
        break;
    case THINGPASS_ESPENT:
        s3_words(failure, "it broke off, and a one-pass photo cannot be sent twice", why);
        break;
    case THINGPASS_EMISMATCH:
        (void)thingpass_fail(why, 0, "another object is stored as %s", r->object_key);
        break;
    case THINGPASS_ESPACE:
        (void)thingpass_fail(why, 0, "the broker's answer does not fit into our %u bytes",
                             (unsigned)failure->reply_size);
        break;
    default:
        (void)thingpass_fail(
            why, 0, "%s", failure->photo[0] != '\0' ? failure->photo : thingpass_strerror(r->err));
    }
}

#endif
