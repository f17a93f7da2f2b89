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

struct thingpass_span {
    const char *p;
    size_t n;
};

struct thingpass_clock_state {
    bool known;
    int64_t offset_ms; // unix time minus the port's clock
};

struct thingpass_id_state {
    char prefix[11];
    uint32_t counter;
};

struct thingpass_http_response {
    uint32_t date; // of the header Date, in seconds since 1970; 0 if nobody read it
    uint8_t state;
    uint8_t line_len; // of the line at hand; one more than fit if it is cut
    uint8_t name_len; // of the header's name in it; 0 until its colon has come
    bool line_ends;   // its '\r' has come
    bool http_1_0;
    bool close; // the connection ends with this response
    bool chunked;
    bool has_length;
    uint16_t status;
    uint16_t head_len; // bytes of lines: status, headers, chunk sizes
    uint32_t retry_s;  // Retry-After, 0 if none
    uint8_t ranges;    // Content-Range headers: 0, 1, or 2 for what is no good
    uint32_t range_first;
    uint32_t range_size; // of the whole
    uint32_t length;     // what is left of the body, or of the chunk at hand
    uint64_t body_len;   // bytes of body passed on
    // Is told each header, if it is set; a value that is too long is empty.
    void (*field)(struct thingpass_http_response *r, struct thingpass_span name,
                  struct thingpass_span value);
    char line[60];
};

struct thingpass_s3_error {
    uint8_t state;
    uint8_t len;
    uint16_t seen; // bytes of body looked at
    char code[48];
};

struct thingpass_reader {
    const struct thingpass_source *source;
    uint64_t pos;  // bytes read since the beginning
    uint64_t skip; // of them, to be passed over
    uint64_t left;
    bool touched; // something has been read since the last rewind
    bool probed;  // it was asked for more than its size
};

struct thingpass_connection {
    bool open;  // stream->open was called, and close was not
    bool ready; // it returned THINGPASS_OK
    bool idle;  // has carried a whole response, and may carry another request
    bool tls;
    uint16_t port;
    const struct thingpass_stream *stream;
    uint64_t idle_since_ms;
    char host[254];
};

struct thingpass_grant {
    bool tls;
    uint16_t port;
    const struct thingpass_stream *stream; // NULL: the configured one
    struct thingpass_span host;            // these three lie in the reply buffer
    struct thingpass_span target;          // path and query
    struct thingpass_span headers;         // "Name: value\r\n" lines, ready to send
    uint64_t valid_until_ms;               // on the port's clock
};

// A pass. Its spans lie at the beginning of the reply buffer.
struct thingpass_pass {
    struct thingpass_span url;
    struct thingpass_span key_prefix;
    struct thingpass_span key_suffix;
    struct thingpass_span fields; // "name: value\r\n" lines
    uint64_t min_size;
    uint64_t max_size;
    uint64_t valid_until_ms; // on the port's clock
    uint64_t terms;          // what was asked for, hashed
    int64_t day;             // whose keys it gives, in days since 1970
};

// Temporary credentials. The spans lie at the beginning of the reply buffer, or in
// the program's configuration.
struct thingpass_session {
    size_t place_len; // of what stays there when the credentials are forgotten

    // Where they are good.
    bool tls;
    uint16_t port;
    struct thingpass_span host;
    struct thingpass_span bucket; // where it is part of the path; else empty
    struct thingpass_span region;
    struct thingpass_span prefix;

    // Where there are new ones; no host: the broker is asked.
    bool provider_tls;
    uint16_t provider_port;
    struct thingpass_span provider_host;
    struct thingpass_span target;
    struct thingpass_span headers;

    struct thingpass_span access_key_id; // empty: there are none now
    struct thingpass_span secret;
    struct thingpass_span token;
    uint64_t valid_until_ms; // on the port's clock
    uint32_t key_day;        // days since 1970; 0: there is no key
    uint8_t key[32];         // that signs on this day
};

// Leave that outlives its upload. The reply that it came with stays at the
// beginning of the reply buffer.
struct thingpass_kept {
    size_t len;                        // of that reply; 0: nothing is kept
    const struct thingpass_mode *mode; // whose it is, and so what the union holds
    union {
        struct thingpass_pass pass;
        struct thingpass_session session;
    } u;
};

struct thingpass_part {
    uint32_t number;
    struct thingpass_span url;
};

// A download.
struct thingpass_fetch {
    const struct thingpass_download *job;
    struct thingpass_span sum; // that was promised, in hexadecimal digits; maybe none
    uint32_t size;
    uint32_t at;     // bytes that the sink has, and so where it goes on
    uint32_t hashed; // of them
    uint32_t best;   // the most that it has had
    uint8_t sink;    // what it was told
};

// Members that are used most come first, where instructions are shortest.
struct thingpass_upload {
    const struct thingpass_mode *mode;
    uint64_t wake_ms; // nothing to do before
    uint64_t deadline_ms;
    uint64_t progress_ms; // when the stream last moved
    uint64_t stall_ms;    // when it is given up
    size_t chunk_len;     // bytes in the chunk buffer
    size_t chunk_sent;    // of them written
    size_t key_len;       // of the key kept at the end of the reply buffer
    size_t upload_id_len; // of the id kept before the key
    size_t head_sent;     // bytes of the request's head produced
    int64_t captured_at;
    struct thingpass_grant grant;
    uint8_t phase;
    bool asked;      // this phase's message has been published
    bool unsent;     // it could not be, and wake_ms is only for another try
    bool connecting; // this transfer has begun
    bool have_sum;
    bool hashing;      // the hash is fed while sending
    bool reused;       // this transfer's connection carried another before
    bool write_failed; // only the server's last words are wanted
    bool head_done;    // all before the object has been produced
    bool body_sent;
    bool answered;      // the server sent something
    uint8_t unanswered; // publishes in a row
    uint8_t grants;     // grants used
    uint8_t puts;       // transfers that count as attempts
    uint8_t failures;   // of transfers, for the backoff
    uint8_t window;     // parts to ask for, in that mode
    uint8_t part_count; // granted
    uint8_t part_next;  // the one at hand
    bool fetching;      // the transfer is for credentials, not for the object
    bool skewed;        // S3 has corrected the clock
    bool sought;        // the source has been sent to it
    struct thingpass_object object;
    struct thingpass_reader reader;
    uint64_t started_ms;
    uint64_t put_started_ms; // when this transfer began
    uint64_t terms;          // of the pass that suits the object, hashed
    union {                  // by mode
        struct thingpass_part parts[2];
        struct thingpass_fetch fetch;
    };
    uint64_t part_size;
    uint32_t crc;     // of the whole object
    size_t form_sent; // of the form before the object, under a pass
    size_t tail_sent; // of the form behind it
    size_t form_len;  // of the whole form without the object
    uint8_t sum[32];
    char id[65];
    char ask_id[24];    // of the request for a pass
    char boundary[25];  // of the form
    uint32_t signed_at; // seconds since 1970
    uint8_t signature[32];
};

struct thingpass {
    struct thingpass_upload upload;
    struct thingpass_config config;
    struct thingpass_clock_state clock;
    struct thingpass_id_state ids;
    struct thingpass_connection connection;
    struct thingpass_kept kept;
    struct thingpass_http_response response;
    struct thingpass_s3_error s3_error;
    struct thingpass_result result;
};

#ifdef __cplusplus
}
#endif

#endif
