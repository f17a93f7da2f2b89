// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

#include "esp_world.h"

#include <esp_attr.h>
#include <esp_random.h>
#include <esp_timer.h>

#include "clock_pair.h"
#include "compat.h"
#include "thingpass/esp.h"

uint64_t thingpass_esp_clock_ms(void) {
    return (uint64_t)esp_timer_get_time() / 1000;
}

static uint64_t now_ms(void *ctx) {
    (void)ctx;
    return thingpass_esp_clock_ms();
}

static int fill(void *ctx, void *buffer, size_t length) {
    (void)ctx;
    esp_fill_random(buffer, length);
    return THINGPASS_OK;
}

const struct thingpass_clock thingpass_esp_port_clock = {.now_ms = now_ms};
const struct thingpass_random thingpass_esp_port_random = {.fill = fill};

static int said(psa_status_t status) {
    return status == PSA_SUCCESS ? THINGPASS_OK : THINGPASS_EIO;
}

static int init(void *ctx) {
    struct thingpass_esp_sha256 *h = ctx;
    (void)psa_hash_abort(&h->state);
    return said(psa_hash_setup(&h->state, PSA_ALG_SHA_256));
}

static int update(void *ctx, const void *data, size_t length) {
    struct thingpass_esp_sha256 *h = ctx;
    return said(psa_hash_update(&h->state, data, length));
}

static int final(void *ctx, uint8_t sum[32]) {
    struct thingpass_esp_sha256 *h = ctx;
    size_t length = 0;
    int rc = said(psa_hash_finish(&h->state, sum, 32, &length));
    return rc == THINGPASS_OK && length != 32 ? THINGPASS_EIO : rc;
}

// psa_crypto_init() may be called again and again; ESP-IDF 6 has called it before.
int thingpass_esp_sha256_init(struct thingpass_esp_sha256 *sha256) {
    sha256->port = (struct thingpass_sha256){sha256, init, update, final};
    sha256->state = psa_hash_operation_init();
    return said(psa_crypto_init());
}

void thingpass_esp_sha256_free(struct thingpass_esp_sha256 *sha256) {
    (void)psa_hash_abort(&sha256->state);
}

// Any reset but the one out of deep sleep zeroes it.
static RTC_DATA_ATTR struct thingpass_clock_pair kept;

void thingpass_esp_rtc_save(int64_t now_s) {
    thingpass_clock_pair_set(&kept, now_s, esp_rtc_get_time_us());
}

int64_t thingpass_esp_rtc_load(void) {
    return thingpass_clock_pair_get(&kept, esp_rtc_get_time_us());
}

#endif
