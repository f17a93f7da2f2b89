// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The structs that go into and come out of thingpass.h.

#ifndef THINGPASS_TYPES_H
#define THINGPASS_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "thingpass/port.h"

#ifdef __cplusplus
extern "C" {
#endif

struct thingpass_mode;     // see thingpass_mode_put
struct thingpass_ledger;   // see ledger.h
struct thingpass_provider; // see credentials.h

// Limits of the wire; PROTOCOL.md has the reasons.
enum {
    THINGPASS_ID_MAX = 64,           // bytes of an id [P-1.6]
    THINGPASS_THING_MAX = 128,       // bytes of a thing's name
    THINGPASS_KIND_MAX = 32,         // bytes of a kind
    THINGPASS_KEY_MAX = 1024,        // bytes of an object key
    THINGPASS_METADATA_MAX = 16,     // pairs [P-3.4]
    THINGPASS_TOPIC_MAX = 256,       // bytes of a topic
    THINGPASS_REPLY_SIZE_MIN = 1024, // smallest reply buffer that init takes
    THINGPASS_CHUNK_SIZE_MIN = 1024, // smallest chunk buffer that init takes
    THINGPASS_REPLY_SIZE = 4096,     // what a grant with a session token needs
    // The same for a pass: S3 wants the token in the policy as well, in base64.
    THINGPASS_REPLY_SIZE_PASS = 5632,
    THINGPASS_CHUNK_SIZE = 2048 // 4096 makes one TLS record of each write
};

// How long things take. A zero means the default.
struct thingpass_timing {
    uint32_t ask_wait_ms;   // first wait for a reply, then doubled [P-9.1]: 5 s
    uint32_t retry_wait_ms; // first wait before another PUT, then doubled: 1 s
    uint32_t wait_max_ms;   // doubling stops here; jitter comes on top: 60 s
    uint32_t io_timeout_ms; // a stream without progress is given up after: 30 s
    uint32_t keep_alive_ms; // an idle connection is reused for (S3: ~20 s): 15 s
    uint32_t deadline_ms;   // an upload without a deadline of its own has: 600 s
    uint8_t max_puts;       // transfers per upload: 8
    uint8_t max_grants;     // grants used per upload: 5
};

// What thingpass_init needs. Everything that is pointed to must outlive the
// struct thingpass.
struct thingpass_config {
    const char *root;  // first topic segment(s); NULL is "thingpass"
    const char *thing; // the thing's name, as in its certificate [P-2.1]

    const struct thingpass_stream *stream;
    const struct thingpass_mqtt *mqtt;
    const struct thingpass_clock *clock;
    const struct thingpass_random *random;
    const struct thingpass_sha256 *sha256;

    // Holds the reply, its URL while it is used, a pass as long as it is kept,
    // and the object's key. A reply that does not fit ends the upload with
    // THINGPASS_ESPACE.
    void *reply;
    size_t reply_size;

    // Holds what is being published, sent or received. A request that does not
    // fit makes thingpass_upload_start() return THINGPASS_ESPACE.
    void *chunk;
    size_t chunk_size;

    // Keeps the reports of objects with THINGPASS_VERIFY_LATER. May be NULL.
    struct thingpass_ledger *ledger;

    // Also follow http:// URLs, unencrypted: for tests only.
    bool allow_plain_http;

    // Close the connection after each upload.
    bool no_keep_alive;

    struct thingpass_timing timing;

    // For thingpass_mode_credentials only: where it gets them. NULL: from the broker.
    const struct thingpass_provider *provider;
};

// One pair of metadata [P-3.4].
struct thingpass_pair {
    const char *name;
    const char *value;
};

// How an object gets into the bucket: one of these. A program carries the code of
// those that it names, and of the first.

// A grant for each object: ask, PUT, report.
extern const struct thingpass_mode thingpass_mode_put;

// One grant, a pass, for many objects: POST, report [P-11]. The core asks for a
// pass when it has none that suits, and keeps it in the reply buffer until it
// ends, until the day (UTC) is over, or until an object of another mode, kind,
// type or other metadata names is stored.
extern const struct thingpass_mode thingpass_mode_pass;

// Grants for an object's parts, a few at a time: PUT each, report [P-12]. For
// large files on bad links: what has arrived stays, also when the thing reboots
// and stores the same id again. The source must be rewindable; it is read twice,
// first for its CRC-32. Give it a deadline of its own.
extern const struct thingpass_mode thingpass_mode_multipart;

// Who must have seen the object in the bucket before its upload ends well.
enum thingpass_verify {
    // The broker: it is told (a report), looks for itself, and answers.
    THINGPASS_VERIFY_BROKER = 0,

    // S3, by its 2xx alone: no report, and no message more. With a checksum that
    // was signed S3 has compared the bytes. The broker learns of the object by
    // the bucket's own events [P-7.2], if it listens to them. Where S3 does not
    // say so plainly (412, or no answer to a one-pass source), the broker is
    // asked nevertheless. An object in parts always is: its report completes it.
    THINGPASS_VERIFY_S3 = 1,

    // S3 for now, and the broker later, when the ledger (ledger.h) is sent. Where
    // there is none, or no room in it, as THINGPASS_VERIFY_BROKER.
    THINGPASS_VERIFY_LATER = 2
};

// What to store. Everything that is pointed to stays yours and must not change
// until the upload has ended.
struct thingpass_object {
    const char *kind;                  // one of the broker's kinds
    const struct thingpass_mode *mode; // NULL: thingpass_mode_put
    enum thingpass_verify verify;

    // The object's id [P-1.6], the same whenever this object is tried again,
    // also after a reboot. NULL: a new one, see thingpass_result.id.
    const char *id;

    // The key that the broker gave this id earlier, if it is known: for an
    // upload that is continued after a reboot [P-3.2]. May be NULL, and must be
    // with a pass: there the same captured_at gives the same key.
    const char *object_key;

    // For thingpass_mode_credentials only, without an object_key: what follows the
    // id in the key, such as ".jpg". May be NULL.
    const char *suffix;

    // When the picture was taken, if the time was known then (seconds since
    // 1970). 0: worked out from captured_ms once the broker has told the time.
    // An object that is tried again keeps its thingpass_result.captured_at.
    int64_t captured_at;

    // The same on the port's clock, in ms. 0: when the upload starts. UINT64_MAX:
    // nobody knows, and the key has the date on which leave is given.
    uint64_t captured_ms;

    // SHA-256 of the bytes, if it is known already. NULL: a rewindable source
    // is read once to hash it, a one-pass source is hashed while it is sent.
    const uint8_t *sha256;

    // Stored with the object. With a pass at most one less than
    // THINGPASS_METADATA_MAX in all, because captured-at is among the names.
    const struct thingpass_pair *metadata;
    size_t metadata_count;

    // With a pass only: metadata that its objects have all alike, signed into
    // it. Other values here need another pass; other values above do not.
    const struct thingpass_pair *pass_metadata;
    size_t pass_metadata_count;

    uint32_t deadline_ms; // for the whole upload; 0 is the configured default

    // Told how many of the object's bytes the stream has taken, after each chunk;
    // begins anew when bytes are sent again. Must not call the core. May
    // be NULL.
    void (*progress)(void *ctx, uint64_t done, uint64_t size);
    void *progress_ctx;

    const struct thingpass_source *source;
};

// How a download ended well.
enum thingpass_verified {
    THINGPASS_VERIFIED_NOT = 0,   // it did not, or it was none
    THINGPASS_VERIFIED_UNCHANGED, // what the thing has already is what is there
    THINGPASS_VERIFIED_SIZE,      // of this version and size; no SHA-256 is known
    THINGPASS_VERIFIED_SHA256
};

// How an upload ended, and what it took.
struct thingpass_result {
    int err;                          // THINGPASS_OK: stored, and verified as was asked for
    int status;                       // S3's last HTTP status; 0 if it never answered
    char code[48];                    // the broker's code, or S3's <Code>; "" if none
    const char *id;                   // the object's id
    const char *object_key;           // the key that was granted; "" if none was
    int64_t captured_at;              // as it was asked for; 0 if it was not
    uint64_t size;                    // bytes of the object
    uint64_t elapsed_ms;              // from start to end
    uint64_t put_ms;                  // the last transfer: from connecting to the answer
    unsigned asks;                    // upload-requests published; 0 under a pass at hand
    unsigned puts;                    // transfers begun, of whatever method
    unsigned connects;                // connections opened
    unsigned reports;                 // upload-completes published
    enum thingpass_verified verified; // a download
};

#ifdef __cplusplus
}
#endif

#endif
