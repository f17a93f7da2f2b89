// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "provision_rig.h"

#include "guard.h"

// ── The thing ───────────────────────────────────────────────────────────────

// A key is "key 0007 0007": what was not written to its end is none.
unsigned rig_key(struct provision_rig *r, unsigned slot) {
    char text[16] = "";
    unsigned a = 0, b = 1;
    int n = thingpass_identity_files_read_key(&r->folder, slot, text, sizeof text - 1);
    return n == 13 && sscanf(text, "key %u %u", &a, &b) == 2 && a == b ? a : 0;
}

static int make_csr(void *ctx, unsigned slot, char *pem, size_t cap) {
    struct provision_rig *r = ctx;
    unsigned key = rig_key(r, slot);
    if (r->csr_err != 0) {
        return r->csr_err;
    }
    if (key == 0) {
        char text[32];
        key = ++r->keys;
        snprintf(text, sizeof text, "key %04u %04u", key, key);
        int err = thingpass_identity_files_write_key(&r->folder, slot, text, 13);
        if (err < 0) {
            return err;
        }
    }
    char text[500];
    int n = snprintf(text, sizeof text,
                     "-----BEGIN CERTIFICATE REQUEST-----\nkey%04u%*s\n-----END CERTIFICATE "
                     "REQUEST-----\n",
                     key, 300, "x");
    if ((size_t)n >= cap) {
        return THINGPASS_ESPACE;
    }
    memcpy(pem, text, (size_t)n + 1);
    return n;
}

static unsigned key_in(const char *text) {
    unsigned key = 0;
    const char *at = strstr(text, "key");
    return at != NULL && sscanf(at, "key%u", &key) == 1 ? key : 0;
}

static int write_item(void *ctx, unsigned slot, enum thingpass_identity_item item, const void *data,
                      size_t n) {
    struct provision_rig *r = ctx;
    char text[3000];
    if (item == THINGPASS_IDENTITY_CERT && r->check_pair) {
        assert_true(n < sizeof text);
        memcpy(text, data, n);
        text[n] = '\0';
        if (key_in(text) != rig_key(r, slot)) {
            return THINGPASS_EMISMATCH;
        }
    }
    return r->folder.keeper.write(r->folder.keeper.ctx, slot, item, data, n);
}

static int read_item(void *ctx, unsigned slot, enum thingpass_identity_item item, void *buf,
                     size_t cap) {
    struct provision_rig *r = ctx;
    return r->folder.keeper.read(r->folder.keeper.ctx, slot, item, buf, cap);
}

static int erase_item(void *ctx, unsigned slot, enum thingpass_identity_item item) {
    struct provision_rig *r = ctx;
    return r->folder.keeper.erase(r->folder.keeper.ctx, slot, item);
}

// ── The service ─────────────────────────────────────────────────────────────

static void issue(struct provision_rig *r) {
    assert_true(r->issued < rig_certificates);
    struct rig_certificate *c = &r->certificates[r->issued++];
    *c = (struct rig_certificate){.key = key_in(strstr(r->question, "\\u000a")),
                                  .token_ms = r->now_ms};
    assert_true(c->key != 0);
    snprintf(c->id, sizeof c->id, "%064x", r->issued);
    snprintf(c->token, sizeof c->token, "eyJ0b2tlbiI6%u/+==", r->issued);
    snprintf(r->reply, sizeof r->reply,
             "{\"certificateId\":\"%s\",\"certificatePem\":\"-----BEGIN CERTIFICATE-----\\nkey%04u "
             "of %u%*s\\n-----END CERTIFICATE-----\\n\",\"certificateOwnershipToken\":\"%s\"}",
             c->id, c->key, r->issued, 900, "x", c->token);
}

static struct rig_certificate *by_token(struct provision_rig *r) {
    for (unsigned i = 0; i < r->issued; i++) {
        struct rig_certificate *c = &r->certificates[i];
        char quoted[120];
        snprintf(quoted, sizeof quoted, "{\"certificateOwnershipToken\":\"%s\",", c->token);
        if (strstr(r->question, quoted) == r->question) {
            return c;
        }
    }
    return NULL;
}

