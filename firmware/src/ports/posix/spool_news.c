// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "spool_news.h"

#include <stdio.h>
#include <string.h>

#include "json_text.h"
#include "virtual_thing_loop.h"

static uint64_t number_of(const struct thingpass_virtual_thing *t,
                          const struct thingpass_object *object) {
    return object != NULL ? thingpass_spooler_number(&t->spooler, object->id) : 0;
}

// One line for what is no end: the object is neither stored nor lost.
static void note(struct thingpass_virtual_thing *t, const struct thingpass_outbox_event *e,
                 const char *word) {
    const char *id = e->object != NULL ? e->object->id : "";
    if (t->options->json) {
        (void)fprintf(stdout, "{\"n\":%llu,\"id\":", (unsigned long long)number_of(t, e->object));
        thingpass_print_json(stdout, id);
        (void)fprintf(stdout, ",\"result\":\"%s\"}\n", word);
    } else if (t->say.most != THINGPASS_SAY_ERROR) {
        (void)fprintf(stdout, "photo %s  %s\n", id, word);
    }
    (void)fflush(stdout);
}

static void failed(struct thingpass_virtual_thing *t, const struct thingpass_outbox_event *e) {
    struct thingpass_why why = {""};
    if (e->result != NULL) {
        thingpass_why_failed(t, e->result, &why);
    } else {
        (void)thingpass_fail(&why, 0, "%s", thingpass_strerror(e->err));
    }
    thingpass_report(t, number_of(t, e->object), e->result, why.text);
}

// Answers for a photo that an operator asked for. What only waits is answered as well:
// "now" is over.
static void answer_for(struct thingpass_virtual_thing *t, const struct thingpass_outbox_event *e) {
    bool asked_for = e->object != NULL && t->commander.id[0] != '\0' &&
                     strcmp(e->object->id, t->commander.id) == 0;
    if (!asked_for || (e->news == THINGPASS_OUTBOX_SPOOLED && t->options->spool_first)) {
        return;
    }
    bool ended = e->result != NULL && e->news != THINGPASS_OUTBOX_SPOOLED;
    const char *otherwise = e->news == THINGPASS_OUTBOX_SPOOLED ? "spooled" : "failed";
    thingpass_commander_end(t, ended ? NULL : otherwise);
}

void thingpass_spool_news(void *ctx, const struct thingpass_outbox_event *event) {
    struct thingpass_virtual_thing *t = ctx;
    struct thingpass_why why = {""};
    answer_for(t, event);
    switch (event->news) {
    case THINGPASS_OUTBOX_STORED:
        thingpass_report(t, number_of(t, event->object), event->result, NULL);
        break;
    case THINGPASS_OUTBOX_SPOOLED:
        note(t, event, "spooled");
        break;
    case THINGPASS_OUTBOX_LATER:
        if (event->result != NULL) {
            thingpass_why_failed(t, event->result, &why);
        }
        thingpass_say(&t->say, THINGPASS_SAY_DETAIL, "photo %s stays in the spool: %s",
                      event->object != NULL ? event->object->id : "",
                      why.text[0] != '\0' ? why.text : thingpass_strerror(event->err));
        break;
    case THINGPASS_OUTBOX_DROPPED:
        t->spooler.lost++;
        thingpass_say(&t->say, THINGPASS_SAY_ERROR,
                      "the spool is full: the oldest photos are dropped");
        note(t, event, "dropped");
        break;
    case THINGPASS_OUTBOX_SPOOL:
        if (event->err != THINGPASS_OK) {
            thingpass_say(&t->say, THINGPASS_SAY_NOTICE, "--spool %s: %s", t->options->spool,
                          thingpass_strerror(event->err));
        }
        break;
    default: // set aside, or lost
        failed(t, event);
    }
    t->sha256.finished = false;
}

#endif
