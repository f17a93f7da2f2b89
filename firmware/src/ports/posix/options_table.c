// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "options_table.h"

#include <stddef.h>
#include <string.h>

#include "option_values.h"
#include "thingpass/credentials.h"

static int choice(const char *option, const char *text, const char *first, const char *second,
                  bool *is_first, struct thingpass_why *why) {
    *is_first = strcmp(text, first) == 0;
    if (*is_first || strcmp(text, second) == 0) {
        return THINGPASS_OK;
    }
    return thingpass_fail(why, THINGPASS_EINVAL, "--%s: \"%s\" is neither %s nor %s", option, text,
                          first, second);
}

static int set_name(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    o->name = text;
    return thingpass_option_word("name", text, THINGPASS_THING_MAX, true, ":_-", why);
}

static int set_server(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    return thingpass_option_server(text, o, why);
}

static int set_mqtt(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    bool five = false;
    int rc = choice("mqtt", text, "5", "3.1.1", &five, why);
    o->mqtt_version = five ? 5 : 4;
    return rc;
}

static int set_scene(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    return thingpass_scene_size(text, &o->scene.width, &o->scene.height, why);
}

static int set_kind(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    o->kind = text;
    return thingpass_option_word("kind", text, THINGPASS_KIND_MAX, false, "-", why);
}

static int set_id(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    o->id = text;
    return thingpass_option_word("id", text, THINGPASS_ID_MAX, true, "_-", why);
}

static int set_mode(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    static const struct {
        const char *name;
        const struct thingpass_mode *mode;
    } modes[] = {{"put", &thingpass_mode_put},
                 {"pass", &thingpass_mode_pass},
                 {"multipart", &thingpass_mode_multipart},
                 {"credentials", &thingpass_mode_credentials}};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(text, modes[i].name) == 0) {
            o->mode = modes[i].mode;
            return THINGPASS_OK;
        }
    }
    return thingpass_fail(why, THINGPASS_EINVAL,
                          "--mode: \"%s\" is none of put, pass, multipart, credentials", text);
}

static int set_verify(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    static const char *const names[] = {[THINGPASS_VERIFY_BROKER] = "broker",
                                        [THINGPASS_VERIFY_S3] = "s3",
                                        [THINGPASS_VERIFY_LATER] = "later"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            o->verify = (enum thingpass_verify)i;
            return THINGPASS_OK;
        }
    }
    return thingpass_fail(why, THINGPASS_EINVAL, "--verify: \"%s\" is none of broker, s3, later",
                          text);
}

static int set_credentials(struct thingpass_options *o, const char *text,
                           struct thingpass_why *why) {
    return choice("credentials", text, "provider", "session", &o->provider, why);
}

static int set_metadata(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    return thingpass_option_metadata(text, o, why);
}

static int set_thing(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    o->thing = text;
    return thingpass_option_word("thing", text, THINGPASS_THING_MAX, true, ":_-", why);
}

// One that the template calls SerialNumber, which nearly all want.
static int set_serial(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    return thingpass_option_parameter("SerialNumber", strlen("SerialNumber"), text, o, why);
}

static int set_parameter(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    const char *equals = strchr(text, '=');
    if (equals == NULL) {
        return thingpass_fail(why, THINGPASS_EINVAL, "--parameter: \"%s\" is not NAME=VALUE", text);
    }
    return thingpass_option_parameter(text, (size_t)(equals - text), equals + 1, o, why);
}

static int set_sha256(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    return choice("sha256", text, "on", "off", &o->sha256, why);
}

static int set_spool_full(struct thingpass_options *o, const char *text,
                          struct thingpass_why *why) {
    return choice("spool-full", text, "refuse", "drop", &o->spool_refuse, why);
}

static int set_offline(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    return thingpass_option_range("offline", text, &o->offline_first, &o->offline_count, why);
}

static int set_moving(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    return thingpass_option_range("moving", text, &o->scene.moving_first, &o->scene.moving_count,
                                  why);
}

static int set_attempts(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    uint64_t n = 0;
    int rc = thingpass_option_number("attempts", text, 1, 255, &n, why);
    o->timing.max_puts = (uint8_t)n;
    return rc;
}

static int set_retry_wait(struct thingpass_options *o, const char *text,
                          struct thingpass_why *why) {
    return thingpass_option_waits(text, &o->timing, why);
}

static int set_cut_after(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    return thingpass_option_cut_after(text, &o->link, why);
}

static int set_cut_random(struct thingpass_options *o, const char *text,
                          struct thingpass_why *why) {
    return thingpass_option_cut_random(text, &o->link, why);
}

enum {
    CAMERA = 1U << THINGPASS_COMMAND_CAMERA,
    UPLOAD = 1U << THINGPASS_COMMAND_UPLOAD,
    DRAIN = 1U << THINGPASS_COMMAND_DRAIN,
    DOWNLOAD = 1U << THINGPASS_COMMAND_DOWNLOAD,
    PROVISION = 1U << THINGPASS_COMMAND_PROVISION,
    SPOOL = CAMERA | DRAIN,
    STORE = CAMERA | UPLOAD | DRAIN,
    ALL = STORE | DOWNLOAD,
    EACH = ALL | PROVISION
};

#define AT(field)                  offsetof(struct thingpass_options, field)
#define FLAG(field)                THINGPASS_OPTION_FLAG, AT(field), 0, 0, NULL
#define TEXT(field)                THINGPASS_OPTION_TEXT, AT(field), 0, 0, NULL
#define NUMBER(field, least, most) THINGPASS_OPTION_NUMBER, AT(field), least, most, NULL
#define OTHER(set)                 THINGPASS_OPTION_OTHER, 0, 0, 0, set

