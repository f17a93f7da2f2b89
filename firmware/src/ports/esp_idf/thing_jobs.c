// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

// Jobs wait in a row, and end exactly once. An upload may be passed by another kind
// of job, never by another upload.

#include <string.h>

#include "thing.h"

bool thingpass_esp_in_task(const struct thingpass_esp *esp) {
    return xTaskGetCurrentTaskHandle() == esp->task;
}

int thingpass_esp_queue(struct thingpass_esp *esp, const struct thingpass_esp_job *job) {
    int rc = THINGPASS_EBUSY;
    uint32_t wait_ms = job->object.deadline_ms != 0 ? job->object.deadline_ms
                                                    : esp->core.config.timing.deadline_ms;
    thingpass_esp_lock(esp);
    if (!esp->stopping && esp->job_count < CONFIG_THINGPASS_QUEUE) {
        esp->jobs[esp->job_count] = *job;
        esp->jobs[esp->job_count].until_ms = thingpass_esp_clock_ms() + wait_ms;
        esp->job_count++;
        rc = THINGPASS_OK;
    }
    thingpass_esp_unlock(esp);
    thingpass_esp_wake(esp);
    return rc;
}

static bool look_at(struct thingpass_esp *esp, uint32_t i, struct thingpass_esp_job *job) {
    thingpass_esp_lock(esp);
    bool there = i < esp->job_count;
    if (there) {
        *job = esp->jobs[i];
    }
    thingpass_esp_unlock(esp);
    return there;
}

static void take_out(struct thingpass_esp *esp, uint32_t i) {
    thingpass_esp_lock(esp);
    esp->job_count--;
    memmove(&esp->jobs[i], &esp->jobs[i + 1], (esp->job_count - i) * sizeof esp->jobs[0]);
    thingpass_esp_unlock(esp);
}

void thingpass_esp_tell(struct thingpass_esp *esp, enum thingpass_esp_event_type type, int err,
                        const char *text, const struct thingpass_result *result) {
    thingpass_esp_lock(esp);
    struct thingpass_esp_stats *s = &esp->stats;
    s->stored += type == THINGPASS_ESP_STORED;
    s->failed += type == THINGPASS_ESP_FAILED;
    s->refused += type == THINGPASS_ESP_REFUSED;
    s->spooled += type == THINGPASS_ESP_SPOOLED && err == THINGPASS_OK;
    s->bytes_stored += type == THINGPASS_ESP_STORED && result != NULL ? result->size : 0;
    thingpass_esp_unlock(esp);
    struct thingpass_esp_event event = {.type = type, .err = err, .text = text, .result = result};
    if (esp->config.on_event != NULL) {
        esp->config.on_event(esp->config.ctx, &event);
    }
}

void thingpass_esp_tell_end(struct thingpass_esp *esp, enum thingpass_esp_event_type well,
                            const struct thingpass_result *result) {
    int err = result->err;
    thingpass_esp_tell(esp,
                       err == THINGPASS_OK         ? well
                       : err == THINGPASS_EREFUSED ? THINGPASS_ESP_REFUSED
                                                   : THINGPASS_ESP_FAILED,
                       err, result->code[0] != '\0' ? result->code : thingpass_strerror(err),
                       result);
}

static void tell_waiter(struct thingpass_esp *esp, struct thingpass_esp_waiter *waiter,
                        const struct thingpass_result *result, bool spooled) {
    (void)strlcpy(esp->last_id, result->id, sizeof esp->last_id);
    (void)strlcpy(esp->last_key, result->object_key, sizeof esp->last_key);
    waiter->result = *result;
    waiter->result.id = esp->last_id;
    waiter->result.object_key = esp->last_key;
    waiter->spooled = spooled;
    (void)xSemaphoreGive(waiter->done); // waiter is gone
}

void thingpass_esp_deliver(struct thingpass_esp *esp, const struct thingpass_esp_job *job,
                           const struct thingpass_result *result, bool spooled) {
    if (job->done != NULL) {
        job->done(job->ctx, result, spooled);
    }
    if (job->waiter != NULL) {
        tell_waiter(esp, job->waiter, result, spooled);
    }
}

// Ends a job that nobody had.
static void turn_away(struct thingpass_esp *esp, struct thingpass_esp_job *job, int err) {
    struct thingpass_result result = {.err = err, .id = "", .object_key = ""};
    if (job->kind->release != NULL) {
        job->kind->release(job, false);
    }
    if (err < 0) {
        thingpass_esp_tell_end(esp, job->kind->well, &result);
        thingpass_esp_deliver(esp, job, &result, false);
    }
}

static bool core_is_free(const struct thingpass_esp *esp) {
    return !esp->busy && !thingpass_esp_outbox_busy(esp) &&
           strcmp(thingpass_phase_name(&esp->core), "idle") == 0;
}

// Begins a job, if it is its turn. THINGPASS_EBUSY: it is not.
static int begin(struct thingpass_esp *esp, const struct thingpass_esp_job *job) {
    if (job->waiter != NULL && job->waiter->give_up) {
        return THINGPASS_ECANCELLED;
    }
    if (thingpass_esp_clock_ms() >= job->until_ms) {
        return THINGPASS_EDEADLINE;
    }
    if (job->kind->upload && esp->outbox != NULL) {
        int rc = thingpass_esp_outbox_put(esp, job);
        return rc == THINGPASS_EAGAIN ? THINGPASS_EBUSY : rc;
    }
    if (!core_is_free(esp)) {
        return THINGPASS_EBUSY;
    }
    esp->job = *job;
    int rc = job->kind->start(esp, &esp->job);
    esp->busy = rc == THINGPASS_OK;
    return rc == THINGPASS_EBUSY ? THINGPASS_EIO : rc; // it was its turn
}

void thingpass_esp_tend_jobs(struct thingpass_esp *esp) {
    struct thingpass_esp_job job;
    bool uploads_wait = false;
    uint32_t i = 0;
    while (look_at(esp, i, &job)) {
        bool late = job.waiter != NULL && job.waiter->give_up;
        int rc = job.kind->upload && uploads_wait && !late ? THINGPASS_EBUSY : begin(esp, &job);
        if (rc == THINGPASS_EBUSY) {
            uploads_wait = uploads_wait || job.kind->upload;
            i++;
            continue;
        }
        take_out(esp, i);
        if (rc != THINGPASS_OK) {
            turn_away(esp, &job, rc);
        }
    }
}

void thingpass_esp_job_finish(struct thingpass_esp *esp) {
    struct thingpass_esp_job job = esp->job;
    struct thingpass_result result = *thingpass_result(&esp->core);
    esp->busy = false;
    if (job.kind->ended != NULL) {
        job.kind->ended(esp, &job, &result);
    }
    thingpass_esp_tell_end(esp, job.kind->well, &result);
    thingpass_esp_deliver(esp, &job, &result, false);
    if (job.kind->release != NULL) {
        job.kind->release(&job, true);
    }
}

void thingpass_esp_job_flush(struct thingpass_esp *esp) {
    struct thingpass_esp_job job;
    while (look_at(esp, 0, &job)) {
        take_out(esp, 0);
        turn_away(esp, &job, THINGPASS_ECANCELLED);
    }
}

#endif
