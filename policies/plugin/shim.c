// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// go:build mosquitto

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>

#include "_cgo_export.h"
#include "shim.h"

static mosquitto_plugin_id_t *plugin;
static atomic_bool pending; // there is something to do at the next tick
static bool ticked;

// The way into Go and back is far dearer than a decision. A client has few topics,
// so what was allowed is remembered until anything changes: nothing is allowed by
// it that Go has not allowed for this very connection, access and topic.
enum { sets = 1 << 14, ways = 4, topic_max = 128, epochs = 1 << 12 };

static struct slot {
    const struct mosquitto *client;
    uint32_t generation, epoch;
    uint8_t access;
    bool retain;
    uint16_t len;
    char topic[topic_max];
} allowed[sets][ways]; // 10 MB at most, of which pages are taken as they are used

static uint32_t generation = 1;
static uint32_t epoch[epochs]; // of connections, several of which share one

// Forgets all that was allowed.
void thingpass_forget(void) {
    generation++;
    if (generation == 0) { // after 4,294,967,295 changes, old slots would count again
        memset(allowed, 0, sizeof allowed);
        generation = 1;
    }
}

static uint32_t *epoch_of(const struct mosquitto *client) {
    uint64_t n = (uint64_t)(uintptr_t)client * 0x9E3779B97F4A7C15U;
    return &epoch[n >> 52];
}

// Forgets what was allowed to a connection.
static void forget_client(const struct mosquitto *client) {
    uint32_t *e = epoch_of(client);
    (*e)++;
    if (*e == 0) {
        thingpass_forget();
    }
}

static struct slot *set_of(const struct mosquitto_evt_acl_check *e, size_t len) {
    uint64_t hash =
        14695981039346656037U ^ (uint64_t)(uintptr_t)e->client ^ ((uint64_t)e->access << 56);
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (uint8_t)e->topic[i]) * 1099511628211U;
    }
    return allowed[(hash ^ (hash >> 32)) % sets];
}

// Whether what a slot says still counts.
static bool counts(const struct slot *s) {
    return s->generation == generation && s->epoch == *epoch_of(s->client);
}

static bool remembered(const struct slot *set, const struct mosquitto_evt_acl_check *e,
                       size_t len) {
    for (const struct slot *s = set; s < set + ways; s++) {
        if (s->client == e->client && s->access == e->access && s->retain == e->retain &&
            s->len == len && memcmp(s->topic, e->topic, len) == 0 && counts(s)) {
            return true;
        }
    }
    return false;
}

static void remember(struct slot *set, const struct mosquitto_evt_acl_check *e, size_t len) {
    static unsigned turn;
    struct slot *s = set + turn++ % ways; // all four count: one has to go
    for (int i = 0; i < ways; i++) {
        if (!counts(&set[i])) {
            s = &set[i];
        }
    }
    s->client = e->client;
    s->generation = generation;
    s->epoch = *epoch_of(e->client);
    s->access = (uint8_t)e->access;
    s->retain = e->retain;
    s->len = (uint16_t)len;
    memcpy(s->topic, e->topic, len);
}

// OpenSSL is in the server's process already; of its headers nothing else is used.
struct x509_st;
int i2d_X509(const struct x509_st *cert, unsigned char **out);
void X509_free(struct x509_st *cert);

unsigned char *thingpass_certificate(struct mosquitto *client, size_t *len) {
    struct x509_st *cert = mosquitto_client_certificate(client);
    if (cert == NULL) {
        return NULL;
    }
    int n = i2d_X509(cert, NULL);
    unsigned char *der = n > 0 ? malloc((size_t)n) : NULL;
    if (der != NULL) {
        unsigned char *end = der;
        *len = (size_t)i2d_X509(cert, &end);
    }
    X509_free(cert);
    return der;
}

void thingpass_pend(void) {
    atomic_store(&pending, true);
}

void thingpass_log(int level, const char *line) {
    mosquitto_log_printf(level, "%s", line);
}

bool thingpass_set_username(struct mosquitto *client, const char *name) {
    return mosquitto_set_username(client, name) == MOSQ_ERR_SUCCESS;
}

void thingpass_kick(const char *client_id) {
    (void)mosquitto_kick_client_by_clientid(client_id, true);
}

const char *thingpass_client_id(const struct mosquitto *client) {
    const char *id = mosquitto_client_id(client);
    return id != NULL ? id : "";
}

const char *thingpass_username(const struct mosquitto *client) {
    const char *name = mosquitto_client_username(client);
    return name != NULL ? name : "";
}

const char *thingpass_address(const struct mosquitto *client) {
    const char *address = mosquitto_client_address(client);
    return address != NULL ? address : "";
}