const struct thingpass_option_entry thingpass_option_table[] = {
    {"name", EACH, OTHER(set_name)},
    {"server", EACH, OTHER(set_server)},
    {"ca", EACH, TEXT(ca_file)},
    {"cert", ALL, TEXT(cert_file)},
    {"key", ALL, TEXT(key_file)},
    {"s3-ca", ALL, TEXT(s3_ca_file)},
    {"store", EACH, TEXT(store)},
    {"root", EACH, TEXT(root)},
    {"mqtt", EACH, OTHER(set_mqtt)},

    {"claim-cert", PROVISION, TEXT(cert_file)},
    {"claim-key", PROVISION, TEXT(key_file)},
    {"template", PROVISION, TEXT(template_name)},
    {"serial", PROVISION, OTHER(set_serial)},
    {"thing", PROVISION, OTHER(set_thing)},
    {"parameter", PROVISION, OTHER(set_parameter)},
    {"again", PROVISION, FLAG(again)},

    {"scene", CAMERA, OTHER(set_scene)},
    {"seed", CAMERA, NUMBER(scene.seed, 0, UINT32_MAX)},
    {"noise", CAMERA, NUMBER(scene.noise, 0, 64)},
    {"camera", CAMERA, TEXT(folder)},
    {"loop", CAMERA, FLAG(loop)},
    {"count", CAMERA, NUMBER(count, 1, UINT32_MAX)},
    {"interval", CAMERA, NUMBER(interval_ms, 0, 86400000)},
    {"save", CAMERA, TEXT(save)},

    {"motion", CAMERA, FLAG(motion)},
    {"heartbeat", CAMERA, NUMBER(heartbeat_s, 1, 86400)},
    {"cooldown", CAMERA, NUMBER(cooldown_ms, 1, 86400000)},
    {"moving", CAMERA, OTHER(set_moving)},
    {"sensors", CAMERA, FLAG(sensors)},
    {"captured-every", CAMERA, NUMBER(captured_every_s, 1, 86400)},

    {"spool", SPOOL, TEXT(spool)},
    {"spool-bytes", SPOOL, NUMBER(spool_bytes, 4096, UINT32_MAX)},
    {"spool-count", SPOOL, NUMBER(spool_count, 1, 1000000)},
    {"spool-full", SPOOL, OTHER(set_spool_full)},
    {"spool-first", CAMERA, FLAG(spool_first)},
    {"offline", CAMERA, OTHER(set_offline)},
    {"offline-every", CAMERA, NUMBER(offline_every, 2, UINT32_MAX)},

    {"no-commands", CAMERA, FLAG(no_commands)},
    {"downloads", CAMERA, TEXT(downloads)},

    {"to", DOWNLOAD, TEXT(to)},
    {"group", CAMERA | DOWNLOAD, TEXT(group)},
    {"object-key", DOWNLOAD, TEXT(object_key)},
    {"max-size", CAMERA | DOWNLOAD, NUMBER(max_size, 1, UINT32_MAX)},

    {"id", UPLOAD, OTHER(set_id)},
    {"type", UPLOAD, TEXT(type)},

    {"kind", ALL, OTHER(set_kind)},
    {"mode", STORE, OTHER(set_mode)},
    {"credentials", STORE, OTHER(set_credentials)},
    {"verify", STORE, OTHER(set_verify)},
    {"metadata", CAMERA | UPLOAD, OTHER(set_metadata)},
    {"sha256", CAMERA | UPLOAD, OTHER(set_sha256)},
    {"deadline", EACH, NUMBER(deadline_s, 1, 86400)},
    {"ask-wait", EACH, NUMBER(timing.ask_wait_ms, 10, 600000)},
    {"attempts", ALL, OTHER(set_attempts)},
    {"retry-wait", ALL, OTHER(set_retry_wait)},
    {"io-timeout", ALL, NUMBER(timing.io_timeout_ms, 10, 600000)},

    {"rate", ALL, NUMBER(link.rate, 1, 1000000000)},
    {"latency", ALL, NUMBER(link.latency_ms, 1, 60000)},
    {"cut-after", ALL, OTHER(set_cut_after)},
    {"cut-random", ALL, OTHER(set_cut_random)},
    {"cut-every", ALL, NUMBER(link.cut_every_ms, 1, 86400000)},

    {"json", EACH, FLAG(json)},
    {"quiet", EACH, FLAG(quiet)},
    {"verbose", EACH, FLAG(verbose)},
    {"help", EACH, FLAG(help)},
    {0},
};

_Static_assert(sizeof thingpass_option_table / sizeof thingpass_option_table[0] <=
                   THINGPASS_OPTION_MAX,
               "as many as can be told to have been given");

int thingpass_option_take(const struct thingpass_option_entry *entry, struct thingpass_options *o,
                          const char *value, struct thingpass_why *why) {
    void *at = (char *)o + entry->at;
    uint64_t n = 0;
    int rc = THINGPASS_OK;
    switch (entry->form) {
    case THINGPASS_OPTION_FLAG:
        memcpy(at, &(bool){true}, sizeof(bool));
        break;
    case THINGPASS_OPTION_TEXT:
        memcpy(at, &value, sizeof value);
        break;
    case THINGPASS_OPTION_NUMBER:
        rc = thingpass_option_number(entry->name, value, entry->least, entry->most, &n, why);
        memcpy(at, &(uint32_t){(uint32_t)n}, sizeof(uint32_t));
        break;
    case THINGPASS_OPTION_OTHER:
        rc = entry->set(o, value, why);
        break;
    }
    return rc;
}

#endif
