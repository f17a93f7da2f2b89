// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "spooler.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "save.h"
#include "spool_news.h"
#include "virtual_thing_loop.h"

enum { FRAMES = 2 };

static void choose(void *ctx, struct thingpass_object *object, uint8_t hint) {
    const struct thingpass_virtual_thing *t = ctx;
    (void)hint;
    object->mode = t->options->mode;
    object->verify = t->options->verify;
    object->deadline_ms = t->options->deadline_s * 1000;
}

int thingpass_spooler_open(struct thingpass_virtual_thing *thing, struct thingpass_why *why) {
    struct thingpass_spooler *s = &thing->spooler;
    const struct thingpass_options *o = thing->options;
    thingpass_posix_sha256_init(&s->sha256);
    if (mkdir(o->spool, 0700) != 0 && errno != EEXIST) {
        return thingpass_fail(why, THINGPASS_EINVAL, "--spool: make the folder %s: %s", o->spool,
                              strerror(errno));
    }
    if (thingpass_posix_files_init(&s->files, o->spool) != THINGPASS_OK) {
        return thingpass_fail(why, THINGPASS_EINVAL, "--spool %s: the name has more than %d bytes",
                              o->spool, THINGPASS_POSIX_FOLDER_MAX);
    }
    s->config = (struct thingpass_spool_config){.files = &s->files.files,
                                                .sha256 = &s->sha256.port,
                                                .chunk = s->chunk,
                                                .chunk_size = sizeof s->chunk,
                                                .buffer = s->buffer,
                                                .buffer_size = sizeof s->buffer,
                                                .max_bytes = o->spool_bytes,
                                                .max_count = o->spool_count,
                                                .drop_oldest = !o->spool_refuse};
    struct thingpass_outbox_config config = {.tp = &thing->core,
                                             .spool = &s->spool,
                                             .spool_config = &s->config,
                                             .choose = choose,
                                             .tell = thingpass_spool_news,
                                             .ctx = thing,
                                             .spool_first = o->spool_first,
                                             .retry_wait_ms = o->timing.retry_wait_ms,
                                             .wait_max_ms = o->timing.wait_max_ms};
    return thingpass_outbox_init(&s->outbox, &config) == THINGPASS_OK
               ? THINGPASS_OK
               : thingpass_fail(why, THINGPASS_EINVAL, "--spool: its bounds are not possible");
}

void thingpass_spooler_close(struct thingpass_virtual_thing *thing) {
    for (int i = 0; i < FRAMES; i++) {
        thingpass_frame_free(&thing->spooler.frames[i]);
    }
    thingpass_posix_sha256_free(&thing->spooler.sha256);
}

// Whether the photos of now are taken out of reach of any network.
static bool is_offline(const struct thingpass_virtual_thing *t) {
    const struct thingpass_options *o = t->options;
    if (o->offline_count == 0 || t->number < o->offline_first || t->camera_empty) {
        return false;
    }
    uint64_t since = t->number - o->offline_first;
    return (o->offline_every > 0 ? since % o->offline_every : since) < o->offline_count;
}

static void tell_the_link(struct thingpass_virtual_thing *t) {
    struct thingpass_spooler *s = &t->spooler;
    bool offline = is_offline(t);
    if (offline && !t->faults.down) {
        thingpass_mqtt_link_close(&t->mqtt);
    } else if (!offline && t->faults.down) {
        t->mqtt.wake_ms = thingpass_posix_now_ms(); // closed, it would wait for ever
    }
    t->faults.down = offline;
    bool up = !offline && thingpass_mqtt_link_ready(&t->mqtt);
    if (up != s->up || (up && s->connections != t->mqtt.connections)) {
        thingpass_outbox_link(&s->outbox, up);
    }
    s->up = up;
    s->connections = t->mqtt.connections;
}

static struct thingpass_frame *free_frame(struct thingpass_spooler *s) {
    for (int i = 0; i < FRAMES; i++) {
        if (!s->frames[i].busy) {
            return &s->frames[i];
        }
    }
    return NULL;
}

static int put(struct thingpass_virtual_thing *t, struct thingpass_frame *frame,
               struct thingpass_why *why) {
    struct thingpass_object object = {.id = frame->id,
                                      .captured_at = t->photo.captured_at,
                                      .captured_ms = thingpass_posix_now_ms(),
                                      .source = &frame->source};
    thingpass_object_options(t, &frame->sensors, &object);
    int rc = thingpass_outbox_put(&t->spooler.outbox, &object, 0);
    if (rc != THINGPASS_OK) {
        frame->busy = false;
        (void)thingpass_fail(why, rc, "neither the spool nor the link takes it: %s",
                             thingpass_strerror(rc));
    }
    return rc;
}

enum {
    RECENT = sizeof((struct thingpass_spooler *)0)->recent /
             sizeof((struct thingpass_spooler *)0)->recent[0]
};

static void remember(struct thingpass_spooler *s, const char *id, uint64_t number) {
    size_t i = number % RECENT;
    (void)snprintf(s->recent[i].id, sizeof s->recent[i].id, "%s", id);
    s->recent[i].number = number;
}

