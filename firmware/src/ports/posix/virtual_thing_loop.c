// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

// Waiting, and driving one upload to its end.
#include "virtual_thing_loop.h"

#include <poll.h>
#include <string.h>

#include "identity_store.h"

enum { PUMP_EVERY_MS = 50 }; // while a fast upload never waits

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static int timeout_ms(struct thingpass_virtual_thing *t, uint64_t until_ms, uint64_t now_ms) {
    uint64_t wake = earlier(until_ms, thingpass_mqtt_link_wake_ms(&t->mqtt));
    if (t->faults.wake_ms != 0) {
        wake = earlier(wake, t->faults.wake_ms);
    }
    return wake <= now_ms ? 0 : (int)earlier(wake - now_ms, 60000);
}

void thingpass_pump(struct thingpass_virtual_thing *t, uint64_t until_ms, bool stream) {
    struct pollfd fds[] = {
        {.fd = t->stopping ? -1 : t->stop_fd, .events = POLLIN},
        thingpass_mqtt_link_poll(&t->mqtt),
        {.fd = -1},
    };
    // Of the two only one is open at a time.
    struct thingpass_tls_stream *s =
        t->provider.stream.wants != 0 ? &t->provider.stream : &t->stream;
    if (stream && s->wants != 0) {
        fds[2].fd = thingpass_tls_stream_fd(s);
        fds[2].events = s->wants;
    }
    t->provider.stream.wants = 0;
    (void)poll(fds, 3, timeout_ms(t, until_ms, thingpass_posix_now_ms()));
    t->stopping |= fds[0].fd >= 0 && (fds[0].revents & POLLIN) != 0;
    t->pumped_ms = thingpass_posix_now_ms();
    if (!t->fatal && thingpass_mqtt_link_step(&t->mqtt, t->pumped_ms) != THINGPASS_OK) {
        t->fatal = true;
    }
    if (t->mqtt.connections != t->connections) {
        t->connections = t->mqtt.connections;
        if (t->options->identity != NULL) {
            thingpass_identity_store_prove(t->options->identity, &t->say);
        }
        thingpass_ask_again(&t->core);
    }
    thingpass_commander_step(t);
}

bool thingpass_must_end(const struct thingpass_virtual_thing *t) {
    return t->stopping || t->fatal;
}

void thingpass_narrate(struct thingpass_virtual_thing *t) {
    const char *phase = thingpass_phase_name(&t->core);
    if (t->say.most < THINGPASS_SAY_DETAIL || phase == t->phase) {
        return;
    }
    t->phase = phase;
    thingpass_say(&t->say, THINGPASS_SAY_DETAIL, "%llu: %s", (unsigned long long)t->number, phase);
    if (t->stream.why.text[0] != '\0' && strcmp(t->stream.why.text, t->told.text) != 0) {
        t->told = t->stream.why;
        thingpass_say(&t->say, THINGPASS_SAY_DETAIL, "%s", t->told.text);
    }
}

void thingpass_pump_now_and_then(struct thingpass_virtual_thing *t) {
    if (thingpass_posix_now_ms() - t->pumped_ms >= PUMP_EVERY_MS) {
        thingpass_pump(t, 0, false);
    }
}

void thingpass_drive(struct thingpass_virtual_thing *t) {
    for (;;) {
        uint64_t wake_ms;
        t->stream.wants = 0;
        thingpass_narrate(t);
        switch (thingpass_step(&t->core, &wake_ms)) {
        case THINGPASS_STEP_DONE:
            return;
        case THINGPASS_STEP_RUN:
            thingpass_pump_now_and_then(t);
            break;
        case THINGPASS_STEP_WAIT_STREAM:
            thingpass_pump(t, wake_ms, true);
            break;
        default:
            thingpass_pump(t, wake_ms, false);
        }
        if (thingpass_must_end(t)) {
            thingpass_cancel(&t->core);
        }
    }
}

#endif
