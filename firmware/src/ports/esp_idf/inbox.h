// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#ifndef THINGPASS_ESP_IDF_INBOX_H
#define THINGPASS_ESP_IDF_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Messages on their way from the MQTT client's task to ours. The client brings
// a message that is larger than its buffer in several pieces, the topic only
// with the first; here they become whole again, one behind the other in one
// buffer of a fixed size. What does not fit is dropped and counted: whoever
// waits for it asks again.
//
// Two tasks: one calls put and forget, the other peek and pop, each call under
// the same lock. What peek showed stays where it is until pop, so it is used
// without the lock.
struct thingpass_inbox {
    uint8_t *bytes;
    size_t cap;
    size_t ready;  // bytes of whole messages
    size_t filled; // bytes behind them, of the message that is being put together
    size_t want;   // payload bytes which that one is to have
    size_t got;    // and has
    bool open;     // there is such a message
    uint32_t lost; // messages that were dropped
};

// One piece, as the client gives it.
struct thingpass_inbox_piece {
    const char *topic; // in the first piece; anything in the others
    size_t topic_len;
    const void *data;
    size_t len;
    size_t offset; // of data in the payload
    size_t total;  // bytes of the payload
    bool retained; // it came with the RETAIN flag; in the first piece
};

struct thingpass_inbox_message {
    const char *topic; // NUL-terminated
    size_t topic_len;
    const uint8_t *payload;
    size_t len;
    bool retained;
};

void thingpass_inbox_init(struct thingpass_inbox *inbox, void *bytes, size_t cap);

// Takes a piece. Returns whether a message has become whole with it.
bool thingpass_inbox_put(struct thingpass_inbox *inbox, const struct thingpass_inbox_piece *piece);

// Drops what is not whole: the connection that it came over is gone.
void thingpass_inbox_forget(struct thingpass_inbox *inbox);

// Shows the oldest whole message. Returns whether there is one.
bool thingpass_inbox_peek(const struct thingpass_inbox *inbox,
                          struct thingpass_inbox_message *message);

// Removes the oldest whole message.
void thingpass_inbox_pop(struct thingpass_inbox *inbox);

#ifdef __cplusplus
}
#endif

#endif
