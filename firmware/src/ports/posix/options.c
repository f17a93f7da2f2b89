// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "options.h"

#include <getopt.h>
#include <stddef.h>
#include <string.h>

#include "option_rules.h"
#include "option_values.h"
#include "posix_world.h"

enum option_code {
    NAME = 256,
    SERVER,
    CA,
    CERT,
    KEY,
    S3_CA,
    ROOT,
    MQTT,
    CAMERA,
    LOOP,
    SCENE,
    SEED,
    NOISE,
    COUNT,
    INTERVAL,
    DEADLINE,
    ASK_WAIT,
    ATTEMPTS,
    RETRY_WAIT,
    IO_TIMEOUT,
    KIND,
    MODE,
    VERIFY,
    METADATA,
    SHA256,
    SAVE,
    RATE,
    LATENCY,
    CUT_AFTER,
    CUT_RANDOM,
    CUT_EVERY,
    JSON,
    QUIET,
    VERBOSE,
    HELP,
};

static const struct option table[] = {
    {"name", required_argument, NULL, NAME},
    {"server", required_argument, NULL, SERVER},
    {"ca", required_argument, NULL, CA},
    {"cert", required_argument, NULL, CERT},
    {"key", required_argument, NULL, KEY},
    {"s3-ca", required_argument, NULL, S3_CA},
    {"root", required_argument, NULL, ROOT},
    {"mqtt", required_argument, NULL, MQTT},
    {"camera", required_argument, NULL, CAMERA},
    {"loop", no_argument, NULL, LOOP},
    {"scene", required_argument, NULL, SCENE},
    {"seed", required_argument, NULL, SEED},
    {"noise", required_argument, NULL, NOISE},
    {"count", required_argument, NULL, COUNT},
    {"interval", required_argument, NULL, INTERVAL},
    {"deadline", required_argument, NULL, DEADLINE},
    {"ask-wait", required_argument, NULL, ASK_WAIT},
    {"attempts", required_argument, NULL, ATTEMPTS},
    {"retry-wait", required_argument, NULL, RETRY_WAIT},
    {"io-timeout", required_argument, NULL, IO_TIMEOUT},
    {"kind", required_argument, NULL, KIND},
    {"mode", required_argument, NULL, MODE},
    {"verify", required_argument, NULL, VERIFY},
    {"metadata", required_argument, NULL, METADATA},
    {"sha256", required_argument, NULL, SHA256},
    {"save", required_argument, NULL, SAVE},
    {"rate", required_argument, NULL, RATE},
    {"latency", required_argument, NULL, LATENCY},
    {"cut-after", required_argument, NULL, CUT_AFTER},
    {"cut-random", required_argument, NULL, CUT_RANDOM},
    {"cut-every", required_argument, NULL, CUT_EVERY},
    {"json", no_argument, NULL, JSON},
    {"quiet", no_argument, NULL, QUIET},
    {"verbose", no_argument, NULL, VERBOSE},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static int number32(const char *option, const char *text, uint32_t least, uint32_t most,
                    uint32_t *number, struct thingpass_why *why) {
    uint64_t n = *number;
    int rc = thingpass_option_number(option, text, least, most, &n, why);
    *number = (uint32_t)n;
    return rc;
}

static int choice(const char *option, const char *text, const char *first, const char *second,
                  bool *is_first, struct thingpass_why *why) {
    *is_first = strcmp(text, first) == 0;
    if (*is_first || strcmp(text, second) == 0) {
        return THINGPASS_OK;
    }
    return thingpass_fail(why, THINGPASS_EINVAL, "--%s: \"%s\" is neither %s nor %s", option, text,
                          first, second);
}

static int set_mqtt(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    bool five = false;
    int rc = choice("mqtt", text, "5", "3.1.1", &five, why);
    o->mqtt_version = five ? 5 : 4;
    return rc;
}

static int set_mode(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    static const struct {
        const char *name;
        const struct thingpass_mode *mode;
    } modes[] = {{"put", &thingpass_mode_put},
                 {"pass", &thingpass_mode_pass},
                 {"multipart", &thingpass_mode_multipart}};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(text, modes[i].name) == 0) {
            o->mode = modes[i].mode;
            return THINGPASS_OK;
        }
    }
    return thingpass_fail(why, THINGPASS_EINVAL, "--mode: \"%s\" is none of put, pass, multipart",
                          text);
}

static int set_verify(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    bool broker = false;
    int rc = choice("verify", text, "broker", "s3", &broker, why);
    o->verify = broker ? THINGPASS_VERIFY_BROKER : THINGPASS_VERIFY_S3;
    return rc;
}

static int set_noise(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    uint32_t n = 0;
    int rc = number32("noise", text, 0, 64, &n, why);
    o->scene.noise = (int)n;
    return rc;
}

static int set_attempts(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    uint32_t n = 0;
    int rc = number32("attempts", text, 1, 255, &n, why);
    o->timing.max_puts = (uint8_t)n;
    return rc;
}

static int set_deadline(struct thingpass_options *o, const char *text, struct thingpass_why *why) {
    uint32_t s = 0;
    int rc = number32("deadline", text, 1, 86400, &s, why);
    o->deadline_ms = s * 1000;
    return rc;
}

