// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "virtual_thing.h"

#include <poll.h>
#include <string.h>

#include "failure_words.h"
#include "report.h"
#include "save.h"

enum { PUMP_EVERY_MS = 50 }; // while a fast upload never waits

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static int timeout_ms(struct thingpass_virtual_thing *t, uint64_t until_ms, uint64_t now_ms) {
    uint64_t wake = earlier(until_ms, thingpass_mqtt_link_wake_ms(&t->mqtt));
    if (t->faults.wake_ms != 0) {
        wake = earlier(wake, t->faults.wake_ms);
    }
    return wake <= now_ms ? 0 : (int)earlier(wake - now_ms, 60000);
}

// Waits until then, or until MQTT, a signal or (if asked for) the stream to S3
// has something, and takes MQTT's messages.
static void pump(struct thingpass_virtual_thing *t, uint64_t until_ms, bool stream) {
    struct pollfd fds[] = {
        {.fd = t->stopping ? -1 : t->stop_fd, .events = POLLIN},
        thingpass_mqtt_link_poll(&t->mqtt),
        {.fd = -1},
    };
    if (stream && t->stream.wants != 0) {
        fds[2].fd = thingpass_tls_stream_fd(&t->stream);
        fds[2].events = t->stream.wants;
    }
    (void)poll(fds, 3, timeout_ms(t, until_ms, thingpass_posix_now_ms()));
    t->stopping |= fds[0].fd >= 0 && (fds[0].revents & POLLIN) != 0;
    t->pumped_ms = thingpass_posix_now_ms();
    if (!t->fatal && thingpass_mqtt_link_step(&t->mqtt, t->pumped_ms) != THINGPASS_OK) {
        t->fatal = true;
    }
    if (t->mqtt.connections != t->connections) {
        t->connections = t->mqtt.connections;
        thingpass_ask_again(&t->core);
    }
}

static bool must_end(const struct thingpass_virtual_thing *t) {
    return t->stopping || t->fatal;
}

// With --verbose: what the upload does now, and what went wrong before.
static void narrate(struct thingpass_virtual_thing *t) {
    const char *phase = thingpass_phase_name(&t->core);
    if (t->say.most < THINGPASS_SAY_DETAIL || phase == t->phase) {
        return;
    }
    t->phase = phase;
    thingpass_say(&t->say, THINGPASS_SAY_DETAIL, "photo %llu: %s", (unsigned long long)t->number,
                  phase);
    if (t->stream.why.text[0] != '\0' && strcmp(t->stream.why.text, t->told.text) != 0) {
        t->told = t->stream.why;
        thingpass_say(&t->say, THINGPASS_SAY_DETAIL, "%s", t->told.text);
    }
}

// Runs the upload in flight to its end.
static void drive(struct thingpass_virtual_thing *t) {
    for (;;) {
        uint64_t wake_ms;
        t->stream.wants = 0;
        narrate(t);
        switch (thingpass_step(&t->core, &wake_ms)) {
        case THINGPASS_STEP_DONE:
            return;
        case THINGPASS_STEP_RUN:
            if (thingpass_posix_now_ms() - t->pumped_ms >= PUMP_EVERY_MS) {
                pump(t, 0, false);
            }
            break;
        case THINGPASS_STEP_WAIT_STREAM:
            pump(t, wake_ms, true);
            break;
        default:
            pump(t, wake_ms, false);
        }
        if (must_end(t)) {
            thingpass_cancel(&t->core);
        }
    }
}

// Waits for the next photo's moment. An idle connection to S3 is closed in time.
static void rest(struct thingpass_virtual_thing *t, uint64_t until_ms) {
    while (!must_end(t) && thingpass_posix_now_ms() < until_ms) {
        uint64_t wake_ms;
        (void)thingpass_step(&t->core, &wake_ms);
        pump(t, earlier(wake_ms, until_ms), false);
    }
    if (t->fatal) {
        thingpass_say(&t->say, THINGPASS_SAY_ERROR, "%s", t->mqtt.why.text);
    }
}