static void register_thing(struct provision_rig *r) {
    struct rig_certificate *c = by_token(r);
    assert_non_null(strstr(r->question, ",\"parameters\":{\"SerialNumber\":\"7\\\"\"}}"));
    if (c == NULL || c->active || r->now_ms - c->token_ms > 3600 * 1000) {
        strcpy(r->reply_topic + strlen(r->reply_topic) - 8, "rejected");
        strcpy(r->reply, "{\"statusCode\":400,\"errorCode\":\"InvalidCertificateOwnershipToken\","
                         "\"errorMessage\":\"Certificate ownership token is not valid.\"}");
        return;
    }
    if (r->once && r->registered > 0) {
        strcpy(r->reply_topic + strlen(r->reply_topic) - 8, "rejected");
        strcpy(r->reply, "{\"statusCode\":409,\"errorCode\":\"ResourceConflict\"}");
        return;
    }
    c->active = true;
    r->registered++;
    snprintf(r->reply, sizeof r->reply,
             "{\"deviceConfiguration\":{\"site\":\"no\\u0072th\",\"n\":1},\"thingName\":\"%s\"}",
             r->thing);
}

static void serve(struct provision_rig *r) {
    bool csr = strcmp(r->topic, "$aws/certificates/create-from-csr/json") == 0;
    assert_true(csr || strcmp(r->topic, "$aws/provisioning-templates/fleet-1/provision/json") == 0);
    const char *refusal = csr ? r->refuse_csr : r->refuse_registration;
    bool refuse = refusal != NULL && r->refusals != 0;
    r->csrs += csr;
    r->registrations += !csr;
    snprintf(r->reply_topic, sizeof r->reply_topic, "%s/%s", r->topic,
             refuse ? "rejected" : "accepted");
    if (refuse) {
        r->refusals -= r->refusals > 0;
        snprintf(r->reply, sizeof r->reply, "%s", refusal);
    } else if (r->silent) {
        return;
    } else if (csr) {
        issue(r);
    } else {
        register_thing(r);
        if (r->lose_registered && r->registrations == 1) {
            r->reply[0] = '\0';
        }
    }
}

// ── The connection ──────────────────────────────────────────────────────────

static int publish(void *ctx, const char *topic, const void *payload, size_t len,
                   uint32_t expiry_s) {
    struct provision_rig *r = ctx;
    if (r->fs.dead || r->down || r->publish_err != 0) {
        return r->publish_err != 0 ? r->publish_err : THINGPASS_EAGAIN;
    }
    assert_int_equal(r->subscribed, rig_topics);
    assert_true(expiry_s > 0 && len < sizeof r->question);
    snprintf(r->topic, sizeof r->topic, "%s", topic);
    memcpy(r->question, payload, len);
    r->question[len] = '\0';
    serve(r);
    return THINGPASS_OK;
}

static int subscribe(void *ctx, const char *topic) {
    struct provision_rig *r = ctx;
    if (r->subscribe_err != 0) {
        return r->subscribe_err;
    }
    if (r->down || r->subscribe_waits > 0) {
        r->subscribe_waits -= r->subscribe_waits > 0;
        return THINGPASS_EAGAIN;
    }
    assert_true(r->subscribed < rig_topics);
    snprintf(r->topics[r->subscribed++], sizeof r->topics[0], "%s", topic);
    return THINGPASS_OK;
}

static uint64_t now_ms(void *ctx) {
    return ((struct provision_rig *)ctx)->now_ms;
}

static int fill(void *ctx, void *buf, size_t len) {
    (void)ctx;
    memset(buf, 0, len); // no jitter
    return THINGPASS_OK;
}

int rig_give(struct provision_rig *r, const char *topic, const char *payload) {
    size_t n = strlen(topic), m = strlen(payload);
    char *t = guard_copy(topic, n), *p = guard_copy(payload, m);
    int result = thingpass_provision_receive(&r->p, t, n, p, m);
    guard_free(t, n);
    guard_free(p, m);
    return result;
}

