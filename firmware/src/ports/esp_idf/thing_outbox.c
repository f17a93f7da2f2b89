// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

// Uploads through outbox.h: what cannot be sent now waits in a folder of the VFS.

#include <stdlib.h>
#include <string.h>

#include <esp_log.h>

#include "thing.h"

#if CONFIG_THINGPASS_SPOOL

#include "thingpass/outbox.h"
#include "thingpass/posix_files.h"

enum {
    AT_HAND = 2, // what the outbox takes
    CHUNK = 2048,
    WIND_UP_MS = 10000
};

static const char tag[] = "thingpass";

struct at_hand {
    bool used;
    struct thingpass_esp_job job;
    char id[THINGPASS_ID_MAX + 1];
};

struct thingpass_esp_outbox {
    struct thingpass_outbox outbox;
    struct thingpass_posix_files files;
    struct thingpass_esp_sha256 sha256;
    struct thingpass_spool spool;
    struct thingpass_spool_config config;
    struct at_hand at_hand[AT_HAND];
    max_align_t buffer[THINGPASS_SPOOL_BUFFER / sizeof(max_align_t)];
    uint8_t chunk[CHUNK];
};

// The spool does not keep the mode; the hint is how it is verified. What was under a
// pass and goes by a grant now takes all its metadata along: the pairs lie behind
// each other.
static void choose(void *ctx, struct thingpass_object *object, uint8_t hint) {
    const struct thingpass_esp *esp = ctx;
    object->verify = (enum thingpass_verify)hint;
    if (object->mode != NULL) {
        return;
    }
    object->mode = esp->config.mode;
    if (object->mode == NULL) {
        object->metadata_count += object->pass_metadata_count;
        object->pass_metadata_count = 0;
    }
}

static struct at_hand *find(struct thingpass_esp_outbox *o, const char *id) {
    for (size_t i = 0; i < AT_HAND; i++) {
        if (o->at_hand[i].used && strcmp(o->at_hand[i].id, id) == 0) {
            return &o->at_hand[i];
        }
    }
    return NULL;
}

static void tell_all(struct thingpass_esp *esp, const struct thingpass_outbox_event *event,
                     const struct thingpass_result *result) {
    switch (event->news) {
    case THINGPASS_OUTBOX_SPOOLED:
        thingpass_esp_tell(esp, THINGPASS_ESP_SPOOLED, THINGPASS_OK, "spooled", event->result);
        break;
    case THINGPASS_OUTBOX_LATER:
        thingpass_esp_tell(esp, THINGPASS_ESP_SPOOLED, event->err, "stays in the spool",
                           event->result);
        break;
    case THINGPASS_OUTBOX_DROPPED:
        thingpass_esp_tell(esp, THINGPASS_ESP_DROPPED, event->err, "the spool is full", NULL);
        break;
    case THINGPASS_OUTBOX_SPOOL:
        ESP_LOGW(tag, "spool %s: %s", esp->config.spool.directory, thingpass_strerror(event->err));
        thingpass_esp_tell(esp, THINGPASS_ESP_SPOOL, event->err, thingpass_strerror(event->err),
                           NULL);
        break;
    default: // stored, set aside or lost
        thingpass_esp_tell_end(esp, THINGPASS_ESP_STORED, result);
    }
}

static void tell(void *ctx, const struct thingpass_outbox_event *event) {
    struct thingpass_esp *esp = ctx;
    struct thingpass_result result = {.id = "", .object_key = ""};
    if (event->result != NULL) {
        result = *event->result;
    } else if (event->object != NULL && event->object->id != NULL) {
        result.id = event->object->id;
    }
    bool spooled = event->news == THINGPASS_OUTBOX_SPOOLED;
    result.err = spooled ? THINGPASS_EAGAIN : event->err;
    tell_all(esp, event, &result);
    struct at_hand *mine = NULL;
    // An entry of the spool may have the id of an object that is put once more.
    if (event->object != NULL && event->object != &esp->outbox->spool.object) {
        mine = find(esp->outbox, event->object->id);
    }
    if (mine != NULL) { // nothing of it is LATER or ASIDE: that is of the spool's entries
        mine->used = false;
        thingpass_esp_deliver(esp, &mine->job, &result, spooled);
    }
}

int thingpass_esp_outbox_open(struct thingpass_esp *esp) {
    const struct thingpass_esp_spool *s = &esp->config.spool;
    struct thingpass_esp_outbox *o = calloc(1, sizeof *o);
    esp->outbox = o;
    if (o == NULL) {
        return THINGPASS_ESPACE;
    }
    int rc = thingpass_esp_sha256_init(&o->sha256);
    if (rc == THINGPASS_OK) {
        rc = thingpass_posix_files_init(&o->files, s->directory);
    }
    if (rc != THINGPASS_OK) {
        return rc;
    }
    o->config = (struct thingpass_spool_config){.files = &o->files.files,
                                                .sha256 = &o->sha256.port,
                                                .chunk = o->chunk,
                                                .chunk_size = sizeof o->chunk,
                                                .buffer = o->buffer,
                                                .buffer_size = sizeof o->buffer,
                                                .max_bytes = s->max_bytes,
                                                .max_count = s->max_objects,
                                                .drop_oldest = !s->refuse_new};
    return THINGPASS_OK;
}

int thingpass_esp_outbox_begin(struct thingpass_esp *esp) {
    const struct thingpass_esp_spool *s = &esp->config.spool;
    struct thingpass_outbox_config config = {.tp = &esp->core,
                                             .spool = &esp->outbox->spool,
                                             .spool_config = &esp->outbox->config,
                                             .choose = choose,
                                             .tell = tell,
                                             .ctx = esp,
                                             .spool_first = s->first,
                                             .stream_one_pass = s->stream_one_pass};
    return thingpass_outbox_init(&esp->outbox->outbox, &config);
}