static void report(struct thingpass_virtual_thing *t, const struct thingpass_result *result,
                   const char *why) {
    struct thingpass_report r = {.number = t->number,
                                 .name = t->photo.name,
                                 .result = result,
                                 .sha256 = t->sha256.finished ? t->sha256.sum : NULL,
                                 .why = why};
    t->stored += why == NULL;
    t->failed += why != NULL;
    thingpass_report_print(&r, t->options, &t->say, stdout);
}

static void report_result(struct thingpass_virtual_thing *t) {
    const struct thingpass_result *result = thingpass_result(&t->core);
    struct thingpass_why why = {"interrupted"};
    if (result->err == THINGPASS_OK) {
        report(t, result, NULL);
        return;
    }
    struct thingpass_failure failure = {.result = result,
                                        .options = t->options,
                                        .mqtt_ready = thingpass_mqtt_link_ready(&t->mqtt),
                                        .mqtt = t->mqtt.why.text,
                                        .stream = t->stream.why.text,
                                        .photo = t->photo.why.text};
    if (t->fatal) {
        why = t->mqtt.why;
    } else if (result->err != THINGPASS_ECANCELLED) {
        thingpass_failure_words(&failure, &why);
    }
    report(t, result, why.text);
}

static int start_upload(struct thingpass_virtual_thing *t, struct thingpass_why *why) {
    const struct thingpass_options *o = t->options;
    t->source = t->photo.source;
    t->source.rewindable = t->photo.source.rewindable && o->sha256;
    struct thingpass_object object = {.kind = o->kind,
                                      .mode = o->mode,
                                      .verify = o->verify,
                                      .id = t->id,
                                      .captured_ms = thingpass_posix_now_ms(),
                                      .metadata = o->metadata,
                                      .metadata_count = o->metadata_count,
                                      .deadline_ms = o->deadline_ms,
                                      .source = &t->source};
    int rc = thingpass_upload_start(&t->core, &object);
    if (rc == THINGPASS_ESPACE) {
        return thingpass_fail(why, rc,
                              "the request does not fit into our %zu bytes; give less --metadata",
                              t->core.config.chunk_size);
    }
    return rc < 0 ? thingpass_fail(why, rc, "start the upload: %s", thingpass_strerror(rc)) : rc;
}

// Takes a photo and stores it. Whatever happens to it is reported.
static void one_photo(struct thingpass_virtual_thing *t) {
    struct thingpass_why why = {""};
    t->number++;
    t->sha256.finished = false;
    t->stream.why.text[0] = '\0';
    t->told.text[0] = '\0';
    enum thingpass_capture taken = t->camera.capture(t->camera.ctx, t->number, &t->photo);
    if (taken == THINGPASS_CAMERA_EMPTY) {
        t->camera_empty = true;
        return;
    }
    if (taken != THINGPASS_CAPTURED) {
        report(t, NULL, t->photo.why.text);
        return;
    }
    (void)thingpass_new_id(&t->core, t->id, sizeof t->id);
    const char *folder = t->options->save;
    if (folder != NULL && thingpass_save_photo(folder, t->id, &t->photo, &why) != THINGPASS_OK) {
        report(t, NULL, why.text);
        return;
    }
    if (start_upload(t, &why) != THINGPASS_OK) {
        report(t, NULL, why.text);
        return;
    }
    drive(t);
    report_result(t);
}

bool thingpass_virtual_thing_run(struct thingpass_virtual_thing *thing) {
    uint64_t count = thing->options->count != 0 ? thing->options->count : UINT64_MAX;
    uint64_t next_ms = 0;
    while (!must_end(thing) && thing->number < count && !thing->camera_empty) {
        rest(thing, next_ms);
        if (must_end(thing)) {
            break;
        }
        next_ms = thingpass_posix_now_ms() + thing->options->interval_ms;
        one_photo(thing);
    }
    thingpass_cancel(&thing->core); // closes the connection to S3 in good order
    return thing->failed == 0 && thing->stored > 0;
}

#endif
