// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Any answers to fleet provisioning. The input is a series of answers, each a byte that
// chooses its topic and then its text, up to a NUL; inputs of odd length know the thing's
// name beforehand. Whatever they say: what is published
// is JSON; what is kept as a certificate is printable PEM; and if it ends well, the
// identity is there, with a name that a topic may have in it.

#include <stdlib.h>
#include <string.h>

#include "json_judge.h"
#include "thingpass/provision.h"

enum { item_max = 5000 };

struct item {
    bool there;
    size_t n;
    char bytes[item_max];
};

struct world {
    const char *p, *end;
    uint64_t now_ms;
    unsigned published;
    bool registering;
    struct item items[THINGPASS_IDENTITY_SLOTS][THINGPASS_IDENTITY_ITEMS];
};

static void require(bool ok) {
    if (!ok) {
        abort();
    }
}

static const char csr[] = "-----BEGIN CERTIFICATE REQUEST-----\nAA==\n";

static int make_csr(void *ctx, unsigned slot, char *pem, size_t cap) {
    struct world *w = ctx;
    require(cap > sizeof csr);
    w->items[slot][THINGPASS_IDENTITY_KEY].there = true;
    memcpy(pem, csr, sizeof csr);
    return sizeof csr - 1;
}

static int write_item(void *ctx, unsigned slot, enum thingpass_identity_item what, const void *data,
                      size_t n) {
    struct item *item = &((struct world *)ctx)->items[slot][what];
    const char *text = data;
    require(n > 0 && n < item_max && what != THINGPASS_IDENTITY_KEY);
    for (size_t i = 0; i < n; i++) {
        require(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'));
    }
    require(what != THINGPASS_IDENTITY_CERT ||
            (n > 54 && memcmp(text, "-----BEGIN CERTIFICATE-----\n", 28) == 0));
    require(what != THINGPASS_IDENTITY_RECORD || n <= THINGPASS_IDENTITY_RECORD_MAX);
    memcpy(item->bytes, data, n);
    item->n = n;
    item->there = true;
    return THINGPASS_OK;
}

static int read_item(void *ctx, unsigned slot, enum thingpass_identity_item what, void *buf,
                     size_t cap) {
    const struct item *item = &((struct world *)ctx)->items[slot][what];
    if (!item->there) {
        return THINGPASS_ENOENT;
    }
    if (item->n > cap) {
        return THINGPASS_ESPACE;
    }
    if (item->n > 0) {
        memcpy(buf, item->bytes, item->n);
    }
    return (int)item->n;
}

static int erase_item(void *ctx, unsigned slot, enum thingpass_identity_item what) {
    ((struct world *)ctx)->items[slot][what].there = false;
    return THINGPASS_OK;
}

static int publish(void *ctx, const char *topic, const void *payload, size_t len,
                   uint32_t expiry_s) {
    struct world *w = ctx;
    (void)expiry_s;
    require(json_is_object(payload, len));
    w->registering = strstr(topic, "/provision/json") != NULL;
    require(w->registering || strcmp(topic, "$aws/certificates/create-from-csr/json") == 0);
    w->published++;
    return THINGPASS_OK;
}

static int subscribe(void *ctx, const char *topic) {
    (void)ctx;
    require(strncmp(topic, "$aws/", 5) == 0 && strpbrk(topic, "+#") == NULL);
    return THINGPASS_OK;
}

static uint64_t now_ms(void *ctx) {
    return ((struct world *)ctx)->now_ms;
}

static int fill(void *ctx, void *buf, size_t len) {
    (void)ctx;
    memset(buf, 0, len);
    return THINGPASS_OK;
}

static void configured(void *ctx, const char *name, const char *value) {
    (void)ctx;
    require(strlen(name) + strlen(value) < item_max);
}

// Hands the next answer on, in memory of its own size. False: there is none left.
static bool answer(struct world *w, struct thingpass_provision *p) {
    static const char *const topics[] = {"$aws/certificates/create-from-csr/json/accepted",
                                         "$aws/certificates/create-from-csr/json/rejected",
                                         "$aws/provisioning-templates/T/provision/json/accepted",
                                         "$aws/provisioning-templates/T/provision/json/rejected"};
    if (w->p >= w->end) {
        return false;
    }
    const char *topic = topics[(uint8_t)*w->p++ % 4];
    const char *nul = memchr(w->p, '\0', (size_t)(w->end - w->p));
    size_t n = (size_t)((nul != NULL ? nul : w->end) - w->p);
    char *copy = malloc(n > 0 ? n : 1);
    require(copy != NULL);
    memcpy(copy, w->p, n);
    w->p += n + (nul != NULL);
    (void)thingpass_provision_receive(p, topic, strlen(topic), copy, n);
    free(copy);
    return true;
}

static void run(struct world *w, struct thingpass_provision *p) {
    for (unsigned steps = 0;; steps++) {
        uint64_t wake_ms;
        require(steps < 2000);
        int result = thingpass_provision_step(p, &wake_ms);
        if (result == THINGPASS_STEP_DONE) {
            return;
        }
        if (result == THINGPASS_STEP_WAIT && !answer(w, p)) {
            w->now_ms = wake_ms > w->now_ms ? wake_ms : w->now_ms;
        }
    }
}

static void check_end(struct world *w, const struct thingpass_provision *p,
                      const struct thingpass_keeper *keeper) {
    static char cert[item_max];
    struct thingpass_identity identity;
    int err = thingpass_identity_load(keeper, &identity, cert, sizeof cert);
    bool well = p->result.err == THINGPASS_OK;
    bool unsure = p->config.thing != NULL && !well && p->open > 0;
    require(err == (well || unsure ? THINGPASS_OK : THINGPASS_ENOENT));
    require(strlen(p->result.code) < sizeof p->result.code);
    require(p->result.rounds <= 3 && p->result.asks == w->published && w->published <= 36);
    if (err == THINGPASS_OK) {
        require(thingpass_text_all(identity.thing, THINGPASS_THING_MAX, THINGPASS_THING));
        const char *thing = well ? p->result.thing : p->config.thing;
        require(strcmp(identity.thing, thing) == 0 && strlen(cert) == identity.cert_len);
        require(thingpass_identity_prove(keeper, &identity) == THINGPASS_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct world world;
    static const struct thingpass_mqtt mqtt = {&world, publish};
    static const struct thingpass_clock clock = {&world, now_ms};
    static const struct thingpass_random random = {NULL, fill};
    static const struct thingpass_keeper keeper = {&world, make_csr, write_item, read_item,
                                                   erase_item};
    static const struct thingpass_pair pairs[] = {{"SerialNumber", "\"\\\x01\xc3\xa9"}};
    struct thingpass_provision p;
    char *buffer = malloc(THINGPASS_PROVISION_BUFFER);
    require(buffer != NULL);
    memset(&world, 0, sizeof world);
    world.p = (const char *)data;
    world.end = world.p + size;
    const struct thingpass_provision_config config = {.template_name = "T",
                                                      .parameters = pairs,
                                                      .parameter_count = 1,
                                                      .thing = size % 2 != 0 ? "cam-7" : NULL,
                                                      .mqtt = &mqtt,
                                                      .subscribe = subscribe,
                                                      .clock = &clock,
                                                      .random = &random,
                                                      .keeper = &keeper,
                                                      .buffer = buffer,
                                                      .buffer_size = THINGPASS_PROVISION_BUFFER,
                                                      .configure = configured};
    require(thingpass_provision_start(&p, &config) == THINGPASS_OK);
    run(&world, &p);
    check_end(&world, &p, &keeper);
    free(buffer);
    return 0;
}
