// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// thingpass on an ESP32: ESP-IDF 5.1 and later, or Arduino-ESP32 3.x. Nothing of
// ESP-IDF is in this header, so that it reads the same in C and C++.
//
//     thingpass_esp_start() ─▶ one task: it waits for MQTT's messages, asks the
//                              broker, hashes, sends, spools, downloads
//     thingpass_esp_submit() ─▶ queue ─▶ that task ─▶ your callbacks
//
// The program brings the network up (Wi-Fi, Ethernet, ...); the task waits for it,
// outlives its loss and goes on when it is back. Everything is allocated by
// thingpass_esp_start(), besides what TLS and MQTT allocate by themselves.
//
// All functions may be called from any task unless they say otherwise, none from
// an interrupt. Callbacks run in thingpass's task: they return soon, and may
// call what does not wait. What they are given is valid until they return.

#ifndef THINGPASS_ESP_H
#define THINGPASS_ESP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "thingpass/error.h"
#include "thingpass/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct thingpass_esp;      // one thing
struct thingpass_download; // download.h
struct thingpass_sink;
struct thingpass_provider;         // credentials.h
struct thingpass_ledger;           // ledger.h
struct thingpass_provision_result; // provision.h
struct thingpass_esp_provisioned;
struct thingpass_command; // command.h

// ── Who the thing is, and whom it trusts ────────────────────────────────────

// How the thing shows that a certificate is its own. Exactly one of key,
// ds_data and psa_key_id goes with cert.
struct thingpass_esp_identity {
    const char *cert; // PEM, the thing's own first

    // PEM. Whoever reads the flash has it, unless flash or NVS are encrypted.
    const char *key;

    // esp_ds_data_ctx_t of the digital signature peripheral: an RSA key that no
    // software can read. Not on the first ESP32.
    void *ds_data;

    // A key in PSA's key store: a secure element, an opaque driver. 0 is none.
    // Needs ESP-IDF 6.2; before it thingpass_esp_start() says THINGPASS_EINVAL.
    uint32_t psa_key_id;
};

// Where objects wait that could not be sent.
struct thingpass_esp_spool {
    // A folder that is there, of a mounted file system (LittleFS, FAT on SD), as
    // the VFS names it: "/littlefs/spool". NULL: no spool; it must stay valid.
    const char *directory;

    uint32_t max_bytes;   // of all that wait; 0: CONFIG_THINGPASS_SPOOL_KBYTES
    uint16_t max_objects; // 0: CONFIG_THINGPASS_SPOOL_OBJECTS

    // When it is full: true refuses what is new, false lets go of what is oldest.
    bool refuse_new;

    bool first;           // nothing is sent that is not in the spool
    bool stream_one_pass; // what can be read only once is sent without it, too
};

// ── What happens ────────────────────────────────────────────────────────────

enum thingpass_esp_event_type {
    THINGPASS_ESP_CONNECTED,    // to the MQTT server, and subscribed
    THINGPASS_ESP_DISCONNECTED, // text says why; it connects again by itself
    THINGPASS_ESP_STORED,       // in the bucket, verified; result has the key
    THINGPASS_ESP_SPOOLED,      // put into the spool (THINGPASS_OK), or it stays there: err
    THINGPASS_ESP_FAILED,       // given up: result->err, status and code say why
    THINGPASS_ESP_REFUSED,      // the broker said no: result->code
    THINGPASS_ESP_DROPPED,      // the spool let go of an object
    THINGPASS_ESP_FETCHED,      // a download or an update has ended well
    THINGPASS_ESP_REPORTED,     // thingpass_esp_report() has ended well
    THINGPASS_ESP_SPOOL         // the spool cannot be used: err; or it can be again
};

struct thingpass_esp_event {
    enum thingpass_esp_event_type type;
    int err;          // THINGPASS_OK or why not
    const char *text; // a few words for a log; never NULL
    // Of STORED, FAILED, REFUSED and FETCHED, and of SPOOLED if it was tried before;
    // else NULL.
    const struct thingpass_result *result;
};

typedef void (*thingpass_esp_event_fn)(void *ctx, const struct thingpass_esp_event *event);

// ── Start and stop ──────────────────────────────────────────────────────────

// Everything that is pointed to must stay valid until thingpass_esp_stop(). A
// zero is a default, and CONFIG_THINGPASS_... (menuconfig) sets most defaults.
struct thingpass_esp_config {
    // If not NULL: what is NULL of server, thing, cert, key, server_ca and s3_ca
    // is read from this namespace of the NVS partition "nvs", under the names of
    // struct thingpass_esp_provision. nvs_flash_init() is yours.
    const char *nvs_namespace;

    // If it is &thingpass_esp_provisioned: thing, cert and key are those that
    // thingpass_esp_provision_by_claim() got, where it did and they are NULL here.
    const struct thingpass_esp_provisioned *provisioned;

