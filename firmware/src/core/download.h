// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A download's question and the broker's answer, besides what the state machine needs.

#ifndef THINGPASS_CORE_DOWNLOAD_H
#define THINGPASS_CORE_DOWNLOAD_H

#include "json.h"
#include "reply.h"
#include "thingpass/download.h"

// What the sink was told, in thingpass_fetch.sink.
enum thingpass_sink_state {
    THINGPASS_SINK_UNTOUCHED,
    THINGPASS_SINK_BEGUN,
    THINGPASS_SINK_STALE // of another version, or from too far
};

// Appends the question [P-13].
void thingpass_put_download_request(struct thingpass_writer *w, const char *id,
                                    const struct thingpass_download *download);

// The mode's take: sets what is fetched, and from which byte on.
int thingpass_download_take(struct thingpass *tp, struct thingpass_json *json,
                            const struct thingpass_reply *reply, size_t len);

#endif
