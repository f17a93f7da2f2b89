// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

#include <stdlib.h>

#include "thing.h"
#include "thingpass/download.h"

static int start(struct thingpass_esp *esp, struct thingpass_esp_job *job) {
    return thingpass_download_start(&esp->core, job->own);
}

static void release(struct thingpass_esp_job *job, bool started) {
    (void)started;
    free(job->own);
}

static const struct thingpass_esp_job_kind fetch = {
    .start = start, .release = release, .well = THINGPASS_ESP_FETCHED};

int thingpass_esp_download(struct thingpass_esp *esp, const struct thingpass_download *download,
                           thingpass_esp_done_fn done, void *ctx) {
    struct thingpass_download *copy = malloc(sizeof *copy);
    if (copy == NULL) {
        return THINGPASS_EBUSY;
    }
    *copy = *download;
    struct thingpass_esp_job job = {.kind = &fetch, .own = copy, .done = done, .ctx = ctx};
    int rc = thingpass_esp_queue(esp, &job);
    if (rc != THINGPASS_OK) {
        free(copy);
    }
    return rc;
}

#endif
