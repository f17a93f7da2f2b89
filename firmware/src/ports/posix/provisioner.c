// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

// Fleet provisioning by claim, as a command.
#include "provisioner.h"

#include <inttypes.h>
#include <string.h>

#include "identity_store.h"
#include "json_text.h"
#include "mqtt_mosquitto.h"
#include "posix_world.h"

struct provisioner {
    const struct thingpass_options *options;
    struct thingpass_say say;
    struct thingpass_why *why;
    int stop_fd;
    uint64_t deadline_ms;
    bool stopping;
    struct thingpass_identity_store store;
    struct thingpass_tls_trust trust;
    struct thingpass_mqtt_link mqtt;
    struct thingpass_provision core;
    uint8_t buffer[THINGPASS_PROVISION_BUFFER];
    char client_id[64];
    char topic[THINGPASS_TOPIC_MAX + 1];
};

static void receive(void *ctx, const char *topic, const void *payload, size_t length) {
    struct provisioner *p = ctx;
    int rc = thingpass_provision_receive(&p->core, topic, strlen(topic), payload, length);
    if (rc == THINGPASS_EREFUSED) {
        const struct thingpass_provision_result *r = &p->core.result;
        thingpass_say(&p->say, THINGPASS_SAY_NOTICE, "refused: %s (%u %s)",
                      thingpass_refusal_text(r->refusal), (unsigned)r->status, r->code);
    } else if (rc < 0) {
        thingpass_say(&p->say, THINGPASS_SAY_NOTICE, "the answer on %s is not understood: %s",
                      topic, thingpass_strerror(rc));
    }
}

static void connect_as(struct provisioner *p, const char *client_id, const char *cert_file,
                       const char *key_file, const char *topic) {
    const struct thingpass_options *o = p->options;
    const struct thingpass_mqtt_settings settings = {.host = o->host,
                                                     .port = o->port,
                                                     .client_id = client_id,
                                                     .ca_file = o->ca_file,
                                                     .cert_file = cert_file,
                                                     .key_file = key_file,
                                                     .topic = topic,
                                                     .version = o->mqtt_version,
                                                     .trust = &p->trust,
                                                     .say = &p->say,
                                                     .ctx = p,
                                                     .receive = receive};
    thingpass_mqtt_link_init(&p->mqtt, &settings);
}

// Waits for a message, the clock or a signal, and lets MQTT work. Returns THINGPASS_OK,
// THINGPASS_ECANCELLED, THINGPASS_EDEADLINE, or THINGPASS_EIO with the reason.
static int pump(struct provisioner *p, uint64_t until_ms) {
    struct pollfd fds[] = {{.fd = p->stop_fd, .events = POLLIN},
                           thingpass_mqtt_link_poll(&p->mqtt)};
    uint64_t now = thingpass_posix_now_ms();
    uint64_t wake = thingpass_mqtt_link_wake_ms(&p->mqtt);
    wake = until_ms < wake ? until_ms : wake;
    wake = p->deadline_ms < wake ? p->deadline_ms : wake;
    (void)poll(fds, 2, wake <= now ? 0 : (int)(wake - now < 60000 ? wake - now : 60000));
    if ((fds[0].revents & POLLIN) != 0) {
        return thingpass_fail(p->why, THINGPASS_ECANCELLED, "cancelled");
    }
    now = thingpass_posix_now_ms();
    if (now >= p->deadline_ms) {
        return thingpass_fail(p->why, THINGPASS_EDEADLINE, "not done within %" PRIu32 " s%s%s",
                              p->options->deadline_s, p->mqtt.why.text[0] != '\0' ? ": " : "",
                              p->mqtt.why.text);
    }
    if (thingpass_mqtt_link_step(&p->mqtt, now) != THINGPASS_OK) {
        *p->why = p->mqtt.why;
        return THINGPASS_EIO;
    }
    return THINGPASS_OK;
}

// Drives the core to its end.
static int drive(struct provisioner *p) {
    unsigned connections = 0;
    for (;;) {
        uint64_t wake_ms;
        int state = thingpass_provision_step(&p->core, &wake_ms);
        if (state == THINGPASS_STEP_DONE) {
            return p->core.result.err;
        }
        if (state == THINGPASS_STEP_RUN) {
            continue;
        }
        int rc = pump(p, wake_ms);
        if (rc < 0) {
            return rc;
        }
        if (p->mqtt.connections != connections) {
            connections = p->mqtt.connections;
            thingpass_provision_connected(&p->core);
        }
    }
}

static int explain(struct provisioner *p, int rc) {
    const struct thingpass_provision_result *r = &p->core.result;
    if (p->why->text[0] != '\0') {
        return rc;
    }
    if (rc == THINGPASS_EREFUSED && r->refusal != THINGPASS_REFUSAL_NONE) {
        return thingpass_fail(p->why, rc, "the server refused: %s (status %u, code \"%s\")",
                              thingpass_refusal_text(r->refusal), (unsigned)r->status, r->code);
    }
    if (p->mqtt.why.text[0] != '\0') {
        *p->why = p->mqtt.why;
        return rc;
    }
    if (rc == THINGPASS_ERETRIES) {
        return thingpass_fail(p->why, rc,
                              "asked %u times, and the server does not answer; is there a template "
                              "\"%s\", and may this claim use it?",
                              r->asks, p->options->template_name);
    }
    return thingpass_fail(p->why, rc, "provision: %s", thingpass_strerror(rc));
}

static int subscribe(void *ctx, const char *topic) {
    return thingpass_mqtt_link_subscribe(ctx, topic);
}