int rig_run(struct provision_rig *r) {
    for (unsigned steps = 0; !r->fs.dead; steps++) {
        uint64_t wake_ms = 0;
        assert_true(steps < 10000);
        int result = thingpass_provision_step(&r->p, &wake_ms);
        if (result == THINGPASS_STEP_DONE) {
            break;
        }
        if (r->reply[0] != '\0') {
            char reply[sizeof r->reply];
            strcpy(reply, r->reply);
            r->reply[0] = '\0';
            (void)rig_give(r, r->reply_topic, reply);
        } else if (result == THINGPASS_STEP_WAIT) {
            assert_true(wake_ms > r->now_ms);
            r->now_ms = wake_ms;
        }
    }
    return r->p.result.err;
}

int rig_provision(struct provision_rig *r) {
    r->subscribed = 0;
    r->reply[0] = '\0';
    int err = thingpass_provision_start(&r->p, &r->config);
    assert_int_equal(err, THINGPASS_OK);
    return rig_run(r);
}

// ── The rest ────────────────────────────────────────────────────────────────

const struct rig_certificate *rig_certificate_of(struct provision_rig *r,
                                                 const struct thingpass_identity *identity) {
    for (unsigned i = 0; i < r->issued; i++) {
        if (strcmp(r->certificates[i].id, identity->certificate_id) == 0) {
            assert_int_equal(r->certificates[i].key, rig_key(r, identity->slot));
            return &r->certificates[i];
        }
    }
    fail_msg("no certificate %s", identity->certificate_id);
    return NULL;
}

int rig_load(struct provision_rig *r, struct thingpass_identity *identity) {
    enum { size = 2000 };
    char *cert = guard_alloc(size);
    int err = thingpass_identity_load(&r->keeper, identity, cert, size);
    if (err == THINGPASS_OK) {
        assert_string_equal(identity->thing, r->thing);
        assert_int_equal(strlen(cert), identity->cert_len);
        const struct rig_certificate *c = rig_certificate_of(r, identity);
        assert_true(c->active || r->config.thing != NULL);
        assert_int_equal(key_in(cert), c->key);
        assert_true(strncmp(cert, "-----BEGIN CERTIFICATE-----\nkey", 31) == 0);
    }
    guard_free(cert, size);
    return err;
}

void rig_begin(struct provision_rig *r) {
    static const struct thingpass_pair parameters[] = {{"SerialNumber", "7\""}};
    static struct thingpass_mqtt mqtt;
    static struct thingpass_clock clock;
    static const struct thingpass_random random = {NULL, fill};
    memset(r, 0, sizeof *r);
    ramfs_new(&r->fs);
    thingpass_identity_files_init(&r->folder, &r->fs.files, make_csr, r);
    r->keeper = r->folder.keeper;
    r->keeper.ctx = r;
    r->keeper.write = write_item;
    r->keeper.read = read_item;
    r->keeper.erase = erase_item;
    r->keeper.make_csr = make_csr;
    r->thing = "cam-7";
    r->now_ms = 1000;
    mqtt = (struct thingpass_mqtt){r, publish};
    clock = (struct thingpass_clock){r, now_ms};
    r->buffer_size = THINGPASS_PROVISION_BUFFER_MIN;
    r->buffer = guard_alloc(r->buffer_size);
    r->config = (struct thingpass_provision_config){.template_name = "fleet-1",
                                                    .parameters = parameters,
                                                    .parameter_count = COUNT(parameters),
                                                    .mqtt = &mqtt,
                                                    .subscribe = subscribe,
                                                    .subscribe_ctx = r,
                                                    .clock = &clock,
                                                    .random = &random,
                                                    .keeper = &r->keeper,
                                                    .buffer = r->buffer,
                                                    .buffer_size = r->buffer_size};
}

void rig_end(struct provision_rig *r) {
    ramfs_free(&r->fs);
    guard_free(r->buffer, r->buffer_size);
}
