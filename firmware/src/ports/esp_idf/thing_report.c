// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if defined(ESP_PLATFORM)

#include "thing.h"
#include "thingpass/ledger.h"

enum { NOTHING = 1 };

static int start(struct thingpass_esp *esp, struct thingpass_esp_job *job) {
    bool now = job->own != NULL;
    if (esp->config.ledger == NULL || (!now && !thingpass_ledger_due(&esp->core))) {
        return NOTHING;
    }
    int rc = thingpass_ledger_send(&esp->core);
    return rc == THINGPASS_EINVAL ? NOTHING : rc; // there is nothing in it
}

static const struct thingpass_esp_job_kind report = {.start = start,
                                                     .well = THINGPASS_ESP_REPORTED};

int thingpass_esp_report(struct thingpass_esp *esp, bool now) {
    struct thingpass_esp_job job = {.kind = &report, .own = now ? esp : NULL};
    return thingpass_esp_queue(esp, &job);
}

#endif
