// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// What differs between the ways of moving an object, as one const table each.
// The state machine (upload.h) is the same for all and names none of them, so a
// program links only the modes that it names.
//
// A table's function may be NULL where its comment says what that means.

#ifndef THINGPASS_CORE_MODE_H
#define THINGPASS_CORE_MODE_H

#include "reply.h"
#include "request.h"
#include "thingpass/thingpass.h"

struct thingpass_mode {
    // Whether the mode can send an object that keeps the other rules of
    // thingpass_object_check. NULL: any.
    bool (*object_ok)(const struct thingpass_object *object);

    // Sets what of tp->upload is the mode's own, when an upload starts. NULL: nothing.
    void (*begin)(struct thingpass *tp);

    // Is given the object's bytes once before leave is asked for. NULL: they are
    // hashed with SHA-256 instead, where the source can be rewound.
    void (*scan)(struct thingpass *tp, const void *data, size_t n);

    // Whether leave is at hand that needs no asking: 1, and then the grant is set;
    // 0; or < 0, which ends the upload. NULL: never.
    int (*leave)(struct thingpass *tp);

    // Each question has an id of its own: leave is for many objects, or for none of
    // the thing's.
    bool standing;

    // Forgets the leave at hand, which is of no use any more. Returns 1 where there
    // is other leave without the broker, and then the grant leads there; 0; or < 0,
    // which ends the upload. NULL: there is none.
    int (*renew)(struct thingpass *tp);

    // What the question's topic ends in. NULL: "/upload-request".
    const char *topic;

    // Writes the question's payload.
    void (*ask)(const struct thingpass *tp, struct thingpass_writer *w,
                const struct thingpass_request *request);

    // Sees a refusal of the question first. Returns whether that was all. NULL: no.
    bool (*refused)(struct thingpass *tp, const struct thingpass_reply *reply);

    // Takes a grant that fills the first len bytes of what was free of the reply
    // buffer. Returns THINGPASS_OK, THINGPASS_EREFUSED (sound, but not good for this
    // object) or what was wrong with it.
    int (*take)(struct thingpass *tp, struct thingpass_json *json,
                const struct thingpass_reply *reply, size_t len);

    // Plans what follows a grant. NULL: the transfer.
    void (*next)(struct thingpass *tp);

    // Moves the source to where this transfer begins. As thingpass_reader_skip.
    // NULL: to its first byte.
    int (*seek)(struct thingpass *tp);

    // Write the next bytes of what goes before the object, and behind it. Return
    // how many; 0 at the end. tail NULL: nothing.
    size_t (*head)(struct thingpass *tp, char *buf, size_t cap);
    size_t (*tail)(struct thingpass *tp, char *buf, size_t cap);

    // Is called when a transfer begins. Returns THINGPASS_OK or < 0. NULL: nothing.
    int (*send)(struct thingpass *tp);

    // Takes the next bytes of a 2xx answer's body. Returns THINGPASS_OK, or < 0,
    // which ends the upload. NULL: they are read over.
    int (*body)(struct thingpass *tp, struct thingpass_span bytes);

    // Sees S3's answer first. Returns whether that was all. NULL: no.
    bool (*judge)(struct thingpass *tp);

    // Plans what follows a 2xx.
    void (*stored)(struct thingpass *tp);

    // Sees how it ended, in tp->result.err, and may have another opinion. NULL: nothing.
    void (*ended)(struct thingpass *tp);

    // Writes the report's payload.
    void (*report)(const struct thingpass *tp, struct thingpass_writer *w,
                   const struct thingpass_request *request);

    // Takes the answer to the report, and returns what thingpass_receive does. NULL:
    // it must name the object.
    int (*confirm)(struct thingpass *tp, const struct thingpass_json *json,
                   const struct thingpass_reply *reply);

    // An answer does not fit the reply buffer. Returns whether another question has
    // been planned that has a shorter one. NULL: no.
    bool (*too_large)(struct thingpass *tp);
};

// The object's mode; put where it names none. put.c
const struct thingpass_mode *thingpass_mode_of(const struct thingpass_object *object);

// grant.c: what the modes' replies have in common.

// Sets where the grant leads. Returns THINGPASS_OK or THINGPASS_EURL.
int thingpass_grant_url(struct thingpass *tp, struct thingpass_span url);

// The moment, on the port's clock, that is called expires_at by the broker, whose
// clock says time; seven days ahead at the most.
uint64_t thingpass_grant_until_ms(const struct thingpass *tp, int64_t expires_at, int64_t time);

// Writes the next bytes of a request's head: the grant's target and headers.
// length is that of the body, or for a GET the byte from which on it is wanted;
// < 0: neither.
size_t thingpass_grant_head(struct thingpass *tp, const char *method, int64_t length, char *buf,
                            size_t cap);

// answer.c: what follows a refusal, and a reply that ends the upload. Both return
// what thingpass_receive does.
int thingpass_refused(struct thingpass *tp, const struct thingpass_reply *reply);
int thingpass_end_with(struct thingpass *tp, int err);

// put.c: the report that says what the object is, and no more.
void thingpass_put_plain_report(const struct thingpass *tp, struct thingpass_writer *w,
                                const struct thingpass_request *request);

#endif
