// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// A thing that comes without an identity of its own gets one: AWS IoT's fleet
// provisioning by claim, over MQTT. The program connects with the claim, a certificate
// that a whole batch of devices shares and that may do nothing else, and this asks for
// the rest:
//
//     thingpass_provision_start(&p, &config);
//     for (;;) {
//         uint64_t wake_ms;
//         switch (thingpass_provision_step(&p, &wake_ms)) {
//         case THINGPASS_STEP_RUN:
//             break;
//         case THINGPASS_STEP_DONE:
//             return p.result.err;          // THINGPASS_OK: it has an identity
//         default:                          // take messages until then,
//             wait_for_message(wake_ms);    // thingpass_provision_receive() each
//         }
//     }
//
// The key is made on the device by the keeper's make_csr and leaves it in no message.
// What the server gives goes into a slot that is not in use, and counts only once a
// record with a CRC-32 of it all is whole: wherever the power is cut, the thing has the
// identity that it had (or none, and so the claim), or the new one. At each boot:
//
//     err = thingpass_identity_load(keeper, &identity, cert, sizeof cert);
//     THINGPASS_OK:      connect as identity.thing, with cert and the key of the slot;
//                        once the server has let it in, thingpass_identity_prove(). An
//                        identity that is not proven and never let in: provision again
//     THINGPASS_ENOENT:  connect with the claim, and provision
//     other:             the medium is in trouble: this is no reason for a new identity
//
// A thing that has an identity may get another in the same way, over a connection with
// the one that it has, if the policy of that allows it.
//
// Nothing of this is in a program that does not name it.

#ifndef THINGPASS_PROVISION_H
#define THINGPASS_PROVISION_H

#include "thingpass/thingpass.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    THINGPASS_IDENTITY_SLOTS = 2,
    THINGPASS_CERTIFICATE_ID_MAX = 64, // hexadecimal digits
    THINGPASS_TEMPLATE_MAX = 36,       // bytes of a template's name
    THINGPASS_IDENTITY_RECORD_MAX = 320,
    // A certificate of AWS's is about 1.3 KB in PEM, the token half a KB.
    THINGPASS_PROVISION_BUFFER = 4096,
    THINGPASS_PROVISION_BUFFER_MIN = 2048
};

// ── Where an identity is kept ───────────────────────────────────────────────

// What a slot holds.
enum thingpass_identity_item {
    THINGPASS_IDENTITY_KEY,    // made by make_csr; its bytes are the keeper's own business
    THINGPASS_IDENTITY_CERT,   // PEM, without a NUL
    THINGPASS_IDENTITY_RECORD, // at most THINGPASS_IDENTITY_RECORD_MAX bytes
    THINGPASS_IDENTITY_PROOF,  // at most THINGPASS_CERTIFICATE_ID_MAX bytes
    THINGPASS_IDENTITY_ITEMS
};

// A flash's key-value store, a folder. What write and erase have said is so for good.
// While one of them runs, the power may go: of that item anything may be there then, or
// nothing; no other item is touched by it.
//
// Results below 0 are THINGPASS_E…. ENOENT says for sure that there is none; a medium
// that cannot tell says something else.
struct thingpass_keeper {
    void *ctx;

    // Writes a certificate signing request (PKCS #10, PEM) and a NUL for the key of a
    // slot. Where the slot has no key that can be read, it makes one first (P-256) and
    // keeps it for good before it returns: as long as KEY is not erased, it is the same
    // key each time. Returns the length, THINGPASS_ESPACE or < 0.
    int (*make_csr)(void *ctx, unsigned slot, char *pem, size_t cap);

    // Keeps n (> 0) bytes as that item, in the place of what is there. Not for KEY.
    // Where it is easy, it looks whether a CERT is for the slot's key, and says
    // THINGPASS_EMISMATCH if not: it is asked for again then.
    int (*write)(void *ctx, unsigned slot, enum thingpass_identity_item item, const void *data,
                 size_t n);

