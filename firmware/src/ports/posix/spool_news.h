// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_POSIX_SPOOL_NEWS_H
#define THINGPASS_POSIX_SPOOL_NEWS_H

#include "thingpass/outbox.h"

// Tells people and programs what became of an object. ctx is the virtual thing.
void thingpass_spool_news(void *ctx, const struct thingpass_outbox_event *event);

#endif