    const char *server; // "mqtts://host" or "mqtts://host:port"
    const char *thing;  // as in its certificate; also the MQTT client id
    const char *root;   // first topic segment(s); NULL is "thingpass"

    struct thingpass_esp_identity identity;

    // Who may vouch for the MQTT server and for S3: PEM, one or more. NULL is
    // ESP-IDF's certificate bundle; without that in the build,
    // THINGPASS_EINVAL. There is no way to trust everybody.
    const char *server_ca;
    const char *s3_ca;

    // 4: MQTT 3.1.1. 5: MQTT 5, if CONFIG_MQTT_PROTOCOL_5 is set. 0: 5 if that
    // is set, else 4.
    uint8_t mqtt_version;
    uint16_t mqtt_keep_alive_s; // 0: CONFIG_THINGPASS_MQTT_KEEP_ALIVE

    // For objects that name no mode. NULL: one grant for each.
    const struct thingpass_mode *mode;

    // For thingpass_mode_credentials: where to get them with the thing's certificate.
    // Its stream is this port's; NULL there. The digital signature peripheral cannot
    // be used for it before ESP-IDF 6.2. NULL: from the broker, over MQTT.
    const struct thingpass_provider *provider;

    // For objects with THINGPASS_VERIFY_LATER. thingpass_ledger_init() is yours; see
    // thingpass_esp_report(). May be NULL.
    struct thingpass_ledger *ledger;

    struct thingpass_esp_spool spool;
    struct thingpass_timing timing; // as in types.h

    thingpass_esp_event_fn on_event; // may be NULL
    void *ctx;                       // given to on_event

    // Bytes. The task's stack must hold what your callbacks need, too.
    uint32_t stack_size;   // CONFIG_THINGPASS_TASK_STACK
    uint32_t reply_size;   // CONFIG_THINGPASS_REPLY_SIZE
    uint32_t chunk_size;   // CONFIG_THINGPASS_CHUNK_SIZE
    uint32_t message_size; // CONFIG_THINGPASS_MESSAGE_SIZE: messages that wait
    uint8_t priority;      // CONFIG_THINGPASS_TASK_PRIORITY

    // Also follow http:// URLs, unencrypted: for tests only.
    bool allow_plain_http;

    // Take the clock from before deep sleep, and keep it for after the next.
    bool clock_in_rtc_memory;

    // After an update: tell the boot loader that the new image is good as soon
    // as the MQTT server has let it in, and go back to the old image if that
    // does not happen within CONFIG_THINGPASS_OTA_PROOF_S. Without it the
    // program does it. Arduino: define verifyRollbackLater() to return true, or
    // the core marks every image as good before setup().
    bool ota_proof_by_connecting;
};

// Starts the thing's task, which connects as soon as there is a network. *esp is
// the thing, or NULL on failure: THINGPASS_EINVAL (the log says which field),
// THINGPASS_ESPACE (no memory) or THINGPASS_EIO (a part of ESP-IDF failed). One
// thing at a time: THINGPASS_EBUSY.
int thingpass_esp_start(const struct thingpass_esp_config *config, struct thingpass_esp **esp);

// Ends uploads with THINGPASS_ECANCELLED (what is in the spool stays there),
// disconnects, ends the task and frees everything. Not from a callback.
// NULL does nothing.
void thingpass_esp_stop(struct thingpass_esp *esp);

// ── Uploads ─────────────────────────────────────────────────────────────────

// How an object fared. result->err is THINGPASS_OK only if it is in the bucket;
// spooled (err is THINGPASS_EAGAIN then): it waits in the spool, goes by config.mode
// when its turn comes, and its end comes as an event.
typedef void (*thingpass_esp_done_fn)(void *ctx, const struct thingpass_result *result,
                                      bool spooled);

// Queues an object. The struct is copied; what it points to stays as it is, and
// yours, until done is called, which happens exactly once. done may be NULL.
// Returns THINGPASS_OK, or THINGPASS_EBUSY when CONFIG_THINGPASS_QUEUE jobs
// wait: nothing was touched then, and the source's close is not called.
int thingpass_esp_submit(struct thingpass_esp *esp, const struct thingpass_object *object,
                         thingpass_esp_done_fn done, void *ctx);

// The same, and waits for the end, which comes within timeout_ms and a moment:
// then the upload is spooled, or cancelled. Returns the result's err; result (may
// be NULL) is a copy, whose id and object_key are valid until the next
// thingpass_esp_store() ends. *spooled may be NULL. Not from a callback:
// THINGPASS_EBUSY.
int thingpass_esp_store(struct thingpass_esp *esp, const struct thingpass_object *object,
                        uint32_t timeout_ms, struct thingpass_result *result, bool *spooled);