void thingpass_esp_outbox_close(struct thingpass_esp *esp) {
    if (esp->outbox != NULL) {
        thingpass_esp_sha256_free(&esp->outbox->sha256);
        free(esp->outbox);
    }
    esp->outbox = NULL;
}

// Without an id it gets one here, by which it is known when there is news of it.
static int name(struct thingpass_esp *esp, struct at_hand *place) {
    const char *id = place->job.object.id;
    if (id == NULL) {
        int rc = thingpass_new_id(&esp->core, place->id, sizeof place->id);
        place->job.object.id = place->id;
        return rc;
    }
    return strlcpy(place->id, id, sizeof place->id) < sizeof place->id ? THINGPASS_OK
                                                                       : THINGPASS_EINVAL;
}

bool thingpass_esp_outbox_busy(const struct thingpass_esp *esp) {
    const struct thingpass_esp_outbox *o = esp->outbox;
    return o != NULL && (o->at_hand[0].used || o->at_hand[1].used);
}

int thingpass_esp_outbox_put(struct thingpass_esp *esp, const struct thingpass_esp_job *job) {
    struct thingpass_esp_outbox *o = esp->outbox;
    struct at_hand *place = !o->at_hand[0].used ? &o->at_hand[0] : &o->at_hand[1];
    if (place->used) {
        return THINGPASS_EBUSY;
    }
    place->job = *job;
    int rc = name(esp, place);
    if (rc >= 0) {
        place->used = true;
        rc = thingpass_outbox_put(&o->outbox, &place->job.object, (uint8_t)job->object.verify);
        place->used = rc == THINGPASS_OK;
    }
    return rc;
}

// Who has waited long enough has it spooled.
static void hurry(struct thingpass_esp *esp) {
    struct thingpass_esp_outbox *o = esp->outbox;
    for (size_t i = 0; i < AT_HAND; i++) {
        const struct at_hand *h = &o->at_hand[i];
        if (h->used && h->job.waiter != NULL && h->job.waiter->give_up &&
            strcmp(thingpass_result(&esp->core)->id, h->id) == 0) {
            thingpass_cancel(&esp->core);
        }
    }
}

int thingpass_esp_outbox_step(struct thingpass_esp *esp, uint64_t *wake_ms) {
    hurry(esp);
    int todo = thingpass_outbox_step(&esp->outbox->outbox, wake_ms);
    uint32_t waiting = thingpass_outbox_waiting(&esp->outbox->outbox);
    thingpass_esp_lock(esp);
    esp->stats.spool_objects = waiting;
    thingpass_esp_unlock(esp);
    return todo;
}

void thingpass_esp_outbox_link(struct thingpass_esp *esp, bool up) {
    thingpass_outbox_link(&esp->outbox->outbox, up);
}

void thingpass_esp_outbox_wind_up(struct thingpass_esp *esp) {
    struct thingpass_esp_outbox *o = esp->outbox;
    if (o == NULL) {
        return;
    }
    thingpass_outbox_link(&o->outbox, false);
    uint64_t until_ms = thingpass_esp_clock_ms() + WIND_UP_MS;
    do { // at least once: it closes the spool's file that was being sent
        uint64_t wake_ms;
        thingpass_cancel(&esp->core);
        if (thingpass_outbox_step(&o->outbox, &wake_ms) != THINGPASS_STEP_RUN) {
            vTaskDelay(1);
        }
    } while ((o->at_hand[0].used || o->at_hand[1].used) && thingpass_esp_clock_ms() < until_ms);
    thingpass_spool_put_cancel(&o->spool); // what is not whole by now
    for (size_t i = 0; i < AT_HAND; i++) {
        struct thingpass_result result = {.err = THINGPASS_ECANCELLED, .id = "", .object_key = ""};
        if (o->at_hand[i].used) {
            o->at_hand[i].used = false;
            o->at_hand[i].job.kind->release(&o->at_hand[i].job, false);
            thingpass_esp_deliver(esp, &o->at_hand[i].job, &result, false);
        }
    }
}

#else

int thingpass_esp_outbox_open(struct thingpass_esp *esp) {
    (void)esp;
    ESP_LOGE("thingpass", "a spool needs CONFIG_THINGPASS_SPOOL");
    return THINGPASS_EINVAL;
}

int thingpass_esp_outbox_begin(struct thingpass_esp *esp) {
    (void)esp;
    return THINGPASS_EINVAL;
}

void thingpass_esp_outbox_close(struct thingpass_esp *esp) {
    (void)esp;
}

bool thingpass_esp_outbox_busy(const struct thingpass_esp *esp) {
    (void)esp;
    return false;
}

int thingpass_esp_outbox_put(struct thingpass_esp *esp, const struct thingpass_esp_job *job) {
    (void)esp;
    (void)job;
    return THINGPASS_EINVAL;
}

int thingpass_esp_outbox_step(struct thingpass_esp *esp, uint64_t *wake_ms) {
    (void)esp;
    *wake_ms = UINT64_MAX;
    return THINGPASS_STEP_IDLE;
}

void thingpass_esp_outbox_link(struct thingpass_esp *esp, bool up) {
    (void)esp;
    (void)up;
}

void thingpass_esp_outbox_wind_up(struct thingpass_esp *esp) {
    (void)esp;
}

#endif

#endif
