// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A world made of scripts: time that passes only when it is waited for, a broker
// and an S3 that answer as told, and a network that fails where it should.

#ifndef THINGPASS_TESTS_WORLD_H
#define THINGPASS_TESTS_WORLD_H

#include "check.h"
#include "form_judge.h"
#include "thingpass/thingpass.h"

enum { world_messages = 64, world_puts = 32, world_heads = 2048 };

// A reply of the broker to the n-th message of its sort. The text may contain
// $ID (the request's id), $KEY, $TIME and $EXPIRES.
struct world_reply {
    const char *text;  // NULL: none
    uint64_t delay_ms; // until it arrives
};

// How the server behaves towards the n-th request, and on the way to it.
struct world_put {
    const char *answer;      // raw HTTP; NULL: none, the connection closes; or world_served
    bool refuse_open;        // open fails
    bool hang_open;          // open never finishes
    bool hang;               // no answer, and no end either
    bool full;               // nothing more is taken, for ever
    size_t break_after;      // the byte, from 1, at which a write fails; 0: never
    bool early;              // after the broken write the answer can be read
    bool reset_after_answer; // the end of the answer is an error, not a close
    size_t answer_cut;       // only so many bytes of the answer come; 0: all
    bool stall;              // and then nothing, not even an end
};

struct world_message {
    char topic[260];
    char payload[8200];
    uint64_t at_ms;
    uint32_t expiry_s;
};

struct world {
    struct thingpass tp;
    uint64_t now_ms;
    int64_t epoch_s; // the broker's clock when now_ms is 0

    // Scripts; the last entry counts for all that follow.
    struct world_reply grants[8];
    struct world_reply reports[8];
    struct world_put puts[world_puts];
    size_t grant_count, report_count, put_count;
    const char *key; // what $KEY becomes

    // Instead of a script: the answer to a question, and what is done with each
    // object that is stored.
    const char *(*answer)(struct world *w, const char *topic, const char *payload);
    void (*keep)(struct world *w);
    void *test;

    // Makes the answer to the request in head where the script says world_served:
    // into served and served_len.
    void (*serve)(struct world *w);
    uint8_t *served;
    size_t served_len;
    int64_t ttl_s;

    // Instead of thingpass_step, where something else drives it.
    int (*step)(struct world *w, uint64_t *wake_ms);

    // Nuisances.
    uint8_t dice;       // what every random byte is
    unsigned eagain;    // every n-th call of stream and source says so; 0: never
    size_t most;        // bytes per stream call; 0: any
    unsigned mqtt_down; // so many publishes fail first
    int mqtt_error;     // with this
    bool no_random;
    bool no_hash;

    // The source.
    struct thingpass_source source;
    const uint8_t *bytes;
    size_t bytes_len; // may differ from source.size
    size_t bytes_read;
    size_t read_fails_at; // reads fail from this offset on; 0: never
    unsigned rewinds, closes;
    bool rewind_fails;
    struct thingpass_object object;

    // What happened.
    struct world_message sent[world_messages];
    size_t sent_count, asks, reports_sent;
    unsigned opens, stream_closes, calls;
    char host[300];
    uint16_t port;
    bool tls;
    size_t request_count;       // requests whose head arrived whole
    char head[world_heads * 4]; // the last one's
    uint8_t *body;              // the last one's
    size_t body_len;
    struct form_reading form; // the last POST; its key is what $KEY becomes then
    uint8_t *stored;          // the object of the last that was answered with 200 or 204
    size_t stored_len;
    unsigned stored_count;

    // Under way.
    struct world_message inbox[8];
    uint64_t inbox_at[8];
    size_t inbox_count;
    bool connected;
    size_t put_index, head_len, written, answer_sent;
    bool head_done, answered, write_broke;
    uint64_t hash;
    uint8_t reply[4096];
    uint8_t chunk[2048];
    struct thingpass_stream stream;
    struct thingpass_mqtt mqtt;
    struct thingpass_clock clock;
    struct thingpass_random random;
    struct thingpass_sha256 sha256;
    struct thingpass_config config;
};

// Makes a world in which all goes well, with an object of len bytes. Free with
// world_free.
struct world *world_new(size_t len);
void world_free(struct world *w);

// Makes the object one that is stored under a pass, in a world where that works.
void world_use_pass(struct world *w);

// thingpass_init and thingpass_upload_start, which must succeed.
void world_start(struct world *w);

// Steps until the upload has ended, and returns its err. Fails the test when it
// takes too many steps or waits for ever.
int world_run(struct world *w);

// The same for what has not the world's source.
int world_run_job(struct world *w);

// One step, and then as much time as it asked for. Returns what it returned.
int world_step(struct world *w);

// Both.
int world_upload(struct world *w);

// Steps until phase is that (as thingpass_phase_name says).
void world_run_until(struct world *w, const char *phase);

// Delivers a reply now, with $ID and so on filled in. Returns what
// thingpass_receive said.
int world_deliver(struct world *w, const char *text);

// The hash that this world takes for SHA-256.
void world_sum(const uint8_t *data, size_t len, uint8_t sum[32]);

extern const char world_grant[];   // a good grant
extern const char world_pass[];    // a good pass
extern const char world_confirm[]; // a good confirmation
extern const char world_ok[];      // a good answer of S3
extern const char world_posted[];  // the same to a POST
extern const char world_served[];  // stands for what serve makes

// A refusal with that code, and with retryAfter unless it is < 0.
const char *world_refusal(const char *code, int retry_after_s);

// An answer of S3 with that status and <Code>; code may be NULL.
const char *world_error(unsigned status, const char *code);

#endif