    // Gives all of an item. Returns its length, THINGPASS_ENOENT, or THINGPASS_ESPACE if
    // it has more than cap bytes. For KEY, cap is 0: it only tells whether there is one
    // (>= 0 or ENOENT).
    int (*read)(void *ctx, unsigned slot, enum thingpass_identity_item item, void *buf, size_t cap);

    // Removes an item, KEY as well. THINGPASS_OK also if there was none.
    int (*erase)(void *ctx, unsigned slot, enum thingpass_identity_item item);
};

struct thingpass_identity {
    unsigned slot;   // whose key goes with it
    uint32_t number; // 1 for the thing's first identity
    bool proven;     // the server has let it in once
    char thing[THINGPASS_THING_MAX + 1];
    char certificate_id[THINGPASS_CERTIFICATE_ID_MAX + 1];
    size_t cert_len; // of the PEM, in the caller's buffer
};

// Finds the newest identity that is whole, and puts its certificate and a NUL into cert.
// Returns THINGPASS_OK, THINGPASS_ENOENT, THINGPASS_ESPACE (cert is too small) or what
// the keeper said.
int thingpass_identity_load(const struct thingpass_keeper *keeper,
                            struct thingpass_identity *identity, char *cert, size_t cert_size);

// Notes that the server has let this identity in, and removes the one before it, with
// its key. Does nothing if that was done before. Returns THINGPASS_OK or what the keeper
// said; nothing is lost then, and it may be called again at the next connection.
int thingpass_identity_prove(const struct thingpass_keeper *keeper,
                             struct thingpass_identity *identity);

// Throws an identity away that the server does not let in: the next load finds the one
// before it, or none. Returns THINGPASS_OK or what the keeper said.
int thingpass_identity_forget(const struct thingpass_keeper *keeper,
                              const struct thingpass_identity *identity);

// ── Getting one ─────────────────────────────────────────────────────────────

// Why the server refused: the closed list of what a program can do something about.
enum thingpass_refusal {
    THINGPASS_REFUSAL_NONE = 0,
    THINGPASS_REFUSAL_CSR,        // it does not take this signing request
    THINGPASS_REFUSAL_TOKEN,      // the token is spent or has ended: it began again by itself
    THINGPASS_REFUSAL_PARAMETERS, // the template wants others, or its hook said no
    THINGPASS_REFUSAL_FORBIDDEN,  // the claim may not, or not any more
    THINGPASS_REFUSAL_TEMPLATE,   // there is no such template
    THINGPASS_REFUSAL_TAKEN,      // there is a thing of that name, and the template leaves it alone
    THINGPASS_REFUSAL_BUSY,       // throttled: it waited and asked again by itself
    THINGPASS_REFUSAL_SERVER,     // the server is in trouble: likewise
    THINGPASS_REFUSAL_OTHER
};

// Zeros are the defaults.
struct thingpass_provision_timing {
    uint32_t ask_wait_ms; // first wait for a reply, then doubled: 5 s
    uint32_t wait_max_ms; // doubling stops here; jitter comes on top: 60 s
    uint32_t deadline_ms; // for all of it: none
    uint8_t max_asks;     // messages without a useful answer in a row: 6
    uint8_t max_rounds;   // certificates that are asked for: 3
};

// Everything that is pointed to must stay valid until it has ended.
struct thingpass_provision_config {
    const char *template_name;
    const struct thingpass_pair *parameters; // such as SerialNumber; the template knows which
    size_t parameter_count;

    // What the template is going to call the thing, where that is known beforehand. NULL:
    // the server says it. With it, a thing is not lost even where the template takes a
    // name only once (OverrideSettings FAIL): the identity is there, unproven, before
    // it is registered, so a thing whose power goes before it hears of that may still
    // connect with it. Where it was not registered after all, the server does not let
    // it in: provision again.
    const char *thing;

    // Publishes on the connection that the claim was let in on.
    const struct thingpass_mqtt *mqtt;