// Values that need checking.
static int set_value(struct thingpass_options *o, int code, const char *v,
                     struct thingpass_why *why) {
    switch (code) {
    case NAME:
        o->name = v;
        return thingpass_option_word("name", v, THINGPASS_THING_MAX, true, ":_-", why);
    case SERVER:
        return thingpass_option_server(v, o, why);
    case MQTT:
        return set_mqtt(o, v, why);
    case SCENE:
        return thingpass_scene_size(v, &o->scene.width, &o->scene.height, why);
    case SEED:
        return number32("seed", v, 0, UINT32_MAX, &o->scene.seed, why);
    case NOISE:
        return set_noise(o, v, why);
    case COUNT:
        return thingpass_option_number("count", v, 1, UINT32_MAX, &o->count, why);
    case INTERVAL:
        return number32("interval", v, 0, 86400000, &o->interval_ms, why);
    case DEADLINE:
        return set_deadline(o, v, why);
    case ASK_WAIT:
        return number32("ask-wait", v, 10, 600000, &o->timing.ask_wait_ms, why);
    case ATTEMPTS:
        return set_attempts(o, v, why);
    case RETRY_WAIT:
        return number32("retry-wait", v, 10, 600000, &o->timing.retry_wait_ms, why);
    case IO_TIMEOUT:
        return number32("io-timeout", v, 10, 600000, &o->timing.io_timeout_ms, why);
    case KIND:
        o->kind = v;
        return thingpass_option_word("kind", v, THINGPASS_KIND_MAX, false, "-", why);
    case MODE:
        return set_mode(o, v, why);
    case VERIFY:
        return set_verify(o, v, why);
    case METADATA:
        return thingpass_option_metadata(v, o, why);
    case SHA256:
        return choice("sha256", v, "on", "off", &o->sha256, why);
    case RATE:
        return thingpass_option_number("rate", v, 1, 1000000000, &o->link.rate, why);
    case LATENCY:
        return number32("latency", v, 1, 60000, &o->link.latency_ms, why);
    case CUT_EVERY:
        return number32("cut-every", v, 1, 86400000, &o->link.cut_every_ms, why);
    case CUT_RANDOM:
        return thingpass_option_cut_random(v, &o->link, why);
    default:
        return thingpass_option_cut_after(v, &o->link, why);
    }
}

static int set(struct thingpass_options *o, struct thingpass_options_given *given, int code,
               const char *v, struct thingpass_why *why) {
    given->scene |= code == SCENE;
    given->seed |= code == SEED;
    given->noise |= code == NOISE;
    switch (code) {
    case CA:
        o->ca_file = v;
        break;
    case CERT:
        o->cert_file = v;
        break;
    case KEY:
        o->key_file = v;
        break;
    case S3_CA:
        o->s3_ca_file = v;
        break;
    case ROOT:
        o->root = v;
        break;
    case CAMERA:
        o->folder = v;
        break;
    case LOOP:
        o->loop = true;
        break;
    case SAVE:
        o->save = v;
        break;
    case JSON:
        o->json = true;
        break;
    case QUIET:
        given->quiet = true;
        o->level = THINGPASS_SAY_ERROR;
        break;
    case VERBOSE:
        given->verbose = true;
        o->level = THINGPASS_SAY_DETAIL;
        break;
    case HELP:
        o->help = true;
        break;
    default:
        return set_value(o, code, v, why);
    }
    return THINGPASS_OK;
}

static void set_defaults(struct thingpass_options *o) {
    *o = (struct thingpass_options){.root = "thingpass",
                                    .mqtt_version = 4,
                                    .scene = {.width = 640, .height = 480, .noise = 8},
                                    .interval_ms = 1000,
                                    .deadline_ms = 120000,
                                    .kind = "photo",
                                    .mode = &thingpass_mode_put,
                                    .sha256 = true,
                                    .level = THINGPASS_SAY_NOTICE};
    // Without --seed two things do not look alike.
    (void)thingpass_posix_random.fill(NULL, &o->scene.seed, sizeof o->scene.seed);
}

static int complete(struct thingpass_options *o, const struct thingpass_options_given *given,
                    struct thingpass_why *why) {
    o->scene.seeded = given->seed;
    o->scene.interval_ms = o->interval_ms;
    o->scene.thing = o->name;
    o->s3_ca_file = o->s3_ca_file != NULL ? o->s3_ca_file : o->ca_file;
    return thingpass_option_rules(o, given, why);
}

int thingpass_options_parse(struct thingpass_options *options, int argc, char **argv,
                            struct thingpass_why *why) {
    struct thingpass_options_given given = {0};
    set_defaults(options);
    opterr = 0;
    optind = 0; // glibc: start anew
    for (int code; (code = getopt_long(argc, argv, ":h", table, NULL)) != -1;) {
        const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";
        if (code == ':') {
            return thingpass_fail(why, THINGPASS_EINVAL, "%s needs a value", word);
        }
        if (code == '?') {
            return thingpass_fail(why, THINGPASS_EINVAL,
                                  "%s: no such option, or it takes no value; --help lists all",
                                  word);
        }
        int rc = set(options, &given, code == 'h' ? HELP : code, optarg, why);
        if (rc != THINGPASS_OK) {
            return rc;
        }
    }
    if (options->help) {
        return THINGPASS_OK;
    }
    if (optind < argc) {
        return thingpass_fail(why, THINGPASS_EINVAL, "\"%s\" is not an option; --help lists all",
                              argv[optind]);
    }
    return complete(options, &given, why);
}

#endif