// Queues the report of what the ledger keeps, if it is due or (with now) not empty;
// to be called now and then. Returns THINGPASS_OK, also if there was nothing to
// do, or THINGPASS_EBUSY.
int thingpass_esp_report(struct thingpass_esp *esp, bool now);

// ── Downloads and updates (download.h) ──────────────────────────────────────

// Queues a download. The struct is copied; what it points to stays as it is, and
// yours, until done is called, which happens exactly once (done may be NULL;
// spooled is false). Returns THINGPASS_OK, or THINGPASS_EBUSY as for
// thingpass_esp_submit().
int thingpass_esp_download(struct thingpass_esp *esp, const struct thingpass_download *download,
                           thingpass_esp_done_fn done, void *ctx);

// A download's sink that writes a file on the VFS. For "/sd/fw.bin" that is
// "/sd/fw.prt" at first, with "/sd/fw.ver" beside it, so that a download which broke
// off goes on after a reboot. It gets its name, in the place of an older file,
// when it is whole and verified. path has at most 120 bytes.
struct thingpass_esp_file {
    struct thingpass_sink *sink; // for thingpass_download.sink
    const char *path;            // stays valid
    void *own;                   // the sink's
};

// Opens a sink for path, and fills in the download's sink, from and from_version.
// To be closed when done was called, or when the download was not queued. Returns
// THINGPASS_OK, THINGPASS_EINVAL or THINGPASS_ESPACE.
int thingpass_esp_file_open(struct thingpass_esp_file *file, const char *path,
                            struct thingpass_download *download);
void thingpass_esp_file_close(struct thingpass_esp_file *file);

// Queues an update: fetches an image into the next OTA partition and makes it the
// one that boots next, if its SHA-256 is known and right (THINGPASS_EMISMATCH if
// none is known: give the object one). Of update, sink, from, from_version,
// have_version and have_sha256 are not used: one that broke off goes on where it
// was, also after a reboot, and an image that runs already is not fetched again
// (result->verified is THINGPASS_VERIFIED_UNCHANGED then). After THINGPASS_OK and
// THINGPASS_VERIFIED_SHA256 call esp_restart() at a moment that suits. Stop the
// camera before: it and writing flash do not go together. THINGPASS_EBUSY also while
// the running image is on trial.
int thingpass_esp_ota(struct thingpass_esp *esp, const struct thingpass_download *update,
                      thingpass_esp_done_fn done, void *ctx);

// Whether this is the first boot of an image that is not yet proven good.
bool thingpass_esp_ota_is_on_trial(void);

// Tells the boot loader that the running image is good. With
// ota_proof_by_connecting it is done by itself.
int thingpass_esp_ota_accept(void);

// ── The program's own messages ──────────────────────────────────────────────

// A message on a topic that was subscribed to. topic is NUL-terminated.
typedef void (*thingpass_esp_message_fn)(void *ctx, const char *topic, const void *payload,
                                         size_t len);

// Subscribes to a topic of the program's own, such as "garden/gate/open",
// now and at each connection, with QoS 1. The filter (+ and # are understood)
// stays valid until stop. Messages that do not fit between two looks of the task
// (CONFIG_THINGPASS_MESSAGE_SIZE) are dropped and counted. Returns THINGPASS_OK,
// THINGPASS_EINVAL (not a filter), or THINGPASS_ESPACE: there are
// CONFIG_THINGPASS_SUBSCRIPTIONS already.
int thingpass_esp_subscribe(struct thingpass_esp *esp, const char *filter,
                            thingpass_esp_message_fn on_message, void *ctx);

// Publishes with QoS 0 or 1, not retained; both buffers are copied. Returns
// THINGPASS_OK when it is queued, THINGPASS_EAGAIN without a connection, or
// THINGPASS_EIO.
int thingpass_esp_publish(struct thingpass_esp *esp, const char *topic, const void *payload,
                          size_t len, int qos);

// ── Commands of operators (command.h) ───────────────────────────────────────

// A command is to be done: have a photo taken, begin a download. It is valid until
// the function returns, its id is what thingpass_esp_answer() wants.
typedef void (*thingpass_esp_command_fn)(void *ctx, const struct thingpass_command *command);

// Listens for commands of those verbs (of enum thingpass_verb), now and at each
// connection; takes one of CONFIG_THINGPASS_SUBSCRIPTIONS. AWS IoT ends the connection of
// a thing that subscribes to what its policy does not allow: give things the policy that
// allows it first. Returns THINGPASS_OK, THINGPASS_EINVAL (there is such a function
// already, or this is none) or THINGPASS_ESPACE.
int thingpass_esp_on_command(struct thingpass_esp *esp, unsigned does,
                             thingpass_esp_command_fn on_command, void *ctx);

