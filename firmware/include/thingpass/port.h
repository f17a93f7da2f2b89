// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What the core needs of the world: this header is the whole contract of a
// port. Each concern is a const struct of functions with a context of its own,
// which is passed back untouched. All of them are called in the thread that
// calls the core, never two at once, and must not call the core themselves.
//
// Every function returns within a time that the port chooses and that suits
// the watchdog. A port that cannot wait returns THINGPASS_EAGAIN at once; a
// port with blocking calls waits a little (say 100 ms) and returns
// THINGPASS_EAGAIN then. Both work: the core keeps the real time-outs.

#ifndef THINGPASS_PORT_H
#define THINGPASS_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "thingpass/error.h"

#ifdef __cplusplus
extern "C" {
#endif

// A byte stream to one server at a time: TCP, with TLS on top.
struct thingpass_stream {
    void *ctx;

    // Connects to host:port. With tls the port MUST verify the server's chain
    // and that its certificate is for host, which is also the SNI name. host
    // is a name or an IPv4 address; it stays valid and unchanged until close.
    // Returns THINGPASS_OK when bytes can flow, THINGPASS_EAGAIN when it is
    // under way (it is called again with the same arguments), or < 0.
    // After < 0, close is called as well.
    int (*open)(void *ctx, const char *host, uint16_t port, bool tls);

    // Takes up to len (> 0) bytes. Returns how many it took; 0 or
    // THINGPASS_EAGAIN when it can take none now (the next write then brings
    // the same bytes at the same address, as TLS libraries want it); < 0 when
    // the stream is broken.
    int (*write)(void *ctx, const void *data, size_t len);

    // Gives up to cap (> 0) bytes. Returns how many; THINGPASS_EAGAIN when
    // there are none now; 0 when the other end has closed in good order (TLS:
    // close_notify); < 0 when the stream is broken, which includes TCP closing
    // without a close_notify. It may be called after a failed write: what the
    // server said before it hung up is wanted then.
    int (*read)(void *ctx, void *buf, size_t cap);

    // Ends the stream and frees what open took. Called once for each series of
    // open calls, whatever they returned.
    void (*close)(void *ctx);
};

// MQTT, as far as the core uses it. Connecting, reconnecting and subscribing to
// thingpass_response_topic() with QoS 1 is the work of the program, which hands
// each message on that topic to thingpass_receive().
struct thingpass_mqtt {
    void *ctx;

    // Publishes with QoS 1, not retained [P-2.4]. topic is NUL-terminated; both
    // buffers are reused when it returns, so the port copies what it queues. After
    // expiry_s seconds nobody waits for the message any more: with MQTT 5 that is
    // its Message Expiry Interval [P-9.6]; MQTT 3.1.1 has none.
    // Returns THINGPASS_OK when the message is sent or queued, THINGPASS_EAGAIN
    // when there is no connection now, or < 0; the core asks again later in
    // either case.
    int (*publish)(void *ctx, const char *topic, const void *payload, size_t len,
                   uint32_t expiry_s);
};

// A clock that never jumps.
struct thingpass_clock {
    void *ctx;

    // Returns milliseconds since some fixed moment, such as boot. It must not
    // go back, nor stop while the program runs.
    uint64_t (*now_ms)(void *ctx);
};

// A source of randomness: good enough that two boots never agree on 50 bits.
struct thingpass_random {
    void *ctx;

    // Fills buf with len random bytes. Returns THINGPASS_OK or < 0.
    int (*fill)(void *ctx, void *buf, size_t len);
};

// SHA-256 of one message at a time; the state lives behind ctx.
struct thingpass_sha256 {
    void *ctx;

    // Starts a new message, forgetting one that was never finished. All three
    // return THINGPASS_OK or < 0.
    int (*init)(void *ctx);
    int (*update)(void *ctx, const void *data, size_t len);
    int (*final)(void *ctx, uint8_t sum[32]);
};

// The bytes of one object: a frame buffer, a file, a camera's FIFO.
struct thingpass_source {
    void *ctx;

    // Exact length in bytes; 0 is a valid length.
    uint64_t size;

    // Media type, such as "image/jpeg"; NULL leaves it to the broker's kind.
    const char *content_type;

    // Whether size is known. An upload of mode `put` needs it to be true.
    bool known_len;

    // Whether rewind works. A one-pass source (false) is hashed while it is
    // sent, gets a connection of its own, and cannot be sent twice: when a
    // transfer breaks off, the upload ends with THINGPASS_ESPENT.
    bool rewindable;

    // Gives the next bytes, up to cap (> 0). Returns how many; 0 at the end;
    // THINGPASS_EAGAIN when there are none now; < 0 on failure. After size
    // bytes it is called once more and should return 0: a source that turns out
    // longer or shorter than its size ends the upload with THINGPASS_ELENGTH,
    // and nothing is stored.
    int (*read)(void *ctx, void *buf, size_t cap);

    // Goes back to the first byte; the bytes must be the same again. Returns
    // THINGPASS_OK or < 0. May be NULL where rewindable is false. A rewindable
    // source is always rewound before it is first read.
    int (*rewind)(void *ctx);

    // Called once, when the upload has ended in whatever way. May be NULL.
    void (*close)(void *ctx);

    // Goes to a byte, so that the next read begins there. Returns THINGPASS_OK
    // or < 0. May be NULL: an object in parts is then read from its beginning
    // where a part is to be sent again.
    int (*seek)(void *ctx, uint64_t offset);
};

#ifdef __cplusplus
}
#endif

#endif