// A client has its TLS as long as its connection.
bool thingpass_connected(const struct mosquitto *client) {
    struct x509_st *cert = mosquitto_client_certificate(client);
    bool connected = cert != NULL;
    X509_free(cert); // NULL is nothing to free
    return connected;
}

static int on_connect(int event, void *data, void *ctx) {
    const struct mosquitto_evt_basic_auth *e = data;
    (void)event;
    (void)ctx;
    if (!ticked) { // there is at least one between a start, or an accept(), and a CONNECT
        mosquitto_log_printf(
            MOSQ_LOG_ERR, "thingpass: this Mosquitto does not tick its plugins, and nobody can be "
                          "disconnected: set per_listener_settings false");
        return MOSQ_ERR_AUTH;
    }
    forget_client(e->client); // its memory may have been another's
    return thingpassConnect(e->client, mosquitto_client_clean_session(e->client)) ? MOSQ_ERR_SUCCESS
                                                                                  : MOSQ_ERR_AUTH;
}

static int on_acl(int event, void *data, void *ctx) {
    const struct mosquitto_evt_acl_check *e = data;
    (void)event;
    (void)ctx;
    if (e->topic == NULL) {
        return MOSQ_ERR_ACL_DENIED;
    }
    size_t len = strlen(e->topic);
    struct slot *set = len <= topic_max && e->access <= UINT8_MAX ? set_of(e, len) : NULL;
    if (set != NULL && remembered(set, e, len)) {
        return MOSQ_ERR_SUCCESS;
    }
    switch (thingpassCheck(e->client, e->access, (char *)e->topic, len, e->retain)) {
    case THINGPASS_ALLOWED:
        if (set != NULL) {
            remember(set, e, len);
        }
        return MOSQ_ERR_SUCCESS;
    case THINGPASS_ALLOWED_ONCE:
        return MOSQ_ERR_SUCCESS;
    default:
        if (e->access == MOSQ_ACL_WRITE || e->access == MOSQ_ACL_SUBSCRIBE) {
            forget_client(e->client); // whose connection ends may do nothing more
            thingpass_pend();
        }
        return MOSQ_ERR_ACL_DENIED;
    }
}

static int on_disconnect(int event, void *data, void *ctx) {
    const struct mosquitto_evt_disconnect *e = data;
    (void)event;
    (void)ctx;
    forget_client(e->client);
    thingpassDisconnected(e->client);
    return MOSQ_ERR_SUCCESS;
}

static int on_reload(int event, void *data, void *ctx) {
    (void)event;
    (void)data;
    (void)ctx;
    thingpassReload();
    return MOSQ_ERR_SUCCESS;
}

static int on_tick(int event, void *data, void *ctx) {
    (void)event;
    (void)data;
    (void)ctx;
    ticked = true;
    if (atomic_exchange(&pending, false)) {
        thingpassTick();
    }
    return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_version(int count, const int *versions) {
    for (int i = 0; i < count; i++) {
        if (versions[i] == 5) {
            return 5;
        }
    }
    return -1;
}

static const struct {
    int event;
    MOSQ_FUNC_generic_callback call;
} callbacks[] = {
    {MOSQ_EVT_BASIC_AUTH, on_connect},
    {MOSQ_EVT_ACL_CHECK, on_acl},
    {MOSQ_EVT_DISCONNECT, on_disconnect},
    {MOSQ_EVT_RELOAD, on_reload},
    {MOSQ_EVT_TICK, on_tick},
};

int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier, void **userdata,
                          struct mosquitto_opt *options, int option_count) {
    (void)userdata;
    plugin = identifier;
    for (int i = 0; i < option_count; i++) {
        if (!thingpassOption(options[i].key, options[i].value)) {
            return MOSQ_ERR_INVAL;
        }
    }
    if (!thingpassStart()) {
        return MOSQ_ERR_INVAL;
    }
    for (size_t i = 0; i < sizeof callbacks / sizeof callbacks[0]; i++) {
        int rc =
            mosquitto_callback_register(plugin, callbacks[i].event, callbacks[i].call, NULL, NULL);
        if (rc != MOSQ_ERR_SUCCESS) {
            return rc;
        }
    }
    return MOSQ_ERR_SUCCESS;
}

int mosquitto_plugin_cleanup(void *userdata, struct mosquitto_opt *options, int option_count) {
    (void)userdata;
    (void)options;
    (void)option_count;
    for (size_t i = 0; i < sizeof callbacks / sizeof callbacks[0]; i++) {
        (void)mosquitto_callback_unregister(plugin, callbacks[i].event, callbacks[i].call, NULL);
    }
    return MOSQ_ERR_SUCCESS;
}
