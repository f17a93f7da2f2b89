// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "virtual_thing_loop.h"

#include <stdio.h>
#include <string.h>

#include "camera_files.h"
#include "failure_words.h"
#include "report.h"
#include "save.h"

enum { PART_BYTES = 5 << 20 }; // S3's least

// Waits for the next photo's moment. An idle connection to S3 is closed in time.
static void rest(struct thingpass_virtual_thing *t, uint64_t until_ms) {
    while (!thingpass_must_end(t) && thingpass_posix_now_ms() < until_ms &&
           t->commander.state != THINGPASS_COMMANDER_TOLD) {
        uint64_t wake_ms;
        (void)thingpass_step(&t->core, &wake_ms);
        thingpass_pump(t, wake_ms < until_ms ? wake_ms : until_ms, false);
    }
    if (t->fatal) {
        thingpass_say(&t->say, THINGPASS_SAY_ERROR, "%s", t->mqtt.why.text);
    }
}

void thingpass_report(struct thingpass_virtual_thing *t, uint64_t number,
                      const struct thingpass_result *result, const char *why) {
    struct thingpass_report r = {.number = number,
                                 .name = t->photo.name,
                                 .result = result,
                                 .sha256 = t->sha256.finished ? t->sha256.sum : NULL,
                                 .why = why};
    t->stored += why == NULL;
    t->failed += why != NULL;
    thingpass_report_print(&r, t->options, &t->say, stdout);
}

static void report(struct thingpass_virtual_thing *t, const struct thingpass_result *result,
                   const char *why) {
    thingpass_report(t, t->number, result, why);
}

void thingpass_why_failed(struct thingpass_virtual_thing *t, const struct thingpass_result *result,
                          struct thingpass_why *why) {
    struct thingpass_failure failure = {.result = result,
                                        .options = t->options,
                                        .reply_size = t->core.config.reply_size,
                                        .mqtt_ready = thingpass_mqtt_link_ready(&t->mqtt),
                                        .mqtt = t->mqtt.why.text,
                                        .stream = t->stream.why.text,
                                        .photo = t->photo.why.text};
    if (t->fatal) {
        *why = t->mqtt.why;
    } else if (result->err == THINGPASS_ECANCELLED) {
        *why = (struct thingpass_why){"interrupted"};
    } else {
        thingpass_failure_words(&failure, why);
    }
}

static void report_result(struct thingpass_virtual_thing *t) {
    const struct thingpass_result *result = thingpass_result(&t->core);
    struct thingpass_why why = {""};
    if (result->err == THINGPASS_OK) {
        report(t, result, NULL);
        return;
    }
    thingpass_why_failed(t, result, &why);
    report(t, result, why.text);
}

// Parts are worth their messages from the second one on.
static const struct thingpass_mode *mode_for(const struct thingpass_source *source) {
    return source->rewindable && source->size > PART_BYTES ? &thingpass_mode_multipart
                                                           : &thingpass_mode_put;
}

void thingpass_object_options(const struct thingpass_virtual_thing *t,
                              const struct thingpass_sensors *sensors,
                              struct thingpass_object *object) {
    const struct thingpass_options *o = t->options;
    object->kind = thingpass_commander_kind(t);
    object->mode = o->mode != NULL ? o->mode : mode_for(object->source);
    if (object->mode == &thingpass_mode_credentials) { // the key is made here, as the broker does
        object->suffix = thingpass_type_suffix(object->source->content_type);
    }
    object->verify = o->verify;
    object->metadata = sensors->about.pairs;
    object->metadata_count = sensors->about.count;
    object->deadline_ms = o->deadline_s * 1000;
}

static int start_upload(struct thingpass_virtual_thing *t, struct thingpass_why *why) {
    t->source = t->photo.source;
    t->source.rewindable = t->photo.source.rewindable && t->options->sha256;
    struct thingpass_object object = {.id = t->id,
                                      .captured_at = t->photo.captured_at,
                                      .captured_ms = thingpass_posix_now_ms(),
                                      .source = &t->source};
    thingpass_sensors_read(&t->sensors, t->options, t->number);
    thingpass_object_options(t, &t->sensors, &object);
    int rc = thingpass_upload_start(&t->core, &object);
    if (rc == THINGPASS_ESPACE) {
        return thingpass_fail(why, rc,
                              "the request does not fit into our %zu bytes; give less --metadata",
                              t->core.config.chunk_size);
    }
    return rc < 0 ? thingpass_fail(why, rc, "start the upload: %s", thingpass_strerror(rc)) : rc;
}

