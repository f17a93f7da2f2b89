// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

// Jobs wait in a queue, are at hand one at a time, and end exactly once.

#include <string.h>

#include "thing.h"

bool thingpass_esp_in_task(const struct thingpass_esp *esp) {
    return xTaskGetCurrentTaskHandle() == esp->task;
}

int thingpass_esp_queue(struct thingpass_esp *esp, const struct thingpass_esp_job *job) {
    if (esp->stopping || xQueueSend(esp->jobs, job, 0) != pdTRUE) {
        return THINGPASS_EBUSY;
    }
    thingpass_esp_wake(esp);
    return THINGPASS_OK;
}

void thingpass_esp_tell(struct thingpass_esp *esp, enum thingpass_esp_event_type type, int err,
                        const char *text, const struct thingpass_result *result) {
    struct thingpass_esp_event event = {.type = type, .err = err, .text = text, .result = result};
    if (esp->config.on_event != NULL) {
        esp->config.on_event(esp->config.ctx, &event);
    }
}

static enum thingpass_esp_event_type event_of(const struct thingpass_esp_job *job, int err) {
    if (err == THINGPASS_OK) {
        return job->kind->well;
    }
    return err == THINGPASS_EREFUSED ? THINGPASS_ESP_REFUSED : THINGPASS_ESP_FAILED;
}

static void count(struct thingpass_esp *esp, enum thingpass_esp_event_type type, uint64_t size) {
    thingpass_esp_lock(esp);
    struct thingpass_esp_stats *s = &esp->stats;
    s->stored += type == THINGPASS_ESP_STORED;
    s->failed += type == THINGPASS_ESP_FAILED;
    s->refused += type == THINGPASS_ESP_REFUSED;
    s->bytes_stored += type == THINGPASS_ESP_STORED ? size : 0;
    thingpass_esp_unlock(esp);
}

static void tell_waiter(struct thingpass_esp *esp, struct thingpass_esp_waiter *waiter,
                        const struct thingpass_result *result) {
    (void)strlcpy(esp->last_id, result->id, sizeof esp->last_id);
    (void)strlcpy(esp->last_key, result->object_key, sizeof esp->last_key);
    waiter->result = *result;
    waiter->result.id = esp->last_id;
    waiter->result.object_key = esp->last_key;
    (void)xSemaphoreGive(waiter->done); // waiter is gone
}

// Tells everybody. The job's end is the last that is seen of its waiter.
static void deliver(struct thingpass_esp *esp, struct thingpass_esp_job *job,
                    const struct thingpass_result *result) {
    enum thingpass_esp_event_type type = event_of(job, result->err);
    count(esp, type, result->size);
    thingpass_esp_tell(esp, type, result->err,
                       result->code[0] != '\0' ? result->code : thingpass_strerror(result->err),
                       result);
    if (job->done != NULL) {
        job->done(job->ctx, result, false);
    }
    if (job->waiter != NULL) {
        tell_waiter(esp, job->waiter, result);
    }
}

// Ends a job that the core never had.
static void turn_away(struct thingpass_esp *esp, struct thingpass_esp_job *job, int err) {
    struct thingpass_result result = {.err = err, .id = "", .object_key = ""};
    if (job->kind->release != NULL) {
        job->kind->release(job, false);
    }
    if (err < 0) {
        deliver(esp, job, &result);
    }
}

void thingpass_esp_job_begin(struct thingpass_esp *esp) {
    if (xQueueReceive(esp->jobs, &esp->job, 0) != pdTRUE) {
        return;
    }
    struct thingpass_esp_job *job = &esp->job;
    bool late = job->waiter != NULL && job->waiter->give_up;
    int rc = late ? THINGPASS_ECANCELLED : job->kind->start(esp, job);
    esp->busy = rc == THINGPASS_OK;
    if (!esp->busy) {
        turn_away(esp, job, rc);
    }
}

void thingpass_esp_job_finish(struct thingpass_esp *esp) {
    struct thingpass_esp_job job = esp->job;
    struct thingpass_result result = *thingpass_result(&esp->core);
    esp->busy = false;
    if (job.kind->ended != NULL) {
        job.kind->ended(esp, &job, &result);
    }
    deliver(esp, &job, &result);
    if (job.kind->release != NULL) {
        job.kind->release(&job, true);
    }
}

void thingpass_esp_job_flush(struct thingpass_esp *esp) {
    struct thingpass_esp_job job;
    while (xQueueReceive(esp->jobs, &job, 0) == pdTRUE) {
        turn_away(esp, &job, THINGPASS_ECANCELLED);
    }
}

#endif
