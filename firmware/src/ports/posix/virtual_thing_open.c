// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "virtual_thing.h"

#include <string.h>
#include <time.h>

#include "camera_files.h"
#include "camera_folder.h"
#include "identity.h"
#include "save.h"

// All that the core has on a microcontroller, whatever the photo's size: first
// the reply or the pass, then the chunk.
static uint8_t lent[8192];
_Static_assert(THINGPASS_REPLY_SIZE_PASS + THINGPASS_CHUNK_SIZE <= sizeof lent,
               "the core's budget");

static void receive(void *ctx, const char *topic, const void *payload, size_t length) {
    struct thingpass_virtual_thing *t = ctx;
    int rc = thingpass_receive(&t->core, topic, strlen(topic), payload, length);
    if (rc == 0) {
        const struct thingpass_message message = {topic, strlen(topic), payload, length,
                                                  t->mqtt.retained};
        thingpass_commander_receive(t, &message);
    }
    if (rc < 0) {
        thingpass_say(&t->say, THINGPASS_SAY_DETAIL, "a message on %s is not understood: %s", topic,
                      thingpass_strerror(rc));
    }
}

// What the broker has found of an object that S3 took a while ago.
static void on_verdict(void *ctx, const char *key, size_t key_len, const char *code) {
    struct thingpass_virtual_thing *t = ctx;
    bool good = code[0] == '\0';
    t->unconfirmed += !good;
    thingpass_say(&t->say, good ? THINGPASS_SAY_DETAIL : THINGPASS_SAY_ERROR, "%.*s: %s",
                  (int)key_len, key, good ? "confirmed by the broker" : code);
}

static int open_core(struct thingpass_virtual_thing *t, struct thingpass_why *why) {
    const struct thingpass_options *o = t->options;
    size_t reply_size =
        o->mode == &thingpass_mode_put ? THINGPASS_REPLY_SIZE : THINGPASS_REPLY_SIZE_PASS;
    struct thingpass_config config = {.root = o->root,
                                      .thing = o->name,
                                      .stream = &t->faults.port,
                                      .mqtt = &t->mqtt.port,
                                      .clock = &thingpass_posix_clock,
                                      .random = &thingpass_posix_random,
                                      .sha256 = &t->sha256.port,
                                      .reply = lent,
                                      .reply_size = reply_size,
                                      .chunk = lent + reply_size,
                                      .chunk_size = sizeof lent - reply_size,
                                      .timing = o->timing};
    if (o->provider) {
        int rc = thingpass_posix_provider_load(&t->provider, o, why);
        if (rc != THINGPASS_OK) {
            return rc;
        }
        config.provider = &t->provider.port;
    }
    if (o->verify == THINGPASS_VERIFY_LATER) {
        (void)thingpass_ledger_init(&t->ledger, t->ledger_entries, sizeof t->ledger_entries,
                                    on_verdict, t);
        config.ledger = &t->ledger;
    }
    // The core keeps the pointers; what is behind them is set up next.
    thingpass_link_faults_init(&t->faults, &t->stream, &o->link);
    struct thingpass_mqtt_settings settings = {.host = o->host,
                                               .port = o->port,
                                               .client_id = o->name,
                                               .ca_file = o->ca_file,
                                               .cert_file = o->cert_file,
                                               .key_file = o->key_file,
                                               .topic = t->topic,
                                               .version = o->mqtt_version,
                                               .trust = &t->mqtt_trust,
                                               .say = &t->say,
                                               .ctx = t,
                                               .receive = receive};
    thingpass_mqtt_link_init(&t->mqtt, &settings);
    if (thingpass_init(&t->core, &config) != THINGPASS_OK ||
        thingpass_response_topic(&t->core, t->topic, sizeof t->topic) < 0) {
        return thingpass_fail(
            why, THINGPASS_EINVAL,
            "--root \"%s\" cannot begin a topic; it has no + # $ and no spaces, no "
            "/ at its ends, and is short",
            o->root);
    }
    thingpass_commander_open(t);
    return THINGPASS_OK;
}

static int open_camera(struct thingpass_virtual_thing *t, struct thingpass_why *why) {
    const struct thingpass_options *o = t->options;
    int rc = o->save != NULL ? thingpass_save_folder(o->save, why) : THINGPASS_OK;
    if (rc != THINGPASS_OK) {
        return rc;
    }
    if (o->command == THINGPASS_COMMAND_DRAIN || o->command == THINGPASS_COMMAND_DOWNLOAD) {
        t->camera_empty = true;
        return THINGPASS_OK;
    }
    if (o->command == THINGPASS_COMMAND_UPLOAD) {
        return thingpass_camera_files(&t->camera, o->files, o->file_count, o->type, why);
    }
    return o->folder != NULL ? thingpass_camera_folder(&t->camera, o->folder, o->loop, why)
                             : thingpass_camera_scene(&t->camera, &o->scene, why);
}

int thingpass_virtual_thing_open(struct thingpass_virtual_thing *thing,
                                 const struct thingpass_options *options, int stop_fd,
                                 struct thingpass_why *why) {
    memset(thing, 0, sizeof *thing);
    thing->options = options;
    thing->stop_fd = stop_fd;
    thing->began_at = time(NULL);
    thing->say = (struct thingpass_say){stderr, options->level};
    (void)mosquitto_lib_init();
    thingpass_posix_sha256_init(&thing->sha256);
    thingpass_tls_stream_init(&thing->stream, &thing->s3_trust);
    // Both are loaded even when the first fails, so that both can be freed.
    int mqtt = thingpass_tls_trust_load(&thing->mqtt_trust, options->ca_file, why);
    int s3 = thingpass_tls_trust_load(&thing->s3_trust, options->s3_ca_file,
                                      mqtt == THINGPASS_OK ? why : NULL);
    int rc = mqtt != THINGPASS_OK ? mqtt : s3;
    if (rc == THINGPASS_OK) {
        // Who got its identity by itself has a certificate without its name.
        const char *name = options->store != NULL ? NULL : options->name;
        rc =
            thingpass_identity_check(options->cert_file, options->key_file, name, &thing->say, why);
    }
    if (rc == THINGPASS_OK) {
        rc = open_core(thing, why);
    }
    if (rc == THINGPASS_OK && options->spool != NULL) {
        rc = thingpass_spooler_open(thing, why);
    }
    thingpass_gate_init(&thing->gate, options);
    return rc == THINGPASS_OK ? open_camera(thing, why) : rc;
}

void thingpass_virtual_thing_close(struct thingpass_virtual_thing *thing) {
    thingpass_mqtt_link_close(&thing->mqtt);
    if (thing->camera.close != NULL) {
        thing->camera.close(thing->camera.ctx);
    }
    thingpass_spooler_close(thing);
    thingpass_tls_stream_free(&thing->stream);
    thingpass_posix_provider_free(&thing->provider);
    thingpass_tls_trust_free(&thing->s3_trust);
    thingpass_tls_trust_free(&thing->mqtt_trust);
    thingpass_posix_sha256_free(&thing->sha256);
    (void)mosquitto_lib_cleanup();
}

#endif