// Says how a command went, once: as the upload or download did whose result that is, or,
// with a code (result is not looked at), that it failed for that reason: "busy",
// "failed", "spooled". Returns THINGPASS_OK, THINGPASS_EAGAIN without a connection,
// THINGPASS_EINVAL, THINGPASS_ESPACE or THINGPASS_EIO.
int thingpass_esp_answer(struct thingpass_esp *esp, const char *id,
                         const struct thingpass_result *result, const char *code);

// ── Looking in ──────────────────────────────────────────────────────────────

struct thingpass_esp_stats {
    uint32_t connects; // to the MQTT server
    uint32_t stored;
    uint32_t failed; // without the refused
    uint32_t refused;
    uint32_t spooled;
    uint32_t spool_objects;    // that wait now
    uint32_t dropped_messages; // of MQTT, which had no room
    uint32_t tls_connects;     // connections to S3
    uint32_t tls_resumed;      // of these, offered an earlier session
    uint32_t stack_free_min;   // bytes of the task's stack that were never used
    uint64_t bytes_stored;
};

void thingpass_esp_stats(struct thingpass_esp *esp, struct thingpass_esp_stats *stats);

// The thing's name, also where it came from NVS; valid until thingpass_esp_stop().
const char *thingpass_esp_name(const struct thingpass_esp *esp);

bool thingpass_esp_is_connected(const struct thingpass_esp *esp);

// Seconds since 1970 by the broker's clock, also after deep sleep if
// clock_in_rtc_memory. Returns THINGPASS_OK or THINGPASS_ENOCLOCK (and 0).
int thingpass_esp_now(struct thingpass_esp *esp, int64_t *now_s);

// Milliseconds since boot: the clock of thingpass_object.captured_ms.
uint64_t thingpass_esp_clock_ms(void);

// ── Provisioning ────────────────────────────────────────────────────────────

// What a namespace of NVS holds, each a string of at most 3,999 bytes under the
// field's name. Plain NVS is readable for whoever has the chip in hand: use NVS
// or flash encryption, or the digital signature peripheral, for a key that matters.
struct thingpass_esp_provision {
    const char *server;
    const char *thing;
    const char *cert;
    const char *key;
    const char *ca;    // for the MQTT server
    const char *s3_ca; // for S3
};

// Writes what is not NULL; "" erases. It is checked first as far as that is
// possible without TLS (lengths, names, PEM headings), and nothing is written
// if something is wrong. Returns THINGPASS_OK, THINGPASS_EINVAL, THINGPASS_ESPACE
// (too long, or NVS is full) or THINGPASS_EIO.
int thingpass_esp_provision(const char *nvs_namespace,
                            const struct thingpass_esp_provision *provision);

// Whether a namespace holds server, thing and cert.
bool thingpass_esp_is_provisioned(const char *nvs_namespace);

// ── An identity of its own (provision.h) ────────────────────────────────────

// What a thing comes with that has no identity yet, and what its template wants.
struct thingpass_esp_claim {
    const char *template_name;
    const struct thingpass_pair *parameters; // such as SerialNumber
    size_t parameter_count;
    const char *thing;   // what the template will call it, where that is known; see provision.h
    const char *name;    // what the client id begins with; NULL: "thingpass-claim"
    uint32_t timeout_ms; // for all of it; 0: two minutes

    // Is told the template's deviceConfiguration; may be NULL.
    void (*configure)(void *ctx, const char *name, const char *value);
    void *configure_ctx;
};

// Gets the thing an identity, over a connection with the claim: config.identity and
// server_ca, or what NVS has of it under cert, key and ca. The key is made here and
// stays here; key, certificate and name go into the namespace, beside the claim.
// Waits; the calling task needs 8 KB of stack. To be called when
// thingpass_esp_identity_state() says THINGPASS_ENOENT, before thingpass_esp_start().
// Of config, nvs_namespace is needed, and server, server_ca, identity and mqtt_...
// count. Returns what provision.h says of result.err; result may be NULL.
int thingpass_esp_provision_by_claim(const struct thingpass_esp_config *config,
                                     const struct thingpass_esp_claim *claim,
                                     struct thingpass_provision_result *result);

// Finds that identity for thingpass_esp_start(), and notes at its first connection that
// the server lets it in. A program that does not name it does not carry its code.
extern const struct thingpass_esp_provisioned thingpass_esp_provisioned;

// 1: there is such an identity, and the server has let it in. 0: it has not yet.
// THINGPASS_ENOENT: there is none. Anything else < 0: NVS is in trouble, which is no
// reason to get another.
int thingpass_esp_identity_state(const char *nvs_namespace);

// Throws it away; the one before it counts then, if there is one.
int thingpass_esp_forget_identity(const char *nvs_namespace);

#ifdef __cplusplus
}
#endif

#endif
