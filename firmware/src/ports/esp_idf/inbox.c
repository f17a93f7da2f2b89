// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Nothing of ESP-IDF here: tests/esp runs it on a PC.

#include "inbox.h"

#include <string.h>

// What lies before a message's topic, a NUL and its payload; copied, because
// messages lie at any address.
struct head {
    uint32_t topic_len; // and the bit `retained`
    uint32_t len;
};

static const uint32_t retained = UINT32_C(1) << 31; // topics are not as long

void thingpass_inbox_init(struct thingpass_inbox *inbox, void *bytes, size_t cap) {
    *inbox = (struct thingpass_inbox){.bytes = bytes, .cap = cap};
}

static size_t space(const struct thingpass_inbox *inbox) {
    return inbox->cap - inbox->ready - inbox->filled;
}

static void append(struct thingpass_inbox *inbox, const void *data, size_t len) {
    if (len > 0) {
        memcpy(inbox->bytes + inbox->ready + inbox->filled, data, len);
        inbox->filled += len;
    }
}

void thingpass_inbox_forget(struct thingpass_inbox *inbox) {
    inbox->lost += inbox->open;
    inbox->open = false;
    inbox->filled = 0;
}

// Begins a message, if all of it will fit. Whatever was not whole is given up.
static bool begin(struct thingpass_inbox *inbox, const struct thingpass_inbox_piece *piece) {
    thingpass_inbox_forget(inbox);
    size_t room = space(inbox);
    size_t frame = sizeof(struct head) + 1;
    if (room < frame || piece->topic_len > room - frame ||
        piece->total > room - frame - piece->topic_len) {
        inbox->lost++;
        return false;
    }
    struct head head = {(uint32_t)piece->topic_len | (piece->retained ? retained : 0),
                        (uint32_t)piece->total};
    append(inbox, &head, sizeof head);
    append(inbox, piece->topic, piece->topic_len);
    append(inbox, "", 1);
    inbox->want = piece->total;
    inbox->got = 0;
    inbox->open = true;
    return true;
}

bool thingpass_inbox_put(struct thingpass_inbox *inbox, const struct thingpass_inbox_piece *piece) {
    if (piece->offset == 0 && !begin(inbox, piece)) {
        return false;
    }
    if (!inbox->open) {
        return false; // the rest of one that was dropped
    }
    if (piece->offset != inbox->got || piece->total != inbox->want ||
        piece->len > inbox->want - inbox->got) {
        thingpass_inbox_forget(inbox);
        return false;
    }
    append(inbox, piece->data, piece->len);
    inbox->got += piece->len;
    if (inbox->got < inbox->want) {
        return false;
    }
    inbox->ready += inbox->filled;
    inbox->filled = 0;
    inbox->open = false;
    return true;
}

bool thingpass_inbox_peek(const struct thingpass_inbox *inbox,
                          struct thingpass_inbox_message *message) {
    if (inbox->ready == 0) {
        return false;
    }
    struct head head;
    memcpy(&head, inbox->bytes, sizeof head);
    message->retained = (head.topic_len & retained) != 0;
    message->topic = (const char *)inbox->bytes + sizeof head;
    message->topic_len = head.topic_len & ~retained;
    message->payload = inbox->bytes + sizeof head + message->topic_len + 1;
    message->len = head.len;
    return true;
}

void thingpass_inbox_pop(struct thingpass_inbox *inbox) {
    struct thingpass_inbox_message first;
    if (!thingpass_inbox_peek(inbox, &first)) {
        return;
    }
    size_t size = (size_t)(first.payload + first.len - inbox->bytes);
    inbox->ready -= size;
    memmove(inbox->bytes, inbox->bytes + size, inbox->ready + inbox->filled);
}