// With --captured-every the last photo is of when the program began, and the
// others are of before.
static void pretend_time(struct thingpass_virtual_thing *t) {
    const struct thingpass_options *o = t->options;
    if (o->captured_every_s > 0) {
        t->photo.captured_at =
            t->began_at - (int64_t)(o->count - t->number) * (int64_t)o->captured_every_s;
    }
}

static void choose_id(struct thingpass_virtual_thing *t) {
    if (t->options->id != NULL) {
        (void)snprintf(t->id, sizeof t->id, "%s", t->options->id);
    } else {
        (void)thingpass_new_id(&t->core, t->id, sizeof t->id);
    }
}

void thingpass_report_later(struct thingpass_virtual_thing *t) {
    while (!thingpass_must_end(t) && thingpass_ledger_send(&t->core) == THINGPASS_OK) {
        thingpass_drive(t);
        if (thingpass_result(&t->core)->err != THINGPASS_OK) {
            return;
        }
    }
}

// With --motion: whether the gate lets the photo through. One that it cannot judge
// is kept.
static bool is_worth_it(struct thingpass_virtual_thing *t) {
    if (!t->options->motion || t->commander.state == THINGPASS_COMMANDER_BUSY) {
        return true;
    }
    int verdict = thingpass_gate_judge(&t->gate, &t->photo, thingpass_posix_now_ms());
    if (verdict < 0) {
        thingpass_say(&t->say, THINGPASS_SAY_NOTICE,
                      "photo %llu is stored without a look at it: %s",
                      (unsigned long long)t->number, t->gate.why.text);
    }
    if (verdict < 0 || verdict >= THINGPASS_MOTION_HEARTBEAT) {
        return true;
    }
    if (t->options->json) {
        (void)printf("{\"n\":%llu,\"result\":\"skipped\",\"motion\":\"%s\"}\n",
                     (unsigned long long)t->number, thingpass_gate_word(verdict));
        (void)fflush(stdout);
    }
    thingpass_say(&t->say, THINGPASS_SAY_DETAIL, "photo %llu is not stored: %s",
                  (unsigned long long)t->number, thingpass_gate_word(verdict));
    return false;
}

bool thingpass_capture(struct thingpass_virtual_thing *t) {
    t->sha256.finished = false;
    t->stream.why.text[0] = '\0';
    t->told.text[0] = '\0';
    enum thingpass_capture taken = t->camera.capture(t->camera.ctx, t->number, &t->photo);
    if (taken == THINGPASS_CAMERA_EMPTY) {
        t->camera_empty = true;
    } else if (taken != THINGPASS_CAPTURED) {
        report(t, NULL, t->photo.why.text);
    } else if (is_worth_it(t)) {
        pretend_time(t);
        choose_id(t);
        return true;
    }
    return false;
}

// Takes a photo and stores it. Whatever happens to it is reported.
static void one_photo(struct thingpass_virtual_thing *t) {
    struct thingpass_why why = {""};
    t->number++;
    if (!thingpass_capture(t)) {
        thingpass_commander_end(t, "failed");
        return;
    }
    const char *folder = t->options->save;
    if ((folder != NULL && thingpass_save_photo(folder, t->id, &t->photo, &why) != THINGPASS_OK) ||
        start_upload(t, &why) != THINGPASS_OK) {
        thingpass_commander_end(t, "failed");
        report(t, NULL, why.text);
        return;
    }
    thingpass_drive(t);
    thingpass_commander_end(t, NULL);
    report_result(t);
    if (thingpass_ledger_due(&t->core)) {
        thingpass_report_later(t);
    }
}

bool thingpass_virtual_thing_run(struct thingpass_virtual_thing *thing) {
    uint64_t count = thing->options->count != 0 ? thing->options->count : UINT64_MAX;
    uint64_t next_ms = 0;
    while (!thingpass_must_end(thing) && thing->number < count && !thing->camera_empty) {
        rest(thing, next_ms);
        if (thingpass_must_end(thing)) {
            break;
        }
        if (thingpass_commander_wants(thing, THINGPASS_DOWNLOAD)) {
            thingpass_commander_download(thing);
            continue;
        }
        if (thingpass_commander_wants(thing, THINGPASS_CAPTURE)) {
            thingpass_commander_begin(thing, "");
            one_photo(thing);
            continue;
        }
        if (thingpass_posix_now_ms() < next_ms) {
            continue; // the command has expired
        }
        next_ms = thingpass_posix_now_ms() + thing->options->interval_ms;
        one_photo(thing);
    }
    thingpass_report_later(thing);
    thing->unconfirmed += thing->ledger.count;
    thingpass_cancel(&thing->core); // closes the connection to S3 in good order
    return thing->failed == 0 && thing->unconfirmed == 0 &&
           (thing->stored > 0 || thing->options->motion);
}

#endif