    // Subscribes with QoS 1 on that connection. Returns THINGPASS_OK when the server has
    // said yes, THINGPASS_EAGAIN while it has not, or there is no connection (it is
    // called again, with the same topic), or < 0 when it has said no. topic is valid
    // during the call.
    int (*subscribe)(void *ctx, const char *topic);
    void *subscribe_ctx;

    const struct thingpass_clock *clock;
    const struct thingpass_random *random;
    const struct thingpass_keeper *keeper;

    // Holds a reply, and the token. What does not fit ends it with THINGPASS_ESPACE.
    void *buffer;
    size_t buffer_size;

    struct thingpass_provision_timing timing;

    // Is told each text of the reply's deviceConfiguration, before the identity is kept,
    // and maybe twice. Must not call the core. May be NULL.
    void (*configure)(void *ctx, const char *name, const char *value);
    void *configure_ctx;
};

struct thingpass_provision_result {
    // THINGPASS_OK: a new identity is kept. THINGPASS_EREFUSED: see below.
    // THINGPASS_EREPLY: what the server said is no answer. THINGPASS_ERETRIES: it said
    // nothing. THINGPASS_EDEADLINE, THINGPASS_ECANCELLED, THINGPASS_ESPACE; or what the
    // keeper or subscribe said. Until it has ended, how it went last.
    int err;
    enum thingpass_refusal refusal; // the last one, also if it went well after it
    uint16_t status;                // AWS's statusCode of that
    char code[48];                  // AWS's errorCode of that, cut; "" if there was none
    char thing[THINGPASS_THING_MAX + 1];
    char certificate_id[THINGPASS_CERTIFICATE_ID_MAX + 1];
    unsigned asks;   // messages published
    unsigned rounds; // certificates asked for
};

// Yours to declare; its members but result are the core's.
struct thingpass_provision {
    struct thingpass_provision_result result;
    struct thingpass_provision_config config;
    struct thingpass_span pem; // in the buffer, until it is kept
    struct thingpass_span token;
    uint64_t wake_ms;
    uint64_t deadline_ms;
    uint64_t token_until_ms;
    uint32_t number;
    uint32_t cert_crc;
    uint32_t cert_len;
    uint8_t phase;
    uint8_t slot;
    uint8_t subscribed; // topics
    uint8_t unanswered; // messages in a row
    uint8_t open;       // registrations that nobody has refused
    bool asked;         // this phase's message is out
    bool told;          // when to ask again: a new connection does not hurry it
};

// Begins. Returns THINGPASS_OK, THINGPASS_EINVAL (a field breaks its contract) or
// THINGPASS_ESPACE (the buffer is below its minimum).
int thingpass_provision_start(struct thingpass_provision *p,
                              const struct thingpass_provision_config *config);

// Does one piece of work, such as a call of the keeper or a message. Returns
// THINGPASS_STEP_RUN, THINGPASS_STEP_WAIT (until *wake_ms, or until a message) or
// THINGPASS_STEP_DONE.
int thingpass_provision_step(struct thingpass_provision *p, uint64_t *wake_ms);

// Takes a message from MQTT, complete, of any topic. Returns 1 when it matters (call
// thingpass_provision_step), 0 when it is not for us, or < 0, for the log only:
// THINGPASS_EREPLY, THINGPASS_ESPACE, THINGPASS_EREFUSED.
int thingpass_provision_receive(struct thingpass_provision *p, const char *topic, size_t topic_len,
                                const void *payload, size_t len);

// Tells that there is a new connection: it subscribes anew, and asks again.
void thingpass_provision_connected(struct thingpass_provision *p);

// Ends it with THINGPASS_ECANCELLED.
void thingpass_provision_cancel(struct thingpass_provision *p);

// A refusal in a few words, for a log. Never NULL; static.
const char *thingpass_refusal_text(enum thingpass_refusal refusal);

#ifdef __cplusplus
}
#endif

#endif
