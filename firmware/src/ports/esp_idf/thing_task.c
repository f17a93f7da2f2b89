// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

// The one task: waits, looks around, and does one bounded piece of work after the
// other. It never works for long without letting others run, so that no watchdog
// minds it.

#include <esp_log.h>
#include <esp_ota_ops.h>

#include "thing.h"

enum {
    BREATHE_EVERY_MS = 100, // while an object is hashed, say
    STREAM_WAIT_MS = 50,    // messages are looked for as often
    TICK_MS = 1000          // give_up, and whatever nobody wakes us for
};

static const char tag[] = "thingpass";

void thingpass_esp_wake(void *ctx) {
    struct thingpass_esp *esp = ctx;
    if (esp->task != NULL) {
        (void)xTaskNotifyGive(esp->task);
    }
}

static uint64_t now_ms(void) {
    return thingpass_esp_clock_ms();
}

static void rest(struct thingpass_esp *esp, uint64_t until_ms, uint32_t most_ms) {
    uint64_t now = now_ms();
    uint64_t wait = until_ms > now ? until_ms - now : 0;
    wait = wait < most_ms ? wait : most_ms;
    TickType_t ticks = pdMS_TO_TICKS((uint32_t)wait);
    (void)ulTaskNotifyTake(pdTRUE, wait > 0 && ticks == 0 ? 1 : ticks);
    esp->rested_ms = now_ms();
}

static void breathe(struct thingpass_esp *esp) {
    if (now_ms() - esp->rested_ms >= BREATHE_EVERY_MS) {
        vTaskDelay(1);
        esp->rested_ms = now_ms();
    }
}

static void wait_for_stream(struct thingpass_esp *esp, uint64_t until_ms) {
    uint64_t now = now_ms();
    uint64_t wait = until_ms > now ? until_ms - now : 0;
    if (thingpass_esp_tls_wait(&esp->stream,
                               wait < STREAM_WAIT_MS ? (uint32_t)wait : STREAM_WAIT_MS)) {
        esp->rested_ms = now_ms();
    } else {
        rest(esp, until_ms, STREAM_WAIT_MS); // for the network
    }
}

static void tend_network(struct thingpass_esp *esp) {
    if (esp->link_lost) {
        esp->link_lost = false;
        thingpass_esp_tls_break(&esp->stream);
    }
    if (esp->link_back) {
        esp->link_back = false;
        thingpass_mqtt_link_hurry(&esp->mqtt);
    }
}

// An image on trial is good once it has reached the server; if it does not, the
// old one may.
static void tend_trial(struct thingpass_esp *esp) {
    if (esp->proof_ms == 0) {
        return;
    }
    if (esp->ready) {
        esp->proof_ms = 0;
        if (thingpass_esp_ota_accept() == THINGPASS_OK) {
            ESP_LOGI(tag, "this image has reached the server and is kept");
        }
    } else if (now_ms() >= esp->proof_ms) {
        esp->proof_ms = 0;
        ESP_LOGE(tag, "this image does not reach the server: back to the one before");
        (void)esp_ota_mark_app_invalid_rollback_and_reboot();
    }
}

static void begin(struct thingpass_esp *esp) {
    esp->rested_ms = now_ms();
    if (esp->config.ota_proof_by_connecting && thingpass_esp_ota_is_on_trial()) {
        esp->proof_ms = now_ms() + CONFIG_THINGPASS_OTA_PROOF_S * 1000u;
    }
    if (esp->outbox != NULL) {
        (void)thingpass_esp_outbox_begin(esp); // a mistake in it would be ours
    }
    thingpass_esp_watch_network(esp);
}

static void end(struct thingpass_esp *esp) {
    thingpass_esp_unwatch_network(esp);
    thingpass_cancel(&esp->core);
    if (esp->busy) {
        while (thingpass_step(&esp->core, NULL) != THINGPASS_STEP_DONE) {
        }
        thingpass_esp_job_finish(esp);
    }
    thingpass_esp_job_flush(esp);
    thingpass_esp_outbox_wind_up(esp);
    thingpass_mqtt_link_free(&esp->mqtt); // its task wakes ours
}

// A piece of the job at hand, or of the outbox's work; that one also writes to the
// spool while the core is busy with something else.
static int step(struct thingpass_esp *esp, uint64_t *wake_ms) {
    uint64_t outbox_ms = UINT64_MAX;
    int outbox =
        esp->outbox != NULL ? thingpass_esp_outbox_step(esp, &outbox_ms) : THINGPASS_STEP_IDLE;
    if (esp->outbox != NULL && !esp->busy) {
        *wake_ms = outbox_ms;
        return outbox;
    }
    if (esp->busy && esp->job.waiter != NULL && esp->job.waiter->give_up) {
        thingpass_cancel(&esp->core);
    }
    int todo = thingpass_step(&esp->core, wake_ms);
    if (todo == THINGPASS_STEP_DONE) {
        thingpass_esp_job_finish(esp);
        return THINGPASS_STEP_RUN;
    }
    *wake_ms = outbox_ms < *wake_ms ? outbox_ms : *wake_ms;
    return outbox == THINGPASS_STEP_RUN ? THINGPASS_STEP_RUN : todo;
}

static void work(struct thingpass_esp *esp) {
    uint64_t wake_ms = UINT64_MAX;
    switch (step(esp, &wake_ms)) {
    case THINGPASS_STEP_RUN:
        breathe(esp);
        break;
    case THINGPASS_STEP_WAIT_STREAM:
        wait_for_stream(esp, wake_ms);
        break;
    default:
        rest(esp, wake_ms, TICK_MS);
    }
}

void thingpass_esp_task(void *ctx) {
    struct thingpass_esp *esp = ctx;
    begin(esp);
    while (!esp->stopping) {
        tend_network(esp);
        thingpass_esp_tend_session(esp);
        thingpass_esp_take_messages(esp);
        tend_trial(esp);
        thingpass_esp_tend_jobs(esp);
        work(esp);
    }
    end(esp);
    (void)xSemaphoreGive(esp->ended); // nothing of esp is touched from here on
    vTaskDelete(NULL);
}

#endif
