// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

// What other tasks may ask of the thing.

#include "thing.h"
#include "topic_filter.h"

static int start_upload(struct thingpass_esp *esp, struct thingpass_esp_job *job) {
    if (job->object.mode == NULL) {
        job->object.mode = esp->config.mode;
    }
    return thingpass_upload_start(&esp->core, &job->object);
}

// The core closes the source of what it was given.
static void release_upload(struct thingpass_esp_job *job, bool started) {
    const struct thingpass_source *source = job->object.source;
    if (!started && source != NULL && source->close != NULL) {
        source->close(source->ctx);
    }
}

static const struct thingpass_esp_job_kind upload = {
    .start = start_upload, .release = release_upload, .well = THINGPASS_ESP_STORED, .upload = true};

int thingpass_esp_submit(struct thingpass_esp *esp, const struct thingpass_object *object,
                         thingpass_esp_done_fn done, void *ctx) {
    struct thingpass_esp_job job = {.kind = &upload, .object = *object, .done = done, .ctx = ctx};
    if (job.object.captured_at == 0 && job.object.captured_ms == 0) {
        job.object.captured_ms = thingpass_esp_clock_ms(); // not when its turn comes
    }
    return thingpass_esp_queue(esp, &job);
}

static TickType_t ticks_of(uint32_t ms) {
    uint64_t ticks = (uint64_t)ms * configTICK_RATE_HZ / 1000;
    return ticks < portMAX_DELAY ? (TickType_t)ticks : portMAX_DELAY - 1;
}

int thingpass_esp_store(struct thingpass_esp *esp, const struct thingpass_object *object,
                        uint32_t timeout_ms, struct thingpass_result *result, bool *spooled) {
    if (thingpass_esp_in_task(esp)) {
        return THINGPASS_EBUSY;
    }
    struct thingpass_esp_waiter waiter = {.give_up = false};
    waiter.done = xSemaphoreCreateBinaryStatic(&waiter.memory);
    struct thingpass_esp_job job = {.kind = &upload, .object = *object, .waiter = &waiter};
    if (job.object.captured_at == 0 && job.object.captured_ms == 0) {
        job.object.captured_ms = thingpass_esp_clock_ms();
    }
    int rc = thingpass_esp_queue(esp, &job);
    if (rc == THINGPASS_OK) {
        if (xSemaphoreTake(waiter.done, ticks_of(timeout_ms)) != pdTRUE) {
            waiter.give_up = true;
            thingpass_esp_wake(esp);
            (void)xSemaphoreTake(waiter.done, portMAX_DELAY); // the source is ours again then
        }
        rc = waiter.result.err;
    }
    vSemaphoreDelete(waiter.done);
    if (result != NULL) {
        *result = waiter.result;
        result->err = rc;
    }
    if (spooled != NULL) {
        *spooled = waiter.spooled;
    }
    return rc;
}

int thingpass_esp_subscribe(struct thingpass_esp *esp, const char *filter,
                            thingpass_esp_message_fn on_message, void *ctx) {
    if (!thingpass_topic_filter_ok(filter) || on_message == NULL) {
        return THINGPASS_EINVAL;
    }
    int rc = THINGPASS_ESPACE;
    thingpass_esp_lock(esp);
    if (esp->subscription_count < CONFIG_THINGPASS_SUBSCRIPTIONS) {
        esp->subscriptions[esp->subscription_count] =
            (struct thingpass_esp_subscription){filter, on_message, ctx};
        esp->subscription_count++;
        rc = THINGPASS_OK;
    }
    thingpass_esp_unlock(esp);
    thingpass_esp_wake(esp);
    return rc;
}

int thingpass_esp_publish(struct thingpass_esp *esp, const char *topic, const void *payload,
                          size_t len, int qos) {
    return thingpass_mqtt_link_publish(&esp->mqtt, topic, payload, len, qos > 0 ? 1 : 0, 0);
}

void thingpass_esp_stats(struct thingpass_esp *esp, struct thingpass_esp_stats *stats) {
    thingpass_esp_lock(esp);
    *stats = esp->stats;
    stats->dropped_messages = esp->mqtt.inbox.lost;
    thingpass_esp_unlock(esp);
    stats->tls_connects = esp->stream.connects;
    stats->tls_resumed = esp->stream.offered;
    stats->stack_free_min = uxTaskGetStackHighWaterMark(esp->task);
}

const char *thingpass_esp_name(const struct thingpass_esp *esp) {
    return esp->config.thing;
}

bool thingpass_esp_is_connected(const struct thingpass_esp *esp) {
    return esp->ready;
}

int thingpass_esp_now(struct thingpass_esp *esp, int64_t *now_s) {
    thingpass_esp_lock(esp);
    int64_t told_s = esp->told_s;
    uint64_t told_ms = esp->told_ms;
    thingpass_esp_unlock(esp);
    *now_s = told_s == 0 ? 0 : told_s + (int64_t)((thingpass_esp_clock_ms() - told_ms) / 1000);
    return told_s == 0 ? THINGPASS_ENOCLOCK : THINGPASS_OK;
}

#endif