static int ask_for_identity(struct provisioner *p) {
    const struct thingpass_options *o = p->options;
    const struct thingpass_provision_config config = {
        .template_name = o->template_name,
        .thing = o->thing,
        .parameters = o->parameters,
        .parameter_count = o->parameter_count,
        .mqtt = &p->mqtt.port,
        .subscribe = subscribe,
        .subscribe_ctx = &p->mqtt,
        .clock = &thingpass_posix_clock,
        .random = &thingpass_posix_random,
        .keeper = &p->store.keeper,
        .buffer = p->buffer,
        .buffer_size = sizeof p->buffer,
        .timing = {.ask_wait_ms = o->timing.ask_wait_ms, .wait_max_ms = o->timing.wait_max_ms}};
    connect_as(p, p->client_id, o->cert_file, o->key_file, NULL);
    int rc = thingpass_provision_start(&p->core, &config);
    if (rc < 0) {
        return thingpass_fail(p->why, rc, "--template: a name has 1 to %d letters, digits, - and _",
                              THINGPASS_TEMPLATE_MAX);
    }
    rc = drive(p);
    if (rc < 0) {
        rc = explain(p, rc);
    }
    thingpass_mqtt_link_close(&p->mqtt);
    return rc;
}

// Waits until the server has let us in. Some servers hang up on a certificate that they
// do not know yet, as they would if they were in trouble: an identity that is only to be
// tried gets three connections.
static int await_link(struct provisioner *p, bool only_try) {
    int rc;
    do {
        rc = pump(p, UINT64_MAX);
        if (rc == THINGPASS_OK && only_try && p->mqtt.failures >= 3) {
            *p->why = p->mqtt.why;
            rc = THINGPASS_EIO;
        }
    } while (rc == THINGPASS_OK && !thingpass_mqtt_link_ready(&p->mqtt));
    return rc;
}

// Connects with the new identity. A server may take a moment until it knows it.
static int try_identity(struct provisioner *p, unsigned attempts) {
    struct thingpass_identity_store *s = &p->store;
    int rc = thingpass_identity_store_load(s, p->why);
    if (rc < 0) {
        return rc;
    }
    (void)snprintf(p->topic, sizeof p->topic, "%.100s/%s/response", p->options->root,
                   s->identity.thing);
    for (unsigned attempt = 1;; attempt++) {
        connect_as(p, s->identity.thing, s->cert_file, s->key_file, p->topic);
        rc = await_link(p, !s->identity.proven);
        thingpass_mqtt_link_close(&p->mqtt);
        if (rc == THINGPASS_OK) {
            thingpass_identity_store_prove(s, &p->say);
        }
        if (rc != THINGPASS_EIO || attempt >= attempts) {
            return rc;
        }
        (void)poll(&(struct pollfd){.fd = p->stop_fd, .events = POLLIN}, 1, 1000);
    }
}

static void tell(const struct provisioner *p, bool is_new) {
    const struct thingpass_identity_store *s = &p->store;
    if (!p->options->json) {
        (void)printf("%s %s: certificate %s\n", s->identity.thing,
                     is_new ? "has an identity" : "had an identity", s->identity.certificate_id);
        return;
    }
    (void)fputs("{\"thing\":", stdout);
    thingpass_print_json(stdout, s->identity.thing);
    (void)printf(",\"certificateId\":\"%s\",\"new\":%s,\"asks\":%u,\"rounds\":%u,\"cert\":",
                 s->identity.certificate_id, is_new ? "true" : "false", p->core.result.asks,
                 p->core.result.rounds);
    thingpass_print_json(stdout, s->cert_file);
    (void)fputs(",\"key\":", stdout);
    thingpass_print_json(stdout, s->key_file);
    (void)puts("}");
}

static int run(struct provisioner *p) {
    struct thingpass_why ignored;
    int rc = thingpass_identity_store_load(&p->store, &ignored);
    bool is_new = rc == THINGPASS_ENOENT || p->options->again;
    if (rc < 0 && rc != THINGPASS_ENOENT) {
        *p->why = ignored;
        return rc;
    }
    if (!is_new) {
        rc = try_identity(p, 1);
        is_new = rc == THINGPASS_EIO && !p->store.identity.proven; // never registered, it seems
    }
    if (is_new) {
        p->why->text[0] = '\0';
        rc = ask_for_identity(p);
        rc = rc == THINGPASS_OK ? try_identity(p, 3) : rc;
    }
    if (rc == THINGPASS_OK) {
        tell(p, is_new);
    }
    return rc;
}

bool thingpass_provisioner_run(const struct thingpass_options *options, int stop_fd,
                               struct thingpass_why *why) {
    static struct provisioner p;
    uint32_t random = 0;
    why->text[0] = '\0';
    p = (struct provisioner){.options = options,
                             .say = {stderr, options->level},
                             .why = why,
                             .stop_fd = stop_fd,
                             .deadline_ms =
                                 thingpass_posix_now_ms() + options->deadline_s * 1000ULL};
    (void)thingpass_posix_random.fill(NULL, &random, sizeof random);
    (void)snprintf(p.client_id, sizeof p.client_id, "%.40s-%08x",
                   options->name != NULL ? options->name : "thingpass-claim", (unsigned)random);
    (void)mosquitto_lib_init();
    int rc = thingpass_identity_store_open(&p.store, options->store, true, why);
    if (rc == THINGPASS_OK) {
        rc = thingpass_tls_trust_load(&p.trust, options->ca_file, why);
        rc = rc == THINGPASS_OK ? run(&p) : rc;
        thingpass_tls_trust_free(&p.trust);
    }
    thingpass_mqtt_link_close(&p.mqtt);
    (void)mosquitto_lib_cleanup();
    return rc == THINGPASS_OK;
}

#endif
