// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The inside of struct thingpass, which is here only so that you can declare
// one. Its members change between versions: use the functions of thingpass.h.

#ifndef THINGPASS_STATE_H
#define THINGPASS_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "thingpass/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct thingpass_span_ {
    const char *p;
    size_t n;
};

struct thingpass_clock_state_ {
    bool known;
    int64_t offset_ms; // unix time minus the port's clock
};

struct thingpass_http_response_ {
    uint8_t state;
    uint8_t field;     // which header is being read
    uint8_t name_len;  // matched or stored bytes of the header's name
    uint8_t value_len; // stored bytes of its value
    uint8_t minor;     // HTTP/1.minor
    bool close;        // the connection ends with this response
    bool chunked;
    bool has_length;
    uint16_t status;
    uint16_t head_len; // bytes of status line, headers, chunk lines, trailers
    uint32_t retry_s;  // Retry-After, 0 if none
    uint64_t length;   // Content-Length, or of the chunk at hand
    uint64_t body_len; // bytes of body passed so far
    char name[20];
    char value[40];
};

struct thingpass_s3_error_ {
    uint8_t state;
    uint8_t len;
    uint16_t seen; // bytes of body looked at
    char code[48];
};

struct thingpass_reader_ {
    const struct thingpass_source *source;
    uint64_t left;
};

struct thingpass_connection_ {
    bool open;   // stream->open has been called, and close has not
    bool ready;  // it returned THINGPASS_OK
    bool reused; // carried a response before this one
    bool tls;
    uint16_t port;
    uint64_t idle_since_ms;
    char host[254];
};

struct thingpass_grant_ {
    struct thingpass_span_ authority; // the URL's, for the connection
    struct thingpass_span_ target;    // path and query
    struct thingpass_span_ headers;   // "Name: value\r\n" lines, ready to send
    uint64_t valid_until_ms;          // on the port's clock
    uint16_t port;
    bool tls;
};

struct thingpass_upload_ {
    uint8_t phase;
    uint8_t head_part;     // part of the request head that comes next
    uint8_t grants;        // grants used
    uint8_t asks_in_a_row; // without an answer
    uint8_t reports_in_a_row;
    uint8_t failures; // transfers that failed, for the backoff
    bool have_sum;
    bool hashing; // the hash is fed while sending
    bool write_failed;
    bool body_sent;
    bool asked; // this phase's message has been published
    struct thingpass_object object;
    struct thingpass_source source;
    struct thingpass_reader_ reader;
    struct thingpass_grant_ grant;
    int64_t captured_at;
    uint64_t started_ms;
    uint64_t deadline_ms;
    uint64_t wake_ms;
    uint64_t progress_ms; // when the stream last moved
    uint64_t put_started_ms;
    size_t head_offset; // bytes of that part already produced
    size_t chunk_len;   // bytes in the chunk buffer
    size_t chunk_sent;
    size_t key_len; // bytes of the key kept at the end of the reply buffer
    uint8_t sum[32];
    char id[65];
};

struct thingpass {
    struct thingpass_config config;
    struct thingpass_clock_state_ clock;
    struct thingpass_connection_ connection;
    struct thingpass_upload_ upload;
    struct thingpass_http_response_ response;
    struct thingpass_s3_error_ s3_error;
    struct thingpass_result result;
    uint32_t id_counter;
    char id_prefix[11];
};

#ifdef __cplusplus
}
#endif

#endif