uint64_t thingpass_spooler_number(const struct thingpass_spooler *spooler, const char *id) {
    for (size_t i = 0; i < RECENT; i++) {
        if (strcmp(spooler->recent[i].id, id) == 0) {
            return spooler->recent[i].number;
        }
    }
    return 0;
}

// Whether the outbox has nothing in its hands.
static bool is_resting(const struct thingpass_virtual_thing *t) {
    const struct thingpass_spooler *s = &t->spooler;
    return s->outbox.sending != 0 && s->outbox.sending != 1 &&
           thingpass_outbox_waiting(&s->outbox) == thingpass_spool_waiting(&s->spool);
}

// Takes a photo and puts it into the outbox. One for a command is answered for when the
// outbox tells what has become of it.
static void take(struct thingpass_virtual_thing *t, struct thingpass_frame *frame) {
    struct thingpass_why why = {""};
    const struct thingpass_options *o = t->options;
    t->number++;
    if (!thingpass_capture(t)) {
        thingpass_commander_end(t, "failed");
        return;
    }
    int rc = thingpass_frame_fill(frame, &t->photo, o->sha256, &why);
    if (rc == THINGPASS_OK && o->save != NULL) {
        rc = thingpass_save_photo(o->save, t->id, &t->photo, &why);
        frame->busy = rc == THINGPASS_OK;
    }
    if (rc == THINGPASS_OK) {
        remember(&t->spooler, t->id, t->number);
        (void)snprintf(t->commander.id, sizeof t->commander.id, "%s",
                       t->commander.state == THINGPASS_COMMANDER_BUSY ? t->id : "");
        thingpass_sensors_read(&frame->sensors, o, t->number);
        memcpy(frame->id, t->id, sizeof frame->id);
        tell_the_link(t);
        rc = put(t, frame, &why);
    }
    if (rc != THINGPASS_OK) {
        thingpass_commander_end(t, "failed");
        thingpass_report(t, t->number, NULL, why.text);
    }
}

// Does what an operator wants, as soon as it can be done.
static void obey(struct thingpass_virtual_thing *t, struct thingpass_frame *frame) {
    if (frame != NULL && thingpass_commander_wants(t, THINGPASS_CAPTURE)) {
        thingpass_commander_begin(t, "");
        take(t, frame);
    } else if (is_resting(t) && t->spooler.up && thingpass_commander_wants(t, THINGPASS_DOWNLOAD)) {
        thingpass_commander_download(t);
    }
}

// Reports what S3 has taken, while the outbox rests.
static void report_sometimes(struct thingpass_virtual_thing *t, bool at_last) {
    struct thingpass_spooler *s = &t->spooler;
    if (is_resting(t) && s->up && (at_last || thingpass_ledger_due(&t->core))) {
        thingpass_report_later(t);
    }
}

static bool is_done(const struct thingpass_virtual_thing *t) {
    uint64_t count = t->options->count != 0 ? t->options->count : UINT64_MAX;
    return t->camera_empty || t->number >= count;
}

// Gives the outbox its turn, and waits until there is more to do for it or for the
// camera.
static void step(struct thingpass_virtual_thing *t, uint64_t photo_ms) {
    uint64_t wake_ms = UINT64_MAX;
    tell_the_link(t);
    t->stream.wants = 0;
    thingpass_narrate(t);
    int todo = thingpass_outbox_step(&t->spooler.outbox, &wake_ms);
    if (todo == THINGPASS_STEP_RUN) {
        thingpass_pump_now_and_then(t);
        return;
    }
    report_sometimes(t, false);
    bool can_take = !is_done(t) && free_frame(&t->spooler) != NULL;
    uint64_t until_ms = can_take && photo_ms < wake_ms ? photo_ms : wake_ms;
    thingpass_pump(t, until_ms, todo == THINGPASS_STEP_WAIT_STREAM);
}

// What is at hand goes into the spool, for another day.
static void put_away(struct thingpass_virtual_thing *t) {
    struct thingpass_spooler *s = &t->spooler;
    thingpass_outbox_link(&s->outbox, false);
    thingpass_cancel(&t->core);
    while (thingpass_outbox_step(&s->outbox, NULL) == THINGPASS_STEP_RUN) {
    }
}

bool thingpass_spooler_run(struct thingpass_virtual_thing *thing) {
    struct thingpass_spooler *s = &thing->spooler;
    uint64_t next_ms = 0;
    while (!thingpass_must_end(thing) &&
           (!is_done(thing) || thingpass_outbox_waiting(&s->outbox) > 0)) {
        obey(thing, free_frame(s));
        struct thingpass_frame *frame = free_frame(s);
        uint64_t now_ms = thingpass_posix_now_ms();
        if (!is_done(thing) && frame != NULL && now_ms >= next_ms) {
            next_ms = now_ms + thing->options->interval_ms;
            take(thing, frame);
        }
        step(thing, next_ms);
    }
    report_sometimes(thing, true);
    put_away(thing);
    thing->unconfirmed += thing->ledger.count;
    return thing->failed == 0 && s->lost == 0 && thing->unconfirmed == 0 &&
           thingpass_outbox_waiting(&s->outbox) == 0;
}

#endif
