// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "virtual_thing.h"

#include <poll.h>
#include <string.h>

#include "camera_folder.h"
#include "failure_words.h"
#include "identity.h"
#include "report.h"
#include "save.h"

enum {
    LENT_MAX = 8192,   // what the core may have on a microcontroller
    PUMP_EVERY_MS = 50 // while a fast upload never waits
};

// All that an upload in flight takes, whatever the photo's size.
static uint8_t reply_buffer[THINGPASS_REPLY_SIZE];
static uint8_t chunk_buffer[4096]; // one TLS record
_Static_assert(sizeof reply_buffer + sizeof chunk_buffer <= LENT_MAX, "the core's budget");

static void receive(void *ctx, const char *topic, const void *payload, size_t length) {
    struct thingpass_virtual_thing *t = ctx;
    int rc = thingpass_receive(&t->core, topic, strlen(topic), payload, length);
    if (rc < 0) {
        thingpass_say(&t->say, THINGPASS_SAY_DETAIL, "a message on %s is not understood: %s", topic,
                      thingpass_strerror(rc));
    }
}

static int open_core(struct thingpass_virtual_thing *t, struct thingpass_why *why) {
    const struct thingpass_options *o = t->options;
    struct thingpass_config config = {.root = o->root,
                                      .thing = o->name,
                                      .stream = &t->faults.port,
                                      .mqtt = &t->mqtt.port,
                                      .clock = &thingpass_posix_clock,
                                      .random = &thingpass_posix_random,
                                      .sha256 = &t->sha256.port,
                                      .reply = reply_buffer,
                                      .reply_size = sizeof reply_buffer,
                                      .chunk = chunk_buffer,
                                      .chunk_size = sizeof chunk_buffer,
                                      .timing = {.ask_wait_ms = o->ask_wait_ms}};
    // The core keeps the pointers; what is behind them is set up next.
    thingpass_link_faults_init(&t->faults, &t->stream, o->rate, o->cut_after, o->cuts);
    struct thingpass_mqtt_settings settings = {.host = o->host,
                                               .port = o->port,
                                               .client_id = o->name,
                                               .ca_file = o->ca_file,
                                               .cert_file = o->cert_file,
                                               .key_file = o->key_file,
                                               .topic = t->topic,
                                               .version = o->mqtt_version,
                                               .trust = &t->mqtt_trust,
                                               .say = &t->say,
                                               .ctx = t,
                                               .receive = receive};
    thingpass_mqtt_link_init(&t->mqtt, &settings);
    if (thingpass_init(&t->core, &config) != THINGPASS_OK ||
        thingpass_response_topic(&t->core, t->topic, sizeof t->topic) < 0) {
        return thingpass_fail(
            why, THINGPASS_EINVAL,
            "--root \"%s\" cannot begin a topic; it has no + # $ and no spaces, no "
            "/ at its ends, and is short",
            o->root);
    }
    return THINGPASS_OK;
}

static int open_camera(struct thingpass_virtual_thing *t, struct thingpass_why *why) {
    const struct thingpass_options *o = t->options;
    int rc = o->save != NULL ? thingpass_save_folder(o->save, why) : THINGPASS_OK;
    if (rc != THINGPASS_OK) {
        return rc;
    }
    return o->folder != NULL ? thingpass_camera_folder(&t->camera, o->folder, o->loop, why)
                             : thingpass_camera_scene(&t->camera, &o->scene, why);
}

int thingpass_virtual_thing_open(struct thingpass_virtual_thing *thing,
                                 const struct thingpass_options *options, int stop_fd,
                                 struct thingpass_why *why) {
    memset(thing, 0, sizeof *thing);
    thing->options = options;
    thing->stop_fd = stop_fd;
    thing->say = (struct thingpass_say){stderr, options->level};
    (void)mosquitto_lib_init();
    thingpass_posix_sha256_init(&thing->sha256);
    thingpass_tls_stream_init(&thing->stream, &thing->s3_trust);
    // Both are loaded even when the first fails, so that both can be freed.
    int mqtt = thingpass_tls_trust_load(&thing->mqtt_trust, options->ca_file, why);
    int s3 = thingpass_tls_trust_load(&thing->s3_trust, options->s3_ca_file,
                                      mqtt == THINGPASS_OK ? why : NULL);
    int rc = mqtt != THINGPASS_OK ? mqtt : s3;
    if (rc == THINGPASS_OK) {
        rc = thingpass_identity_check(options->cert_file, options->key_file, options->name,
                                      &thing->say, why);
    }
    if (rc == THINGPASS_OK) {
        rc = open_core(thing, why);
    }
    return rc == THINGPASS_OK ? open_camera(thing, why) : rc;
}

void thingpass_virtual_thing_close(struct thingpass_virtual_thing *thing) {
    thingpass_mqtt_link_close(&thing->mqtt);
    if (thing->camera.close != NULL) {
        thing->camera.close(thing->camera.ctx);
    }
    thingpass_tls_stream_free(&thing->stream);
    thingpass_tls_trust_free(&thing->s3_trust);
    thingpass_tls_trust_free(&thing->mqtt_trust);
    thingpass_posix_sha256_free(&thing->sha256);
    (void)mosquitto_lib_cleanup();
}

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

// Runs the upload in flight to its end.
static void drive(struct thingpass_virtual_thing *t) {
    for (;;) {
        uint64_t wake_ms;
        t->stream.wants = 0;
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
                              sizeof chunk_buffer);
    }
    return rc < 0 ? thingpass_fail(why, rc, "start the upload: %s", thingpass_strerror(rc)) : rc;
}

// Takes a photo and stores it. Whatever happens to it is reported.
static void one_photo(struct thingpass_virtual_thing *t) {
    struct thingpass_why why = {""};
    t->number++;
    t->sha256.finished = false;
    t->stream.why.text[0] = '\0';
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
